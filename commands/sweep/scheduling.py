"""Which trials run at the same time, so that no two of them run the same stage on the same inputs.

DVC's run-cache has a stage only when it is complete: two trials that share it and start together would both run it. A
trial therefore waits while another one is on its way through the stages that both share.
"""

import hashlib
import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from commands.sweep.running import Outcome
from commands.sweep.trials import Trial

Stages = Mapping[str, Mapping[str, Any]]


class Source(Protocol):
    """Where trials come from, as others finish."""

    def propose(self) -> list[Trial]:
        """The trials that can be run now and were not proposed before."""

    def finished(self, outcome: Outcome) -> None:
        """Learn how a trial ended."""


class Shared:
    """Which stages trials share, and which of them are complete. `reached` may be called from several threads.

    Args:
        stages: those of dvc.yaml.
    """

    def __init__(self, stages: Stages):
        self._stages = _in_order(stages)
        self._keys: dict[str, dict[str, str]] = {}
        self._at: dict[str, str | None] = {}
        self._complete: set[str] = set()

    def add(self, trial: Trial) -> None:
        self._keys[trial.name] = keys_of(self._stages, trial.params.model_dump())

    def reached(self, trial: Trial, stage: str | None) -> None:
        """A trial begins a stage, and has completed the one before; without a stage, the trial is complete."""
        if before := self._at.get(trial.name):
            self._complete.add(self._keys[trial.name][before])
        self._at[trial.name] = stage if stage in self._stages else None

    def may_start(self, trial: Trial, running: Iterable[Trial]) -> bool:
        """Whether no running trial is still to complete a stage that this trial needs too."""
        needed = set(self._keys[trial.name].values()) - self._complete
        return not any(needed & set(self._keys[other.name].values()) for other in running)


def keys_of(stages: Stages, params: Mapping[str, Any]) -> dict[str, str]:
    """What the result of each stage depends on, as one hash: its parameters, and the stages before it.

    Data and code are the same in all trials.
    """
    keys: dict[str, str] = {}
    for name, stage in stages.items():
        parameters = [key if isinstance(key, dict) else [key, _value(params, key)] for key in stage.get("params", [])]
        before = [keys[other] for other in keys if _depends(stage, stages[other])]
        content = json.dumps([name, parameters, before], sort_keys=True, default=str)
        keys[name] = hashlib.sha256(content.encode()).hexdigest()
    return keys


def run(
    source: Source, shared: Shared, run_trial: Callable[[Trial], Outcome], parallel: int, first: Sequence[Trial]
) -> Iterator[Outcome]:
    """Run the trials of a source, several at once, and yield how each ended, in the order in which they end.

    Args:
        run_trial: runs one trial to its end, in a thread of its own, on this machine or elsewhere.
        first: the trials that the source has proposed already.
    """
    pending: list[Trial] = []
    proposed = list(first)
    running: dict[str, Trial] = {}
    ended: queue.Queue[Outcome | BaseException] = queue.Queue()

    def work(trial: Trial) -> None:
        try:
            ended.put(run_trial(trial))
        except BaseException as error:  # the main thread raises it
            ended.put(error)

    while True:
        for trial in proposed:
            shared.add(trial)
        pending += proposed
        for trial in list(pending):
            if len(running) < parallel and shared.may_start(trial, running.values()):
                pending.remove(trial)
                running[trial.name] = trial
                threading.Thread(target=work, args=(trial,), daemon=True).start()
        if not running:
            return
        try:
            # A running trial may complete what a waiting one needs without ending.
            outcome = ended.get(timeout=0.2)
        except queue.Empty:
            proposed = []
            continue
        if isinstance(outcome, BaseException):
            raise outcome
        del running[outcome.trial.name]
        if outcome.reason is None:
            shared.reached(outcome.trial, None)
        source.finished(outcome)
        yield outcome
        proposed = source.propose()


def _in_order(stages: Stages) -> dict[str, Mapping[str, Any]]:
    """The stages, each after those that it depends on."""
    ordered: dict[str, Mapping[str, Any]] = {}
    left = dict(stages)
    while left:
        ready = [name for name in left if not any(_depends(left[name], left[other]) for other in left if other != name)]
        # DVC refuses stages that depend on each other.
        for name in ready or list(left):
            ordered[name] = left.pop(name)
    return ordered


def _value(params: Any, key: str) -> Any:
    for name in key.split("."):
        params = params.get(name) if isinstance(params, dict) else None
    return params


def _depends(stage: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a stage reads what another writes."""
    outs = [f"{_path(out)}/" for kind in ("outs", "metrics", "plots") for out in other.get(kind, [])]
    dependencies = [f"{_path(dependency)}/" for dependency in stage.get("deps", [])]
    return any(one.startswith(two) or two.startswith(one) for one in dependencies for two in outs)


def _path(entry: Any) -> str:
    """The path of an out or a dependency, which may have options."""
    return str(entry if isinstance(entry, str) else next(iter(entry)))
