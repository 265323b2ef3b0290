"""make cluster: a Ray cluster on this machine, for trying the engine `ray`. It runs until Ctrl-C.

Every worker is a node of its own, as on several machines. All of them listen on the loopback interface alone.
"""

import argparse
import os
import signal
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from transfer import command
from transfer.interface.errors import UserError

PROJECT = Path(__file__).parents[1]
# The other addresses of the loopback interface: with 127.0.0.1, Ray takes a second node for the first.
HEAD = "127.0.0.2"
MOST_WORKERS = 64
# Bytes of shared memory of each node, for the batches that wait for its worker.
OBJECT_STORE = 512 * 1024**2


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.cluster", description="Run a Ray cluster on this machine until Ctrl-C."
    )
    parser.add_argument("workers", type=int, metavar="WORKERS", help="number of workers, one thread each")
    return parser


def main() -> None:
    workers = parser().parse_args().workers
    if not 1 <= workers <= MOST_WORKERS:
        raise UserError(f"WORKERS is {workers}: set it to a number from 1 to {MOST_WORKERS}.")
    if find_spec("ray") is None:
        raise UserError(
            "Ray is not installed: install it with `python -m pip install --require-hashes -r requirements-ray.txt`."
        )
    # Workers import the project from here, whatever the working folder of a driver is.
    os.environ["PYTHONPATH"] = str(PROJECT)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    node = {"include_dashboard": False, "object_store_memory": OBJECT_STORE}
    print("Starting the cluster ...", flush=True)
    cluster = Cluster(initialize_head=True, head_node_args={**node, "num_cpus": 0, "node_ip_address": HEAD})
    try:
        for number in range(1, workers + 1):
            address = HEAD.rpartition(".")[0] + f".{number + 2}"
            cluster.add_node(wait=False, num_cpus=1, node_ip_address=address, **node)
        cluster.wait_for_nodes()
        print(
            f"A Ray cluster with {workers} worker{'s' * (workers != 1)} runs at {cluster.address}. In another terminal:"
        )
        print(f"    export RAY_ADDRESS={cluster.address}")
        print("    dvc exp run -S engine.name=ray")
        print("Ctrl-C stops the cluster.", flush=True)
        # Ctrl-C is how the cluster ends. Stopping the nodes takes longer than `command.run` would wait for.
        signal.set_wakeup_fd(-1)
        # A shell lets what it starts in the background ignore Ctrl-C.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            signal.pause()
    finally:
        cluster.shutdown()
    print("The cluster has stopped.")


if __name__ == "__main__":
    command.run(main)
