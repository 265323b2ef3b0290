"""The images to predict: which files they are, and their batches."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from transfer.inference import inputs
from transfer.interface.errors import UserError
from transfer.loading.prepared import Resize

SQUASH = Resize(fit="squash", antialias=False)


def test_the_path_of_an_image_begins_as_the_user_wrote_it(tmp_path, photograph, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photos/b.png", "photos/deep/a.png", "one.png"):
        photograph(Path(name))
    paths = ["./photos", "photos//deep", "./one.png", "../" + tmp_path.name + "/photos/"]
    images, errors, notes = inputs.find_images(paths)
    assert images == [
        "./photos/b.png",
        "./photos/deep/a.png",
        "photos//deep/a.png",
        "./one.png",
        f"../{tmp_path.name}/photos/b.png",
        f"../{tmp_path.name}/photos/deep/a.png",
    ]
    assert errors == notes == []


def test_a_path_that_may_not_be_read_is_an_error_and_the_others_are_read(tmp_path, photograph, monkeypatch):
    for name in ("a/1.png", "a/locked/1.png", "b/1.png"):
        photograph(tmp_path / name)
    iterdir, stat = Path.iterdir, Path.stat

    def deny(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", lambda path: deny(path) if path.name == "locked" else iterdir(path))
    monkeypatch.setattr(
        Path, "stat", lambda path, **options: deny(path) if path.name == "x.jpg" else stat(path, **options)
    )
    images, errors, _ = inputs.find_images(
        [f"{tmp_path}/a", f"{tmp_path}/x.jpg", f"{tmp_path}/b", f"{tmp_path}/a/locked"]
    )
    assert images == [f"{tmp_path}/a/1.png", f"{tmp_path}/b/1.png"]
    locked = f"{tmp_path}/a/locked cannot be read (Permission denied): check its name and permissions."
    assert errors == [locked, locked.replace("a/locked", "x.jpg"), locked]
    [(_, error)] = inputs.read_squares([f"{tmp_path}/x.jpg"], 8, SQUASH)
    assert str(error) == f"{tmp_path}/x.jpg may not be read: change its permissions."


def test_links_to_folders_are_followed(tmp_path, photograph):
    photograph(tmp_path / "here/1.png")
    photograph(tmp_path / "there/2.png")
    (tmp_path / "here/linked").symlink_to(tmp_path / "there")
    (tmp_path / "there/back").symlink_to(tmp_path / "here")
    images, errors, [note] = inputs.find_images([f"{tmp_path}/here"])
    assert images == [f"{tmp_path}/here/1.png", f"{tmp_path}/here/linked/2.png"]
    assert errors == []
    assert note.startswith("1 link to a folder is not followed, because what is there is listed already")


def test_images_that_are_left_out_are_errors_and_other_files_are_notes(tmp_path, photograph):
    photograph(tmp_path / "1.png")
    photograph(tmp_path / ".NET/1.png")
    for name in ("notes.txt", ".DS_Store", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a")
    (tmp_path / "b.jxl").write_bytes(b"\xff\x0a")
    images, errors, notes = inputs.find_images([str(tmp_path)])
    assert images == [f"{tmp_path}/1.png"]
    assert [error.split(",")[0] for error in errors] == [
        "2 files each hold a JPEG XL image",
        "1 file or folder has a name that begins with a dot",
    ]
    assert [note.split(f" {tmp_path}")[0] for note in notes] == [
        "1 file or folder has a name that begins with a dot, and is skipped without an image, namely",
        "1 file is not an image and is skipped, namely",
        "1 file or folder that a system or program leaves behind is skipped, namely",
    ]


def test_broken_files_are_reported_and_the_others_come_in_batches(tmp_path, photograph):
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    expected = [photograph(path, seed=number) for number, path in enumerate(paths)]
    paths[2].write_text("no image")
    errors: list[UserError] = []
    batches = list(inputs.read_batches(list(map(str, paths)), 8, SQUASH, 3, errors.append))
    assert [[Path(path).name for path in names] for names, _ in batches] == [["0.png", "1.png", "3.png"], ["4.png"]]
    assert batches[0][1].shape == (3, 8, 8, 3) and batches[1][1].shape == (1, 8, 8, 3)
    assert len(errors) == 1 and "2.png" in str(errors[0])
    # 8 by 6 pixels are stretched to 8 by 8, so only the mean stays close.
    assert batches[1][1].mean() == pytest.approx(expected[4].mean(), abs=3)


def test_images_become_squares_in_the_given_way(tmp_path):
    # Left half white, right half black: squashed, half of the columns are white; of the central square likewise.
    pixels = np.zeros((4, 16, 3), np.uint8)
    pixels[:, :8] = 255
    Image.fromarray(pixels).save(tmp_path / "1.png")
    ways = {"squash": [[255] * 4 + [0] * 4] * 8, "pad": [[127] * 8] * 3 + [[255] * 4 + [0] * 4] * 2 + [[127] * 8] * 3}
    for fit, expected in ways.items():
        [(_, square)] = inputs.read_squares([f"{tmp_path}/1.png"], 8, Resize(fit=fit, antialias=True))
        # Interpolation blends the two columns at the border.
        outer = [0, 1, 2, 5, 6, 7]
        assert square[:, outer, 0].tolist() == np.array(expected)[:, outer].tolist()
