"""A stage that was killed, or that ran out of disk, ends with the same bytes as if it had not been."""

import os
import signal
import time

import pytest

from benchmarks import crashes

pytestmark = pytest.mark.xdist_group("crashes")


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    return crashes.Crashes(tmp_path_factory.mktemp("crashes"))


@pytest.mark.parametrize(("stage", "instant"), [("features", 0.5), ("train_tl", 0.8), ("finetune", 0.6)])
def test_a_killed_stage_is_gone_on_with_and_ends_the_same(projects, stage, instant):
    found = projects.killed(stage, instant)
    assert found["status"] == -signal.SIGKILL
    # It was in the midst of its work
    assert set(found["left"]) > {"lock"}
    assert (found["identical"], found["different"], found["second"]) == (True, [], "")
    # Of all batches and epochs, one at most was done twice
    assert 0 <= found["repeated"] <= 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize(("stage", "share"), [("features", 0.3), ("finetune", 0.8)])
def test_a_full_disk_is_told_and_nothing_half_written_is_taken_for_whole(projects, stage, share):
    found = projects.full(stage, share)
    assert found["status"] == 1
    assert "No space is left on the disk" in found["told"]
    assert found["identical"], found


def test_ctrl_c_ends_a_stage_within_two_seconds_with_one_line(projects):
    with projects.copy("finetune") as project:
        process = crashes.start("finetune", project)
        projects.wait("finetune", 0.5, project, process)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        told = process.communicate()[1]
        assert time.monotonic() - begun < 2
        assert (process.returncode, told) == (130, "Interrupted: run the same again to go on.\n")


def test_the_work_that_is_counted_is_all_of_it(projects):
    # 15 batches of training in 6 views and 2 of each other split; 90 epochs; twice the batches without the test split's
    # and 4 epochs
    assert projects.work == {"features": 15 * 6 + 2 + 2, "train_tl": 90, "finetune": 2 * (15 * 6 + 2 + 4)}


def test_what_is_compared_is_every_file_that_the_stages_leave(projects):
    assert {path.split("/")[0] for path in projects.expected["finetune"]} == set(crashes.OUTS)
    assert {"features/train.npy", "models/finetune/trained.weights.h5", "metrics/finetune.json"} <= set(
        projects.expected["finetune"]
    )
