"""The verdict, with which the report begins: which model is selected, and whether a change is more than chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scipy.stats import binomtest

from commands.comparison import cross_validation
from commands.comparison.predictions import Change
from commands.formatting.names import inline
from commands.formatting.sentences import percent_with_interval
from commands.summary import MODELS, points_wide, recipe_notes
from transfer.evaluation.intervals import CONFIDENCE
from transfer.evaluation.significance import SIGNIFICANCE_LEVEL, PairedComparison, format_p_value

BETTER, WORSE, EQUAL, UNKNOWN, SELECTED = "better", "worse", "equal", "unknown", "selected"
# The numbers of images in `comparison` of metrics/evaluate.json, in the order of `PairedComparison`.
COUNTS = ("both_right", "only_train_tl_right", "only_finetune_right", "neither_right")
# What the two models are called where one beats the other.
TRAININGS = {"train_tl": "transfer learning", "finetune": "fine-tuning"}


@dataclass(frozen=True)
class Verdict:
    """The first lines of the report.

    Attributes:
        kind: one of the constants above, for the colour of the box.
        title: the verdict in a few words.
        sentences: the figures behind it.
        facts: rows of a name and a sentence.
        predictions_changed: whether any prediction of the common images is another one.
    """

    kind: str
    title: str
    sentences: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    predictions_changed: bool = False


def of_run(metrics: Mapping[str, Any], cross_validated: Mapping[str, Any]) -> Verdict:
    """The verdict on one run: its recipe, the selected model on the test split, and whether fine-tuning helped.

    Args:
        metrics: those of `evaluate`.
        cross_validated: those of `cross_validate`.
    """
    selected = metrics["selected"]
    of_test, counts = metrics[selected], {name: metrics["comparison"][name] for name in COUNTS}
    return Verdict(
        SELECTED,
        f"Cross-validated accuracy {percent_with_interval(cross_validated)}",
        [
            " ".join(recipe_notes(cross_validated)),
            f"The selected model ({MODELS[selected]}) is right on "
            f"{counts['both_right'] + counts[f'only_{selected}_right']} of the {sum(counts.values())} images of one "
            f"test split: {percent_with_interval(of_test)}, a 95 % interval {points_wide(of_test)}.",
            between_models(metrics),
        ],
    )


def since(revision: str, metrics: Mapping[str, Any], change: Change, selected: tuple[str | None, str]) -> Verdict:
    """The verdict on the selected model, compared with that of a revision.

    Args:
        metrics: those of `evaluate` of the workspace.
        selected: the model of the revision, None if it does not name it, and that of the workspace.
    """
    compared = change.overall
    name = inline(revision)
    before, now = (compared.both + compared.only_first, compared.both + compared.only_second)
    which = f"the selected model ({MODELS[selected[1]]}"
    if selected[0] is None:
        which = f"the {MODELS[selected[1]]} model ({name} does not say which one it selected"
    elif selected[0] != selected[1]:
        which += f", in {name} {MODELS[selected[0]]}"
    kind, title = EQUAL, f"Cannot be told apart from {name}"
    if not change.different:
        title = f"The same predictions as {name}"
    elif compared.p_value < SIGNIFICANCE_LEVEL:
        kind, title = (BETTER, f"Better than {name}") if compared.difference > 0 else (WORSE, f"Worse than {name}")
    counts = f"{_are(compared.only_second)} right only now, {compared.only_first} only before"
    if not compared.only_first + compared.only_second:
        counts = "The images that are right are the same" if change.different else "All predictions are the same"
    sentences = [f"On {change.describe_images()}, {which}) is right on {now}; before, on {before}. {counts}."]
    if compared.only_first + compared.only_second:
        sentences.append(f"{change_in_words(compared)}.")
        if kind == EQUAL:
            sentences.append("That may be chance; a true difference within the interval cannot be excluded either.")
    return Verdict(kind, title, sentences, facts(metrics), change.different > 0)


def impossible(revision: str, metrics: Mapping[str, Any], reason: str) -> Verdict:
    """The verdict where nothing can be compared.

    Args:
        reason: a sentence.
    """
    return Verdict(UNKNOWN, f"Cannot be compared with {inline(revision)}", [reason], facts(metrics))


def with_cross_validation(
    revision: str,
    before: Mapping[str, float] | None,
    now: Mapping[str, Any],
    compared: cross_validation.Difference | None,
    of_test: Verdict,
) -> Verdict:
    """The verdict by cross-validation, which uses every image; the verdict on the test split comes below it.

    If the revision has no cross-validation, or if both are the same, the verdict remains that on the test split:
    a change that cross-validation does not see, such as one of fine-tuning, may still change the test accuracy. The
    cross-validated accuracy is then its first sentence.

    Args:
        before: the cross-validated accuracy of the revision with its interval; None if there is none.
        now: the metrics of `cross_validate` of the workspace.
        compared: their difference on the images that both have; None if it is unknown.
        of_test: the verdict on the test split.
    """
    name = inline(revision)
    value = percent_with_interval(now)
    same = before == {key: now[key] for key in cross_validation.KEYS}
    remark = f"; {name} has none" if before is None else f", the same as in {name}" if same else ""
    sentence = f"The cross-validated accuracy of transfer learning is {value}"
    estimate = ("Cross-validated accuracy", " ".join([f"{value}.", *recipe_notes(now)]))
    of_test = replace(of_test, facts=[estimate, *of_test.facts])
    if before is None or same or compared is None:
        return replace(of_test, sentences=[f"{sentence}{remark}.", *of_test.sentences])
    kind, title = EQUAL, f"Cannot be told apart from {name} by cross-validation"
    if compared.p_value < SIGNIFICANCE_LEVEL:
        kind = BETTER if compared.difference > 0 else WORSE
        title = f"{kind.capitalize()} than {name} by cross-validation"
    sentences = [
        f"{sentence}; before, {percent_with_interval(before)}. "
        f"On the {compared.images} training and validation images that both revisions have: "
        f"{lowered(points(compared.difference, (compared.low, compared.high)))}; corrected resampled t-test p "
        f"{format_p_value(compared.p_value)}.",
        f"Test split: {lowered(of_test.title)}.",
    ]
    return replace(of_test, kind=kind, title=title, sentences=sentences + of_test.sentences)


def lowered(text: str) -> str:
    """A text that begins with a small letter."""
    return text[:1].lower() + text[1:]


def facts(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What `of_run` says, as rows below another verdict."""
    selected = metrics["selected"]
    return [
        (
            "Selected now",
            f"{MODELS[selected]}, {percent_with_interval(metrics[selected])} on one test split of "
            f"{sum(metrics['comparison'][name] for name in COUNTS)} images",
        ),
        ("Fine-tuning", between_models(metrics)),
    ]


