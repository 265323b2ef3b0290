"""A stage that is run again after a kill or a full disk ends with the bytes of an uninterrupted run."""

import os
import re
import signal
import time

import pytest

from benchmarks import crashes
from runs import quick_python

pytestmark = pytest.mark.xdist_group("crashes")


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    return crashes.Crashes(tmp_path_factory.mktemp("crashes"), quick_python())


@pytest.mark.parametrize(("stage", "instant"), [("features", 0.5), ("train_tl", 0.8), ("finetune", 0.6)])
def test_a_killed_stage_continues_and_ends_with_the_same_bytes(projects, stage, instant):
    outcome = projects.kill(stage, instant)
    assert outcome["status"] == -signal.SIGKILL
    # The kill hit the stage during its work.
    assert set(outcome["left"]) > {"lock"}
    assert (outcome["identical"], outcome["different"], outcome["second"]) == (True, [], "")
    # At most one of all batches and epochs was done twice.
    assert 0 <= outcome["repeated"] <= 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize(("stage", "share"), [("features", 0.3), ("finetune", 0.8)])
def test_a_full_disk_is_reported_and_no_incomplete_file_is_used(projects, stage, share):
    outcome = projects.fill_disk(stage, share)
    assert outcome["status"] == 1
    assert re.search(r"^The disk of .+ is full: free some space, then run again\.$", outcome["told"], re.MULTILINE)
    assert outcome["identical"], outcome


def test_ctrl_c_ends_a_stage_within_two_seconds_with_one_line(projects):
    with projects.copy("finetune") as project:
        process = crashes.start("finetune", project)
        projects.wait("finetune", 0.5, project, process)
        interrupted = time.monotonic()
        process.send_signal(signal.SIGINT)
        message = process.communicate()[1]
        assert time.monotonic() - interrupted < 2
        assert (process.returncode, message) == (130, "Interrupted: run the same command again to continue.\n")


def test_every_batch_and_epoch_is_counted(projects):
    # features: 6 views of 120 training images and one of 30 others, in batches of 8. train_tl: 90 epochs. finetune: in
    # each of 2 rounds, the batches of features without the 15 test images, and 4 epochs.
    assert projects.work == {"features": 94, "train_tl": 90, "finetune": 2 * (92 + 4)}


def test_every_file_that_the_stages_write_is_compared(projects):
    assert {path.split("/")[0] for path in projects.expected["finetune"]} == set(crashes.OUTS)
    results = "results/finetune/metrics/finetune.json"
    assert {"features/train/0.npy", "models/finetune/trained.weights.h5", results} <= set(projects.expected["finetune"])
