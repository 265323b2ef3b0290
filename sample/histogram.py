"""Classify a dataset by colour histograms alone: `python -m sample.histogram FOLDER`.

The accuracy shows how far colour alone distinguishes the classes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

BINS = 8
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def histogram(file: Path) -> NDArray[np.float64]:
    """The share of an image's pixels in each of 8 x 8 x 8 cells of the RGB cube, `(512,)`."""
    with Image.open(file) as image:
        cells = np.asarray(image.convert("RGB")).reshape(-1, 3) // (256 // BINS)
    counts = np.bincount(cells @ np.array([BINS**2, BINS, 1]), minlength=BINS**3)
    return counts / counts.sum()


def load(split: Path) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """The histograms `(images, 512)` and the class names `(images,)` of a split."""
    files = sorted(split.glob("*/*.jpg"))
    return np.stack([histogram(file) for file in files]), np.array([file.parent.name for file in files])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sample.histogram", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a dataset folder with train/, validation/ and test/")
    folder: Path = parser.parse_args().folder
    train, validation, test = (load(folder / split) for split in ("train", "validation", "test"))
    candidates = []
    for scaler in (StandardScaler(), "passthrough"):
        for strength in STRENGTHS:
            # Unscaled shares are a hundred times smaller than scaled ones, and need less regularisation.
            c = strength if scaler != "passthrough" else strength * 1e4
            model = make_pipeline(scaler, LogisticRegression(C=c, max_iter=2000)).fit(*train)
            candidates.append((model.score(*validation), model))
    best, model = max(candidates, key=lambda candidate: candidate[0])
    print(f"colour histograms: validation {best:.3f}, test {model.score(*test):.3f}, {len(test[1])} test images")


if __name__ == "__main__":
    main()
