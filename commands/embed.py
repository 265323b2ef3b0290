"""Track files or folders with DVC and put them into the embedded remote; for maintainers who redraw the sample."""

import argparse
import shutil
from pathlib import Path

from commands.programs import dvc
from transfer import command
from transfer.common import dvcfile


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m commands.embed", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file or folder to embed")
    return parser


def main() -> None:
    paths = parser().parse_args().paths

    # Otherwise, earlier contents would stay in the remote for ever.
    shutil.rmtree(dvcfile.REMOTE_FOLDER, ignore_errors=True)
    for path in paths:
        dvc_file = path.with_name(f"{path.name}.dvc")
        dvc("add", "--quiet", str(path))
        # DVC does not push data that are still bound from an earlier run.
        dvcfile.release(dvc_file)
        dvc("push", "--quiet", "--remote", dvcfile.REMOTE, str(dvc_file))
        dvcfile.bind(dvc_file)


if __name__ == "__main__":
    command.run(main)
