"""The engine `ray`: every batch once and whole, whatever happens to its workers."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from runs import environment
from transfer.interface.errors import UserError

ray = pytest.importorskip("ray", reason="Ray is not installed (requirements-ray.txt)")
from transfer.engine import cluster  # noqa: E402 - they import Ray
from transfer.engine.ray_engine import AHEAD, MOST_RETRIES, RayEngine  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]
BATCHES = 30
# Fills an array by batches, and is killed after some of them, as `features` is. The function records every batch.
DRIVER = """
import os, signal, sys
from pathlib import Path
import numpy as np
from transfer.caching import activations, state_file
from transfer.engine.ray_engine import RayEngine
from transfer.loading.augmentation import Augmentation
from transfer.loading.prepared import Split

address, runs, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
state_file.MAX_LOSS = -1

def function(images):
    import time
    with open(runs, "a") as file:
        file.write("x")
    time.sleep(0.05)
    return [images.astype(np.float32).mean(axis=(1, 2))]

images = np.random.default_rng(0).integers(0, 256, (118, 4, 4, 3), np.uint8)
split = Split(images, np.zeros(118), [""] * 118, [f"{number:016x}" for number in range(118)], ["a"])
array = np.lib.format.open_memmap("array.npy", "r+" if Path("array.npy").exists() else "w+", np.float32, (118, 1, 3))
engine, complete = RayEngine(address, False), 0

class Killed:
    status, shared = engine.status, False
    def map(self, function, batches):
        for number, result in enumerate(engine.map(function, batches)):
            if number == most:
                os.kill(os.getpid(), signal.SIGKILL)
            yield result

views = activations.all_views(split, [array], "train")
activations.fill_arrays([views], function, Augmentation(None, 0.0, 1, 1), 4, "test", Path("done"), Killed())
"""


def numbered():
    """Batches of four rows that hold the batch's number."""
    return [(number, np.full((4, 2), number)) for number in range(BATCHES)]


def doubling():
    """A function as workers get it: twice the batch, and the process that computed it."""

    def function(batch):
        import os
        import time

        time.sleep(0.05)
        return [batch * 2, np.full(len(batch), os.getpid())]

    return function


def assert_doubled(results):
    assert sorted(number for number, _ in results) == list(range(BATCHES))
    for number, (twice, _) in results:
        np.testing.assert_array_equal(twice, np.full((4, 2), 2 * number))


def processes_of(results):
    return {int(processes[0]) for _, (_, processes) in results}


def test_two_workers_compute_every_batch_once(address):
    engine = RayEngine(address, False)
    assert engine.status() == "2 Ray workers"
    results = list(engine.map(doubling(), numbered()))
    assert_doubled(results)
    assert len(processes_of(results)) == 2


def test_batches_are_read_as_workers_become_free(address):
    read = []
    batches = ((read.append(number), (number, batch))[1] for number, batch in numbered())
    for returned, _ in enumerate(RayEngine(address, False).map(doubling(), batches)):
        assert len(read) - returned <= 2 * AHEAD
    assert len(read) == BATCHES


def test_batches_of_a_killed_worker_run_again(address):
    results = []
    for result in RayEngine(address, False).map(doubling(), numbered()):
        results.append(result)
        if len(results) in (4, 15):
            os.kill(int(result[1][1][0]), signal.SIGKILL)
    assert_doubled(results)
    assert len(processes_of(results)) >= 3


def test_a_function_is_loaded_once_in_a_worker(address, tmp_path):
    class Loaded:
        """Records each loading."""

        def __init__(self, folder):
            self.folder = folder

        def __reduce__(self):
            def load(folder):
                import os
                import pathlib
                import uuid

                pathlib.Path(folder, f"{os.getpid()}-{uuid.uuid4().hex}").touch()
                return lambda batch: [batch, batch]

            return load, (self.folder,)

    assert len(list(RayEngine(address, False).map(Loaded(str(tmp_path)), numbered()))) == BATCHES
    processes = [path.name.partition("-")[0] for path in tmp_path.iterdir()]
    assert 1 <= len(processes) <= 2 and len(set(processes)) == len(processes)


def test_an_error_of_the_function_is_one_sentence(address):
    def function(batch):
        if batch[0, 0] == 7:
            raise ValueError("the seventh\nbatch")
        return [batch]

    sentence = r"^A Ray worker failed on a batch \(ValueError: the seventh batch\): set engine\.name"
    with pytest.raises(UserError, match=sentence):
        list(RayEngine(address, False).map(function, numbered()))


def test_an_error_that_a_user_can_correct_arrives_as_it_is(address):
    def function(batch):
        from transfer.interface.errors import UserError

        raise UserError("A sentence.")

    with pytest.raises(UserError, match=r"^A sentence\.$"):
        list(RayEngine(address, False).map(function, numbered()))


def test_a_batch_that_kills_its_workers_is_given_up(address):
    def function(batch):
        import os

        if batch[0, 0] == 7:
            os._exit(1)
        return [batch]

    with pytest.raises(UserError, match=rf"^A batch was given up after {MOST_RETRIES + 1} workers died \("):
        list(RayEngine(address, False).map(function, numbered()))


def test_a_killed_driver_is_continued(two_workers, tmp_path):
    def drive(most):
        words = [sys.executable, "-c", DRIVER, two_workers[1], str(tmp_path / "runs"), str(most)]
        return subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True)

    assert drive(8).returncode == -signal.SIGKILL
    before = len((tmp_path / "runs").read_text())
    assert 9 <= before <= 8 + 1 + 2 * AHEAD
    resumed = drive(1000)
    assert resumed.returncode == 0, resumed.stderr
    # 118 images in batches of four: 30, of which eight are complete.
    assert len((tmp_path / "runs").read_text()) - before == 30 - 8
    images = np.random.default_rng(0).integers(0, 256, (118, 4, 4, 3), np.uint8)
    np.testing.assert_array_equal(np.load(tmp_path / "array.npy")[:, 0], images.astype(np.float32).mean(axis=(1, 2)))


def test_batches_of_a_killed_node_run_again(address, two_workers):
    """The last test with this cluster: it has one worker from here on."""
    command, _ = two_workers
    of_node = [child for child in psutil.Process(command.pid).children() if "raylet" in child.name()]
    engine, results = RayEngine(address, False), []
    for result in engine.map(doubling(), numbered()):
        results.append(result)
        if len(results) == 4:
            of_node[-1].kill()
    assert_doubled(results)
    # Until the cluster has noticed, it sends batches there in vain.
    start = time.monotonic()
    while cluster.workers() == 2 and time.monotonic() - start < 120:
        time.sleep(0.5)
    results = list(engine.map(doubling(), numbered()))
    assert_doubled(results)
    assert len(processes_of(results)) == 1
    assert engine.status() == "1 Ray worker"
