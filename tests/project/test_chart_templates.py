"""The templates of charts, drawn as `dvc plots show`, `dvc plots diff` and the report draw them."""

import re
import time
from collections import Counter
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest
import vl_convert
import yaml
from dvc_render.vega import VegaRenderer

from runs import ROOT
from transfer.plotting import confusion_matrix

PLOTS = {
    name: options
    for plot in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]
    if isinstance(plot, dict)
    for name, options in plot.items()
}
MODELS = ("train_tl", "finetune")
SIX = ["cardboard", "glass", "metal", "paper", "plastic", "trash"]
WORDS = ["Plantae", "Magnoliopsida", "Asterales", "northern", "lesser", "blue-winged", "warbler", "sparrow"]
# Names of 20 to 60 letters that differ at their beginnings
MANY = [
    f"{number:03}.{WORDS[number % 8]}_{WORDS[number // 8 % 8]}_{WORDS[-number % 7]}_{WORDS[number % 5]}"
    for number in range(200)
]
WORLD = ["玻璃", "かみ", "종이", "แก้ว", "कांच", "زجاج", "🍾 bottle"]
REVISIONS = {"show": ("workspace",), "diff": ("workspace", "HEAD~1")}


@cache
def predictions(names):
    """Made-up classes and predictions (images,), five images of each class."""
    random = np.random.default_rng(1)
    actual = np.repeat(np.arange(len(names)), 5)
    return actual, np.where(random.random(len(actual)) < 0.7, actual, random.integers(0, len(names), len(actual)))


def rows_of(name, names):
    """Rows of the file of a chart, as text, as DVC reads them."""
    template = PLOTS[name]["template"]
    if template == "confusion_counts":
        return [
            {"actual": names[one], "predicted": names[other]} for one, other in zip(*predictions(names), strict=True)
        ]
    if template == "per_class":
        # Every tenth class has no right prediction; its interval begins at what rounding may leave of zero.
        return [
            {
                "model": model,
                "class": label,
                "accuracy": str(place % 10 / 10),
                "accuracy_low": "-0.000001",
                "accuracy_high": "0.9",
            }
            for model in MODELS
            for place, label in enumerate(names)
        ]
    if template == "dataset":
        return [
            {"split": split, "class": label, "images": str(100 + place)}
            for split in ("train", "validation", "test")
            for place, label in enumerate(names)
        ]
    if template == "splits":
        return [
            {
                "model": model,
                "split": split,
                "images": "50",
                "accuracy": "0.0",
                "accuracy_low": "-0.000001",
                "accuracy_high": "1",
            }
            for model in MODELS
            for split in ("train", "validation", "test")
        ]
    if template == "learning_curve":
        return [
            {
                "class": label,
                "share": str(share),
                "images": str(1000 * share),
                "accuracy": "0.0",
                "accuracy_low": "-0.000001",
                "accuracy_high": "0.9",
                "fitted": "0.5",
            }
            for label in ("", *names)
            for share in (0.125, 0.25, 0.5, 1.0)
        ]
    if template == "calibration":
        return [{"model": model, "images": "50", "probability": "0.9", "accuracy": "0.8"} for model in MODELS]
    # A perfect training: the loss may be a negative zero.
    return [{"step": str(step), name.split(", ")[1]: "-0.0"} for step in range(3)]


def spec_of(name, names, revisions):
    """The specification that DVC makes of a chart."""
    options = PLOTS[name]
    points, definitions = [], []
    for file, field in options["y"].items():
        definitions.append({"filename": file, "field": field})
        points += [
            row | {"rev": revision, "filename": file.removeprefix("plots/train_tl/"), "field": field}
            for revision in revisions
            for row in rows_of(name, tuple(names))
        ]
    properties = {key: value for key, value in options.items() if key != "y"}
    properties |= {"y": field, "anchors_y_definitions": definitions, "revs_with_datapoints": list(revisions)}
    return VegaRenderer(points, name, template_dir=str(ROOT / ".dvc/plots"), **properties).get_filled_template()


