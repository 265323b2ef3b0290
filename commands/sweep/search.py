"""A search by Optuna's samplers, which proposes the same recipes however often the sweep was killed in between.

Nothing of Optuna is stored. Every run asks the sampler again from the first recipe on, with the same seed, and gives it
the same results at the same points: recipe n is proposed when all recipes up to n - `ahead` are finished, and from
their results alone. Recipes whose trials have run already therefore come back, and their experiments answer for them.
"""

import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from commands.sweep import trials
from commands.sweep.sweep_file import Categorical, FloatRange, Range, SearchParams
from commands.sweep.trials import Recipe
from transfer.interface.errors import UserError


class Search:
    """Proposes recipes, and learns from their results.

    Args:
        ahead: how many recipes may be unfinished at once.
        seeds: those of every recipe.
        base: what params.yaml has.
        name: what error messages call the file of the sweep.

    Attributes:
        maximize: the figure that `finished` is to be given.

    Raises:
        UserError: Optuna is not installed, or a range leaves what params.yaml allows.
    """

    def __init__(
        self,
        settings: SearchParams,
        ranges: Mapping[str, Range],
        *,
        ahead: int,
        seeds: Sequence[int],
        base: Mapping[str, Any],
        name: str,
    ):
        if find_spec("optuna") is None:
            raise UserError(
                "Optuna is not installed, which search needs: install it with `python -m pip install --require-hashes "
                "-r requirements-sweep.txt`."
            )
        import optuna

        self._name = f"{name}: search.ranges"
        self._seeds, self._base, self._ranges = seeds, base, ranges
        self._check_ends()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = getattr(optuna.samplers, settings.sampler)(seed=settings.seed)
        self._failed = optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._left, self._ahead = settings.trials, ahead
        self.maximize: str = settings.maximize
        self._asked: list[tuple[Any, Recipe]] = []
        self._results: dict[str, float | None] = {}

    def propose(self) -> list[Recipe]:
        """The recipes that can be proposed now; one that comes again is not repeated."""
        proposed = []
        while self._left:
            # One result for one proposal, in the order of the proposals, whichever trial ends first and however many
            # have ended: the state of the sampler depends on it.
            if len(self._asked) >= self._ahead:
                if self._asked[0][1].digest not in self._results:
                    break
                self._tell_first()
            trial = self._study.ask()
            values = {key: _suggest(trial, key, of_key) for key, of_key in self._ranges.items()}
            recipe = trials.make(values, self._seeds, self._base, self._name)
            self._asked.append((trial, recipe))
            self._left -= 1
            proposed.append(recipe)
        return proposed

    def finished(self, recipe: Recipe, score: float | None) -> None:
        """Record what a recipe has reached; None if one of its trials failed."""
        self._results[recipe.digest] = score

    def _tell_first(self) -> None:
        trial, recipe = self._asked.pop(0)
        score = self._results[recipe.digest]
        if score is None:
            self._study.tell(trial, state=self._failed)
        else:
            self._study.tell(trial, score)

    def _check_ends(self) -> None:
        """Every allowed set of values is between two ends that are allowed: try those before any work."""
        middle = {key: _ends(of_key)[0] for key, of_key in self._ranges.items()}
        for key, of_key in self._ranges.items():
            for end in _ends(of_key):
                trials.make(middle | {key: end}, self._seeds, self._base, self._name)


def _suggest(trial: Any, key: str, of_key: Range) -> Any:
    if isinstance(of_key, Categorical):
        # Optuna wants choices of simple types. The place in the list is one, whatever a choice is.
        return of_key.choices[trial.suggest_categorical(key, range(len(of_key.choices)))]
    suggest = trial.suggest_float if isinstance(of_key, FloatRange) else trial.suggest_int
    return suggest(key, of_key.low, of_key.high, log=of_key.log)


def _ends(of_key: Range) -> list[Any]:
    return of_key.choices if isinstance(of_key, Categorical) else [of_key.low, of_key.high]
