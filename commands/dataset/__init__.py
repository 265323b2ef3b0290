"""`make dataset`: make dataset_images/ from a folder of your own images."""
