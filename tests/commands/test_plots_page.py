"""`dvc plots` without a network, in a browser, and what DVC prints about metrics in a terminal."""

import json
import re

import numpy as np
import pytest

from browsers import MARKS, coloured, failed_requests, grey, open_page
from commands import plots_page
from runs import dvc, run

pytestmark = pytest.mark.xdist_group("clone")


@pytest.fixture(scope="module")
def offline(clone):
    """The clone, after the part of `make install` that concerns plots."""
    run(clone, "python", "-m", "commands.plots_page")
    return clone


@pytest.mark.parametrize("words", [("show",), ("diff", "HEAD~1", "HEAD")], ids=" ".join)
def test_every_chart_is_drawn_without_a_network(offline, browser, words, tmp_path):
    dvc(offline, "plots", *words, "--out", str(tmp_path))
    open_page(browser, tmp_path / "index.html", 1400)
    requests, failed = failed_requests(browser)
    assert all(url.startswith(("file:", "data:", "blob:")) for url in requests) and failed == []
    charts = browser.find_elements("css selector", ".vega-embed canvas, .vega-embed svg.marks")
    assert len(charts) == len(re.findall(r"^  - [^:]+:$", (offline / "dvc.yaml").read_text(), re.MULTILINE)) == 11
    for chart in charts:
        shot, drawn = grey(chart)
        assert drawn.std() > 5 and coloured(shot) > MARKS
    pictures = browser.find_elements("tag name", "img")
    assert len(pictures) == 8 * (2 if words[0] == "diff" else 1)
    for picture in pictures:
        assert np.ptp(grey(picture)[1]) > 100


def test_without_the_page_dvc_uses_its_own(clone, tmp_path):
    settings, page = clone / ".dvc/config.local", clone / ".dvc/plots_page.html"
    saved = settings.read_text() if settings.exists() else ""
    page.unlink(missing_ok=True)
    settings.write_text("")
    try:
        dvc(clone, "plots", "show", "--out", str(tmp_path))
        assert "https://cdn" in (tmp_path / "index.html").read_text()
        # The next `make install` brings both back, and one more changes nothing.
        run(clone, "python", "-m", "commands.plots_page")
        written = page.stat().st_mtime_ns
        assert plots_page.NAME in settings.read_text()
        run(clone, "python", "-m", "commands.plots_page")
        assert page.stat().st_mtime_ns == written
        assert run(clone, "git", "status", "--porcelain") == ""
    finally:
        settings.write_text(saved or settings.read_text())


FIRST = ["cross_validation", "train_tl.test", "train_tl.validation", "finetune.test", "finetune.validation"]


def test_the_metrics_of_dvc_are_few_and_narrow(clone):
    summary = json.loads((clone / "metrics/summary.json").read_text())
    evaluate, train_tl, finetune, cross_validation = (
        json.loads((clone / f"metrics/{name}.json").read_text())
        for name in ("evaluate", "train_tl", "finetune", "cross_validation")
    )
    assert summary == {
        "cross_validation": cross_validation["accuracy"],
        "train_tl": {"test": evaluate["train_tl"]["accuracy"], "validation": train_tl["validation"]["accuracy"]},
        "finetune": {
            "test": evaluate["finetune"]["accuracy"],
            "validation": finetune["kept"]["validation"]["accuracy"],
        },
        "macro_f1": evaluate[evaluate["selected"]]["macro_f1"],
        "p": evaluate["comparison"]["p_value"],
    }
    assert list(summary) == ["cross_validation", "train_tl", "finetune", "macro_f1", "p"]
    shown = dvc(clone, "metrics", "show")
    assert len(shown.splitlines()) == 2 and max(map(len, shown.splitlines())) < 140
    assert all(name in shown for name in FIRST)
    # Experiments are listed side by side: name and time come first, then these, then all else.
    header = dvc(clone, "exp", "show", "--csv").splitlines()[0].split(",")
    place = header.index(FIRST[0])
    assert header[place : place + 7] == [*FIRST, "macro_f1", "p"]
    assert sum(len(name) + 3 for name in ("Experiment", "Created ", *FIRST)) < 120


@pytest.mark.parametrize("options", [[], ["--md"]])
def test_a_difference_of_metrics_fits_a_pull_request(clone, options):
    path = clone / "metrics/summary.json"
    committed = path.read_text()
    try:
        path.write_text(committed.replace('"test": 0.', '"test": 0.1'))
        shown = dvc(clone, "metrics", "diff", *options)
        of_classes = dvc(clone, "metrics", "diff", *options, "--all", "--targets", "metrics/evaluate.json")
    finally:
        path.write_text(committed)
    assert "train_tl.test" in shown and "finetune.test" in shown
    assert max(map(len, shown.splitlines())) < 140 and "-0.000" not in shown
    # What `dvc exp show` does not list can still be compared.
    assert "finetune.classes.glass.accuracy" in of_classes
