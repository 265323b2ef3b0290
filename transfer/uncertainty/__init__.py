"""Saying no: sets of classes that hold the true one, and images like nothing in the dataset.

Both rest on scores of images that a model has not been trained on, which a stage writes beside the model.
"""
