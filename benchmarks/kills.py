"""Kill workers, nodes and the driver of a Ray cluster at random instants: do the outs keep their bytes?

    python -m benchmarks.kills OUTPUT.json [--times 10] [--seed 0]

It runs in a clone in which the pipeline has run. Each case runs `features` and a short `finetune`, whose frozen prefix
runs on the cluster too, on two workers. A worker or a whole node gets SIGKILL, or the driver, which then runs again.
The instants are drawn from the time in which workers compute; the driver's from its whole time. All outs must be those
of the engine `local`. Stopped, it continues where it was if it finds OUTPUT.json.
"""

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import clones, ray_clusters
from commands.programs import environment
from transfer import command
from transfer.common import io
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar

ROOT = Path.cwd()
INPUTS = ("dataset_images.dvc", "prepared", "weights", "models/train_tl")
OUTS = ("features", "models/backbone", "models/finetune", "results/finetune")
KINDS = ("worker", "node", "driver")
# Both stages in one process, which is connected to the cluster once. It says when workers begin and when they are done.
DRIVER = """
from transfer import params_file
from transfer.engine import engines

engine = engines.open_engine(params_file.load().engine)

class Watched:
    shared, status = engine.shared, engine.status

    def map(self, function, batches):
        print("begin", flush=True)
        yield from engine.map(function, batches)
        print("end", flush=True)

engines.open_engine = lambda settings: Watched()
from stages import features, finetune

features.main()
finetune.main()
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--times", type=int, default=10, help="how many instants for each kind of kill")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    arguments = parser.parse_args()
    report: dict[str, Any] = io.read_json(arguments.output) if arguments.output.exists() else {}
    if report.get("seed", arguments.seed) != arguments.seed:
        raise UserError(f"{arguments.output} has the seed {report['seed']}: name another file, or use this seed.")
    cases: list[dict[str, Any]] = report.get("cases", [])
    done = {(case["kind"], case["number"]) for case in cases}
    missing = [(kind, number) for number in range(arguments.times) for kind in KINDS if (kind, number) not in done]
    with tempfile.TemporaryDirectory() as temporary, ray_clusters.start(2) as cluster:
        make_project(reference := Path(temporary) / "reference", None)
        finish(start(reference))
        make_project(uninterrupted := Path(temporary) / "uninterrupted", cluster.address)
        times = watch(uninterrupted)
        expected = digests(reference)
        if digests(uninterrupted) != expected:
            raise UserError("The engine ray gives other bytes than local, without any kill.")
        for kind, number in progress_bar(missing, "kills", len(missing), unit="kill"):
            generator = random.Random(f"{arguments.seed} {kind} {number}")  # noqa: S311 - instants, not secrets
            case: dict[str, Any] = {"in_time": False}
            # A kill after the end of the work says nothing: another instant is drawn.
            while not case["in_time"]:
                project = Path(temporary) / f"{kind}-{number}-{time.monotonic_ns()}"
                make_project(project, cluster.address)
                case = run_case(kind, project, cluster, times, generator)
            cases.append({**case, "kind": kind, "number": number, "same_bytes": digests(project) == expected})
            same = {kind: sum(case["same_bytes"] for case in cases if case["kind"] == kind) for kind in KINDS}
            io.write_json(arguments.output, {"seed": arguments.seed, "same_bytes": same, "cases": cases})
    print(f"Same bytes: {sum(case['same_bytes'] for case in cases)} of {len(cases)}")


def run_case(
    kind: str, project: Path, cluster: ray_clusters.RayCluster, times: dict[str, float], generator: random.Random
) -> dict[str, Any]:
    """Run both stages with one kill: its instant, and whether the work still ran then."""
    started = time.monotonic()
    process = start(project)
    if kind == "driver":
        instant = generator.uniform(0, times["whole"])
        time.sleep(instant)
        was_running = process.poll() is None
        process.kill()
        process.communicate()
        finish(start(project))
    else:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        process.stdout.readline()
        instant = generator.uniform(0, times["workers"])
        time.sleep(instant)
        was_running = process.poll() is None
        if kind == "worker":
            was_running &= cluster.kill_worker(generator)
        else:
            cluster.stop_node()
        finish(process)
        if kind == "node":
            cluster.add_node()
    return {"instant": instant, "in_time": was_running, "seconds": time.monotonic() - started}


def watch(project: Path) -> dict[str, float]:
    """Seconds of an uninterrupted run: the whole, and from the first batch of a worker to the last."""
    started = time.monotonic()
    process = start(project)
    assert process.stdout is not None  # noqa: S101 - for the type checker
    instants = [time.monotonic() for line in process.stdout if line.strip() in ("begin", "end")]
    finish(process)
    return {"whole": time.monotonic() - started, "workers": instants[-1] - instants[0]}


def make_project(folder: Path, address: str | None) -> None:
    """A folder with the inputs of both stages, and parameters for one epoch of fine-tuning."""
    for name in INPUTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    engine = {"engine.name": "ray" if address else "local", "engine.address": address}
    few = {"augment.views": 1, "finetune.epochs": 1, "finetune.warmup_epochs": 0}
    clones.change_params(folder, {**few, **engine})


def start(project: Path) -> subprocess.Popen:
    return subprocess.Popen(  # noqa: S603 - no shell
        [sys.executable, "-c", DRIVER],
        cwd=project,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen) -> None:
    _, errors = process.communicate()
    if process.returncode:
        raise UserError(f"The stages failed: {errors}")


def digests(project: Path) -> dict[str, str]:
    """The SHA-256 digest of every file that the stages have written, by path."""
    paths = sorted(path for out in OUTS for path in (project / out).rglob("*") if path.is_file())
    return {path.relative_to(project).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


if __name__ == "__main__":
    command.run(main)
