"""Seconds of stages: remembered by what the stages ran on, over kills."""

from commands.sweep.durations import Durations, entries

LOCK = """
schema: '2.0'
stages:
  features:
    cmd: python -m stages.features
    deps: [{path: prepared, md5: 1a, size: 3}]
    params: {params.yaml: {seed: SEED}}
    outs: [{path: features, md5: OUT, size: 1}]
"""


def entry(seed=1, out="2b"):
    return entries(LOCK.replace("SEED", str(seed)).replace("OUT", out))["features"]


def test_seconds_belong_to_the_inputs_of_a_stage(tmp_path):
    (tmp_path / "dvc.lock").write_text(LOCK.replace("SEED", "1").replace("OUT", "2b"))
    Durations(tmp_path / "seconds.json").finished("a trial", "features", 12.5, tmp_path)
    again = Durations(tmp_path / "seconds.json")
    assert again.of("features", entry()) == 12.5
    # Whatever came out: with the same inputs, DVC would not run it again.
    assert again.of("features", entry(out="3c")) == 12.5
    assert again.of("features", entry(seed=2)) is None
    assert again.of("train_tl", entry()) is None


def test_the_seconds_of_a_killed_stage_are_kept_until_it_ends(tmp_path):
    path = tmp_path / "seconds.json"
    Durations(path).running("a trial", "features", 7.0)
    again = Durations(path)
    assert (again.unfinished("a trial", "features"), again.unfinished("another", "features")) == (7.0, 0.0)
    (tmp_path / "dvc.lock").write_text(LOCK.replace("SEED", "1").replace("OUT", "2b"))
    again.finished("a trial", "features", 9.0, tmp_path)
    assert Durations(path).unfinished("a trial", "features") == 0.0


def test_without_a_usable_file_nothing_is_measured(tmp_path):
    path = tmp_path / "seconds.json"
    for text in ("", "{", "[]", '{"stages": 3}', '{"stages": {"a": "x"}, "unfinished": {}}'):
        path.write_text(text)
        assert Durations(path).of("features", entry()) is None
    assert entries(None) == entries("") == entries("stages: [1]") == entries("a: {") == {}
