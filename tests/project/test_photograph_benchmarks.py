"""What the benchmarks on photographs compute themselves: views, kept outputs, and the figures of complete trainings."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import fine_tuning_ladder, ladder, photograph_views
from runs import SAMPLE_PARAMS
from transfer import params_file
from transfer.caching import state_file
from transfer.common import io
from transfer.loading.augmentation import Augmentation
from transfer.loading.prepared import Split


def pool_of(images):
    digests = [f"{number:016x}" for number in range(len(images))]
    return Split(np.array(images, np.uint8), np.zeros(len(images), int), [""] * len(images), digests, ["a", "b"])


def test_photographs_of_the_test_split_are_not_in_the_pool(tmp_path):
    for number, (split, label) in enumerate(
        (s, c) for s in ("train", "validation", "test") for c in ("glass", "metal")
    ):
        (tmp_path / split / label).mkdir(parents=True)
        Image.new("RGB", (6, 4), (number, number, number)).save(tmp_path / split / label / "image.png")
    pool = photograph_views.read_pool(tmp_path, 2, params_file.load(SAMPLE_PARAMS).resize)
    assert pool.images.shape == (4, 2, 2, 3)
    assert [(path, label) for path, label in zip(pool.paths, pool.labels, strict=True)] == [
        ("train/glass/image.png", 0),
        ("train/metal/image.png", 1),
        ("validation/glass/image.png", 0),
        ("validation/metal/image.png", 1),
    ]
    assert pool.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_the_symmetries_of_a_square_are_eight_and_begin_with_the_image_and_its_mirror_image():
    square = np.repeat(np.array([[1, 2], [3, 4]])[:, :, None], 3, axis=2)
    make = photograph_views.symmetric(pool_of([square]))
    views = [make(0, view)[:, :, 0].tolist() for view in range(photograph_views.ORIENTATIONS)]
    # Turned anticlockwise, the upper right corner becomes the upper left one.
    assert views[:4] == [[[1, 2], [3, 4]], [[2, 1], [4, 3]], [[2, 4], [1, 3]], [[1, 3], [2, 4]]]
    assert len({str(view) for view in views}) == 8


def test_further_augmentation_leaves_the_image_itself_and_depends_on_the_seed_alone():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3))
    pool = pool_of([image])
    for seed, other in ((1, 2), (2, 1)):
        make, again, different = (
            photograph_views.augmented(pool, Augmentation("horizontal", 0.2, 4, of_views), photograph_views.FURTHER)
            for of_views in (seed, seed, other)
        )
        assert (make(0, 0) == image).all()
        assert (make(0, 1) == again(0, 1)).all()
        assert (make(0, 1) != different(0, 1)).any()


def test_zoom_keeps_the_size_and_shows_a_part_of_at_least_seven_tenths():
    # The value of a pixel is its column, so that the first and the last column say how wide the part is.
    image = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (200, 200, 3))
    for seed in range(20):
        view = photograph_views.zoom(image, np.random.default_rng(seed)).astype(int)
        assert view.shape == image.shape
        width = view[0, -1, 0] - view[0, 0, 0] + 1
        assert (width / 200) ** 2 > 0.69
        assert (view[0] == view[-1]).all()


def test_changed_colours_of_a_plain_grey_image_are_its_brightness_alone():
    image = np.full((4, 4, 3), 100, np.uint8)
    values = [photograph_views.change_colours(image, np.random.default_rng(seed)) for seed in range(50)]
    assert all((value == value[0, 0, 0]).all() for value in values)
    assert 70 <= min(value[0, 0, 0] for value in values) < 80
    assert 120 < max(value[0, 0, 0] for value in values) <= 130


def test_a_fiftieth_to_a_fifth_of_the_area_is_erased():
    image = np.zeros((100, 100, 3), np.uint8)
    shares = [(photograph_views.erase(image, np.random.default_rng(seed))[:, :, 0] == 127).mean() for seed in range(50)]
    assert 0.019 <= min(shares) < 0.04 and 0.18 < max(shares) <= 0.21
    assert not image.any()


class Sums:
    """Stands for frozen layers: the sum of an image, in batches of one size."""

    def __init__(self):
        self.outputs = [((1,), np.dtype(np.float32))]
        self.sizes = []

    def __call__(self, images):
        self.sizes.append(len(images))
        return [images.sum(axis=(1, 2, 3), dtype=np.float32)[:, None]]


def test_the_outputs_of_all_views_are_computed_once(tmp_path):
    layers, path = Sums(), tmp_path / "sums.npy"
    pool = pool_of(np.zeros((50, 2, 2, 3)))

    def make(row, view):
        return np.full((2, 2, 3), row + view, np.uint8)

    for _ in range(2):
        outputs = photograph_views.compute(layers, pool, make, 2, path)
        assert (outputs[:, :, 0] == 12 * (np.arange(50)[:, None] + np.arange(2))).all()
    # 100 views, the second batch filled up.
    assert layers.sizes == [64, 64]
    assert list(tmp_path.iterdir()) == [path]


def test_a_rung_is_compared_with_the_committed_recipe_image_by_image():
    labels = np.array([0, 1, 0, 1])
    committed = np.array([[0.8, 0.2], [0.8, 0.2], [0.2, 0.8], [0.5, 0.5]])
    better = np.array([[0.8, 0.2], [0.2, 0.8], [0.8, 0.2], [0.5, 0.5]])
    scores = ladder.score(better, labels, {224: committed})
    # An equal probability counts for the first class, so the last image is wrong.
    assert scores["accuracy"] == 3 / 4
    assert scores["cross_entropy"] == pytest.approx((-3 * np.log(0.8) - np.log(0.5)) / 4)
    # Two images are right only now: both sides of four equally likely outcomes.
    assert scores["against_224_px"]["p_value"] == 0.5
    # Two losses fall by ln 4 and two stay: their standard deviation is ln 4 / sqrt(3), that of the mean half of it.
    width = 1.96 * np.log(4) / np.sqrt(3) / 2
    assert scores["against_224_px"]["cross_entropy_change"] == pytest.approx(
        [-np.log(4) / 2 - width, -np.log(4) / 2 + width]
    )


def test_figures_rest_on_the_folds_that_are_complete(tmp_path):
    pool, fold = pool_of(np.zeros((4, 1, 1, 3))), np.array([0, 0, 1, 1])
    right, wrong = [0.8, 0.2], [0.3, 0.7]
    # The mirror image makes the second image of the small size right: (0.3 + 0.8) / 2 is more than half.
    small = np.array([[right, right, *[wrong] * 6], [wrong, right, *[wrong] * 6]])
    large = np.array([[right] * 8, [right] * 8])
    for name, number, probabilities in (("224 px", 0, small), ("320 px", 0, large), ("320 px", 1, large[:, :1])):
        state_file.save(tmp_path / f"{name}-{number}.npz", {}, {"probabilities": [probabilities]})
    fine_tuning_ladder.write_results(tmp_path, pool, fold, tmp_path / "output.json")
    rows = {(row["recipe"], row["views"]): row for row in io.read_json(tmp_path / "output.json")["rows"]}
    assert [rows["224 px", views]["accuracy"] for views in fine_tuning_ladder.VIEWS] == [0.5, 1.0, 0.5, 0.0]
    assert rows["224 px", 1]["cross_entropy"] == pytest.approx(-np.log([0.8, 0.3]).mean(), abs=1e-6)
    assert (rows["320 px", 1]["folds"], rows["320 px", 1]["images"]) == ([0, 1], 4)
    # Only the first fold is complete for both: one image is right at 320 px alone.
    assert rows["320 px", 1]["against 224 px"] == {"images": 2, "accuracy": 0.5, "difference": 0.5, "p_value": 1.0}
