"""The program that draws the sample: the study's sizes, the same bytes each time, nothing overwritten."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from runs import ROOT
from sample import draw
from sample.render import CLASSES, render_waste


def test_the_plan_has_the_studys_sizes():
    splits = Counter(path.parts[0] for path, _, _ in draw.planned(0))
    assert splits == {"train": 937, "validation": 123, "test": 118}
    tested = Counter(name for path, name, _ in draw.planned(0) if path.parts[0] == "test")
    assert tested == {**dict.fromkeys(("cardboard", "glass", "metal", "paper", "plastic"), 20), "trash": 18}


def test_no_two_images_share_a_path_or_a_seed():
    plan = draw.planned(0)
    assert len({path for path, _, _ in plan}) == len({tuple(seed) for _, _, seed in plan}) == 1178


@pytest.mark.parametrize("name", CLASSES)
def test_an_image_is_drawn_from_its_seed_alone(name):
    first, second, other = (render_waste(name, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (128, 160, 3) and first.dtype == np.uint8
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    # An object on a ground, not an even surface
    assert first.std() > 5


def test_a_small_sample_is_the_same_bytes_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(draw, "SPLITS", {"train": (1, 1), "test": (1, 1)})
    for name in ("one", "two"):
        assert draw.draw(tmp_path / name, seed=0) == 12
    written = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.jpg")}
    assert len(written) == 12
    for path in written:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "sample.draw", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path} exists and is not an empty folder: nothing drawn.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
