"""`make report` in a clone: a page that needs nothing else, in a browser too, and its comparison of two commits."""

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
from markdown_it import MarkdownIt

import report_results
from browsers import MARKS, coloured, failed_requests, grey, open_page
from commands import contents, results
from commands.comparison import changes
from commands.formatting import names
from commands.report import __main__ as program
from commands.report import charts
from runs import quick_python, run, run_forked
from transfer.common import io
from transfer.evaluation.tables import PREDICTION_COLUMNS
from transfer.interface.errors import UserError

pytestmark = pytest.mark.xdist_group("clone")
MARKDOWN = ("--format", "md")


def report(folder, *options):
    """Run the command; the status may be any."""
    return program_of(quick_python(), folder, *options)


def program_of(python, folder, *options):
    command = [python, "-m", "commands.report", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def page(clone):
    # As a user's computer runs it: other tests run the command in forks.
    done = program_of(sys.executable, clone, "--rev", "HEAD")
    assert done.returncode == 0, done.stderr
    return clone / "report/index.html"


def test_the_page_needs_nothing_else(page):
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size < 10e6
    assert "<script" not in text and "<link" not in text
    assert {source[:22] for source in re.findall(r'(?:src|href)="([^"#][^"]*)"', text)} == {"data:image/png;base64,"}
    # A browser does not fetch namespaces; nothing else has an address.
    addresses = set(re.findall(r'https?://[^"\s<]+', text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_the_page_has_the_figures_of_the_metrics(clone, page):
    text = page.read_text(encoding="utf-8")
    metrics = json.loads((clone / "metrics/evaluate.json").read_text())
    splits = pd.read_csv(clone / "plots/evaluate/splits.csv").set_index(["model", "split"])
    for model in ("train_tl", "finetune"):
        for row in (metrics[model], splits.loc[model, "validation"], *metrics[model]["classes"].values()):
            cell = f"{row['accuracy']:.1%} ({row['accuracy_low']:.1%} to {row['accuracy_high']:.1%})"
            assert f"<td>{cell}</td>" in text
        assert f"({metrics[model]['top2_accuracy_low']:.1%} to {metrics[model]['top2_accuracy_high']:.1%})" in text
        assert f"<td>{metrics[model]['mean_without_two_worst']:.1%}</td>" in text
    assert "Training accuracy (augmented, with dropout)" in text
    assert "the test images have no say" in text
    assert "One epoch in 4, from the first on, trains on the images themselves" in text
    assert f"the highest cosine of two features is {metrics['near_duplicates']['highest_cosine']:.3f}" in text
    assert 'alt="Pairs of a test image and the training or validation image nearest to it' in text
    assert "Compared on the" in text
    # Every chart has a name, and every picture a text alternative.
    assert text.count("<svg ") == text.count('<svg role="img" aria-label="') >= 11
    assert all(re.findall(r'<img src="[^"]*" alt="([^"]*)"', text))
    # A table for each chart, for all mistakes, for the images that only one model classifies correctly, and for the
    # doubtful labels.
    assert len(re.findall("<details>", text)) == text.count("<svg ") + 3
    rows = pd.read_csv(clone / "plots/predictions.csv").query("model == @metrics['selected'] and actual != predicted")
    for row in rows.to_dict("records"):
        cells = "".join(f"<td>{cell}</td>" for cell in (row["actual"], row["predicted"], f"{row['probability']:.4f}"))
        assert f'<tr><th scope="row">{row["path"]}</th>{cells}</tr>' in text


def test_the_page_leads_with_cross_validation_and_shows_what_it_says_of_the_data(clone, page):
    text = page.read_text(encoding="utf-8")
    metrics = json.loads((clone / "metrics/cross_validation.json").read_text())
    value = f"{metrics['accuracy']:.1%} ({metrics['accuracy_low']:.1%} to {metrics['accuracy_high']:.1%})"
    # The page compares with itself: the first sentence of the box, and the first of the rows about this run
    assert f"</h2>\n<p>The cross-validated accuracy of transfer learning is {value}, the same as in HEAD.</p>" in text
    assert f"<dt>Cross-validated accuracy</dt><dd>{value}. It estimates the accuracy on" in text
    places = [
        text.index(part)
        for part in ('id="accuracy"', f"Cross-validated accuracy of the recipe: {value}, by ", "One test split of ")
    ]
    assert places == sorted(places)
    gains = metrics["learning_curve"]
    low, high = (100 * gains[f"gain_{end}"] for end in ("low", "high"))
    section = text.split('id="more-images"')[1].split("</section>")[0]
    assert f"100 more images, of all classes alike, would give {low:.1f} to {high:.1f} points of accuracy." in section
    assert '<svg role="img" aria-label="Learning curve"' in section
    for name, of_class in metrics["classes"].items():
        low, high = (100 * gains["classes"][name][f"gain_{end}"] for end in ("low", "high"))
        cells = f"<td>{of_class['images']}</td><td>{low:.1f} to {high:.1f} points</td>"
        assert re.search(rf'<tr><th scope="row">{name}</th><td>[^<]*</td>{cells}</tr>', section)
    doubts = pd.read_csv(clone / "plots/label_issues.csv")
    labels = text.split('id="labels"')[1].split("</section>")[0]
    assert "<code>make review</code>" in labels
    assert re.findall(r'<tr><th scope="row">(.*?)</th>', labels) == doubts["path"].tolist()


def test_the_page_names_its_commit_and_warns_of_stale_results(clone, page):
    commit = run(clone, "git", "rev-parse", "--short", "HEAD").strip()
    text = page.read_text(encoding="utf-8")
    assert f"Commit {commit}.</p>" in text and "older than" not in text
    params = clone / "params.yaml"
    before = params.read_text(encoding="utf-8")
    try:
        params.write_text(before + "# a comment\n", encoding="utf-8")
        assert report(clone).returncode == 0
        text = page.read_text(encoding="utf-8")
        assert f"Commit {commit} with uncommitted changes.</p>" in text and "older than" not in text
        changed = yaml.safe_load(before)
        changed["train_tl"]["dropout"] = 0.7
        params.write_text(yaml.safe_dump(changed), encoding="utf-8")
        assert report(clone).returncode == 0
        assert "`dvc status` names train_tl, cross_validate. Run `dvc repro`" in page.read_text(encoding="utf-8")
    finally:
        run(clone, "git", "checkout", "--quiet", ".")
        assert report(clone, "--rev", "HEAD").returncode == 0


def test_two_different_commits_are_compared_on_the_common_test_images(clone, page):
    path = clone / "plots/predictions.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    tests = table["pixels"].nunique()
    classes = sorted(table["actual"].unique())
    try:
        # Six images are missing, all predictions of one class are wrong, and the last class has another name.
        table = table[~table["pixels"].isin(table["pixels"].unique()[:6])]
        table.loc[table["actual"] == classes[1], "predicted"] = classes[2]
        table = table.replace({column: {classes[-1]: "bottle"} for column in ("actual", "predicted")})
        table.to_csv(path, index=False, lineterminator="\n")
        metrics = clone / "metrics/evaluate.json"
        before = json.loads(metrics.read_text())
        selected_now = {"train_tl": "finetune", "finetune": "train_tl"}[before["selected"]]
        metrics.write_text(json.dumps(before | {"selected": selected_now}))
        run(clone, "git", "commit", "--all", "--quiet", "--message", "other predictions")
        done = report(clone, "--rev", "HEAD~1")
        assert done.returncode == 0, done.stderr
        text = page.read_text(encoding="utf-8")
    finally:
        run(clone, "git", "reset", "--hard", "--quiet", "HEAD~1")
        assert report(clone, "--rev", "HEAD").returncode == 0
    relabelled = (pd.read_csv(path)["actual"] == classes[-1]).sum() // 2
    common = f"Compared on the {tests - 6 - relabelled} test images that both revisions have "
    assert f"{common}(6 removed, 0 added, {relabelled} left out because their class changed)" in text
    assert "The class bottle is only in the workspace and cannot be compared." in text
    assert f"The class {classes[-1]} is only in HEAD~1 and cannot be compared." in text
    assert "Revision HEAD~1 is better than the workspace: of " in text
    # Each model is compared, and the two selected models.
    names = {"train_tl": "transfer learning", "finetune": "fine-tuned"}
    assert f"<h3>selected model ({names[before['selected']]} before, {names[selected_now]} now)</h3>" in text
    assert text.count("macro F1</th>") == 3
    assert "about one in twenty rows without a real change says yes by chance" in text
    # All predictions are wrong now, which is more than chance.
    row = re.search(rf'<th scope="row">{classes[1]}</th><td>\d+</td><td>[\d.]+%</td><td>0\.0%</td>(.*)</tr>', text)
    assert row and row[1].endswith("<td>yes</td>")


def test_added_plots_are_at_the_end_and_a_missing_plot_is_an_error(clone, page):
    definition = clone / "dvc.yaml"
    before = definition.read_text(encoding="utf-8")
    try:
        pipeline = yaml.safe_load(before)
        pipeline["plots"] += [
            {"Of our own": {"x": "low", "y": {"plots/evaluate/calibration.csv": "images"}}},
            "plots/images/own.png",
        ]
        definition.write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
        shutil.copy(clone / "plots/images/confusion.png", clone / "plots/images/own.png")
        done = report(clone)
        assert done.returncode == 0, done.stderr
        added = page.read_text(encoding="utf-8").split('<h2 id="more">')[1]
        assert added.count("<svg ") == 1
        assert 'aria-label="Of our own"' in added and 'alt="plots/images/own.png"' in added

        pipeline["plots"] = [plot for plot in pipeline["plots"] if "Calibration" not in plot]
        definition.write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
        done = report(clone)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (
            1,
            "The plot Calibration is missing: restore it in dvc.yaml, or run `dvc repro` to make its file.",
        )
    finally:
        (clone / "plots/images/own.png").unlink(missing_ok=True)
        run(clone, "git", "checkout", "--quiet", ".")
        assert report(clone, "--rev", "HEAD").returncode == 0


def test_a_fresh_clone_has_a_page_without_learning_curves(clone, tmp_path):
    run(tmp_path, "git", "clone", "--quiet", str(clone), "fresh")
    fresh = tmp_path / "fresh"
    done = report(fresh, "--rev", "HEAD~1")
    assert (done.returncode, done.stderr) == (0, "")
    text = (fresh / "report/index.html").read_text(encoding="utf-8")
    curves = text.split('<h2 id="curves">')[1].split("</section>")[0]
    assert "run <code>dvc pull plots/train_tl plots/finetune</code>, or <code>dvc repro</code>, and make" in curves
    assert "<svg " not in curves and "One epoch in" not in curves
    assert 'aria-label="Calibration"' in text


def test_a_confusion_chart_shows_every_count(clone, page):
    text = page.read_text(encoding="utf-8")
    counts = pd.read_csv(clone / "plots/confusion/finetune.csv").value_counts()
    chart = text.split('<svg role="img" aria-label="Confusion, fine-tuned"')[1].split("</svg>")[0]
    shown = [int(number) for number in re.findall(r"<text[^>]*>(\d+)</text>", chart)]
    classes = pd.read_csv(clone / "plots/confusion/finetune.csv")["actual"].nunique()
    # HEAD and the workspace are side by side.
    assert len(shown) == 2 * classes**2
    assert sorted(filter(None, shown)) == sorted([*counts, *counts])


def test_a_revision_that_cannot_be_compared_is_an_error(clone):
    before = (clone / "report/index.html").read_bytes() if (clone / "report/index.html").exists() else None
    done = report(clone, "--rev", "nope")
    assert done.returncode == 1
    assert done.stderr == (
        "nope is not a revision of this repository: give a commit, a branch or a tag, such as HEAD~1.\n"
    )
    nothing = run(clone, "git", "hash-object", "-t", "tree", "/dev/null").strip()
    empty = run(clone, "git", "commit-tree", nothing, "-m", "a commit without files").strip()
    done = report(clone, "--rev", empty)
    assert done.returncode == 1 and "has no plots/predictions.csv: choose a commit" in done.stderr
    if before is not None:
        assert (clone / "report/index.html").read_bytes() == before


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A repository with results of more classes than a chart can show, and a comparison in both formats."""
    folder = report_results.make_repository(tmp_path_factory.mktemp("many") / "project")
    classes = report_results.class_names(charts.MOST_CLASSES + 10)
    report_results.write_results(folder, classes, (0.5, 0.6), epochs=1)
    run(folder, "git", "commit", "--all", "--quiet", "--message", "before | <b>@all</b>")
    report_results.write_results(folder, classes, (0.5, 0.9), epochs=1, seed=1)
    run(folder, "git", "commit", "--all", "--quiet", "--message", "now")
    outputs = [run_forked(folder, "-P", "-m", "commands.report", "--rev", "HEAD~1", *more) for more in ((), MARKDOWN)]
    assert [(done.returncode, done.stderr) for done in outputs] == [(0, "")] * 2
    return folder


def test_with_many_classes_tables_replace_the_charts(many):
    text = (many / "report/index.html").read_text(encoding="utf-8")
    assert not [name for name in charts.OF_CLASSES if f'aria-label="{name}"' in text]
    assert 'aria-label="Calibration"' in text
    for caption in ("Classes that are confused, fine-tuned", "Images of each class", "The 10 classes with the lowest"):
        assert caption in text
    # Each class is in the table of scores, escaped and isolated; long tables are folded.
    scores = text.split("<details><summary>Accuracy of each class, that is")[1].split("</details>")[0]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>', scores)
    assert rows == [str(names.html_cell(name)) for name in report_results.class_names(charts.MOST_CLASSES + 10)]
    assert "<script" not in text and "<b>bold" not in text


def test_the_verdict_comes_first_in_both_formats(many):
    table = io.read_csv(many / "plots/predictions.csv", ("pixels",)).query("model == 'finetune'")
    right = int((table["actual"] == table["predicted"]).sum())
    page = (many / "report/index.html").read_text(encoding="utf-8")
    text = (many / "report/report.md").read_text(encoding="utf-8")
    assert '<section class="box better" aria-labelledby="verdict">\n<h2 id="verdict">Better than HEAD~1</h2>' in page
    # Before it comes only that these results are not those of dvc.lock.
    warning, verdict = text.split("\n\n## ", 1)
    assert warning.count("\n") == 1 and re.search(r"names (\S+, )*evaluate", warning)
    assert verdict.startswith("Better than HEAD\\~1\n")
    sentence = f"On the same {len(table)} test images, the selected model (fine-tuned) is right on {right}; before, on "
    for content in (page, text):
        assert content.index("Better than HEAD") < content.index(sentence) < content.index("This run")
        assert "Fine-tuning beats transfer learning by more than chance" in content
        # No parameter, no data and no code explain it.
        assert content.index("the results differ because of the processor") < content.index("This run")


def test_markdown_is_a_comment_that_a_host_accepts(many):
    text = (many / "report/report.md").read_text(encoding="utf-8")
    # The limit of GitHub.
    assert len(text) < 65_536
    assert "<img" not in text and "<svg" not in text and "](" not in text
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    html = {token.content.split(">")[0] + ">" for token in tokens if token.type == "html_block"}
    assert html <= {"<details>", "</details>"}
    # A row of each class that moved, at most 20, the most significant first.
    moved = text.split("**fine-tuned.**")[1].split("\n\n")[1].splitlines()
    assert len(moved) == 2 + 20 and moved[2].startswith("| all | ") and moved[3].startswith("| macro F1 | ")
    p_values = [float(row.split(" | ")[7].removeprefix("< ")) for row in moved[4:]]
    assert p_values == sorted(p_values)


def test_a_run_of_one_epoch_has_a_table_instead_of_a_curve(many):
    text = (many / "report/index.html").read_text(encoding="utf-8")
    assert text.count(", of one epoch</caption>") == len(charts.CHARTS["curves"])
    assert not [name for name in charts.CHARTS["curves"] if f'aria-label="{name}"' in text]


def test_a_class_without_test_images_has_dashes_for_figures(many, monkeypatch):
    monkeypatch.chdir(many)
    path = many / "plots/per_class.csv"
    table = path.read_text(encoding="utf-8")
    try:
        path.write_text(re.sub("^(.*),class 000,.*$", r"\1,class 000,0,0,,,,,", table, flags=re.M), encoding="utf-8")
        weakest, scores = contents.collect(None)["class_tables"]
    finally:
        path.write_text(table, encoding="utf-8")
    assert ["class 000", "0", *"––––––"] in scores.rows
    assert "class 000" not in [row[0] for row in weakest.rows]


def test_a_revision_of_another_layout_is_compared(many, monkeypatch):
    """An earlier commit may lack the folder plots/evaluate/, and its metrics may have other keys."""
    monkeypatch.chdir(many)
    metrics = results.load_metrics()
    try:
        for table in Path("plots/evaluate").glob("*.csv"):
            run(many, "git", "mv", str(table), f"plots/{table.name}")
        Path("metrics/evaluate.json").write_text('{"accuracy": 1}')
        run(many, "git", "commit", "--all", "--quiet", "--message", "another layout")
        run(many, "git", "checkout", "--quiet", "HEAD~1", "--", ".")
        compared = changes.since("HEAD", metrics, results.load_cross_validation())
        assert compared.verdict.kind == "equal"
        assert "(HEAD does not say which one it selected)" in compared.verdict.sentences[1]
        done = run_forked(many, "-P", "-m", "commands.report", "--rev", "HEAD", *MARKDOWN)
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        run(many, "git", "reset", "--hard", "--quiet", "HEAD~1")


def test_a_revision_with_other_classes_is_named_in_the_verdict(many, monkeypatch):
    monkeypatch.chdir(many)
    metrics = results.load_metrics()
    path = Path("plots/predictions.csv")
    table = io.read_csv(path, PREDICTION_COLUMNS)
    try:
        io.write_csv(path, table.assign(actual="new " + table["actual"]))
        compared = changes.since("HEAD", metrics, results.load_cross_validation())
    finally:
        io.write_csv(path, table)
    assert (compared.verdict.kind, compared.verdict.title) == ("unknown", "Cannot be compared with HEAD")
    assert "no test image with the same pixels and class" in compared.verdict.sentences[1]
    # One sentence for the classes of each commit, whatever their number.
    assert [sentence.split(" ")[1] for sentence in compared.left_out] == ["classes", "classes"]
    assert all(f"and {charts.MOST_CLASSES + 5} more are only in" in sentence for sentence in compared.left_out)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("plots/predictions.csv", r"^plots/predictions\.csv is missing: run `dvc repro` to make it\.$"),
        ("metrics/evaluate.json", r"^metrics/evaluate\.json is missing: run `dvc repro` to make it\.$"),
        ("metrics/cross_validation.json", r"^metrics/cross_validation\.json is missing: run `dvc repro` to make it\.$"),
        ("plots/label_issues.csv", r"^plots/label_issues\.csv is missing: run `dvc repro` to make it\.$"),
    ],
)
def test_a_missing_result_is_an_error(many, monkeypatch, path, message):
    monkeypatch.chdir(many)
    content = Path(path).read_bytes()
    try:
        Path(path).unlink()
        with pytest.raises(UserError, match=message):
            program.collect(None, many)
    finally:
        Path(path).write_bytes(content)


def test_an_unknown_format_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["report", "--format", "pdf"])
    with pytest.raises(UserError, match=r"^pdf is not a format of the report: choose html or md\.$"):
        program.main()


@pytest.mark.parametrize("width", [390, 1400])
def test_a_browser_without_a_network_shows_every_chart(page, browser, width):
    open_page(browser, page, width)
    assert browser.get_log("browser") == []
    requests, failed = failed_requests(browser)
    assert requests and all(url.startswith(("file:", "data:")) for url in requests) and failed == []
    # The page never scrolls sideways: wider content scrolls in its own frame.
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    charts = browser.find_elements("tag name", "svg")
    assert len(charts) >= 11
    for picture in (*charts, *browser.find_elements("tag name", "img")):
        shot, drawn = grey(picture)
        # Bars, lines and letters: the picture is neither white nor of a single colour.
        assert drawn.shape[0] > 60 and drawn.std() > 10
        assert 0.005 < (drawn < 200).mean() < 0.95
        if picture.tag_name == "svg":
            assert coloured(shot) > MARKS, picture.get_attribute("aria-label")


def test_a_dark_page_has_dark_charts_with_light_letters(page, browser):
    open_page(browser, page, 1400, scheme="dark")
    back = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    level = int(re.match(r"rgb\((\d+), \1, \1\)", back)[1])
    assert level < 40
    charts = browser.find_elements("tag name", "svg")
    assert len(charts) >= 11
    for picture in charts:
        _, drawn = grey(picture)
        # The background is that of the page, to the eye, and the letters are light.
        assert abs(int(np.median(drawn[:5])) - level) <= 2 and drawn.max() > 200, picture.get_attribute("aria-label")
    text = browser.execute_script("return getComputedStyle(document.body).color")
    assert int(re.findall(r"\d+", text)[0]) > 200


def test_a_printed_page_has_its_folded_parts(many, browser):
    shown = "return [...document.querySelectorAll('details table')].map(table => table.checkVisibility())"
    path = many / "report/index.html"
    open_page(browser, path, 1400)
    folded = browser.execute_script(shown)
    assert len(folded) > 5 and not any(folded)
    open_page(browser, path, 700, media="print", scheme="dark")
    assert all(browser.execute_script(shown))
    # On paper, nothing can be scrolled to, and the colours are the light ones.
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 700
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_on_a_phone_a_page_with_many_classes_does_not_scroll_sideways(many, browser):
    open_page(browser, many / "report/index.html", 390)
    browser.execute_script("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    # The verdict and what changed are on the first screen.
    changed = browser.find_element("xpath", "//h3[text()='What changed' or starts-with(text(), 'Nothing changed')]")
    assert changed.rect["y"] + changed.rect["height"] < 844
