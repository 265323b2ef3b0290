"""How far a model can be trusted: calibrated probabilities, sets of classes, unknown images, doubtful labels.

Everything here follows from what models say of images that they have not been trained on.
"""
