"""Where the seconds of a cold run go, process by process: `python -m benchmarks.stage_times OUTPUT.json`.

In a clone of the last commit, `dvc repro` runs from cold, and once more with nothing to do. Then each stage's script
runs again from cold by itself, without DVC. Without --photographs, the clone has the embedded sample.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import yaml

from benchmarks import clones, processes
from commands.dataset import recipes
from commands.programs import call, dvc
from transfer import command
from transfer.common import environment, io

DVC = ("-m", "dvc")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stage_times", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--photographs", type=Path, help="default: the embedded sample")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary, "clone")
        if arguments.photographs:
            clones.create(clone, arguments.photographs)
            clones.change_params(clone, recipes.choose(None, None).values)
        else:
            call("git", "clone", "--quiet", str(Path.cwd()), str(clone))
            dvc("pull", "--quiet", "dataset_images.dvc", *map(str, Path("weights").glob("*.dvc")), folder=clone)
        io.write_json(arguments.output, {"processor": environment.processor_kind(), **measure(clone)})


def measure(clone: Path) -> dict[str, object]:
    """Seconds of the whole pipeline, of each stage's process, and of the import that most of them begin with."""
    results = {
        "repro": processes.run_python(*DVC, "repro", folder=clone).seconds,
        "repro_with_nothing_to_do": processes.run_python(*DVC, "repro", folder=clone).seconds,
        "import_of_tensorflow": processes.run_python("-c", "import transfer.models.tensorflow", folder=clone).seconds,
    }
    # Without the lock file, no stage finds the last version, from which it would take over what it computed.
    (clone / "dvc.lock").unlink()
    shutil.rmtree(clone / ".scratch", ignore_errors=True)
    stages = yaml.safe_load((clone / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return results | {
        "stages": {name: processes.run_python("-m", f"stages.{name}", folder=clone).seconds for name in stages}
    }


if __name__ == "__main__":
    command.run(main)
