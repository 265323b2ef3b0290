"""Whether a model's probabilities are what they say: of the predictions made at 80 %, 80 % should be right."""

import numpy as np
import pandas as pd

BINS = 10


def table(right: np.ndarray, probability: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """A row for each bin that holds predictions: low, high, images, probability (mean), accuracy.

    Args:
        right: whether each prediction was right (images,).
        probability: the probability that it was made with (images,), 0 to 1. A bin holds its upper end.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.ceil(probability.astype(np.float64) * bins).astype(int) - 1, 0, bins - 1)
    rows = [
        {
            "low": edges[bin],
            "high": edges[bin + 1],
            "images": int((place == bin).sum()),
            "probability": float(probability[place == bin].astype(np.float64).mean()),
            "accuracy": float(right[place == bin].mean()),
        }
        for bin in range(bins)
        if (place == bin).any()
    ]
    return pd.DataFrame(rows, columns=["low", "high", "images", "probability", "accuracy"])


def expected_error(bins: pd.DataFrame) -> float:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017): mean distance, weighted by the bins' images."""
    distance = (bins["accuracy"] - bins["probability"]).abs()
    return float((distance * bins["images"]).sum() / bins["images"].sum())
