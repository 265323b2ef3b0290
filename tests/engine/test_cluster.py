"""Reaching a cluster, and refusing one that would compute other bytes, each with one sentence and in seconds."""

import http.server
import re
import shutil
import socket
import threading
import time

import pytest

import clusters
from runs import ROOT, run_python
from transfer.interface.errors import UserError, UserErrors

ray = pytest.importorskip("ray", reason="Ray is not installed (requirements-ray.txt)")
from transfer.engine import cluster, worker  # noqa: E402 - they import Ray

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]


def assert_refused(address, sentence):
    """Connecting fails within ten seconds, with this sentence."""
    start = time.monotonic()
    with pytest.raises(UserError, match=sentence):
        cluster.connect(address)
    assert time.monotonic() - start < 10
    assert not ray.is_initialized()


def test_an_address_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert_refused(f"127.0.0.1:{port}", rf"^No Ray cluster answers at 127\.0\.0\.1:{port} \(.*refused\): start it, or")
    assert_refused("nowhere.invalid:6379", r"^No Ray cluster answers at nowhere\.invalid:6379 \(")
    assert_refused("127.0.0.1:99999", r"^No Ray cluster answers at 127\.0\.0\.1:99999 \(")


def test_an_address_where_another_program_listens():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert_refused(f"127.0.0.1:{silent.getsockname()[1]}", r"^No Ray cluster answers at .* \(timed out\): ")
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        sentence = r"^No Ray cluster answers at .* \(another program answers there\): "
        assert_refused(f"127.0.0.1:{server.server_port}", sentence)


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "localhost", "127.0.0.1:", "a b:1"])
def test_an_address_of_another_form(address, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert_refused(None, rf"^RAY_ADDRESS is {re.escape(address)}: set it to the host and port of a cluster")


def test_the_address_may_come_from_the_environment(address, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert cluster.connect(None) == address
    assert cluster.workers() == 2


def test_workers_that_become_free_at_once_are_waited_for(address):
    """Ray reports for a moment that a worker is busy whose work has ended, such as that of the round before."""
    cluster.connect(address)

    @ray.remote(num_cpus=1)
    def occupy():
        time.sleep(0.5)

    tasks = [occupy.remote(), occupy.remote()]
    while ray.available_resources().get("CPU", 0) >= 1:
        time.sleep(0.01)
    cluster.check_nodes(address, worker.describe())
    ray.get(tasks)


def test_busy_workers_are_not_waited_for_long(address):
    cluster.connect(address)

    @ray.remote(num_cpus=1)
    def occupy():
        time.sleep(60)

    cluster.check_nodes(address, worker.describe())
    tasks = [occupy.remote(), occupy.remote()]
    while ray.available_resources().get("CPU", 0) >= 1:
        time.sleep(0.1)
    with pytest.raises(UserError, match=rf"^All 2 workers of the Ray cluster at {address} are busy: "):
        cluster.check_nodes(address, worker.describe())
    for task in tasks:
        ray.cancel(task, force=True)


def test_nodes_that_would_compute_other_bytes_are_named(tmp_path):
    other = tmp_path / "another version" / "transfer"
    shutil.copytree(ROOT / "transfer", other)
    with (other / "loading" / "batches.py").open("a") as file:
        file.write("# changed\n")
    # Ray adds the folders of a driver and of its script to the paths of its workers: neither has a project here.
    driver = (
        "import sys\n"
        "from transfer.engine import cluster, worker\n"
        "from transfer.interface.errors import UserErrors\n"
        "cluster.connect(sys.argv[1])\n"
        "try:\n"
        "    cluster.check_nodes(sys.argv[1], worker.describe())\n"
        "except UserErrors as error:\n"
        "    print(*sorted(error.sentences), sep='\\n', file=sys.stderr)\n"
        "    sys.exit(1)\n"
    )
    with clusters.run_cluster(tmp_path, "-c", clusters.ODD, str(ROOT), str(other.parent)) as (_, address):
        done = run_python(tmp_path, "-c", driver, address)
    assert done.returncode == 1, done.stderr
    processor, missing, code = done.stderr.splitlines()[-3:]
    start = "The Ray node 127.0.0."
    assert processor.startswith(
        f"{start}3 would compute other bytes than this machine (ONEDNN_MAX_CPU_ISA is SSE41 and"
    )
    assert missing.startswith(f"{start}4 does not find the project: ")
    assert re.match(rf"{start}5 would compute other bytes .* \(the code of transfer/ is [0-9a-f]+ and not ", code)


def test_nodes_that_see_other_prepared_images_are_named(address, tmp_path):
    index = tmp_path / "a folder" / "prepared" / "index.csv"
    index.parent.mkdir(parents=True)
    index.write_text("split,class,path\n")
    expected = worker.describe(index)
    cluster.connect(address)
    cluster.check_nodes(address, expected)
    index.write_text("split,class,path\ntrain,a,b\n")
    start = rf"^The Ray node 127\.0\.0\.[34] sees other prepared images than this machine \({re.escape(str(index))} is "
    with pytest.raises(
        UserErrors, match=rf"{start}[0-9a-f]{{16}} and not [0-9a-f]{{16}}\): share this folder"
    ) as error:
        cluster.check_nodes(address, expected)
    assert len(str(error.value).splitlines()) == 2
    index.unlink()
    with pytest.raises(UserErrors, match=f"{start}missing and not"):
        cluster.check_nodes(address, expected)


def test_each_gpu_is_a_worker(tmp_path):
    """Ray counts the GPUs that it was told of; TensorFlow uses none here."""
    driver = (
        "import os, sys\n"
        "import numpy as np\n"
        "from transfer.engine.ray_engine import RayEngine\n"
        "def function(batch):\n"
        "    import os, time\n"
        "    time.sleep(0.2)\n"
        "    return [np.array([os.getpid()]), np.array([int(os.environ['CUDA_VISIBLE_DEVICES'])])]\n"
        "engine = RayEngine(sys.argv[1], False)\n"
        "results = list(engine.map(function, ((number, np.zeros(1)) for number in range(12))))\n"
        "print(engine.status(), len({int(process[0]) for _, (process, _) in results}))\n"
    )
    with clusters.run_cluster(tmp_path, "-c", clusters.WITH_GPUS) as (_, address):
        done = run_python(tmp_path, "-c", driver, address)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 Ray workers 3\n"


def test_a_difference_names_what_differs():
    here = {"Python": "3.11.7", "tensorflow-cpu": "2.21.0", "the processor": "x86_64 avx2 avx512f"}
    assert worker.difference("n1", dict(here), here) is None
    assert worker.difference("n1", here | {"tensorflow-cpu": "2.20.0", "Python": "3.11.8"}, here) == (
        "The Ray node n1 would compute other bytes than this machine (Python is 3.11.8 and not 3.11.7; "
        "tensorflow-cpu is 2.20.0 and not 2.21.0): give it this commit, its requirements and a processor of this kind, "
        "or stop the node."
    )
    without = {name: value for name, value in here.items() if name != "tensorflow-cpu"}
    assert "tensorflow-cpu is missing and not 2.21.0" in worker.difference("n1", without, here)
    assert "tensorflow-cpu is 2.21.0 and not missing" in worker.difference("n1", here, without)


def test_what_bytes_depend_on_is_described(monkeypatch):
    description = worker.describe()
    assert {"Python", "tensorflow-cpu" if "tensorflow-cpu" in description else "tensorflow", "numpy"} <= set(
        description
    )
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    changed = {name for name, value in worker.describe().items() if value != description[name]}
    assert changed == {"ONEDNN_MAX_CPU_ISA"}
