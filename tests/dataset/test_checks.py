"""The checks of a split dataset: missing folders and images, shares of the splits, duplicates."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from transfer.dataset import checks, listing
from transfer.dataset.checks import class_errors, duplicate_errors, name_errors, share_errors, split_errors
from transfer.dataset.listing import Skipped, list_dataset
from transfer.loading import prepared

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize("split", prepared.SPLITS)
def test_a_missing_split_is_named(tmp_path, make_dataset, split):
    folder = make_dataset(tmp_path / "images")
    (folder / split).rename(tmp_path / "away")
    listing = list_dataset(folder)
    errors = class_errors(listing)
    assert errors == [
        f"{folder}/{split}/ is missing: a dataset has the folders train, validation and test; "
        "`make dataset SOURCE=folder` makes them from class folders."
    ]
    # The other splits are listed and checked all the same. Without a split, the shares are not checked.
    assert len(listing.entries) == 30 - {"train": 24}.get(split, 3)
    assert split_errors(listing, SHARES, 0, "") == errors


def test_a_folder_without_any_split_gives_a_sentence_for_each_split(tmp_path):
    touch(tmp_path, "glass/1.jpg")
    errors = class_errors(list_dataset(tmp_path))
    assert [sentence.split(" ")[0] for sentence in errors] == [f"{tmp_path}/{split}/" for split in prepared.SPLITS]


def test_a_complete_dataset_has_no_errors(tmp_path, make_dataset):
    listing = list_dataset(make_dataset(tmp_path / "images"))
    assert listing.images == {"train": 24, "validation": 3, "test": 3}
    assert class_errors(listing) == []
    assert share_errors(listing.folder, listing.images, SHARES, 0, "split it again.") == []


def test_missing_and_empty_classes_are_reported_for_each_split(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "validation/a/1.jpg", "test/b/1.jpg", "test/a/notes.txt")
    assert class_errors(list_dataset(tmp_path)) == [
        f"{tmp_path}/validation/b/ is missing, but another split has the class b: add the folder.",
        f"{tmp_path}/test/a/ has no image: add some, or remove the class from all three splits.",
    ]


def test_one_class_is_too_few(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "validation/a/1.jpg", "test/a/1.jpg")
    assert class_errors(list_dataset(tmp_path)) == [f"{tmp_path}/ has one class: at least two are needed."]


def test_no_class_is_too_few(tmp_path):
    for split in prepared.SPLITS:
        (tmp_path / split).mkdir()
    assert class_errors(list_dataset(tmp_path)) == [f"{tmp_path}/ has no class: at least two are needed."]


def test_a_share_too_far_from_its_target_is_reported_with_both(tmp_path):
    errors = share_errors(tmp_path, {"train": 70, "validation": 15, "test": 15}, SHARES, 0.02, "split it again.")
    assert errors == [
        f"{tmp_path}/train/ holds 70.0% of the 100 images, more than 2.0% from its target of 80%: split it again.",
        f"{tmp_path}/validation/ holds 15.0% of the 100 images, more than 2.0% from its target of 10%: split it again.",
        f"{tmp_path}/test/ holds 15.0% of the 100 images, more than 2.0% from its target of 10%: split it again.",
    ]


@pytest.mark.parametrize(
    ("images", "tolerance", "refused"),
    [
        ((70, 15, 15), 0.1, []),
        ((70, 15, 15), 0.05, ["train"]),
        ((70, 15, 15), 0.0999, ["train"]),
        ((69, 16, 15), 0.1, ["train"]),
        ((82, 9, 9), 0.02, []),
        ((78, 12, 10), 0.02, []),
        ((783, 117, 100), 0.02, []),
        ((83, 9, 8), 0.02, ["train"]),
        ((78, 13, 9), 0.02, ["validation"]),
        ((81, 12, 7), 0.02, ["test"]),
        ((80, 10, 10), 0, []),
        ((801, 100, 99), 0, ["train", "test"]),
    ],
)
def test_the_tolerance_is_inclusive(tmp_path, images, tolerance, refused):
    sizes = dict(zip(prepared.SPLITS, images, strict=True))
    errors = share_errors(tmp_path, sizes, SHARES, tolerance, "")
    assert [error.removeprefix(f"{tmp_path}/").split("/")[0] for error in errors] == refused


def test_a_dataset_without_images_has_no_wrong_shares(tmp_path):
    assert share_errors(tmp_path, dict.fromkeys(prepared.SPLITS, 0), SHARES, 0.02, "") == []


def test_identical_images_are_named_together(tmp_path):
    digests = [("train/a/1.jpg", "x"), ("train/a/2.jpg", "y"), ("test/b/1.jpg", "x"), ("test/b/2.jpg", "z")]
    digests += [("test/b/3.jpg", "x"), ("test/b/4.jpg", "z")]
    assert duplicate_errors(tmp_path, digests) == [
        f"{tmp_path}/train/a/1.jpg and {tmp_path}/test/b/1.jpg and {tmp_path}/test/b/3.jpg "
        "are the same image: keep one.",
        f"{tmp_path}/test/b/2.jpg and {tmp_path}/test/b/4.jpg are the same image: keep one.",
    ]


def test_each_kind_of_what_is_skipped_has_one_sentence():
    def skipped(kind, *names, **more):
        return [Skipped(Path("mine", name), kind, **more) for name in names]

    convert = {"detail": "a JPEG XL image", "advice": "convert it to JPEG or PNG"}
    everything = [
        *skipped(listing.SYSTEM, "__MACOSX", "a/Thumbs.db"),
        *skipped(listing.NOT_IMAGES, "a/notes.txt"),
        *skipped(listing.LINKED, "a/more", detail="because DVC does not follow them", advice="copy them"),
        *skipped(listing.HIDDEN, ".NET", images=10),
        *skipped(listing.HIDDEN, ".old", images=2),
        *skipped(listing.LOOSE, *(f"{number}.jpg" for number in range(60))),
        *skipped(listing.NOT_READ, "a/1.jxl", "a/2.jxl", **convert),
        *skipped(listing.NOT_READ, "a/\n.tga", detail="a TGA image", advice="convert it to JPEG or PNG"),
    ]
    assert checks.skipped_sentences(everything) == [
        "2 files each hold a JPEG XL image, a format that is not read, namely mine/a/1.jxl, mine/a/2.jxl: convert "
        "them to JPEG or PNG.",
        "1 file holds a TGA image, a format that is not read, namely mine/a/\\n.tga: convert it to JPEG or PNG.",
        "60 images lie in no class folder, and are skipped, such as mine/0.jpg, mine/1.jpg, mine/2.jpg: move images "
        "into the folder of their class.",
        "2 files and folders have names that begin with a dot, and are skipped with 12 images, namely mine/.NET, "
        "mine/.old: rename what you want to use.",
        "1 link to a folder is not followed, because DVC does not follow them, namely mine/a/more: copy them.",
        "1 file is not an image and is skipped, namely mine/a/notes.txt.",
        "2 files and folders that systems and programs leave behind are skipped, namely mine/__MACOSX, "
        "mine/a/Thumbs.db.",
    ]


def test_every_kind_has_a_sentence_of_its_own():
    sentences = checks.skipped_sentences([Skipped(Path("x"), kind) for kind in listing.KINDS])
    assert len({sentence.split(",")[0] for sentence in sentences}) == len(listing.KINDS)


def test_what_holds_images_is_left_out_and_the_rest_only_skipped():
    images = [Skipped(Path("a"), listing.NOT_READ), Skipped(Path("b"), listing.LOOSE)]
    images += [Skipped(Path(".c"), listing.HIDDEN, images=1), Skipped(Path("d"), listing.LINKED, advice="copy it")]
    others = [Skipped(Path(".e"), listing.HIDDEN), Skipped(Path("f"), listing.LINKED)]
    others += [Skipped(Path("g"), listing.NOT_IMAGES), Skipped(Path("h"), listing.SYSTEM)]
    assert checks.left_out(images + others) == images


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("\u00c5ngstr\u00f6m", "A\u030angstro\u0308m"),
        ("Glass", "glass"),
        ("STRASSE", "stra\u00dfe"),
        ("glass", "glass "),
        ("glass", "\u00a0glass"),
        ("glass", "gl\u200bass"),
        ("glass", "\ufeffglass"),
        ("glass", "gl\u00adass"),
        ("\u2665", "\u2665\ufe0f"),
        ("glass", "gl\u0430ss"),
        ("metal", "m\u0435t\u0430l"),
        ("paper", "\u03c1aper"),
        ("\u0441\u0442\u0435\u043a\u043b\u043e", "c\u0442\u0435\u043a\u043b\u043e"),
    ],
)
def test_two_names_that_a_person_reads_as_one_are_reported(one, other):
    first, second = sorted([one, other])
    assert name_errors([one, "other", other, one], "classes") == [
        f"The classes {first!a} and {second!a} look like one name but are two: write them the same, or "
        "choose names that differ visibly."
    ]


def test_a_name_that_nobody_can_see_is_reported():
    assert name_errors(["glass", "\u200d", " \u00ad"], "classes") == [
        "' \\xad' is one of the classes, and has no visible character: rename it.",
        "'\\u200d' is one of the classes, and has no visible character: rename it.",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("glass", "gloss"),
        ("glass", "glass 2"),
        ("e", "\u00e9"),
        ("cat", "\u043a\u043e\u0442"),
        ("a 1", "\u03b1 1"),
        ("\u30ab", "\u529b"),
        ("", "a"),
    ],
)
def test_names_that_differ_visibly_are_not_reported(one, other):
    assert name_errors([one, other], "classes") == []


@given(name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), form=st.sampled_from(["NFC", "NFD"]))
def test_any_name_in_another_form_is_reported(name, form):
    other = unicodedata.normalize(form, name)
    assume(other != name)
    assert len(name_errors([name, other], "groups")) == 1


def test_a_class_with_two_names_is_reported_within_a_split_and_between_splits(tmp_path):
    touch(tmp_path, *(f"{split}/{label}/1.jpg" for split in ("train", "validation") for label in ("b", "caf\u00e9")))
    touch(tmp_path, "test/b/1.jpg", "test/cafe\u0301/1.jpg", "test/B/1.jpg")
    errors = class_errors(list_dataset(tmp_path))
    assert [error.partition(" look like ")[0] for error in errors[:2]] == [
        "The classes 'B' and 'b'",
        "The classes 'cafe\\u0301' and 'caf\\xe9'",
    ]


def test_thousands_of_names_are_checked_at_once():
    names = [f"group {number}" for number in range(20_000)]
    assert name_errors([*names, "gr\u043eup 7"], "groups") == [
        "The groups 'group 7' and 'gr\\u043eup 7' look like one name but are two: write them the same, or choose names "
        "that differ visibly."
    ]
