"""Which trials a sweep runs next, and what those that have run have reached."""

from typing import Any

from commands.formatting.sentences import percent
from commands.sweep import results, trials, workspaces
from commands.sweep.durations import Durations
from commands.sweep.results import TrialResult
from commands.sweep.running import Outcome, log_of
from commands.sweep.search import Search
from commands.sweep.sweep_file import Sweep
from commands.sweep.trials import Recipe, Trial
from transfer.interface.errors import UserError


class Recipes:
    """The recipes of grids: all of them can run at once."""

    maximize = "cross_validation"

    def __init__(self, recipes: list[Recipe]):
        self._left = recipes

    def propose(self) -> list[Recipe]:
        proposed, self._left = self._left, []
        return proposed

    def finished(self, recipe: Recipe, score: float | None) -> None:
        """Nothing follows from a result."""


def recipes_of(sweep: Sweep, base: dict[str, Any], name: str) -> Recipes | Search:
    """What proposes the recipes of a sweep. Raises UserError if one of them is not allowed."""
    if sweep.search is None:
        return Recipes(trials.of_grids(sweep.grids, sweep.seeds, base, name))
    return Search(sweep.search, sweep.ranges, ahead=sweep.parallel, seeds=sweep.seeds, base=base, name=name)


class Source:
    """The trials of a sweep, and their results.

    Attributes:
        recipes, trials: those that were proposed so far; trials by name.
        results, reasons: the result of each finished trial, or why it failed, by its name.
    """

    def __init__(
        self,
        proposer: Recipes | Search,
        project: workspaces.Project,
        measured: Durations,
        base: dict[str, Any],
    ):
        self._proposer, self.project, self.measured, self.base = proposer, project, measured, base
        self.recipes: list[Recipe] = []
        self.trials: dict[str, Trial] = {}
        self.results: dict[str, TrialResult] = {}
        self.reasons: dict[str, str] = {}

    def propose(self) -> list[Trial]:
        """The next trials. One that has an experiment already is read instead, and may bring about further ones."""
        experiments = self.project.experiments()
        missing: list[Trial] = []
        while proposed := self._proposer.propose():
            for recipe in proposed:
                if any(recipe.digest == other.digest for other in self.recipes):
                    self._tell(recipe)
                    continue
                self.recipes.append(recipe)
                for trial in recipe.trials:
                    self.trials[trial.name] = trial
                    commit = experiments.get(trial.name)
                    if commit and results.is_of(commit, trial):
                        self.results[trial.name] = results.read(commit, self.measured)
                    else:
                        missing.append(trial)
                self._tell(recipe)
        return missing

    def finished(self, outcome: Outcome) -> None:
        """Read the result of a trial that has run."""
        trial = outcome.trial
        if outcome.reason is None:
            workspaces.fetch(self.project, trial)
            log_of(trial).unlink(missing_ok=True)
            try:
                self.results[trial.name] = results.read(self.project.experiments()[trial.name], self.measured)
            except UserError as error:
                self.reasons[trial.name] = str(error)
        else:
            self.reasons[trial.name] = outcome.reason
        for recipe in self.recipes:
            if trial in recipe.trials:
                self._tell(recipe)

    def describe(self, trial: Trial) -> str:
        """How a trial ended, in one line."""
        result = self.results.get(trial.name)
        if result is None:
            return f"failed: {self.reasons[trial.name]}"
        return (
            f"cross-validated {percent(result.cross_validation)}, fine-tuned {percent(result.finetune)} on validation"
        )

    def _tell(self, recipe: Recipe) -> None:
        """Give the proposer the result of a recipe, once all of its trials have ended."""
        if all(trial.name in self.results or trial.name in self.reasons for trial in recipe.trials):
            self._proposer.finished(recipe, results.score(recipe, self.results, self._proposer.maximize))
