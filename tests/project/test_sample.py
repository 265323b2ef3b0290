"""Drawing the sample: the sizes of the study's dataset, the same bytes each time, nothing overwritten."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from runs import ROOT
from sample import draw
from sample.render import CLASSES, render_waste


def test_the_plan_has_the_sizes_of_the_studys_dataset():
    splits = Counter(path.parts[0] for path, _, _ in draw.plan_images(0))
    assert splits == {"train": 937, "validation": 123, "test": 118}
    test = Counter(name for path, name, _ in draw.plan_images(0) if path.parts[0] == "test")
    assert test == {**dict.fromkeys(("cardboard", "glass", "metal", "paper", "plastic"), 20), "trash": 18}


def test_no_two_images_share_a_path_or_a_seed():
    plan = draw.plan_images(0)
    assert len({path for path, _, _ in plan}) == len({tuple(seed) for _, _, seed in plan}) == 1178


@pytest.mark.parametrize("name", CLASSES)
def test_an_image_depends_on_its_seed_alone(name):
    first, second, other = (render_waste(name, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (128, 160, 3) and first.dtype == np.uint8
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    # There is an object on the ground: the image is not uniform.
    assert first.std() > 5


def test_a_small_sample_has_the_same_bytes_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(draw, "SPLITS", {"train": (1, 1), "test": (1, 1)})
    for name in ("one", "two"):
        assert draw.draw(tmp_path / name, seed=0) == 12
    paths = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.jpg")}
    assert len(paths) == 12
    for path in paths:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_a_folder_that_is_not_empty_is_left_unchanged(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    process = subprocess.run(
        [sys.executable, "-m", "sample.draw", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert process.stderr == f"{tmp_path} exists and is not an empty folder: name a new folder.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
