"""Features of the last version: what is taken over is copied, and exactly the rest remains to be computed."""

import numpy as np
import pytest

from transfer.common import environment
from transfer.loading.prepared import Split
from transfer.loading.shards import create_shards
from transfer.reuse import features, rows
from transfer.reuse.rows import Row

HERE, THERE = "x86_64 avx2 avx512f", "x86_64 avx2"


@pytest.fixture(autouse=True)
def _processor(monkeypatch):
    monkeypatch.setattr(environment, "processor_kind", lambda: HERE)


def last_of(views, processor):
    """Features of two images, `aa...` and `bb...`, of 3 channels; all values of a row are 10 and 20."""
    array = np.full((2, views, 3), [[[10]], [[20]]], np.float32)
    return {digest * 8: Row(array, number, (processor,)) for number, digest in enumerate(("aa", "bb"))}


def take_over(tmp_path, last, views):
    digests = ["00" * 8, "bb" * 8, "11" * 8, "aa" * 8]
    split = Split(np.empty((4, 2, 2, 3), np.uint8), np.zeros(4, int), [], digests, ["a"])
    array = create_shards(tmp_path / "features", digests, (views, 3), np.float32)
    remaining, numbers, processors = features.take_over(last, split, array)
    pairs = sorted(zip(remaining.tolist(), numbers.tolist(), strict=True))
    return array[:][:, :, 0].tolist(), pairs, processors


def test_views_of_the_same_images_are_copied_and_the_others_remain(tmp_path):
    values, remaining, processors = take_over(tmp_path, last_of(2, HERE), 2)
    assert values == [[0, 0], [20, 20], [0, 0], [10, 10]]
    assert remaining == [(0, 0), (0, 1), (2, 0), (2, 1)]
    assert processors == [HERE] * 4


def test_a_version_with_fewer_or_more_views_serves_too(tmp_path):
    values, remaining, _ = take_over(tmp_path, last_of(1, HERE), 2)
    assert values == [[0, 0], [20, 0], [0, 0], [10, 0]]
    assert remaining == [(0, 0), (0, 1), (1, 1), (2, 0), (2, 1), (3, 1)]
    values, remaining, _ = take_over(tmp_path / "fewer", last_of(3, HERE), 1)
    assert (values, remaining) == ([[0], [20], [0], [10]], [(0, 0), (2, 0)])


def test_an_image_never_has_features_of_two_kinds_of_processor(tmp_path):
    values, remaining, processors = take_over(tmp_path, last_of(2, THERE), 2)
    assert values == [[0, 0], [20, 20], [0, 0], [10, 10]]
    assert (len(remaining), processors) == (4, [HERE, THERE, HERE, THERE])
    _, remaining, processors = take_over(tmp_path / "other", last_of(1, THERE), 2)
    assert (len(remaining), processors) == (8, [HERE] * 4)


def test_another_kind_of_processor_is_taken_over_only_on_request(monkeypatch, capsys):
    last = last_of(2, THERE) | {"cc" * 8: Row(np.zeros((1, 2, 3)), 0, (HERE,))}
    monkeypatch.setattr(rows, "rows_of_last_version", lambda *arguments: last)
    assert set(features.last_features({}, 3, any_processor=True)) == {"aa" * 8, "bb" * 8, "cc" * 8}
    assert capsys.readouterr().err == ""
    assert set(features.last_features({}, 3, any_processor=False)) == {"cc" * 8}
    assert capsys.readouterr().err == (
        "The last version of features/ has 2 images that were computed on another kind of processor (x86_64 avx2; this "
        "one is x86_64 avx2 avx512f): they are computed again. To take them over, set features.reuse to any in "
        "params.yaml.\n"
    )
