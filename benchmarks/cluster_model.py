"""A model of a cluster larger than this machine: its workers are threads that only wait, the driver is the real one.

    python -m benchmarks.cluster_model OUTPUT.json [--batch-seconds 1.4] [--gigabits 10]

The driver's own code reads the images of a dataset of 224 px, makes their views, sends batches to workers and writes
their results, with two batches for each worker on their way. A worker takes `batch-seconds` for a batch, and the
driver's network sends one batch after the other at its rate. What comes out is the number of workers from which more
of them are no faster: with images that travel, and with a shared folder, where only their numbers do.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np

from transfer import command
from transfer.caching import activations
from transfer.common import io, memory
from transfer.loading.augmentation import Augmentation
from transfer.loading.prepared import Split

SIZE, CHANNELS, BATCH, VIEWS = 224, 1280, 64, 4
WORKERS = (1, 4, 16, 64, 256, 1024)
# As the engine `ray` does.
AHEAD = 2
# Rounds of all workers that are timed, and the least and the most batches.
ROUNDS, FEWEST, MOST = 3, 24, 3072


class Repeated:
    """So many images, of which a few are in memory."""

    def __init__(self, images: int):
        self.shape = (images, SIZE, SIZE, 3)
        self.pixels = np.random.default_rng(0).integers(0, 256, (64, SIZE, SIZE, 3), np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, row: int) -> np.ndarray:
        return self.pixels[row % len(self.pixels)]


class Waiting:
    """An engine whose workers wait as long as workers would compute; see `engines.Engine`."""

    def __init__(self, workers: int, batch_seconds: float, bytes_a_second: float, shared: bool):
        self.workers = workers
        self.batch_seconds = batch_seconds
        self.bytes_a_second = bytes_a_second
        self.shared = shared
        self.network = threading.Lock()
        self.instants: list[float] = []

    def compute(self, images: int, size: int) -> list[np.ndarray]:
        """What a worker does with a batch of so many bytes: wait for it, and wait as long as it would compute."""
        with self.network:
            time.sleep(size / self.bytes_a_second)
        time.sleep(self.batch_seconds)
        return [np.zeros((images, CHANNELS), np.float32)]

    def map(self, function: Any, batches: Iterable[tuple[Any, np.ndarray]]) -> Iterator[tuple[Any, list[np.ndarray]]]:
        remaining = iter(batches)
        running: dict[Future, Any] = {}
        with ThreadPoolExecutor(self.workers) as threads:
            while True:
                while len(running) < AHEAD * self.workers and (following := next(remaining, None)) is not None:
                    item, inputs = following
                    running[threads.submit(self.compute, len(inputs), inputs.nbytes)] = item
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    self.instants.append(time.perf_counter())
                    yield running.pop(future), future.result()

    def status(self) -> str:
        return f"{self.workers} threads"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster_model", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--batch-seconds", type=float, default=1.4, help="seconds of a worker for a batch of 64 images")
    parser.add_argument("--gigabits", type=float, default=10.0, help="rate of the driver's network, in Gbit a second")
    arguments = parser.parse_args()
    memory.keep_freed_memory()
    rates: dict[str, dict[str, float]] = {"images_travel": {}, "shared_folder": {}}
    for kind, of_kind in rates.items():
        for workers in WORKERS:
            engine = Waiting(workers, arguments.batch_seconds, arguments.gigabits / 8 * 1e9, kind == "shared_folder")
            of_kind[str(workers)] = images_a_second(engine)
    ideal = BATCH / arguments.batch_seconds
    report: dict[str, Any] = {"batch_seconds": arguments.batch_seconds, "gigabits": arguments.gigabits}
    efficiency = {
        kind: {workers: rate / (int(workers) * ideal) for workers, rate in of.items()} for kind, of in rates.items()
    }
    io.write_json(arguments.output, report | {"images_per_second": rates, "efficiency": efficiency})


def images_a_second(engine: Waiting) -> float:
    """The rate at which the driver's own code fills an array over this engine, after the first round of all workers."""
    batches = min(MOST, max(FEWEST, (ROUNDS + 1) * engine.workers))
    images = batches * BATCH // VIEWS
    digests = [f"{number:016x}" for number in range(images)]
    split = Split(Repeated(images), np.zeros(images, int), [""] * images, digests, ["a"])  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        array = np.lib.format.open_memmap(Path(folder) / "features.npy", "w+", np.float32, (images, VIEWS, CHANNELS))
        views = activations.all_views(split, [array], "train")
        augmentation = Augmentation("horizontal", 0.2, VIEWS, 1)
        activations.fill_arrays([views], abs, augmentation, BATCH, "model", Path(folder) / "done", engine)  # type: ignore[arg-type]
    # The first batch of each worker fills the cluster; the last of each empties it.
    first = min(engine.workers, batches // 4)
    return BATCH * (batches - 2 * first) / (engine.instants[batches - first - 1] - engine.instants[first - 1])


if __name__ == "__main__":
    command.run(main)
