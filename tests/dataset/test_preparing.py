"""Preparing a dataset: the arrays and the index are those of the files, and appear complete or not at all."""

import csv
import hashlib

import numpy as np
import pytest
from PIL import Image

from transfer.dataset import decoding, listing, preparing
from transfer.interface.errors import UserErrors
from transfer.loading import prepared
from transfer.reuse.images import LastImages, PreparedImage
from transfer.reuse.rows import Row

# The colour of each class in each split. The classes are not listed in their sorted order.
COLOURS = {
    ("train", "wood"): (10, 20, 30),
    ("train", "Glass"): (200, 0, 7),
    ("validation", "wood"): (40, 50, 60),
    ("validation", "Glass"): (201, 0, 7),
    ("test", "wood"): (70, 80, 90),
    ("test", "Glass"): (202, 0, 7),
}
SQUASH = prepared.Resize(fit="squash", antialias=False)
NOTHING = LastImages({})


def write_plain_dataset(folder):
    """Write a dataset with one image for each class and split, filled with one colour."""
    for (split, label), colour in COLOURS.items():
        path = folder / split / label / "é 1.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 5), colour).save(path)
    return folder


def prepare(folder, size=4, errors=(), resize=SQUASH, last=NOTHING):
    """Prepare a dataset beside its folder, and list its unusual images."""
    out = folder.parent / "prepared"
    return out, preparing.prepare_images(listing.list_dataset(folder), size, resize, list(errors), last, out).oddities


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_arrays_and_labels_are_those_of_the_files(tmp_path):
    out, oddities = prepare(write_plain_dataset(tmp_path / "images"))
    assert not oddities
    splits = prepared.load_splits(out)
    assert tuple(splits) == prepared.SPLITS
    for name, split in splits.items():
        assert len(split) == 2
        assert split.classes == ["Glass", "wood"]
        assert split.labels.tolist() == [0, 1]
        assert split.paths == [f"{name}/Glass/é 1.png", f"{name}/wood/é 1.png"]
        assert split.images.shape == (2, 4, 4, 3)
        assert split.images.dtype == np.uint8
        assert (split.images[0] == COLOURS[name, "Glass"]).all()
        assert (split.images[1] == COLOURS[name, "wood"]).all()


def test_digests_are_those_of_the_pixels_before_resizing(tmp_path, photograph):
    folder = write_plain_dataset(tmp_path / "images")
    pixels = photograph(folder / "train" / "wood" / "2.png", (9, 7))
    out, _ = prepare(folder)
    split = prepared.load_split("train", out)
    assert dict(zip(split.paths, split.digests, strict=True))["train/wood/2.png"] == decoding.pixel_digest(pixels)


