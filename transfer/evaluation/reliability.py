"""Calibration: of the predictions made with a probability of 80 %, 80 % should be right."""

import numpy as np
import pandas as pd

BINS = 10
COLUMNS = ("low", "high", "images", "probability", "accuracy")


def calibration_table(right: np.ndarray, probability: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """A row for each bin with predictions: low, high, images, probability (mean), accuracy.

    Args:
        right: whether each prediction is right (images,).
        probability: the probability of each prediction (images,), 0 to 1. A bin includes its upper end.
    """
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.ceil(probability.astype(np.float64) * bins).astype(int) - 1, 0, bins - 1)
    rows = [
        {
            "low": edges[bin],
            "high": edges[bin + 1],
            "images": int((index == bin).sum()),
            "probability": float(probability[index == bin].astype(np.float64).mean()),
            "accuracy": float(right[index == bin].mean()),
        }
        for bin in range(bins)
        if (index == bin).any()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def expected_calibration_error(table: pd.DataFrame) -> float:
    """Mean distance of accuracy from probability, weighted by the images of the bins.

    Naeini et al. 2015; Guo et al. 2017.
    """
    distance = (table["accuracy"] - table["probability"]).abs()
    return float((distance * table["images"]).sum() / table["images"].sum())
