"""`make next` in a folder in which all stages have run: what it ranks, what it leaves out, and its page."""

import shutil

import numpy as np
import pandas as pd
import pytest

from browsers import failed_requests, open_page
from runs import run_forked

pytestmark = pytest.mark.xdist_group("project")
TABLE = "next/next.csv"


@pytest.fixture
def folder(project, tmp_path):
    """A copy of the project."""
    return shutil.copytree(project[0], tmp_path / "project")


@pytest.fixture
def unlabelled(folder, tmp_path, photograph):
    """A folder with twenty new images, one of them twice, and two images of the dataset."""
    source = tmp_path / "un labelled é"
    for number in range(20):
        photograph(source / "new" / f"{number:02} #.png", size=(40, 30), seed=500 + number)
    shutil.copy(source / "new/07 #.png", source / "new/copy.png")
    shutil.copy(folder / "dataset_images/test/é/01.png", source / "test image.png")
    shutil.copy(folder / "dataset_images/train/a b/03.png", source / "training image.png")
    (source / "notes.txt").write_text("no image")
    return source


def rank_images(folder, source, *options):
    """Run the command; the status may be any."""
    return run_forked(folder, "-m", "commands.label_next", *map(str, options), "--", str(source))


def test_new_images_are_ranked_and_those_of_the_dataset_are_named(folder, unlabelled, browser):
    before = {path: path.read_bytes() for path in (folder / "dataset_images").rglob("*") if path.is_file()}
    done = rank_images(folder, unlabelled, "--count", "15")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "next/next.csv, next/index.html: the 15 of 20 images to label first\n"
    table = pd.read_csv(folder / TABLE, keep_default_na=False)
    assert list(table.columns) == ["path", "rank", "predicted", "probability"]
    assert table["rank"].tolist() == list(range(1, 16))
    assert table["path"].nunique() == 15 and all(path.startswith(f"{unlabelled}/new/") for path in table["path"])
    assert set(table["predicted"]) <= {"a b", "é", "null"} and table["probability"].between(1 / 3, 1).all()
    assert sorted(done.stderr.splitlines()) == sorted(
        [
            f"1 file is not an image and is skipped, namely {unlabelled}/notes.txt.",
            f"{unlabelled}/new/copy.png is left out: it is in SOURCE twice, first as {unlabelled}/new/07 #.png.",
            f"{unlabelled}/test image.png is left out: it is in the dataset already, as test/é/01.png.",
            f"{unlabelled}/training image.png is left out: it is in the dataset already, as train/a b/03.png.",
        ]
    )
    assert len(pd.read_csv(folder / "next/left_out.csv")) == 3
    # The model is the one that predict.py runs.
    predictions = run_predict(folder, unlabelled / "new")
    for row in table.itertuples():
        assert (row.predicted, row.probability) == (predictions[row.path][0], pytest.approx(predictions[row.path][1]))
    # Nothing is put into the dataset.
    assert {path: path.read_bytes() for path in before} == before

    open_page(browser, folder / "next/index.html", 390)
    assert browser.get_log("browser") == []
    requests, failed = failed_requests(browser)
    assert all(url.startswith(("file:", "data:")) for url in requests) and failed == []
    pictures = browser.find_elements("tag name", "img")
    assert [picture.get_attribute("alt") for picture in pictures] == table["path"].tolist()
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def run_predict(folder, source):
    """What predict.py says of images with the model after transfer learning: class and probability by path."""
    shutil.copy("predict.py", folder)
    done = run_forked(folder, "predict.py", str(source), "--model", "train_tl", "--output", "predictions.csv")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(folder / "predictions.csv", keep_default_na=False)
    return {row.path: (row.predicted, row.probability) for row in table.itertuples()}


def test_an_image_that_a_review_removed_and_a_broken_file_are_left_out(folder, unlabelled):
    from transfer.dataset import decoding

    removed = unlabelled / "new/03 #.png"
    (folder / "dataset_verdicts.csv").write_text(f"pixels,verdict\n{decoding.decode(removed).digest},remove\n")
    (unlabelled / "new/broken.jpg").write_text("no image")
    shutil.rmtree(folder / "features/train")
    done = rank_images(folder, unlabelled)
    assert done.returncode == 1
    assert f"{removed} is left out: it is removed from the dataset by a review." in done.stderr
    assert f"{unlabelled}/new/broken.jpg is not a readable image: remove or replace it." in done.stderr
    assert "Training images have no features, because augment.views is 0: " in done.stderr
    paths = pd.read_csv(folder / TABLE)["path"].tolist()
    assert len(paths) == 19 and not {str(removed), f"{unlabelled}/new/broken.jpg"} & set(paths)


@pytest.mark.parametrize("count", ["0", "-3", "ten", "1e3", "10001", ""])
def test_a_count_that_is_none_is_refused(folder, unlabelled, count):
    done = rank_images(folder, unlabelled, f"--count={count}")
    assert done.returncode == 1
    assert done.stderr == f"COUNT is {count!r}: it must be a whole number from 1 to 10000.\n"


def test_a_folder_without_new_images_is_refused(folder):
    assert rank_images(folder, folder / "none").stderr.endswith(
        "none is not a folder: SOURCE must be a folder of images without labels.\n"
    )
    done = rank_images(folder, folder / "dataset_images/test")
    assert done.returncode == 1 and not (folder / TABLE).exists()
    assert done.stderr.splitlines()[-1] == (
        f"{folder}/dataset_images/test has no image that needs a label: name another folder."
    )


def test_ranks_do_not_depend_on_names(folder, unlabelled, tmp_path):
    """The same images under other names, in another order."""
    assert rank_images(folder, unlabelled / "new", "--count", "8").returncode == 0
    ranked = [path.rsplit("/", 1)[1] for path in pd.read_csv(folder / TABLE)["path"]]
    numbers = np.random.default_rng(0).permutation(20)
    renamed = {f"{number:02} #.png": f"{place:02}.png" for place, number in enumerate(numbers)}
    (tmp_path / "renamed").mkdir()
    for name, other in renamed.items():
        shutil.copy(unlabelled / "new" / name, tmp_path / "renamed" / other)
    assert rank_images(folder, tmp_path / "renamed", "--count", "8").returncode == 0
    assert [path.rsplit("/", 1)[1] for path in pd.read_csv(folder / TABLE)["path"]] == [
        renamed[name] for name in ranked
    ]
