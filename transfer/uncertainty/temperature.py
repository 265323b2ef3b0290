"""Temperature scaling: probabilities that agree with accuracies, by one number that divides all logits.

The temperature is the one with the smallest log loss on images that the model has not been trained on (Guo, Pleiss,
Sun and Weinberger 2017, "On calibration of modern neural networks"). Above 1, it makes a model less sure, below 1
surer. The order of an image's classes stays the same, and so does the accuracy.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

SMALLEST, LARGEST = 0.05, 20.0
# So many decimals of a temperature are kept: rounding of another processor rarely changes them.
DECIMALS = 4
# A probability of 0 is one that 32 bits cannot hold.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)


def fit(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of a model, from 0.05 to 20.

    It is 1 if all predictions are right: the lower the temperature, the better it would then seem to be.

    Args:
        probabilities: of images that the model has not been trained on (repeats, images, classes).
        labels: class numbers (images,).
    """
    if (probabilities.argmax(axis=2) == labels).all():
        return 1.0
    logits, rows = _logits(probabilities), np.arange(len(labels))

    # Convex in the inverse of the temperature, so that there is one minimum.
    def loss(inverse: float) -> float:
        of_repeats = [log_softmax(of_repeat * inverse, axis=1)[rows, labels].mean() for of_repeat in logits]
        return -float(np.mean(of_repeats))

    best = minimize_scalar(loss, bounds=(1 / LARGEST, 1 / SMALLEST), method="bounded", options={"xatol": 1e-7})
    return round(1 / float(best.x), DECIMALS)


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (..., classes) after their logits have been divided by the temperature, in 64 bits."""
    return softmax(_logits(probabilities) / temperature, axis=-1)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    """Logits up to a constant, which does not matter to softmax."""
    return np.log(np.maximum(probabilities.astype(np.float64), SMALLEST_PROBABILITY))
