"""Doubtful labels: images whose label a head that has not seen them thinks improbable.

The score is the label's share of the probability of the label and of the most probable other class, after a mean over
repeats and views. On photographs with wrong labels, it ranks as many of them first as self-confidence, the probability
of the label, does, and more than the other scores of Northcutt, Jiang and Chuang (2021, "Confident learning") do
(`python -m benchmarks.labels`). Unlike self-confidence, it does not doubt a label that is the most probable of many
classes.
"""

import numpy as np
import pandas as pd

from transfer.cross_validation.pool import Pool


def scores(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The score of each label, from 0 (certainly wrong) to 1, and the most probable other class (images,).

    Args:
        probabilities: (images, classes), by heads that were not trained on the image.
        labels: class numbers (images,).
    """
    rows = np.arange(len(labels))
    others = probabilities.astype(np.float64)
    of_label = others[rows, labels].copy()
    others[rows, labels] = -1
    suggested = others.argmax(axis=1)
    total = of_label + others[rows, suggested]
    # With a probability of 0 for both, nothing speaks for or against the label.
    return np.divide(of_label, total, out=np.full(len(labels), 0.5), where=total > 0), suggested


def table(pool: Pool, probabilities: np.ndarray) -> pd.DataFrame:
    """A row for each image of which another class is more probable than its label, the most doubtful label first.

    The columns are path, pixels, split, label, suggested and score.

    Args:
        probabilities: (images, classes), by heads that were not trained on the image.
    """
    score, suggested = scores(probabilities, pool.labels)
    names = np.array(pool.classes, dtype=object)
    columns = {
        "path": pool.paths,
        "pixels": pool.digests,
        "split": pool.splits,
        "label": names[pool.labels],
        "suggested": names[suggested],
        "score": score.round(4),
    }
    ranked = np.argsort(score, kind="stable")
    return pd.DataFrame(columns).iloc[ranked[score[ranked] < 0.5]]
