"""The page of sweep.yaml: its keys, those of a search and of a range, and the columns of the table."""

from commands.reference.markdown import GENERATED, code, table
from commands.sweep import table as sweep_table
from commands.sweep.sweep_file import RANGES, SearchParams, SweepFile
from transfer.interface.errors import UserErrors
from transfer.interface.schema import Section, allowed_values

INTRODUCTION = """# Sweeps

Every key of `sweep.yaml`, which `make sweep` checks before any work, and every column of `sweep/sweep.csv`.
[How to try many recipes](../how-to/sweep.md) shows them in use. A file has either `grid` or `search`.

"""
COLUMNS = {
    "experiments": "the names of the recipe's experiments begin so, and end in -seed and the seed",
    "seeds": "how many trials have a result",
    "failed": "how many trials failed",
    "accuracy": "cross-validated accuracy of the head, mean over the seeds",
    "accuracy_low": "its 95 % interval from here",
    "accuracy_high": "to here",
    "difference": "accuracy minus that of the best recipe, on the seeds and images that both have",
    "difference_low": "its 95 % interval from here",
    "difference_high": "to here",
    "p_value": "of the corrected t-test of this difference, adjusted for all comparisons of the table by Holm",
    "finetune": "validation accuracy of the fine-tuned model, mean over the seeds",
    "finetune_low": "its 95 % Wilson interval, for the images of one validation split, from here",
    "finetune_high": "to here",
    "finetune_lowest_seed": "the same of the seed with the lowest",
    "finetune_highest_seed": "and of the seed with the highest",
    "seconds": "of all stages of a trial, measured when they ran; mean over the seeds",
    "against_the_best": ", ".join((sweep_table.BEST, sweep_table.SAME, sweep_table.EQUAL, f"or {sweep_table.WORSE}")),
    "unmeasured": "stages that had run before any sweep, so that seconds lacks them",
    "reason": "why trials failed",
    "commit": "what the experiments start from",
}


def page() -> str:
    """The Markdown of the page. Raises UserErrors if a column has no description, or a description no column."""
    columns = {"experiments", *sweep_table.NUMBERS, *sweep_table.TEXT}
    if differing := sorted(columns ^ set(COLUMNS)):
        raise UserErrors([f"sweep/sweep.csv: describe {name} in {__name__}, or take it out." for name in differing])
    lines = [GENERATED, INTRODUCTION, _keys(SweepFile), "\n## search\n\n", _keys(SearchParams)]
    for kind, section in RANGES.items():
        lines.append(f"\n## A range of type {kind}\n\n{_keys(section)}")
    rows = [(code(name), text) for name, text in COLUMNS.items()]
    parameters = (
        "each parameter of the sweep",
        "its value, as params.yaml has it; empty if the recipe does not set it",
    )
    lines.append(f"\n## Columns of sweep/sweep.csv\n\n{table(('column', 'holds'), [rows[0], parameters, *rows[1:]])}")
    return "".join(lines)


def _keys(section: type[Section]) -> str:
    rows = []
    for name, field in section.model_fields.items():
        default = "" if field.is_required() else code("null" if field.default is None else str(field.default).lower())
        rows.append((code(name), allowed_values(field), default))
    return table(("key", "allowed", "if left out"), rows)
