"""Which trials run at once: never two that would run the same stage on the same inputs."""

import threading
from types import SimpleNamespace

import yaml

from commands.sweep import scheduling
from commands.sweep.running import Outcome
from runs import ROOT, STAGES

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def trial(name, **values):
    """A trial with parameters as sections: `section__key=value`."""
    params = {}
    for key, value in values.items():
        section, _, last = key.partition("__")
        if last:
            params.setdefault(section, {})[last] = value
        else:
            params[section] = value
    return SimpleNamespace(name=name, params=SimpleNamespace(model_dump=lambda: params))


def same_stages(first, second):
    one, two = (scheduling.keys_of(PIPELINE, trial("x", **values).params.model_dump()) for values in (first, second))
    return [stage for stage in STAGES if one[stage] == two[stage]]


def test_a_parameter_separates_the_stage_that_reads_it_and_those_after_it():
    assert same_stages({"seed": 1}, {"seed": 1}) == STAGES
    assert same_stages({"seed": 1}, {"seed": 2}) == []
    assert same_stages({"finetune__epochs": 1}, {"finetune__epochs": 2}) == STAGES[:4]
    assert same_stages({"train_tl__epochs": 1}, {"train_tl__epochs": 2}) == STAGES[:2]
    assert same_stages({"augment__views": 1}, {"augment__views": 2}) == STAGES[:1]
    # cross_validate does not lead to finetune.
    assert same_stages({"cross_validate__folds": 5}, {"cross_validate__folds": 9}) == [*STAGES[:3], "finetune"]


def test_a_trial_waits_until_the_stages_that_it_shares_are_complete():
    shared = scheduling.Shared(PIPELINE)
    first, second, other = (
        trial("first", seed=1, finetune__epochs=1),
        trial("second", seed=1, finetune__epochs=2),
        trial("other", seed=2),
    )
    for each in (first, second, other):
        shared.add(each)
    assert shared.may_start(second, [])
    assert shared.may_start(other, [first])
    for stage in STAGES[:4]:
        shared.reached(first, stage)
        assert not shared.may_start(second, [first])
    # cross_validate is complete when finetune begins.
    shared.reached(first, "finetune")
    assert shared.may_start(second, [first])


class Trials:
    """A source of trials that notes which have ended."""

    def __init__(self, trials):
        self.left, self.ended = trials, []

    def propose(self):
        proposed, self.left = self.left[:2], self.left[2:]
        return proposed

    def finished(self, outcome):
        self.ended.append(outcome.trial.name)


def test_all_trials_run_and_no_more_at_once_than_allowed():
    source = Trials([trial(str(number), seed=number) for number in range(7)])
    running, most, lock = set(), [], threading.Lock()

    def run_trial(each):
        with lock:
            running.add(each.name)
            most.append(len(running))
        threading.Event().wait(0.02)
        with lock:
            running.remove(each.name)
        return Outcome(each, "it failed" if each.name == "3" else None)

    first = source.propose()
    outcomes = list(scheduling.run(source, scheduling.Shared(PIPELINE), run_trial, 2, first))
    assert sorted(source.ended) == list("0123456")
    assert max(most) == 2
    assert [outcome.trial.name for outcome in outcomes if outcome.reason] == ["3"]


def test_an_error_in_a_thread_is_raised():
    def fail(each):
        raise RuntimeError("no clone")

    source = Trials([trial("0", seed=1)])
    try:
        list(scheduling.run(source, scheduling.Shared(PIPELINE), fail, 1, source.propose()))
    except RuntimeError as error:
        assert str(error) == "no clone"
    else:
        raise AssertionError("nothing was raised")
