"""Pictures for people: drawing them, choosing the images of a gallery, heat maps of what a model saw.

Charts that DVC draws from tables are templates in .dvc/plots; the numbers in a picture come from evaluation.
"""
