"""Similar images: the pairs whose features have a high cosine, among all pairs of many images.

Few pairs need their cosine. Features of length 1 have a high cosine if they are near each other, and a projection moves
no two of them apart. A product of matrices with 64 columns in place of a thousand therefore rules out nearly all
pairs, and it misses none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from transfer.loading.features import ImageFeatures

ImageArray = np.ndarray | ImageFeatures
# How many images of each side are compared at a time: memory does not grow with the square of the dataset.
BLOCK = 1024
# The projection is to so many directions, those in which this many images differ most.
DIRECTIONS, SAMPLE = 64, 256
# More than the rounding errors of a projection in float32.
SLACK = 1e-5
# So many cosines are computed at a time; and the share of a block from which all of its cosines are.
PAIRS, DENSE = 4096, 0.05


@dataclass(frozen=True)
class Pairs:
    """Pairs of images and their cosines (pairs,), by the row of one image, then from the highest cosine down."""

    rows: np.ndarray
    others: np.ndarray
    cosines: np.ndarray

    def first(self, number: int) -> "Pairs":
        """At most `number` pairs of each row, those with the highest cosines; of equal ones the lowest `others`."""
        order = np.lexsort((self.others, -self.cosines, self.rows))
        rows = self.rows[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        return self[order[rank < number]]

    def __getitem__(self, selected: np.ndarray) -> "Pairs":
        return Pairs(self.rows[selected], self.others[selected], self.cosines[selected])


def join(pairs: list[Pairs]) -> Pairs:
    return Pairs(*(np.concatenate([getattr(part, name) for part in pairs]) for name in ("rows", "others", "cosines")))


NO_PAIRS = Pairs(np.empty(0, int), np.empty(0, int), np.empty(0))


class Index:
    """Images to search for those that are similar to others; made once, in time and memory that grow with the images.

    Args:
        features: (images, channels). One of zeros has a cosine of 0 with all others.
    """

    def __init__(self, features: ImageArray):
        self.features = features
        sample = _directions(features, np.unique(np.linspace(0, len(features) - 1, SAMPLE).astype(int)))
        self.center = sample.mean(axis=0)
        self.axes = np.linalg.svd(sample - self.center, full_matrices=False)[2][:DIRECTIONS].T
        projected = np.concatenate([self._project(directions) for _, directions in _blocks(features, BLOCK)])
        # With these columns, a product of matrices gives minus half of the squared distances at once.
        ones = np.ones((len(projected), 1), np.float32)
        self.projected = np.hstack([projected, _half_squares(projected), ones])

    def similar_pairs(self, images: ImageArray, least: float, most: int, block: int = BLOCK) -> Pairs:
        """For each of these images, its pairs with a cosine of at least `least`: those `most` with the highest.

        Args:
            images: features (images, channels).
            block: how many images of each side are compared at a time.
        """
        pairs = []
        for start, directions in _blocks(images, block):
            best = NO_PAIRS
            for part in self._pairs_of_block(directions, least, most, block):
                best = join([best, part]).first(most)
            pairs.append(Pairs(best.rows + start, best.others, best.cosines))
        return join([NO_PAIRS, *pairs])

    def likely_cosines(self, images: ImageArray, block: int = BLOCK) -> np.ndarray:
        """For each of these images, the cosine of the one that is nearest after projection (images,).

        It is a lower bound of the highest cosine.
        """
        cosines = []
        for _, directions in _blocks(images, block):
            nearest = np.zeros(len(directions), int)
            closest = np.full(len(directions), -np.inf)
            for first, closeness in self._blocks_of_closeness(directions, block):
                columns = closeness.argmax(axis=1)
                values = closeness[np.arange(len(directions)), columns]
                nearer = values > closest
                nearest[nearer], closest[nearer] = first + columns[nearer], values[nearer]
            cosines.append(self._cosines(directions, np.arange(len(directions)), nearest))
        return np.concatenate(cosines)

    def _project(self, directions: np.ndarray) -> np.ndarray:
        return ((directions - self.center) @ self.axes).astype(np.float32)

    def _blocks_of_closeness(self, directions: np.ndarray, block: int) -> Iterator[tuple[int, np.ndarray]]:
        """Blocks of the index by their first row: minus half of the squared distances (rows, columns), projected."""
        projected = self._project(directions)
        ones = np.ones((len(projected), 1), np.float32)
        rows = np.hstack([projected, -ones, -_half_squares(projected)])
        for first in range(0, len(self.projected), block):
            yield first, rows @ self.projected[first : first + block].T

    def _pairs_of_block(self, directions: np.ndarray, least: float, most: int, block: int) -> Iterator[Pairs]:
        """The pairs of these images with a cosine of at least `least`, in no order; rows are those of the block.

        Only those are left out that are not among the `most` of their row.
        """
        waiting: list[tuple[np.ndarray, np.ndarray]] = []
        for first, closeness in self._blocks_of_closeness(directions, block):
            # Half the squared distance of two vectors of length 1 is 1 minus their cosine.
            rows, columns = np.divmod(np.flatnonzero(closeness >= least - 1 - SLACK), closeness.shape[1])
            if len(rows) > DENSE * closeness.size and len(rows) > PAIRS:
                cosines = directions @ _directions(self.features, np.arange(first, first + closeness.shape[1])).T
                last = max(cosines.shape[1] - most, 0)
                rows, columns = np.nonzero(cosines >= np.maximum(np.partition(cosines, last)[:, [last]], least))
                yield Pairs(rows, first + columns, cosines[rows, columns])
            elif len(rows):
                waiting.append((rows, first + columns))
                if sum(len(rows) for rows, _ in waiting) >= PAIRS:
                    yield from self._exact(directions, waiting, least)
                    waiting = []
        if waiting:
            yield from self._exact(directions, waiting, least)

    def _exact(
        self, directions: np.ndarray, waiting: list[tuple[np.ndarray, np.ndarray]], least: float
    ) -> Iterator[Pairs]:
        rows, columns = map(np.concatenate, zip(*waiting, strict=True))
        for start in range(0, len(rows), PAIRS):
            of_part = rows[start : start + PAIRS], columns[start : start + PAIRS]
            pairs = Pairs(*of_part, self._cosines(directions, *of_part))
            yield pairs[pairs.cosines >= least]

    def _cosines(self, directions: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The cosines of pairs (pairs,): rows of `directions`, and columns, which are rows of the index."""
        unique, inverse = np.unique(columns, return_inverse=True)
        return np.einsum("ij,ij->i", directions[rows], _directions(self.features, unique)[inverse])


def _half_squares(rows: np.ndarray) -> np.ndarray:
    return (rows**2).sum(axis=1, keepdims=True) / 2


def _blocks(features: ImageArray, block: int) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(features), block):
        yield start, _directions(features, np.arange(start, min(start + block, len(features))))


def _directions(features: ImageArray, rows: np.ndarray) -> np.ndarray:
    """Features (images, channels) scaled to length 1, in float64. A feature of zeros stays zero."""
    of_rows = features[rows].astype(np.float64)
    lengths = np.linalg.norm(of_rows, axis=1, keepdims=True)
    return of_rows / np.where(lengths > 0, lengths, 1)
