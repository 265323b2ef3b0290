"""The report: one page with nothing outside itself, drawn by a browser, and the comparison that it tells."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import report as page_of
from runs import ROOT

pytestmark = pytest.mark.xdist_group("clone")
CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))


def report(folder, *words):
    return subprocess.run([sys.executable, "-m", "commands.report", *words], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def page(clone):
    done = report(clone, "--rev", "HEAD")
    assert done.returncode == 0, done.stderr
    return clone / "report/index.html"


def test_the_page_holds_all_of_itself(page):
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size < 10e6
    assert "<script" not in text and "<link" not in text
    assert {source[:22] for source in re.findall(r'(?:src|href)="([^"#][^"]*)"', text)} == {"data:image/png;base64,"}
    # Namespaces name a language, they are not fetched; nothing else has an address
    addresses = set(re.findall(r'https?://[^"\s<]+', text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_the_page_says_what_the_metrics_say(clone, page):
    text = page.read_text(encoding="utf-8")
    found = json.loads((clone / "metrics/evaluate.json").read_text())
    for model in ("train_tl", "finetune"):
        assert f"<td>{found[model]['accuracy']:.1%}</td>" in text
        assert f"{found[model]['accuracy_low']:.1%} to {found[model]['accuracy_high']:.1%}" in text
    assert found["comparison"]["verdict"][-20:] in text
    assert "the test images have no say" in text
    assert f"the highest cosine of two features is {found['near_duplicates']['highest_cosine']:.3f}" in text
    assert 'alt="Pairs of a test image and the training or validation image nearest to it' in text
    assert "Compared on the" in text
    # Every chart has a name and every picture words in its place
    assert text.count("<svg ") == text.count('<svg role="img" aria-label="') >= 10
    assert all(re.findall(r'<img src="[^"]*" alt="([^"]*)"', text))


def metrics_with(near, kept):
    """Metrics of a hundred test images, of which some have a near-duplicate."""
    scored = (
        {"accuracy": 0.75, "accuracy_low": 0.5, "accuracy_high": 0.875}
        if kept
        else dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"))
    )
    models = ("train_tl", "finetune")
    return {model: {"accuracy": 0.8} for model in models} | {
        "near_duplicates": {
            "threshold": 0.85,
            "compared_with": "train and validation",
            "highest_cosine": 0.8612,
            "images": near,
            "without": {"images": kept} | dict.fromkeys(models, scored),
        }
    }


@pytest.mark.parametrize(
    ("near", "kept", "told"),
    [
        (
            0,
            100,
            "None of 100 test images has a near-duplicate in train and validation: the highest cosine of two features "
            "is 0.861, and counted is what reaches 0.85 (evaluate.near_duplicate).",
        ),
        (
            4,
            96,
            "4 of 100 test images have a near-duplicate in train and validation: an image whose feature has a cosine "
            "of at least 0.85 (evaluate.near_duplicate) with its own. Test accuracy on the other 96: transfer learning "
            "75.0% (50.0% to 87.5%) instead of 80.0%; fine-tuned 75.0% (50.0% to 87.5%) instead of 80.0%.",
        ),
        (
            100,
            0,
            "100 of 100 test images have a near-duplicate in train and validation: an image whose feature has a cosine "
            "of at least 0.85 (evaluate.near_duplicate) with its own. Without them no test image is left: the "
            "threshold is too low for this backbone.",
        ),
    ],
)
def test_what_near_duplicates_change_is_said_in_words(near, kept, told):
    assert " ".join(page_of.leakage(metrics_with(near, kept))) == told


def test_that_training_was_not_compared_is_said():
    metrics = metrics_with(1, 99)
    metrics["near_duplicates"]["compared_with"] = "validation"
    first, second, _ = page_of.leakage(metrics)
    assert first == "Training images were not compared: with augment.views at 0 they have no features."
    assert second.startswith("1 of 100 test images has a near-duplicate in validation: an image whose")


def test_a_revision_that_cannot_be_compared_is_told(clone):
    before = (clone / "report/index.html").read_bytes() if (clone / "report/index.html").exists() else None
    done = report(clone, "--rev", "nope")
    assert done.returncode == 1
    assert done.stderr == (
        "nope is no revision of this repository: give a commit, a branch or a tag, such as HEAD~1.\n"
    )
    first = subprocess.run(
        ["git", "rev-list", "--max-parents=0", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()[0]
    done = report(clone, "--rev", first)
    assert done.returncode == 1 and "has no plots/predictions.csv: choose a commit" in done.stderr
    if before is not None:
        assert (clone / "report/index.html").read_bytes() == before


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver on this machine")
@pytest.mark.parametrize("width", [390, 1400])
def test_a_browser_without_a_network_draws_every_chart(page, width, tmp_path):
    from selenium import webdriver
    from selenium.webdriver.common.by import By

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "hide-scrollbars"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
        *("host-resolver-rules=MAP * ~NOTFOUND", f"user-data-dir={tmp_path}"),
    ):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        browser.get(Path(page).as_uri())
        assert browser.get_log("browser") == []
        # Of the page's own: a browser that has just started asks for things of itself
        messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        asked = {
            message["params"]["requestId"]: message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent" and message["params"]["documentURL"].startswith("file:")
        }
        assert asked and all(url.startswith(("file:", "data:")) for url in asked.values())
        failed = [message["params"] for message in messages if message["method"] == "Network.loadingFailed"]
        assert [found for found in failed if found["requestId"] in asked] == []
        # The page itself never scrolls sideways: what is wider scrolls in a frame of its own
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        charts = browser.find_elements(By.TAG_NAME, "svg")
        assert len(charts) >= 10
        for picture in (*charts, *browser.find_elements(By.TAG_NAME, "img")):
            browser.execute_script("arguments[0].scrollIntoView()", picture)
            drawn = np.asarray(Image.open(io.BytesIO(picture.screenshot_as_png)).convert("L"))
            # Bars, lines and letters: neither white nor of one colour
            assert drawn.shape[0] > 60 and drawn.std() > 10
            assert 0.005 < (drawn < 200).mean() < 0.95
    finally:
        browser.quit()
