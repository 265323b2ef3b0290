"""Ray clusters on the loopback interface, each run by a program of its own, as on other machines."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

from runs import ROOT

# Announce a cluster, and keep it until Ctrl-C.
KEEP = """
cluster.wait_for_nodes()
print(f"RAY_ADDRESS={cluster.address}", flush=True)
try:
    signal.pause()
except KeyboardInterrupt:
    cluster.shutdown()
"""

# A cluster whose nodes would compute other bytes: on another processor, without the project, and with another version.
ODD = (
    """
import os, signal, sys
from ray.cluster_utils import Cluster
head = {"include_dashboard": False, "num_cpus": 0, "node_ip_address": "127.0.0.2"}
cluster = Cluster(initialize_head=True, head_node_args=head)
nodes = [{"ONEDNN_MAX_CPU_ISA": "SSE41", "PYTHONPATH": sys.argv[1]}, {"PYTHONPATH": ""}, {"PYTHONPATH": sys.argv[2]}]
for number, variables in enumerate(nodes, start=3):
    cluster.add_node(wait=False, num_cpus=1, node_ip_address=f"127.0.0.{number}", env_vars=variables)
"""
    + KEEP
)

# A node with processors alone, and two with GPUs, one and two.
WITH_GPUS = (
    """
import signal
from ray.cluster_utils import Cluster
head = {"include_dashboard": False, "num_cpus": 4, "node_ip_address": "127.0.0.2"}
cluster = Cluster(initialize_head=True, head_node_args=head)
for number, gpus in enumerate((1, 2), start=3):
    cluster.add_node(wait=False, num_cpus=1, num_gpus=gpus, node_ip_address=f"127.0.0.{number}")
"""
    + KEEP
)


@contextmanager
def run_cluster(folder, *words):
    """Run a program that makes a cluster and prints its address; yields the process and the address.

    Args:
        folder: where its output goes, and its working folder: it must not be one with a project.
    """
    log = folder / "cluster.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        try:
            yield process, next(line.split("=")[1].strip() for line in process.stdout if "RAY_ADDRESS=" in line)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                status = process.wait(60 if "-c" not in words else 20)
            except subprocess.TimeoutExpired:
                # Ray's own test cluster may wait for ever for a node whose workers do not start.
                os.killpg(process.pid, signal.SIGKILL)
                status = process.wait()
            assert status == 0 or "-c" in words, log.read_text()
