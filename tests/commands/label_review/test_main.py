"""`make review` and `make relabel` as a person uses them: from the page in a browser to the commit, and again."""

import csv
import re
import shutil
import time

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from browsers import failed_requests, open_page
from review_repository import commit, contents, create, pixels, relabel, table
from runs import run_forked

CLASSES = ("a <b> & \"c\", 'd'", "glass", "стекло")
WEIRD, GLASS, CYRILLIC = CLASSES
SUSPECTED = [
    ("train", WEIRD, "00.png", "glass"),
    ("train", "glass", "01.png", "стекло"),
    ("validation", "стекло", "00.png", "glass"),
    ("train", "стекло", "04.png", "glass"),
    ("test", "glass", "00.png", WEIRD),
]
PAIRS = [
    (("test", "glass", "01.png"), ("train", "glass", "05.png"), 0.97, "yes"),
    (("test", "стекло", "00.png"), ("train", "стекло", "06.png"), 0.99, "yes"),
    (("validation", "glass", "00.png"), ("train", "glass", "07.png"), 0.95, "no"),
]


def path_of(split, label, name):
    return f"{split}/{label}/{name}"


def write_tables(folder):
    """What the stages write about the dataset."""
    rows = [
        (path_of(*image), pixels(folder, path_of(*image)), image[0], image[1], suggested, 0.9 - place / 10)
        for place, (*image, suggested) in enumerate(SUSPECTED)
    ]
    columns = ["path", "pixels", "split", "label", "suggested", "score"]
    (folder / "plots/evaluate").mkdir(parents=True, exist_ok=True)
    doubts = pd.DataFrame(rows, columns=columns)
    of_test = doubts["split"] == "test"
    doubts[~of_test].to_csv(folder / "plots/label_issues.csv", index=False)
    doubts[of_test].to_csv(folder / "plots/evaluate/test_label_issues.csv", index=False)
    rows = [
        (path_of(*one), one[1], other[0], path_of(*other), other[1], cosine, near) for one, other, cosine, near in PAIRS
    ]
    columns = ["path", "actual", "other_split", "other_path", "other_actual", "cosine", "near_duplicate"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "plots/evaluate/near_duplicates.csv", index=False)


def write_tables_anew(folder, digests):
    """The same tables for the images where they are now.

    Args:
        digests: the digest of each image by the path that it had.
    """
    files = [path.relative_to(folder / "dataset_images") for path in (folder / "dataset_images").rglob("*.png")]
    place_of = {pixels(folder, path): path for path in files}
    for name, columns in (
        ("label_issues.csv", {"path": "label"}),
        ("evaluate/test_label_issues.csv", {"path": "label"}),
        ("evaluate/near_duplicates.csv", {"path": "actual", "other_path": "other_actual"}),
    ):
        rows = pd.read_csv(folder / "plots" / name)
        for column, label in columns.items():
            rows[column] = [place_of.get(digests[path]) for path in rows[column]]
            rows = rows.dropna()
            rows[label] = [path.parts[1] for path in rows[column]]
            rows[column] = [path.as_posix() for path in rows[column]]
        rows.to_csv(folder / "plots" / name, index=False)


@pytest.fixture(scope="module")
def committed_repository(tmp_path_factory, make_dataset):
    folder = create(tmp_path_factory.mktemp("review") / "project", make_dataset, CLASSES)
    write_tables(folder)
    commit(folder)
    return folder


@pytest.fixture
def repository(committed_repository, tmp_path):
    return shutil.copytree(committed_repository, tmp_path / "project", symlinks=True)


def review(folder):
    """Run the command; the status may be any."""
    return run_forked(folder, "-m", "commands.label_review")


def open_anew(browser, folder, width=1200, **options):
    """Open the page as in a browser that has never seen it."""
    open_page(browser, folder / "review/index.html", width, **options)
    browser.execute_script("localStorage.clear()")
    browser.refresh()


def block(browser, path, kind="article"):
    """The part of the page about an image."""
    [element] = [
        element
        for element in browser.find_elements(By.CSS_SELECTOR, f"{kind}[data-path]")
        if element.get_attribute("data-path") == path
    ]
    return element


def press(browser, *keys):
    for key in keys:
        browser.switch_to.active_element.send_keys(key)


def progress(browser):
    return browser.find_element(By.ID, "count").text


def chosen(browser):
    """The verdict on each image as the page shows it: by a button or by the list of classes."""
    script = """return Object.fromEntries([...document.querySelectorAll('[data-path]')].map(part => [part.dataset.path,
        part.querySelector('input:checked')?.value || part.querySelector('select').value]))"""
    return {path: verdict for path, verdict in browser.execute_script(script).items() if verdict}


