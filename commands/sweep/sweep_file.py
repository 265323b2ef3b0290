"""The one reader of sweep.yaml. It checks the form of the file; `trials` checks the parameters that it makes."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from transfer import params_file
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.schema import Count, Section, Seed, error_sentences

PATH = Path("sweep.yaml")
# More would run for weeks: more likely, a grid has grown by mistake.
MOST_TRIALS = 1000
MOST_PARALLEL = 64

Values = dict[str, list[Any]]
Seeds = Annotated[
    list[Seed] | Count | None,
    Field(description="a list of seeds, or how many, counted from the seed of params.yaml; null for that seed alone"),
]
Number = Annotated[float, Field(description="a number", allow_inf_nan=False)]
Whole = Annotated[int, Field(description="a whole number")]
Maximize = Annotated[
    Literal["cross_validation", "finetune"],
    Field(
        description="cross_validation, the cross-validated accuracy of the head, or finetune, the validation accuracy "
        "of the fine-tuned model"
    ),
]


class SearchParams(Section):
    """The section `search`: ranges of parameters, and what looks for good values in them."""

    sampler: Annotated[
        Literal["TPESampler", "RandomSampler", "QMCSampler"],
        Field(description="a sampler of Optuna: TPESampler, RandomSampler or QMCSampler"),
    ]
    trials: Annotated[int, Field(ge=1, le=MOST_TRIALS, description=f"a whole number from 1 to {MOST_TRIALS}")]
    seed: Seed
    maximize: Maximize
    ranges: Annotated[
        dict[str, dict[str, Any]],
        Field(min_length=1, description="a range for each parameter, as in {type: float, low: 0.001, high: 0.01}"),
    ]


class FloatRange(Section):
    type: Literal["float"]
    low: Number
    high: Number
    log: Annotated[bool, Field(description="true or false")] = False


class IntRange(Section):
    type: Literal["int"]
    low: Whole
    high: Whole
    log: Annotated[bool, Field(description="true or false")] = False


class Categorical(Section):
    type: Literal["categorical"]
    choices: Annotated[list[Any], Field(min_length=1, description="a list of values")]


Range = FloatRange | IntRange | Categorical
RANGES: dict[Any, type[Range]] = {"float": FloatRange, "int": IntRange, "categorical": Categorical}


class SweepFile(Section):
    """The whole file. The parts that are mappings of parameters are checked by themselves."""

    grid: Annotated[
        dict[str, Any] | list[dict[str, Any]] | None,
        Field(description="a list of values for each parameter, or a list of such grids"),
    ] = None
    search: Annotated[
        dict[str, Any] | None, Field(description=f"a section with {', '.join(SearchParams.model_fields)}")
    ] = None
    seeds: Seeds = None
    parallel: Annotated[int, Field(ge=1, le=MOST_PARALLEL, description=f"a whole number from 1 to {MOST_PARALLEL}")] = 1


class Sweep(Section):
    """What sweep.yaml asks for: the seeds, how many trials run at once, and either grids or a search in ranges.

    Attributes:
        grids: the values of each parameter, one mapping for each grid; empty for a search.
        search, ranges: the settings of the search, and the range of each parameter; None and empty for grids.
    """

    grids: list[Values]
    search: SearchParams | None
    ranges: dict[str, Range]
    seeds: list[int]
    parallel: int


def load(path: Path, seed: int) -> Sweep:
    """Read the file.

    Args:
        seed: that of params.yaml.

    Raises:
        UserError: it is missing, is not YAML, or has a key or a value that is not allowed; one sentence for each.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} is missing: write it as docs/how-to/sweep.md describes.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): write it as docs/how-to/sweep.md describes.") from None
    name = str(path)
    file = _checked(SweepFile, params_file.parse(text, name), name)
    if (file.grid is None) == (file.search is None):
        raise UserError(f"{name} has to have either grid or search: see docs/how-to/sweep.md.")
    seeds = _seeds(file.seeds, seed, name)
    if file.search is None:
        return Sweep(grids=_grids(file.grid, name), search=None, ranges={}, seeds=seeds, parallel=file.parallel)
    search = _checked(SearchParams, file.search, f"{name}: search")
    ranges = {key: _range(key, values, name) for key, values in search.ranges.items()}
    if search.maximize == "cross_validation" and all(key.partition(".")[0] == "finetune" for key in ranges):
        raise UserError(
            f"{name}: search.maximize is cross_validation, which judges the head before fine-tuning and is the same "
            "for all values of finetune: set it to finetune."
        )
    return Sweep(grids=[], search=search, ranges=ranges, seeds=seeds, parallel=file.parallel)


def _checked(section: type[Any], values: Any, name: str) -> Any:
    """The values as a section. Raises UserErrors, one sentence for each bad key."""
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise UserErrors(error_sentences(error.errors(), section, name)) from None


def _seeds(seeds: list[int] | int | None, first: int, name: str) -> list[int]:
    if isinstance(seeds, int):
        return list(range(first, first + seeds))
    seeds = [first] if seeds is None else seeds
    if not seeds:
        raise UserError(f"{name}: seeds is empty; give it at least one seed, or leave it out.")
    if twice := [seed for seed, times in Counter(seeds).items() if times > 1]:
        raise UserError(f"{name}: seeds has {twice[0]} twice; give each seed once.")
    return seeds


def _grids(grid: Any, name: str) -> list[Values]:
    grids = grid if isinstance(grid, list) else [grid]
    sentences = [
        f"{name}: grid.{key} is {values!r:.60}; give it a list with at least one value."
        for of_grid in grids
        for key, values in of_grid.items()
        if not isinstance(values, list) or not values
    ]
    if sentences:
        raise UserErrors(list(dict.fromkeys(sentences)))
    if not all(grids) or not grids:
        raise UserError(f"{name}: grid is empty; give it a list of values for at least one parameter.")
    return grids


def _range(key: str, values: dict[str, Any], name: str) -> Range:
    name = f"{name}: search.ranges.{key}"
    kind = values.get("type")
    if not isinstance(kind, str) or kind not in RANGES:
        raise UserError(f"{name} has no usable type; set type to {', '.join(list(RANGES)[:-1])} or categorical.")
    checked: Range = _checked(RANGES[kind], values, name)
    if not isinstance(checked, Categorical):
        if checked.low >= checked.high:
            raise UserError(f"{name}: low is {checked.low:g} and high is {checked.high:g}; low has to be the smaller.")
        if checked.log and checked.low <= 0:
            raise UserError(f"{name}: low is {checked.low:g}; with log it has to be above 0.")
    return checked