def test_the_index_has_a_row_for_each_image_in_the_order_of_the_arrays(tmp_path):
    out, _ = prepare(write_plain_dataset(tmp_path / "images"))
    with (out / "index.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["split", "class", "path", "pixels", "oddities"]
    assert [(row[0], row[1]) for row in rows] == [
        (split, label) for split in ("train", "validation", "test") for label in ("Glass", "wood")
    ]


def test_many_images_keep_their_order(tmp_path, photograph):
    folder, pixels = write_plain_dataset(tmp_path / "images"), {}
    for number in range(40):
        name = f"train/wood/{number:02}.png"
        pixels[name] = photograph(folder / name, (4, 4), seed=number)
    out, _ = prepare(folder)
    split = prepared.load_split("train", out)
    for row, path in enumerate(split.paths):
        if path in pixels:
            np.testing.assert_array_equal(split.images[row], pixels[path])


def test_class_names_that_look_like_numbers_remain_text(tmp_path, make_dataset):
    out, _ = prepare(make_dataset(tmp_path / "images", classes=("007", "10", "1e5")))
    assert prepared.load_split("test", out).classes == ["007", "10", "1e5"]
    assert prepared.load_split("test", out).labels.tolist() == [0, 1, 2]


def test_the_same_dataset_gives_the_same_bytes(tmp_path):
    folder = write_plain_dataset(tmp_path / "images")
    first = contents(prepare(folder)[0])
    assert sorted(first) == [
        *("index.csv", "provenance.json", "resize.json", "test/0.npy", "train/0.npy", "validation/0.npy"),
    ]
    assert contents(prepare(folder)[0]) == first


def test_all_errors_are_reported_at_once_and_nothing_is_left(tmp_path, photograph):
    folder = write_plain_dataset(tmp_path / "images")
    (folder / "train" / "wood" / "a.jpg").write_text("no image")
    (folder / "test" / "Glass" / "empty.png").touch()
    photograph(folder / "train" / "wood" / "twin.png")
    photograph(folder / "test" / "wood" / "twin.bmp")
    with pytest.raises(UserErrors) as raised:
        prepare(folder, errors=["an earlier error"])
    assert raised.value.sentences == [
        "an earlier error",
        f"{folder}/train/wood/a.jpg is not a readable image: remove or replace it.",
        f"{folder}/test/Glass/empty.png is empty: remove or replace it.",
        f"{folder}/train/wood/twin.png and {folder}/test/wood/twin.bmp are the same image: keep one.",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_an_error_leaves_the_images_prepared_before(tmp_path):
    folder = write_plain_dataset(tmp_path / "images")
    out, _ = prepare(folder)
    before = contents(out)
    (folder / "train" / "wood" / "a.jpg").touch()
    with pytest.raises(UserErrors):
        prepare(folder)
    assert contents(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "prepared"]


def test_a_dataset_without_images_gives_only_the_earlier_errors(tmp_path):
    for split in prepared.SPLITS:
        (tmp_path / "images" / split).mkdir(parents=True)
    with pytest.raises(UserErrors, match=r"^at least two are needed\.$"):
        prepare(tmp_path / "images", errors=["at least two are needed."])


def test_unusual_images_are_counted_by_kind(tmp_path):
    folder = write_plain_dataset(tmp_path / "images")
    place = folder / "train" / "wood"
    Image.new("L", (6, 6), 3).save(place / "grey.png")
    Image.new("L", (3, 6), 4).save(place / "grey and small.png")
    Image.new("RGB", (12, 4), (1, 2, 3)).save(place / "three times as long.png")
    Image.new("RGB", (4, 13), (4, 5, 6)).save(place / "longer.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 5), (7, 8, 9)).save(place / "turned.png", exif=exif)
    Image.fromarray(np.full((6, 6), 700, np.uint16)).save(place / "wide.png")
    Image.new("RGBA", (6, 6), (255, 255, 255, 0)).save(place / "nothing.png")
    _, oddities = prepare(folder)
    assert oddities == [
        ("train/wood/grey and small.png", "other_modes"),
        ("train/wood/grey and small.png", "enlarged"),
        ("train/wood/grey.png", "other_modes"),
        ("train/wood/longer.png", "elongated"),
        ("train/wood/nothing.png", "other_modes"),
        ("train/wood/turned.png", "turned_by_exif"),
        ("train/wood/wide.png", "other_modes"),
        ("train/wood/wide.png", "scaled_depth"),
    ]
    assert {kind for _, kind in oddities} < set(preparing.ODDITIES)
    with (folder.parent / "prepared/index.csv").open(encoding="utf-8", newline="") as file:
        of_path = {row["path"]: row["oddities"] for row in csv.DictReader(file)}
    assert of_path["train/wood/wide.png"] == "other_modes scaled_depth" and of_path["train/wood/é 1.png"] == ""


def test_images_become_squares_in_the_given_way_which_is_recorded(tmp_path):
    folder = write_plain_dataset(tmp_path / "images")
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 4:12] = 255
    Image.fromarray(pixels).save(folder / "train" / "Glass" / "0.png")
    crop = prepared.Resize(fit="crop", antialias=True)
    out, _ = prepare(folder, resize=crop)
    assert prepared.read_resize(out) == crop
    assert (prepared.load_split("train", out).images[0] == 255).all()
    out, _ = prepare(folder)
    assert prepared.read_resize(out) == SQUASH
    assert prepared.load_split("train", out).images[0, :, :, 0].tolist() == [[0, 255, 255, 0]] * 4


def test_an_image_of_the_last_version_is_not_decoded_whatever_its_name(tmp_path, monkeypatch):
    folder = write_plain_dataset(tmp_path / "images")
    (folder / "train/wood/é 1.png").rename(folder / "train/wood/renamed.png")
    content = (folder / "train/wood/renamed.png").read_bytes()
    # As if the last version had other pixels, to see where they come from.
    row = Row(np.full((3, 4, 4, 3), [[[[1]]], [[[2]]], [[[3]]]], np.uint8), 1, ("", ""))
    last = LastImages({md5(content): PreparedImage("00ff" * 4, "enlarged", row)})
    decoded = []
    decode = decoding.decode
    monkeypatch.setattr(decoding, "decode", lambda path: decoded.append(path.name) or decode(path))
    out, oddities = prepare(folder, last=last)
    assert decoded == ["é 1.png"] * 5
    assert oddities == [("train/wood/renamed.png", "enlarged")]
    split = prepared.load_split("train", out)
    assert (split.digests[1], split.paths[1]) == ("00ff" * 4, "train/wood/renamed.png")
    assert (split.images[1] == 2).all() and (split.images[0] == COLOURS["train", "Glass"]).all()


def test_an_image_of_the_last_version_is_decoded_if_its_file_has_changed(tmp_path):
    folder = write_plain_dataset(tmp_path / "images")
    row = Row(np.zeros((1, 4, 4, 3), np.uint8), 0, ("", ""))
    last = LastImages({md5(b"other content"): PreparedImage("00ff" * 4, "", row)})
    out, _ = prepare(folder, last=last)
    first = contents(out)
    prepare(folder)
    assert contents(out) == first
