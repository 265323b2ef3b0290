"""Pictures for people: drawing them, and choosing the images of a gallery.

Charts that DVC draws from tables are templates in .dvc/plots; the numbers in a picture come from evaluation.
"""