def between_models(metrics: Mapping[str, Any]) -> str:
    """One sentence: whether fine-tuning beats transfer learning by more than chance."""
    compared = PairedComparison(*(metrics["comparison"][name] for name in COUNTS))
    first, second = TRAININGS.values()
    verdict = f"Whether {second} or {first} is better cannot be told"
    if compared.p_value < SIGNIFICANCE_LEVEL:
        better, worse = (second, first) if compared.difference > 0 else (first, second)
        verdict = f"{better[:1].upper()}{better[1:]} beats {worse} by more than chance"
    return (
        f"{verdict}: of {compared.images} test images, {_are(compared.only_second)} right only after {second}, "
        f"{compared.only_first} only after {first}. {change_in_words(compared)}."
    )


def _are(number: int) -> str:
    return f"{number} {'is' if number == 1 else 'are'}"


def change_in_words(compared: PairedComparison) -> str:
    """The change in accuracy, its 95 % interval and the p-value."""
    words = points(compared.difference, difference_interval(compared))
    return f"{words}; exact McNemar p {format_p_value(compared.p_value)}"


def points(difference: float, interval: tuple[float, float] | None) -> str:
    """A change in accuracy with its interval, in percentage points."""
    words = f"Accuracy {100 * difference:+.1f} points"
    if interval:
        words += f", 95 % interval {100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}"
    return words


def difference_interval(compared: PairedComparison) -> tuple[float, float] | None:
    """The 95 % interval of the second accuracy minus the first; None if no image is right in one only.

    It belongs to the exact McNemar test: it contains 0 where the test finds no difference. Given the number of images
    that only one model classifies correctly, the number of the second's is binomial, and its share has a
    Clopper-Pearson interval (Clopper and Pearson 1934), which becomes a difference in accuracy.
    """
    discordant = compared.only_first + compared.only_second
    if not discordant:
        return None
    share = binomtest(compared.only_second, discordant).proportion_ci(CONFIDENCE, method="exact")
    low, high = ((2 * limit - 1) * discordant / compared.images for limit in (share.low, share.high))
    return float(low), float(high)
