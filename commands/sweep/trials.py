"""Recipes and trials: the parameters of each, checked as params.yaml is, and the name of its experiment."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from commands.sweep.sweep_file import MOST_TRIALS, Values
from transfer import params_file
from transfer.interface.errors import UserError, UserErrors
from transfer.params_file import Params

# Parameters that a sweep sets by itself, or that change no result: why they are not for a grid or a range.
NOT_SWEPT = {"seed": "the key seeds of the sweep sets it", "engine": "it changes no result"}


@dataclass(frozen=True)
class Trial:
    """A recipe with one seed: one run of the pipeline.

    Attributes:
        name: of its experiment; trials of one recipe differ in the seed at its end.
        values: what the trial changes in params.yaml, by dotted key.
        params: all of its parameters.
    """

    name: str
    seed: int
    values: dict[str, Any] = field(hash=False)
    params: Params = field(hash=False)


@dataclass(frozen=True)
class Recipe:
    """Parameters that the sweep tries, with every seed.

    Attributes:
        digest: of all parameters but the seed; equal parameters have an equal digest, however they are written.
        values: what the recipe changes in params.yaml, by dotted key.
    """

    digest: str
    values: dict[str, Any] = field(hash=False)
    trials: tuple[Trial, ...] = field(hash=False)


def of_grids(grids: Sequence[Values], seeds: Sequence[int], base: Mapping[str, Any], name: str) -> list[Recipe]:
    """Every combination of the values of each grid, in the order of the file.

    Args:
        base: what params.yaml has.
        name: what error messages call the file of the sweep.

    Raises:
        UserError: a parameter is unknown, a value is not allowed, there are too many trials, or two of them are the
            same; one sentence for each.
    """
    number = len(seeds) * sum(math.prod(map(len, grid.values())) for grid in grids)
    if number > MOST_TRIALS:
        raise UserError(
            f"{name}: grid and seeds make {number} trials, more than {MOST_TRIALS}: take out values, or use search."
        )
    recipes: dict[str, Recipe] = {}
    sentences: list[str] = []
    for values in itertools.chain.from_iterable(map(_combinations, grids)):
        try:
            recipe = make(values, seeds, base, f"{name}: grid")
        except UserError as error:
            sentences += str(error).splitlines()
            continue
        if recipe.digest in recipes:
            sentences.append(
                f"{name}: grid has the same parameters twice: {describe(values)} equals "
                f"{describe(recipes[recipe.digest].values)}; take out one of them."
            )
        recipes.setdefault(recipe.digest, recipe)
    if sentences:
        raise UserErrors(list(dict.fromkeys(sentences)))
    return list(recipes.values())


def make(values: Mapping[str, Any], seeds: Sequence[int], base: Mapping[str, Any], name: str) -> Recipe:
    """The recipe of some values, each a parameter or a mapping of parameters of a section.

    Raises:
        UserError: a parameter is unknown or may not be swept, or a value is not allowed; one sentence for each.
    """
    flat = _flat(values, name)
    if sentences := [
        f"{name}: {key} is not for a sweep, because {NOT_SWEPT[section]}: take it out."
        for key in flat
        if (section := key.partition(".")[0]) in NOT_SWEPT
    ]:
        raise UserErrors(sentences)
    trials = [(seed, _check(flat | {"seed": seed}, base, name)) for seed in seeds]
    content = trials[0][1].model_dump(exclude={"seed", "engine"})
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
    return Recipe(
        digest,
        flat,
        tuple(Trial(f"sweep-{digest}-seed{seed}", seed, flat | {"seed": seed}, params) for seed, params in trials),
    )


def changed(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The content of params.yaml with some of its values changed, by dotted key."""
    content: dict[str, Any] = deepcopy(dict(base))
    for key, value in values.items():
        *sections, last = key.split(".")
        section = content
        for name in sections:
            if not isinstance(section.get(name), dict):
                section[name] = {}
            section = section[name]
        section[last] = value
    return content


def describe(values: Mapping[str, Any]) -> str:
    """Parameters in one line."""
    return ", ".join(f"{key} {as_text(value)}" for key, value in values.items())


def as_text(value: Any) -> str:
    """A value as params.yaml has it: a small number has no exponent."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _combinations(grid: Values) -> Iterator[dict[str, Any]]:
    return (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))


def _flat(values: Mapping[str, Any], name: str, prefix: str = "") -> dict[str, Any]:
    """The parameters of `values` by dotted key: a mapping gives values to several keys of a section."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        inside = (
            _flat(value, name, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
        )
        if twice := flat.keys() & inside.keys():
            raise UserError(f"{name}: {min(twice)} is set twice, by itself and by its section: set it once.")
        flat |= inside
    return flat


def _check(values: Mapping[str, Any], base: Mapping[str, Any], name: str) -> Params:
    """All parameters of a trial. Raises UserError, one sentence for each that is not allowed."""
    params = params_file.check(changed(base, values), name)
    params_file.check_weights_fit_dataset(params)
    weights = params.backbone.weights
    if weights not in (None, "imagenet") and not Path(f"{weights}.dvc").exists():
        raise UserError(
            f"{name}: backbone.weights is {weights}, which DVC does not track: run `dvc add {weights}`, and commit."
        )
    return params
