"""The Ray cluster: reaching it, and whether its nodes compute the same bytes as this machine."""

import logging
import os
import re
import socket
import time
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from transfer.engine import worker
from transfer.interface.errors import UserError, UserErrors

# Seconds to wait for a connection, for a free worker, and for a node to describe itself. Ray itself waits for minutes,
# or for ever.
CONNECTING = 5.0
FREEING = 2.0
DESCRIBING = 60.0
# Ray speaks gRPC, that is HTTP/2: either side begins with its settings, a frame of this type (RFC 9113, section 3.4).
SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS


def connect(address: str | None) -> str:
    """Connect this process to a cluster, and return its address; see `RayEngine`.

    Raises:
        UserError: no cluster answers there.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "auto"
    if address != "auto":
        _check_answer(address)
    # One sentence says what is wrong. Ray would add the tracebacks of batches that nobody waits for any more.
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        if address == "auto":
            raise UserError(
                f"This machine belongs to no Ray cluster ({reason_of(error)}): start one, or set engine.address in "
                "params.yaml."
            ) from None
        raise UserError(
            f"The Ray cluster at {address} cannot be used ({reason_of(error)}): restart it, or check its address and "
            "token."
        ) from None
    return ray.get_runtime_context().gcs_address


def _check_answer(address: str) -> None:
    """Raises UserError if no server of Ray's kind answers: Ray itself would wait for minutes."""
    match = re.fullmatch(r"\[?([^\s/@\]]+)\]?:([0-9]{1,5})", address)
    if match is None:
        raise UserError(f"RAY_ADDRESS is {address}: set it to the host and port of a cluster, such as 10.0.0.1:6379.")
    reason = "another program answers there"
    try:
        with socket.create_connection((match[1], int(match[2])), CONNECTING) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return
            connection.sendall(GREETING)
            if connection.recv(len(SETTINGS))[3:4] == SETTINGS[3:4]:
                return
    except (OSError, OverflowError) as error:
        reason = str(error)
    raise UserError(f"No Ray cluster answers at {address} ({reason}): start it, or set engine.address in params.yaml.")


def reason_of(error: BaseException) -> str:
    """The first sentence of an error. Ray's go on with advice about its own logs."""
    return re.split(r"(?<=\w)\. ", " ".join(str(error).split()))[0].rstrip(".") or type(error).__name__


def resource() -> str:
    """What a worker is: a GPU, or a processor if no node has a GPU."""
    return "GPU" if ray.cluster_resources().get("GPU", 0) >= 1 else "CPU"


def workers() -> int:
    """How many workers the cluster has: each GPU that Ray may use, or each processor, is one."""
    return int(ray.cluster_resources().get(resource(), 0))


def _has_free_worker() -> bool:
    """Whether a worker is free, or is so soon: Ray may report for a moment that one still works that has ended."""
    deadline = time.monotonic() + FREEING
    while ray.available_resources().get(resource(), 0) < 1:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def check_nodes(address: str, expected: dict[str, str]) -> None:
    """Check that there are free workers, and that each computes the same bytes as this machine.

    Args:
        expected: what the bytes of this machine depend on; see `worker.describe`.

    Raises:
        UserError: no worker is free. Ray would wait for ever.
        UserErrors: one sentence for each node with another version of something that results depend on.
    """
    if not workers():
        raise UserError(f"The Ray cluster at {address} has no workers: start nodes with processors, then run again.")
    if not _has_free_worker():
        raise UserError(
            f"All {workers()} workers of the Ray cluster at {address} are busy: wait until other work has ended, or "
            "add a node, then run again."
        )

    index = worker.index_of(expected)

    # Nested, so that it travels as code: a node without the project can run it too.
    def describe() -> dict[str, str] | None:
        import os

        # Ray may hide the GPUs from what uses none.
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        try:
            from transfer.engine import worker
        except ImportError:
            return None
        return worker.describe(index)

    nodes = {
        ray.remote(num_cpus=0, max_retries=0)(describe)
        .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
        .remote(): node["NodeManagerAddress"]
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get(resource())
    }
    ray.wait(list(nodes), num_returns=len(nodes), timeout=DESCRIBING)
    sentences = [sentence for reference, name in nodes.items() if (sentence := _fault(reference, name, expected))]
    if sentences:
        raise UserErrors(sentences)


def _fault(reference: Any, name: str, expected: dict[str, str]) -> str | None:
    """Why a node cannot be used, in a sentence; None if it can."""
    try:
        actual = ray.get(reference, timeout=0)
    except ray.exceptions.RayError as error:
        return f"The Ray node {name} starts no worker ({reason_of(error)}): restart Ray there, or stop the node."
    if actual is None:
        return (
            f"The Ray node {name} does not find the project: have it in the same folder there, or name its folder in "
            "PYTHONPATH before `ray start`."
        )
    return worker.difference(name, actual, expected)
