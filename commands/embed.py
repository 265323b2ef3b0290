"""Track files or folders with DVC and put them into the embedded remote: for whoever redraws the sample."""

import argparse
import shutil
from pathlib import Path

from commands.programs import dvc
from transfer import command
from transfer.dataset import dvcfile


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.embed", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="what to embed")
    paths = parser.parse_args().paths

    # What the remote held before would stay in it for ever
    shutil.rmtree(dvcfile.FOLDER, ignore_errors=True)
    for path in paths:
        dvc_file = path.with_name(f"{path.name}.dvc")
        dvc("add", "--quiet", str(path))
        # A binding left from last time would keep the push from happening
        dvcfile.release(dvc_file)
        dvc("push", "--quiet", "--remote", dvcfile.REMOTE, str(dvc_file))
        dvcfile.bind(dvc_file)


if __name__ == "__main__":
    command.run(main)
