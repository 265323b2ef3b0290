"""The embedded sample: rendered images of six classes of waste, and a backbone pretrained on other rendered images."""
