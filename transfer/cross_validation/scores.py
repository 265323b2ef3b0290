"""What cross-validation says about a recipe: metrics with intervals, and the prediction of every image.

The scores of the folds are not independent, because any two heads share most of their training images. Nadeau and
Bengio (1999, "Inference for the generalization error") therefore add the ratio of test to training images to the
variance of the mean.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.metrics import f1_score

from transfer.cross_validation.pool import Pool
from transfer.evaluation.intervals import CONFIDENCE, format_accuracy, wilson_interval
from transfer.evaluation.metrics import SMALLEST

# The text columns of the table of predictions.
COLUMNS = ("path", "pixels", "split", "actual", "predicted", "folds", "right")

WITHOUT_VIEWS = (
    "With augment.views 0, the heads are trained on the images without augmentation, so the committed recipe may be "
    "somewhat more accurate."
)


def fold_means(values: np.ndarray, folds: np.ndarray) -> list[np.ndarray]:
    """The mean of the values in each fold, for each repeat; a fold without images has none.

    Args:
        values: (repeats, images).
        folds: the fold of each image in each repeat (repeats, images).
    """
    means = []
    for of_repeat, fold in zip(values, folds, strict=True):
        images = np.bincount(fold)
        means.append((np.bincount(fold, weights=of_repeat) / np.maximum(images, 1))[images > 0])
    return means


def corrected_t(values: np.ndarray, folds: np.ndarray) -> tuple[float, int]:
    """The corrected standard error of the mean of the values, and its degrees of freedom; arguments as above.

    There are as many degrees of freedom as one repeat has. The repeats divide the same images anew, so they say little
    more about the variance (Bouckaert 2003, "Choosing between two learning algorithms based on calibrated tests").
    """
    means = np.concatenate(fold_means(values, folds))
    number = int(folds.max()) + 1
    if len(means) < 2:
        return math.inf, 1
    # A fold has 1 test image for each (folds - 1) training images.
    variance = (1 / len(means) + 1 / (number - 1)) * means.var(ddof=1)
    return math.sqrt(variance), number - 1


def interval(right: np.ndarray, folds: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of an accuracy, within 0 and 1.

    It is never narrower than the Wilson interval of as many independent images, so that it stays honest where all
    folds happen to have the same accuracy.

    Args:
        right: whether each image is classified correctly in each repeat (repeats, images).
        folds: the fold of each image in each repeat (repeats, images).
    """
    accuracy, images = float(right.mean()), right.shape[1]
    error, freedom = corrected_t(right, folds)
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    low, high = wilson_interval(round(accuracy * images), images)
    return max(0.0, min(accuracy - half, low)), min(1.0, max(accuracy + half, high))


def summarize(pool: Pool, probabilities: np.ndarray, folds: np.ndarray, notes: Sequence[str]) -> dict[str, Any]:
    """All metrics of a cross-validation.

    Args:
        probabilities: (repeats, images, classes), each image by a head that was not trained on it.
        folds: the fold of each image in each repeat (repeats, images).
        notes: what a reader has to know besides, one sentence each.
    """
    predicted = probabilities.argmax(axis=2)
    right = predicted == pool.labels
    repeats, number = len(folds), int(folds.max()) + 1
    low, high = interval(right, folds)
    of_actual = probabilities[:, np.arange(len(pool)), pool.labels].astype(np.float64)
    f1 = np.mean([f1_score(pool.labels, of_repeat, average=None) for of_repeat in predicted], axis=0)
    of_folds = np.concatenate(fold_means(right, folds))
    classes = {}
    for label, name in enumerate(pool.classes):
        rows = pool.labels == label
        class_low, class_high = interval(right[:, rows], folds[:, rows])
        classes[name] = {
            "accuracy": float(right[:, rows].mean()),
            "accuracy_low": class_low,
            "accuracy_high": class_high,
            "f1": float(f1[label]),
            "images": int(rows.sum()),
        }
    training_images = round(len(pool) * (number - 1) / number)
    return {
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": float(f1.mean()),
        "loss": float(-np.log(np.clip(of_actual, SMALLEST, 1)).mean()),
        "images": len(pool),
        "folds": number,
        "repeats": repeats,
        "folds_accuracy": {
            "lowest": float(of_folds.min()),
            "highest": float(of_folds.max()),
            "sd": float(of_folds.std(ddof=1)),
        },
        "estimates": (
            "accuracy on new images of the same kind, after transfer learning by the committed recipe on about "
            f"{training_images} images; mean over {repeats} x {number} heads, not the accuracy of the model in models/"
        ),
        "notes": list(notes),
        "classes": classes,
    }


def sentence(metrics: Mapping[str, Any]) -> str:
    """The accuracy with its interval, and how it was obtained, in one sentence."""
    heads = f"{metrics['repeats']} x {metrics['folds']} heads on {metrics['images']} images"
    return f"Cross-validated accuracy {format_accuracy(metrics)}, by {heads}"


def predictions(pool: Pool, probabilities: np.ndarray, folds: np.ndarray) -> pd.DataFrame:
    """A row for each image: path, pixels, split, actual, predicted, probability (to 4 decimals), folds and right.

    `predicted` and `probability` are those of the mean over the repeats. `folds` are the numbers of the image's folds,
    with a space between, and `right` has a 1 for each repeat in which the prediction was right, otherwise a 0.

    Args:
        probabilities, folds: as for `summarize`.
    """
    names = np.array(pool.classes, dtype=object)
    mean = probabilities.astype(np.float64).mean(axis=0)
    right = probabilities.argmax(axis=2) == pool.labels
    return pd.DataFrame(
        {
            "path": pool.paths,
            "pixels": pool.digests,
            "split": pool.splits,
            "actual": names[pool.labels],
            "predicted": names[mean.argmax(axis=1)],
            "probability": mean.max(axis=1).round(4),
            "folds": [" ".join(map(str, of_image)) for of_image in folds.T],
            "right": ["".join(map(str, of_image)) for of_image in right.astype(int).T],
        }
    )
