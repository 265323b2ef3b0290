"""Listing a dataset: which files are images, in which order, and which are skipped."""

import os

import pytest
from PIL import Image

from transfer.dataset import listing as kinds
from transfer.dataset.listing import ImageEntry, Skipped, class_folders, has_image_name, list_dataset, list_images
from transfer.interface.errors import UserError
from transfer.loading import prepared


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_images_are_listed_by_split_then_class_then_path(tmp_path):
    names = [
        "test/a/1.jpg",
        "train/b/2.jpg",
        "train/b/10.jpg",
        "train/a/9.PNG",
        "validation/a/x.jpg",
        "train/a/B/1.jpg",
    ]
    touch(tmp_path, *names)
    listing = list_dataset(tmp_path)
    assert listing.entries == [
        ImageEntry("train", "a", "train/a/9.PNG"),
        ImageEntry("train", "a", "train/a/B/1.jpg"),
        ImageEntry("train", "b", "train/b/10.jpg"),
        ImageEntry("train", "b", "train/b/2.jpg"),
        ImageEntry("validation", "a", "validation/a/x.jpg"),
        ImageEntry("test", "a", "test/a/1.jpg"),
    ]
    assert listing.classes == ["a", "b"]
    assert listing.images == {"train": 4, "validation": 1, "test": 1}
    assert listing.skipped == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", True),
        ("A.JPG", True),
        ("b.Jpeg", True),
        ("c.PNG", True),
        ("d.webp", True),
        ("e.tiff", True),
        ("f.bmp", True),
        ("g.gif", True),
        ("h.heic", True),
        ("i.AVIF", True),
        ("photo.jpg ", False),
        ("two words é ü.jpg", True),
        (".hidden.jpg", False),
        ("._a.jpg", False),
        (".DS_Store", False),
        ("Thumbs.db", False),
        ("notes.txt", False),
        ("jpg", False),
        ("a.jpg.txt", False),
        ("a.svg", False),
    ],
)
def test_the_name_of_a_file_decides_whether_it_counts_as_an_image(tmp_path, name, expected):
    assert has_image_name(tmp_path / name) is expected


def skipped_of(listing):
    """The kind of everything that a listing skips, by its path."""
    return {other.path.relative_to(listing.folder).as_posix(): other.kind for other in listing.skipped}


def test_everything_that_is_not_used_is_listed_with_its_kind(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "train/a/.DS_Store", "train/a/._1.jpg", "train/a/deep/notes.txt", "train/list.csv")
    touch(
        tmp_path, "validation/a/1.jpg", "validation/a/Thumbs.db", "test/a/1.jpg", "test/2.jpg", "new/b/3.jpg", "4.png"
    )
    touch(tmp_path, "train/.NET/1.jpg", "train/.NET/deep/2.png", "train/.NET/notes.txt", "train/a/.old.jpg")
    Image.new("RGB", (8, 8)).save(tmp_path / "train/a/photo", "JPEG2000")
    (tmp_path / "train/a/b.dng").write_bytes(b"II*\0")
    listing = list_dataset(tmp_path)
    assert len(listing.entries) == 3
    assert skipped_of(listing) == {
        "train/a/.DS_Store": kinds.SYSTEM,
        "train/a/._1.jpg": kinds.SYSTEM,
        "train/a/.old.jpg": kinds.HIDDEN,
        "train/a/b.dng": kinds.NOT_READ,
        "train/a/photo": kinds.NOT_READ,
        "train/a/deep/notes.txt": kinds.NOT_IMAGES,
        "train/list.csv": kinds.NOT_IMAGES,
        "train/.NET": kinds.HIDDEN,
        "validation/a/Thumbs.db": kinds.SYSTEM,
        "test/2.jpg": kinds.LOOSE,
        "new/b/3.jpg": kinds.LOOSE,
        "4.png": kinds.LOOSE,
    }
    assert [other.images for other in listing.skipped if other.path.name == ".NET"] == [2]


def test_a_hidden_file_that_is_an_image_counts_as_one(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / ".a", "PNG")
    touch(tmp_path, ".b", "c.jpg")
    _, skipped = list_images(tmp_path)
    assert [(other.path.name, other.images) for other in skipped] == [(".a", 1), (".b", 0)]