def download(browser, folder):
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    browser.find_element(By.ID, "download").click()
    for _ in range(100):
        if (folder / "verdicts.csv").exists():
            return folder / "verdicts.csv"
        time.sleep(0.1)
    raise AssertionError(browser.find_element(By.ID, "status").text)


def test_from_the_page_to_the_commit_and_nothing_is_asked_twice(repository, browser, tmp_path):
    done = review(repository)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("review/index.html: 4 suspected labels, 1 suspected test label, 3 similar pairs, ")
    page = repository / "review/index.html"
    open_anew(browser, repository)
    assert browser.get_log("browser") == []
    requests, failed = failed_requests(browser)
    assert all(url.startswith(("file:", "data:")) for url in requests) and failed == []
    images = [path_of(*image) for *image, _ in SUSPECTED]
    shown = [part.get_attribute("data-path") for part in browser.find_elements(By.CSS_SELECTOR, "article[data-path]")]
    assert shown == images and progress(browser) == "0 of 8 decided"
    # The test image is in a section of its own, and the most similar pair comes first.
    assert "t1" in [part.get_attribute("id") for part in block(browser, images[4]).find_elements(By.TAG_NAME, "h3")]
    sides = [part.get_attribute("data-path") for part in browser.find_elements(By.CSS_SELECTOR, "section[data-path]")]
    assert sides[:2] == [path_of(*image) for image in PAIRS[1][:2]]

    # By keyboard, from the beginning of the page: the suggestion, then another class from the list.
    browser.find_element(By.TAG_NAME, "body").click()
    press(browser, "n", "a", "n")
    assert browser.switch_to.active_element.get_attribute("data-path") == images[1]
    outline = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    press(browser, "c", CYRILLIC[:3], Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("data-path") == images[1]
    # By mouse: keep, and another class for the test image.
    block(browser, images[2]).find_element(By.CSS_SELECTOR, "input[value=keep]").click()
    block(browser, images[3]).find_element(By.CSS_SELECTOR, "input[value=remove]").click()
    press(browser, "u", "r")  # undecided, and removed again, by keyboard
    Select(block(browser, images[4]).find_element(By.TAG_NAME, "select")).select_by_visible_text(CYRILLIC)
    # Pairs: the same object by keyboard, different ones by mouse; of the third pair, one image is removed.
    pairs = browser.find_elements(By.CSS_SELECTOR, ".pair")
    browser.execute_script("arguments[0].focus()", pairs[0])
    press(browser, "s")
    pairs[1].find_element(By.CSS_SELECTOR, "input[value=different]").click()
    block(browser, sides[5], "section").find_element(By.CSS_SELECTOR, "input[value=remove]").click()
    assert progress(browser) == "8 of 8 decided"

    expected = {
        images[0]: "class:glass",
        images[1]: "class:стекло",
        images[2]: "keep",
        images[3]: "remove",
        images[4]: "class:стекло",
        sides[5]: "remove",
    }
    assert chosen(browser) == expected
    browser.refresh()
    assert progress(browser) == "8 of 8 decided" and chosen(browser) == expected

    verdicts = download(browser, tmp_path)
    digests = {path: pixels(repository, path) for path in (*images, *sides)}
    relations = {sides[0]: f"same:{sides[1]}", sides[1]: f"same:{sides[0]}"}
    relations |= {sides[2]: f"different:{sides[3]}", sides[3]: f"different:{sides[2]}"}
    rows = [[path, digests[path], verdict] for path, verdict in (*expected.items(), *relations.items())]
    assert sorted(table(verdicts)) == sorted([["path", "pixels", "verdict"], *rows])

    done = relabel(repository, verdicts)
    assert done.returncode == 0, done.stderr
    assert f"  {images[4]} → test/стекло/00-2.png" in done.stdout.splitlines()
    files = contents(repository)
    assert "dataset_images/train/glass/00-2.png" in files and f"dataset_images/{images[3]}" not in files
    commit(repository)

    # What is judged is not asked about again: neither now, nor when the stages name the images at their new places.
    before = review(repository)
    assert before.stdout.startswith("review/index.html: 0 suspected labels, 0 suspected test labels, 0 similar pairs, ")
    write_tables_anew(repository, digests)
    done = review(repository)
    assert done.stdout.startswith("review/index.html: 0 suspected labels, 0 suspected test labels, 0 similar pairs, ")
    assert "3 suspected labels left out, because there is a verdict already." in done.stdout
    open_page(browser, page, 1200)
    assert browser.find_elements(By.CSS_SELECTOR, ".question") == []
    assert "There is nothing to review" in browser.find_element(By.TAG_NAME, "body").text
    assert browser.get_log("browser") == []


def test_verdicts_are_those_of_one_version_of_the_dataset(repository, browser):
    assert review(repository).returncode == 0
    open_anew(browser, repository)
    browser.find_element(By.CSS_SELECTOR, "article input[value=keep]").click()
    assert progress(browser) == "1 of 8 decided"
    text = (repository / "dataset_images.dvc").read_text()
    (repository / "dataset_images.dvc").write_text(re.sub(r"md5: .*\.dir", f"md5: {'0' * 32}.dir", text))
    assert review(repository).returncode == 0
    open_page(browser, repository / "review/index.html", 1200)
    assert progress(browser) == "0 of 8 decided"


def test_a_page_fits_a_phone_and_paper_and_works_without_letters(repository, browser):
    assert review(repository).returncode == 0
    open_anew(browser, repository, 390, scheme="dark")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    browser.execute_script("document.getElementById('shortcuts').click(); document.querySelector('.block').focus()")
    press(browser, "k")
    assert chosen(browser) == {}
    # Every control has a name for screen readers, and every image a description.
    script = """return [...document.querySelectorAll('input, select, button, img, fieldset, .block')].filter(part => !(
        part.alt || part.textContent.trim() || part.labels?.[0]?.textContent.trim())).length"""
    assert browser.execute_script(script) == 0
    open_page(browser, repository / "review/index.html", 700, media="print", scheme="dark")
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not browser.find_element(By.ID, "download").is_displayed()


def test_a_page_has_a_bounded_size_and_says_what_is_left_out(repository, photograph):
    # Noise is the largest of all JPEGs.
    rows = []
    for number in range(60):
        path = f"train/glass/noise {number}.png"
        photograph(repository / "dataset_images" / path, size=(900, 700) if number < 52 else (8, 8), seed=1000 + number)
        rows.append((path, pixels(repository, path), "train", "glass", "стекло", 0.5))
    rows.append(("train/glass/gone.png", "0" * 16, "train", "glass", "стекло", 0.9))
    (repository / "dataset_images/train/glass/noise 3.png").write_bytes(b"no image")
    columns = ["path", "pixels", "split", "label", "suggested", "score"]
    order = np.argsort([-row[-1] for row in rows], kind="stable")
    pd.DataFrame([rows[place] for place in order], columns=columns).to_csv(
        repository / "plots/label_issues.csv", index=False
    )
    done = review(repository)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("review/index.html: 50 suspected labels, 1 suspected test label, 3 similar pairs, ")
    assert (repository / "review/index.html").stat().st_size < 5e6
    assert [line for line in lines if "noise 3.png" in line]
    assert (
        "2 suspected labels left out, because the image has changed since: run `dvc repro`, then `make review` again."
        in lines
    )
    assert (
        "9 suspected labels left out, because a page shows no more: apply these verdicts, then run `make review` again."
        in lines
    )


def test_one_table_is_enough_and_without_any_the_command_says_what_to_run(repository):
    (repository / "plots/label_issues.csv").unlink()
    done = review(repository)
    assert done.stdout.splitlines()[1] == "plots/label_issues.csv is missing: run `dvc repro` to make it."
    assert done.stdout.startswith("review/index.html: 0 suspected labels, 1 suspected test label, 3 similar pairs")
    for name in ("near_duplicates.csv", "test_label_issues.csv"):
        (repository / "plots/evaluate" / name).unlink()
    done = review(repository)
    assert done.returncode == 1
    assert done.stderr == (
        "plots/label_issues.csv is missing: run `dvc repro` to make it.\n"
        "plots/evaluate/test_label_issues.csv is missing: run `dvc repro` to make it.\n"
        "plots/evaluate/near_duplicates.csv is missing: run `dvc repro` to make it.\n"
    )


def test_the_file_of_the_page_is_read_as_it_is_downloaded(repository):
    """A class whose name has commas and quotes."""
    path = path_of("train", "glass", "02.png")
    with (repository / "verdicts.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["path", "pixels", "verdict"], [path, pixels(repository, path), f"class:{WEIRD}"]]
        )
    assert relabel(repository).returncode == 0
    assert (repository / "dataset_images/train" / WEIRD / "02-2.png").exists()
