"""The embedded sample: rendered images of six classes of waste, and the backbone pretrained for them."""
