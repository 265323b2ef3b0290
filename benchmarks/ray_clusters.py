"""A Ray cluster on the loopback interface to measure on, in a process of its own, whose nodes can be stopped."""

import argparse
import itertools
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from transfer import command
from transfer.interface.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
HEAD = "127.0.0.2"
# Ray takes up to a minute to notice that a node is gone. With these, it takes seconds.
NOTICE = {"RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "3"}
NOTICE |= {"RAY_health_check_timeout_ms": "1000", "RAY_health_check_initial_delay_ms": "1000"}


class RayCluster:
    """A cluster of nodes with one worker each."""

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self.address = self._answer()

    def stop_node(self) -> None:
        """End all processes of a node by SIGKILL, as a power failure does."""
        self._ask("stop")

    def add_node(self) -> None:
        """Start another node."""
        self._ask("add")

    def processes(self) -> list[psutil.Process]:
        """All processes of the cluster."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill_worker(self, generator: random.Random) -> bool:
        """End a worker by SIGKILL, one that computes if there is one; whether there was any."""
        workers: dict[str, list[psutil.Process]] = {}
        for process in self.processes():
            with _gone_is_nothing():
                workers.setdefault("".join(process.cmdline()[:1]), []).append(process)
        candidates = workers.get("ray::compute") or workers.get("ray::IDLE", [])
        if candidates:
            with _gone_is_nothing():
                generator.choice(candidates).kill()
        return bool(candidates)

    def _ask(self, word: str) -> None:
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        print(word, file=self.process.stdin, flush=True)
        self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None  # noqa: S101 - for the type checker
        for line in self.process.stdout:
            if line.startswith("cluster: "):
                return line.partition(" ")[2].strip()
        raise UserError("The Ray cluster ended: install Ray (requirements-ray.txt), and see what it printed.")


@contextmanager
def _gone_is_nothing() -> Iterator[None]:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        yield


@contextmanager
def start(workers: int, object_store: int = 512 * 1024**2) -> Iterator[RayCluster]:
    """A cluster of so many workers, each with `object_store` bytes of shared memory."""
    words = [sys.executable, "-m", "benchmarks.ray_clusters", str(workers), str(object_store)]
    variables = os.environ | NOTICE | {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    process = subprocess.Popen(  # noqa: S603 - no shell
        words, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        try:
            yield RayCluster(process)
        finally:
            assert process.stdin is not None  # noqa: S101 - for the type checker
            process.stdin.close()


def main() -> None:
    """Be the cluster, until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ray_clusters")
    parser.add_argument("workers", type=int)
    parser.add_argument("object_store", type=int)
    arguments = parser.parse_args()
    from ray.cluster_utils import Cluster

    node = {"include_dashboard": False, "object_store_memory": arguments.object_store}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "num_cpus": 0, "node_ip_address": HEAD})
    nodes, numbers = [], itertools.count(3)

    def add() -> None:
        address = f"{HEAD.rpartition('.')[0]}.{next(numbers)}"
        nodes.append(cluster.add_node(wait=False, num_cpus=1, node_ip_address=address, **node))
        cluster.wait_for_nodes()

    for _ in range(arguments.workers):
        add()
    print(f"cluster: {cluster.address}", flush=True)
    for line in sys.stdin:
        if line.strip() == "add":
            add()
        else:
            cluster.remove_node(nodes.pop(0), allow_graceful=False)
        print("cluster: done", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    command.run(main)
