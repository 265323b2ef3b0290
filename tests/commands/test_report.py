"""The report: one page with nothing outside itself, drawn by a browser, and the comparison that it tells."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from markupsafe import escape
from PIL import Image
from transfer.evaluation.significance import MacroF1Comparison
from transfer.evaluation.significance import PairedComparison
from transfer.interface.errors import UserError

from commands.report import changes, drawings, results, words
from runs import ROOT, run

pytestmark = pytest.mark.xdist_group("clone")
# How many coloured pixels a chart has at least: more than the legend of an empty one
MARKS = 300
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
    splits = pd.read_csv(clone / "plots/splits.csv").set_index(["model", "split"])
    for model in ("train_tl", "finetune"):
        for of in (found[model], splits.loc[model, "validation"], *found[model]["classes"].values()):
            told = f"{of['accuracy']:.1%} ({of['accuracy_low']:.1%} to {of['accuracy_high']:.1%})"
            assert f"<td>{told}</td>" in text
        assert f"({found[model]['top2_accuracy_low']:.1%} to {found[model]['top2_accuracy_high']:.1%})" in text
        assert f"<td>{found[model]['mean_without_two_worst']:.1%}</td>" in text
    assert "Training accuracy (augmented, with dropout)" in text
    verdict = found["comparison"]["verdict"].replace("train_tl", "transfer learning").replace("finetune", "fine-tuned")
    in_accuracy = text.partition('id="comparison"')[0]
    assert f'<p class="verdict">{escape(verdict[:1].upper() + verdict[1:])}</p>' in in_accuracy
    assert "the test images have no say" in text
    assert f"the highest cosine of two features is {found['near_duplicates']['highest_cosine']:.3f}" in text
    assert 'alt="Pairs of a test image and the training or validation image nearest to it' in text
    assert "Compared on the" in text
    # Every chart has a name and every picture words in its place
    assert text.count("<svg ") == text.count('<svg role="img" aria-label="') >= 10
    assert all(re.findall(r'<img src="[^"]*" alt="([^"]*)"', text))
    # A table under each chart, of all mistakes and of what one model alone gets right
    assert len(re.findall("<details>", text)) == text.count("<svg ") + 2
    rows = pd.read_csv(clone / "plots/predictions.csv").query("model == @found['selected'] and actual != predicted")
    for row in rows.to_dict("records"):
        cells = "".join(f"<td>{cell}</td>" for cell in (row["actual"], row["predicted"], f"{row['probability']:.4f}"))
        assert f'<tr><th scope="row">{row["path"]}</th>{cells}</tr>' in text


def test_the_page_says_what_it_is_of(clone, page):
    commit = run(clone, "git", "rev-parse", "--short", "HEAD").strip()
    text = page.read_text(encoding="utf-8")
    assert f"Commit {commit}.</p>" in text and "older than" not in text
    params = clone / "params.yaml"
    before = params.read_text(encoding="utf-8")
    try:
        params.write_text(before + "# a remark\n", encoding="utf-8")
        assert report(clone).returncode == 0
        text = page.read_text(encoding="utf-8")
        assert f"Commit {commit} with uncommitted changes.</p>" in text and "older than" not in text
        changed = yaml.safe_load(before)
        changed["train_tl"]["dropout"] = 0.7
        params.write_text(yaml.safe_dump(changed), encoding="utf-8")
        assert report(clone).returncode == 0
        assert "`dvc status` names train_tl. Run `dvc repro`" in page.read_text(encoding="utf-8")
    finally:
        run(clone, "git", "checkout", "--quiet", ".")
        assert report(clone, "--rev", "HEAD").returncode == 0


def test_mistakes_stand_with_the_surest_first():
    columns = ["model", "path", "pixels", "actual", "predicted", "probability"]
    table = pd.DataFrame(
        [
            ("finetune", "test/a/1.jpg", "0", "a", "b", 0.4),
            ("finetune", "test/a/2.jpg", "1", "a", "a", 0.9),
            ("finetune", "test/b/1.jpg", "2", "b", "c", 0.75),
            ("train_tl", "test/c/1.jpg", "3", "c", "b", 0.99),
        ],
        columns=columns,
    )
    assert words.mistakes(table, "finetune") == [
        ["test/b/1.jpg", "b", "c", "0.7500"],
        ["test/a/1.jpg", "a", "b", "0.4000"],
    ]


def test_what_is_only_not_here_makes_no_result_old():
    absent = {"prepare": [{"changed deps": {"dataset_images": "deleted"}}, {"changed outs": {"a": "not in cache"}}]}
    absent |= {"features": [{"changed deps": {"weights": "modified"}}]}
    assert results.stale(absent).startswith("These results are older") and "names features." in results.stale(absent)
    # A folder is not as it was where a file of it is not here
    absent |= {"weights/some.h5.dvc": [{"changed outs": {"weights/some.h5": "not in cache"}}]}
    assert results.stale({}) == results.stale(absent) == ""
    assert results.stale(absent | {"evaluate": [{"changed deps": {"params.yaml": {"evaluate.x": "modified"}}}]}) == (
        "These results are older than the data, code or parameters in the workspace: `dvc status` names evaluate. "
        "Run `dvc repro` to make them anew."
    )
    assert "names train_tl." in results.stale({"train_tl": ["changed checksum"]})


def test_two_commits_that_differ_are_compared_on_the_images_that_both_have(clone, page):
    path = clone / "plots/predictions.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    tests = table["pixels"].nunique()
    classes = sorted(table["actual"].unique())
    try:
        # Six images less, of the others one class always wrong, and the last class is called otherwise
        table = table[~table["pixels"].isin(table["pixels"].unique()[:6])]
        table.loc[table["actual"] == classes[1], "predicted"] = classes[2]
        table = table.replace({column: {classes[-1]: "bottle"} for column in ("actual", "predicted")})
        table.to_csv(path, index=False, lineterminator="\n")
        metrics = clone / "metrics/evaluate.json"
        had = json.loads(metrics.read_text())
        has = {"train_tl": "finetune", "finetune": "train_tl"}[had["selected"]]
        metrics.write_text(json.dumps(had | {"selected": has}))
        run(clone, "git", "commit", "--all", "--quiet", "--message", "other predictions")
        done = report(clone, "--rev", "HEAD~1")
        assert done.returncode == 0, done.stderr
        text = page.read_text(encoding="utf-8")
    finally:
        run(clone, "git", "reset", "--hard", "--quiet", "HEAD~1")
        assert report(clone, "--rev", "HEAD").returncode == 0
    relabelled = (pd.read_csv(path)["actual"] == classes[-1]).sum() // 2
    assert f"Compared on the {tests - 6 - relabelled} test images that both have (6 are gone, 0 are new, " in text
    assert f"{relabelled} have another class now and are left out)" in text
    assert "The class bottle is only in the workspace and cannot be compared." in text
    assert f"The class {classes[-1]} is only in HEAD~1 and cannot be compared." in text
    assert "Revision HEAD~1 is better than the workspace: of " in text
    # Each model, and the two that were selected
    called = {"train_tl": "transfer learning", "finetune": "fine-tuned"}
    assert f"<h3>selected model ({called[had['selected']]} before, {called[has]} now)</h3>" in text
    assert text.count("macro F1</th>") == 3 and "about one in twenty says yes by chance" in text
    # All wrong now: accuracy before and now, and chance alone would hardly do so
    row = re.search(rf'<th scope="row">{classes[1]}</th><td>\d+</td><td>[\d.]+%</td><td>0\.0%</td>(.*)</tr>', text)
    assert row and row[1].endswith("<td>yes</td>")


def test_a_small_p_value_is_not_nothing():
    assert changes.change_row("all", PairedComparison(80, 2, 18, 18)) == [
        *("all", "118", "69.5%", "83.1%", "+13.6 points", "2", "18", "< 0.001", "yes")
    ]
    assert changes.f1_row(MacroF1Comparison(0.7, 0.65, 0.25)) == [
        *("macro F1", "", "0.700", "0.650", "-0.050", "", "", "0.250", "no")
    ]


@pytest.fixture
def copied(clone, tmp_path, monkeypatch):
    """What the page is made of, in a folder of its own that is the working one."""
    for name in ("metrics", "plots"):
        shutil.copytree(clone / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [*results.NEEDED])
def test_a_metric_that_is_missing_is_told_by_its_name(copied, name):
    optional = name.endswith("mean_without_two_worst")
    metrics = json.loads(Path(results.METRICS).read_text())
    *outer, last = name.split(".")
    holder = metrics
    for key in outer:
        holder = holder[key]
    del holder[last]
    Path(results.METRICS).write_text(json.dumps(metrics))
    if optional:
        assert results.evaluated()
    else:
        with pytest.raises(UserError, match=rf"^metrics/evaluate\.json has no {re.escape(name)} that can be used"):
            results.evaluated()


def test_metrics_from_before_validation_was_searched_will_do(copied):
    metrics = json.loads(Path(results.METRICS).read_text())
    metrics["near_duplicates"].pop("validation_in_train", None)
    Path(results.METRICS).write_text(json.dumps(metrics))
    assert words.leakage(results.evaluated())
    metrics["near_duplicates"] |= {"validation_in_train": {"images": 0}}
    Path(results.METRICS).write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"has no near_duplicates\.validation_in_train\.of that can be used"):
        results.evaluated()
    metrics["near_duplicates"] |= {"validation_in_train": None}
    del metrics["near_duplicates"]["without"]["train_tl"]["accuracy"]
    Path(results.METRICS).write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"has no near_duplicates\.without\.train_tl\.accuracy that can be used"):
        results.evaluated()


def test_tables_of_another_kind_are_told(copied):
    def splits():
        return results.Table("plots/splits.csv", ("model", "split"), ("accuracy",))

    Path("plots/splits.csv").write_text("model,split,accuracy\nfinetune,test,0.5\n")
    assert splits()["finetune", "test"]["accuracy"] == 0.5
    with pytest.raises(UserError, match=r"^plots/splits\.csv has no row of train_tl and validation: make it anew"):
        splits()["train_tl", "validation"]
    for text in ("model,split\nfinetune,test\n", "model,split,accuracy\nfinetune,test,much\n"):
        Path("plots/splits.csv").write_text(text)
        with pytest.raises(UserError, match=r"^plots/splits\.csv has no column accuracy of numbers"):
            splits()


def test_a_chart_has_a_table_of_what_it_is_drawn_from():
    points = [{"actual": actual, "predicted": taken, "rev": "now"} for actual, taken in ("aa", "aa", "ab", "bb")]
    counted = drawings.behind(points)
    assert list(counted) == ["actual", "predicted: a", "predicted: b"]
    assert counted.to_numpy().tolist() == [["a", 2, 1], ["b", 0, 1]]
    both = drawings.behind(points + [point | {"rev": "HEAD"} for point in points])
    assert list(both) == ["rev", "actual", "predicted: a", "predicted: b"] and len(both) == 4
    curves = [
        {"step": step, "loss": f"0.{step}", "rev": "now", "filename": name}
        for name in ("train", "validation")
        for step in ("2", "10")
    ]
    assert drawings.behind(curves).to_numpy().tolist() == [[2, "0.2", "0.2"], [10, "0.10", "0.10"]]
    assert drawings.behind([{"model": "finetune", "images": "3", "rev": "now"}]).to_dict("records") == [
        {"model": "fine-tuned", "images": "3"}
    ]
    assert drawings.behind([]).empty


def test_plots_that_a_team_adds_are_at_the_end_and_those_that_are_missing_are_told(clone, page):
    definition = clone / "dvc.yaml"
    before = definition.read_text(encoding="utf-8")
    try:
        found = yaml.safe_load(before)
        found["plots"] += [
            {"Of our own": {"x": "low", "y": {"plots/calibration.csv": "images"}}},
            "plots/images/own.png",
        ]
        definition.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
        shutil.copy(clone / "plots/images/confusion.png", clone / "plots/images/own.png")
        done = report(clone)
        assert done.returncode == 0, done.stderr
        added = page.read_text(encoding="utf-8").split('<h2 id="more">')[1]
        assert (
            added.count("<svg ") == 1 and 'aria-label="Of our own"' in added and 'alt="plots/images/own.png"' in added
        )

        found["plots"] = [plot for plot in found["plots"] if "Calibration" not in plot]
        definition.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
        done = report(clone)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (
            1,
            "The plot Calibration is missing: dvc.yaml must have it and `dvc repro` must have made what it shows.",
        )
    finally:
        (clone / "plots/images/own.png").unlink(missing_ok=True)
        run(clone, "git", "checkout", "--quiet", ".")
        assert report(clone, "--rev", "HEAD").returncode == 0


def test_a_confusion_chart_has_every_count_written_in_it(clone, page):
    text = page.read_text(encoding="utf-8")
    counts = pd.read_csv(clone / "plots/confusion/finetune.csv").value_counts()
    chart = text.split('<svg role="img" aria-label="Confusion, fine-tuned"')[1].split("</svg>")[0]
    written = [int(number) for number in re.findall(r"<text[^>]*>(\d+)</text>", chart)]
    classes = pd.read_csv(clone / "plots/confusion/finetune.csv")["actual"].nunique()
    # HEAD and the workspace, side by side
    assert len(written) == 2 * classes**2
    assert sorted(filter(None, written)) == sorted([*counts, *counts])


def metrics_with(near, kept, chosen=None):
    """Metrics of a hundred test images, of which some have a near-duplicate, and so of fifty validation images."""
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
            "validation_in_train": None if chosen is None else {"images": chosen, "of": 50, "highest_cosine": 0.9},
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
    assert " ".join(words.leakage(metrics_with(near, kept))) == told


@pytest.mark.parametrize(("chosen", "told"), [(0, "None of 50"), (1, "1 of 50"), (3, "3 of 50")])
def test_what_validation_shares_with_training_is_said_last(chosen, told):
    last = words.leakage(metrics_with(4, 96, chosen))[-1]
    verb = "have" if chosen == 3 else "has"
    assert last == f"{told} validation images, by which rounds and models are chosen, {verb} one in training."


def test_that_training_was_not_compared_is_said():
    metrics = metrics_with(1, 99)
    metrics["near_duplicates"]["compared_with"] = "validation"
    first, second, _ = words.leakage(metrics)
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


def coloured(image):
    """How many pixels are neither white, gray nor black: axes and letters are, marks are not."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    return int((np.ptp(pixels, axis=-1) > 40).sum())


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver on this machine")
@pytest.mark.parametrize("width", [390, 1400])
def test_a_browser_without_a_network_draws_every_chart(page, width, tmp_path):
    from selenium import webdriver
    from selenium.webdriver.common.by import By

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "hide-scrollbars"),
        *("disable-background-networking", "disable-component-update", "disable-sync", "disable-lcd-text"),
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
            shot = Image.open(io.BytesIO(picture.screenshot_as_png))
            drawn = np.asarray(shot.convert("L"))
            # Bars, lines and letters: neither white nor of one colour
            assert drawn.shape[0] > 60 and drawn.std() > 10
            assert 0.005 < (drawn < 200).mean() < 0.95
            if picture.tag_name == "svg":
                assert coloured(shot) > MARKS, picture.get_attribute("aria-label")
    finally:
        browser.quit()
