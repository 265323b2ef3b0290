"""The order in which images should be labelled: uncertain ones, that differ from the dataset and from each other."""

import numpy as np

# How many features are compared at a time: memory does not grow with the dataset.
BLOCK = 1024


def rank(features: np.ndarray, probabilities: np.ndarray, labelled: list[np.ndarray], most: int) -> list[int]:
    """The rows of the images to label, the first first.

    Each step takes the image with the largest product of two values. The first is its uncertainty, 1 minus the margin
    between its two highest probabilities (Scheffer, Decomain and Wrobel 2001). The second is its cosine distance from
    the nearest image that has a label or was taken before, as in k-center (Sener and Savarese 2018). Features are taken
    relative to the mean of the labelled images: what all images have in common would make all of them alike.

    Args:
        features: of the images without labels, (images, channels).
        probabilities: of each class, (images, classes).
        labelled: features of images with labels, in arrays (images, channels).
        most: how many rows are wanted.
    """
    mean = np.sum([of_split.sum(axis=0, dtype=np.float64) for of_split in labelled], axis=0) / sum(map(len, labelled))
    directions = normalized(features - mean)
    distances = np.full(len(features), 2.0)
    for of_split in labelled:
        for first in range(0, len(of_split), BLOCK):
            others = normalized(of_split[first : first + BLOCK] - mean)
            for start in range(0, len(directions), BLOCK):
                rows = slice(start, start + BLOCK)
                nearest = 1 - (directions[rows] @ others.T).max(axis=1)
                distances[rows] = np.minimum(distances[rows], nearest)
    uncertainty = 1 - margin(probabilities)
    order: list[int] = []
    is_open = np.ones(len(features), bool)
    for _ in range(min(most, len(features))):
        # Rounding may make the distance of a copy negative.
        values = np.where(is_open, uncertainty * np.maximum(distances, 0), -1)
        row = int(values.argmax())
        order.append(row)
        is_open[row] = False
        distances = np.minimum(distances, 1 - directions @ directions[row])
    return order


def margin(probabilities: np.ndarray) -> np.ndarray:
    """The difference between the two highest probabilities (images, classes) of each image (images,)."""
    top_two = np.sort(probabilities, axis=1)[:, -2:]
    return top_two[:, 1] - top_two[:, 0]


def normalized(rows: np.ndarray) -> np.ndarray:
    """Features (images, channels) scaled to length 1, as float32; a feature of zeros stays zero."""
    rows = np.asarray(rows, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)