@pytest.mark.parametrize(
    "name", ["photo", "photo.jpg?w=640", "a.jpg_large", "b.jpg-large", "c.jpg ", "d.JPG.orig", "e.txt", "f.dng"]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_file_of_any_name_is_an_image_if_its_content_says_so(tmp_path, name, kind):
    Image.new("RGB", (8, 8)).save(tmp_path / name, kind)
    assert list_images(tmp_path) == ([tmp_path / name], [])


LEFT_BEHIND = [
    *("Thumbs.db", "desktop.ini", ".DS_Store", "._1.jpg", "1.jpg:Zone.Identifier", "~$list.xlsx", ".nomedia"),
    *("__MACOSX/a/1.jpg", "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "#recycle/1.jpg", "$RECYCLE.BIN/S-1-5/$R1.png"),
    *("System Volume Information/1.jpg", ".ipynb_checkpoints/1-checkpoint.jpg", ".picasaoriginals/1.jpg"),
    *(".thumbnails/1.jpg", "lost+found/1.jpg", ".Trash-1000/files/1.jpg", ".git/1.jpg", "@Recycle/1.jpg"),
]


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_what_systems_and_programs_leave_behind_is_neither_an_image_nor_a_class(tmp_path, name):
    touch(tmp_path, "glass/1.jpg", name, f"glass/{name}")
    assert class_folders(tmp_path) == ["glass"]
    images, skipped = list_images(tmp_path / "glass")
    assert images == [tmp_path / "glass/1.jpg"]
    assert skipped == [Skipped(tmp_path / "glass" / name.split("/")[0], kinds.SYSTEM)]
    assert kinds.list_beside(tmp_path, ["glass"]) == [Skipped(tmp_path / name.split("/")[0], kinds.SYSTEM)]


def test_links_to_folders_are_followed_once_and_never_in_a_circle(tmp_path):
    touch(tmp_path, "mine/cats/1.jpg", "mine/dogs/2.jpg", "disk/more/3.jpg", "disk/dogs/4.jpg")
    for link, target in {
        "mine/cats/disk": "disk/more",
        "mine/cats/again": "disk/more",
        "mine/cats/up": "mine",
        "mine/cats/here": "mine/cats",
        "disk/more/back": "disk/more",
        "mine/birds": "disk/dogs",
    }.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    cats = tmp_path / "mine/cats"
    images, skipped = list_images(cats)
    assert images == [cats / "1.jpg", cats / "again/3.jpg"]
    assert [other.path for other in skipped] == [cats / "again/back", cats / "disk", cats / "here", cats / "up"]
    assert {other.kind for other in skipped} == {kinds.LINKED}
    assert class_folders(tmp_path / "mine") == ["birds", "cats", "dogs"]
    assert list_images(tmp_path / "mine/birds") == ([tmp_path / "mine/birds/4.jpg"], [])


def test_links_to_folders_of_a_dataset_are_named_and_not_followed(tmp_path):
    """DVC would not track what is in them."""
    touch(tmp_path, "images/train/a/1.jpg", "disk/more/3.jpg", "disk/b/4.jpg")
    (tmp_path / "images/train/a/more").symlink_to(tmp_path / "disk/more")
    (tmp_path / "images/train/b").symlink_to(tmp_path / "disk/b")
    listing = list_dataset(tmp_path / "images")
    assert [entry.path for entry in listing.entries] == ["train/a/1.jpg"]
    assert listing.classes == ["a", "b"]
    assert skipped_of(listing) == {"train/a/more": kinds.LINKED, "train/b": kinds.LINKED}
    followed = list_dataset(tmp_path / "images", follow_links=True)
    assert [entry.path for entry in followed.entries] == ["train/a/1.jpg", "train/a/more/3.jpg", "train/b/4.jpg"]


def test_a_pipe_and_a_dangling_link_without_the_name_of_an_image_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("gone")
    images, skipped = list_images(tmp_path)
    assert images == []
    assert [(other.path.name, other.kind) for other in skipped] == [
        ("link", kinds.NOT_IMAGES),
        ("pipe", kinds.NOT_IMAGES),
    ]


def test_hidden_folders_are_not_classes_and_their_images_do_not_count(tmp_path):
    for split in prepared.SPLITS:
        touch(tmp_path, f"{split}/a/1.jpg", f"{split}/b/2.jpg")
    touch(tmp_path, "train/.cache/1.jpg", "train/a/.thumbnails/1.jpg")
    listing = list_dataset(tmp_path)
    assert listing.classes == ["a", "b"]
    assert listing.images == {"train": 2, "validation": 2, "test": 2}


def test_a_hidden_folder_above_the_dataset_hides_nothing(tmp_path):
    touch(tmp_path / ".data" / "set", "train/a/1.jpg", "validation/a/2.jpg", "test/a/3.jpg")
    assert list_dataset(tmp_path / ".data" / "set").images == {"train": 1, "validation": 1, "test": 1}


def test_a_missing_dataset_is_named(tmp_path):
    with pytest.raises(UserError, match=r"images/ is missing: run `dvc pull .*images\.dvc`"):
        list_dataset(tmp_path / "images")
