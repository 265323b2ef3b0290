"""Similar images: the same pairs as from the cosines of all, whatever the projection rules out."""

import numpy as np
import pytest

from transfer.loading import similarity


def features(images: int, seed: int, channels: int = 200, objects: int = 40, spread: float = 0.3) -> np.ndarray:
    """Features like those of photographs: of some objects, each seen several times, without negative values."""
    centers = np.maximum(np.random.default_rng(7).normal(size=(objects, channels)), 0)
    generator = np.random.default_rng(seed)
    noise = generator.normal(scale=spread, size=(images, channels))
    return np.maximum(centers[generator.integers(0, objects, images)] + noise, 0).astype(np.float32)


def all_cosines(ours: np.ndarray, others: np.ndarray) -> np.ndarray:
    ours, others = (array.astype(np.float64) for array in (ours, others))
    lengths = np.linalg.norm(ours, axis=1)[:, None] * np.linalg.norm(others, axis=1)
    return np.divide(ours @ others.T, lengths, out=np.zeros(lengths.shape), where=lengths > 0)


def expected_pairs(ours: np.ndarray, others: np.ndarray, least: float, most: int) -> list[tuple[int, int]]:
    pairs = []
    for row, cosines in enumerate(all_cosines(ours, others)):
        order = np.argsort(-cosines, kind="stable")[:most]
        pairs += [(row, int(other)) for other in order if cosines[other] >= least]
    return pairs


def as_tuples(pairs: similarity.Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.rows.tolist(), pairs.others.tolist(), strict=True))


@pytest.mark.parametrize("block", [17, 100, 1024])
@pytest.mark.parametrize(("least", "most"), [(0.9, 3), (0.6, 1000), (0.3, 2), (-1, 1)])
def test_pairs_are_those_of_all_cosines(least, most, block):
    ours, others = features(150, 1), features(400, 2)
    pairs = similarity.Index(others).similar_pairs(ours, least, most, block)
    assert as_tuples(pairs) == expected_pairs(ours, others, least, most)
    np.testing.assert_allclose(pairs.cosines, all_cosines(ours, others)[pairs.rows, pairs.others], rtol=1e-12)


@pytest.mark.parametrize("spread", [0.3, 0.01, 0.001])
def test_no_pair_is_missed_for_rounding(spread):
    """Each threshold is just below the cosine of a pair, also of pairs that are nearly the same."""
    ours, others = features(60, 1, objects=3, spread=spread), features(500, 2, objects=3, spread=spread)
    cosines = np.sort(all_cosines(ours, others), axis=None)[::-1]
    index = similarity.Index(others)
    for number in (1, 2, 10, 100, 1000):
        assert len(index.similar_pairs(ours, cosines[number - 1] - 1e-12, 500).rows) == number


def test_most_pairs_of_images_of_different_objects_are_ruled_out(monkeypatch):
    """Otherwise, it would take as long as computing all cosines."""
    computed = []
    exact = similarity.Index._cosines

    def counted(index, directions, rows, columns):
        computed.append(len(rows))
        return exact(index, directions, rows, columns)

    monkeypatch.setattr(similarity.Index, "_cosines", counted)
    ours, others = features(300, 1, channels=600), features(3000, 2, channels=600)
    pairs = similarity.Index(others).similar_pairs(ours, 0.8, 1000)
    # One of 40 objects is the same, and 2.5 % of the pairs are similar.
    assert len(pairs.rows) == pytest.approx(300 * 3000 / 40, rel=0.1)
    assert len(pairs.rows) <= sum(computed) < 1.1 * len(pairs.rows)


def test_where_all_images_are_alike_the_nearest_are_chosen():
    """No pair is ruled out, so cosines are computed by whole blocks."""
    ours, others = features(70, 1, objects=1, spread=0.01), features(9000, 2, objects=1, spread=0.01)
    # Ties at the last place that counts
    others[[17, 23, 2017, 2023]] = others[4]
    pairs = similarity.Index(others).similar_pairs(ours, 0.5, 4)
    assert as_tuples(pairs) == expected_pairs(ours, others, 0.5, 4)


def test_of_equal_cosines_the_first_images_count():
    others = np.repeat(features(1, 1), 5, axis=0)
    for block in (2, 100):
        pairs = similarity.Index(others).similar_pairs(others[:1], 0.99, 3, block)
        assert as_tuples(pairs) == [(0, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize(("least", "pairs"), [(0.1, [(1, 1)]), (0, [(0, 0), (0, 1), (1, 1), (1, 0)])])
def test_a_feature_of_zeros_has_a_cosine_of_zero_with_all_images(least, pairs, recwarn):
    rows = np.array([[0, 0, 0], [1, 0, 2]], np.float32)
    assert as_tuples(similarity.Index(rows).similar_pairs(rows, least, 5)) == pairs
    assert len(recwarn) == 0


def test_likely_cosines_are_lower_bounds_near_the_highest():
    ours, others = features(200, 1), features(900, 2)
    highest = all_cosines(ours, others).max(axis=1)
    for block in (64, 1024):
        likely = similarity.Index(others).likely_cosines(ours, block)
        assert (likely <= highest + 1e-12).all()
        # Of the same object: those of other objects have less than 0.7.
        assert (likely > highest - 0.1).all()


def test_without_similar_images_there_are_no_pairs():
    pairs = similarity.Index(np.eye(10)[5:]).similar_pairs(np.eye(10)[:5], 0.5, 3)
    assert as_tuples(pairs) == [] and pairs.cosines.shape == (0,)