@cache
def drawn(name, names, revisions):
    """A chart as an SVG."""
    return vl_convert.vegalite_to_svg(spec_of(name, names, revisions))


def texts(svg):
    """The texts of an SVG with their places, in the order in which they are drawn: (text, x, y)."""

    def walk(element, left, top):
        moved = re.search(r"translate\(([-\d.]+),([-\d.]+)\)", element.get("transform", ""))
        if moved:
            left, top = left + float(moved[1]), top + float(moved[2])
        if element.tag.endswith("}text"):
            yield "".join(element.itertext()), left, top
        for child in element:
            yield from walk(child, left, top)

    return list(walk(ElementTree.fromstring(svg), 0.0, 0.0))  # noqa: S314


def words(svg):
    return [text for text, _, _ in texts(svg)]


def test_every_template_is_used():
    assert {path.stem for path in (ROOT / ".dvc/plots").glob("*.json")} == {plot["template"] for plot in PLOTS.values()}


@pytest.mark.parametrize("revisions", REVISIONS.values(), ids=REVISIONS)
@pytest.mark.parametrize("names", [SIX, MANY, WORLD], ids=["6", "200", "world"])
@pytest.mark.parametrize("name", PLOTS)
def test_a_chart_is_small_and_speaks_to_people(name, names, revisions):
    start = time.monotonic()
    svg = drawn(name, tuple(names), revisions)
    assert time.monotonic() - start < 20  # alone, it takes less than one second
    assert len(svg) < 300_000
    width, height = (float(re.search(f' {side}="([\\d.]+)', svg)[1]) for side in ("width", "height"))
    assert width < 2700 and height < 1500
    shown = words(svg)
    assert not {"rev", "filename", "field", "train_tl", "finetune", "undefined", "null", "NaN"} & set(shown)
    assert not [text for text in shown if re.search(r"[-−]0(\.0*)?(%|$)", text)]
    assert PLOTS[name]["title"] in " ".join(shown)


@pytest.mark.parametrize("template", ["confusion_counts", "per_class", "dataset"])
def test_many_classes_are_summed_up_and_the_chart_says_so(template):
    name = next(name for name, plot in PLOTS.items() if plot["template"] == template)
    shown = words(drawn(name, tuple(MANY), ("workspace",)))
    assert sum(text.startswith("180 others") for text in shown) == (2 if template == "confusion_counts" else 1)
    assert [text for text in shown if "20 of 200 classes" in text]
    assert not [text for text in words(drawn(name, tuple(SIX), ("workspace",))) if "others" in text or " of 6" in text]


def test_the_confusion_chart_shows_the_classes_of_the_picture_and_all_images():
    actual, predicted = predictions(tuple(MANY))
    counts = np.zeros((200, 200), int)
    np.add.at(counts, (actual, predicted), 1)
    shown = words(drawn("Confusion, fine-tuned", tuple(MANY), ("workspace",)))
    numbers = {int(text[:3]) for text in shown if re.match(r"\d{3}\.", text)}
    assert numbers == set(confusion_matrix.most_mistaken(counts))
    assert sum(int(text) for text in shown if text.isdigit()) == 1000


def test_up_to_thirty_classes_are_shown_by_name():
    thirty, more = tuple(MANY[:30]), tuple(MANY[:31])
    for name in ("Confusion, fine-tuned", "Accuracy of each class", "Dataset"):
        shown = words(drawn(name, thirty, ("workspace",)))
        assert len({text for text in shown if re.match(r"\d{3}\.", text)}) == 30
        assert [text for text in words(drawn(name, more, ("workspace",))) if text.startswith("11 others")]


def test_the_chart_of_classes_shows_those_with_the_lowest_accuracy_and_the_mean_of_the_others():
    spec = spec_of("Accuracy of each class", MANY, ("workspace",))
    spec["spec"]["layer"] = [{"mark": "text", "encoding": {"text": {"field": "value", "format": ".4f"}}}]
    shown = words(vl_convert.vegalite_to_svg(spec))
    # Of accuracies 0, 0.1, … 0.9, twenty classes each, those with 0 are shown; the mean of the others is 0.5.
    values = Counter(text for text in shown if re.fullmatch(r"0\.\d{4}", text))
    assert values == {"0.0000": 40, "0.5000": 2}


