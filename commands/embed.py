"""Track files or folders with DVC and put them into the embedded remote: for whoever redraws the sample."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from transfer import binding
from transfer.faults import Fault, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.embed", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="what to embed")
    paths = parser.parse_args().paths

    # What the remote held before would stay in it for ever
    shutil.rmtree(binding.FOLDER, ignore_errors=True)
    for path in paths:
        dvc_file = path.with_name(f"{path.name}.dvc")
        _dvc("add", "--quiet", str(path))
        # A binding left from last time would keep the push from happening
        binding.release(dvc_file)
        _dvc("push", "--quiet", "--remote", binding.REMOTE, str(dvc_file))
        binding.bind(dvc_file)


def _dvc(*words: str) -> None:
    if subprocess.run([sys.executable, "-m", "dvc", *words], check=False).returncode:  # noqa: S603 - no shell
        raise Fault(f"`dvc {' '.join(words)}` failed: see its message above.")


if __name__ == "__main__":
    run(main)