@pytest.mark.parametrize("name", ["Confusion, fine-tuned", "Accuracy of each class", "Dataset"])
def test_long_names_are_shortened_in_the_middle(name):
    names = [f"{letter}{'x' * 50}{letter}" for letter in "abc"] + ["🍾" * 40]
    shown = set(words(drawn(name, tuple(names), ("workspace",))))
    assert {f"{letter}{'x' * 15}…{'x' * 12}{letter}" for letter in "abc"} < shown
    assert "🍾" * 16 + "…" + "🍾" * 13 in shown


@pytest.mark.parametrize("name", ["Confusion, fine-tuned", "Confusion, transfer learning"])
def test_in_a_comparison_the_older_matrix_stands_before_that_of_the_workspace(name):
    for revisions in (("workspace", "HEAD~1"), ("HEAD~1", "workspace")):
        places = {text: x for text, x, _ in texts(drawn(name, tuple(SIX), revisions))}
        assert places["HEAD~1"] < places["workspace"]


@pytest.mark.parametrize("name", [name for name, plot in PLOTS.items() if plot["template"] != "confusion_counts"])
def test_in_a_comparison_the_older_legend_stands_above_that_of_the_workspace(name):
    heights = {text: y for text, _, y in texts(drawn(name, tuple(SIX), ("workspace", "HEAD~1")))}
    assert heights["HEAD~1"] < heights["workspace"]


@pytest.mark.parametrize("name", ["Accuracy of each class", "Dataset", "Training, validation and test"])
def test_in_a_comparison_the_older_bars_stand_above_those_of_the_workspace(name):
    svg = drawn(name, ("a", "b"), ("workspace", "HEAD~1"))
    # The colour of a revision is that of DVC's own charts: the first for the workspace. A bar begins at its top,
    # and a symbol of the legend above zero.
    bars = re.findall(r'd="M[-\d.]+,([\d.]+)h[^"]*"[^>]*fill="(#945dd6|#13adc7)"', svg)
    older, workspace = (sorted({float(top) for top, colour in bars if colour == of}) for of in ("#13adc7", "#945dd6"))
    assert len(older) == len(workspace) == (3 if name == "Training, validation and test" else 2)
    order = sorted((top, place) for place, tops in enumerate((older, workspace)) for top in tops)
    assert [place for _, place in order] == [0, 1] * len(older)


def test_two_commits_stand_in_the_order_of_the_command():
    places = {text: x for text, x, _ in texts(drawn("Confusion, fine-tuned", tuple(SIX), ("v1", "v2")))}
    assert places["v1"] < places["v2"]


def test_the_curve_of_training_is_solid_and_that_of_validation_is_dashed():
    svg = drawn("Fine-tuning, loss", tuple(SIX), ("workspace",))
    assert {"training", "validation"} < set(words(svg))
    curves = re.findall(r'<path [^>]*stroke="#945dd6"[^>]*stroke-width="2"[^>]*>', svg)
    dashes = sorted(re.search(r'stroke-dasharray="([^"]*)"', curve)[1] for curve in curves)
    assert dashes == ["1,0", "6,4"]


def test_between_the_epochs_of_a_short_training_no_number_is_repeated():
    # Three epochs, which DVC counts from 0: ticks between them have no label.
    labels = words(drawn("Fine-tuning, loss", tuple(SIX), ("workspace",)))
    assert [labels.count(number) for number in ("1", "2")] == [1, 1]


@pytest.mark.parametrize("name", ["Accuracy of each class", "Training, validation and test"])
def test_an_interval_that_rounding_left_below_zero_begins_at_zero(name):
    spec = spec_of(name, SIX, ("workspace",))
    spec["spec"]["layer"] = [{"mark": "text", "encoding": {"text": {"field": "low"}}}]
    shown = words(vl_convert.vegalite_to_svg(spec))
    assert shown.count("0") == (6 if name == "Training, validation and test" else 12)
