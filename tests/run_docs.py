"""Run every command of the README and the docs in a fresh clone, page by page, as a reader would.

    python tests/run_docs.py --photographs FOLDER [PAGE...]

A ```bash block is run, line by line, in the order of the page. A ```yaml block is put into params.yaml. A block that
cannot run everywhere says why, as in ```bash skip="needs a GPU", and is listed. `~/photographs` is a copy of FOLDER, a
folder of class folders. Each page begins with a clone of the last commit; the environment of this project is on.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r'^( *)```(bash|yaml)(?: skip="([^"]*)")?\n(.*?)^\1```$', re.MULTILINE | re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE", help="all pages, if none is named")
    parser.add_argument("--photographs", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args()
    failed = 0
    for page in arguments.pages or all_pages():
        with tempfile.TemporaryDirectory() as temporary:
            failed += not run_page(page, Path(temporary), arguments.photographs)
    sys.exit(failed > 0)


def all_pages() -> list[Path]:
    return [Path("README.md"), Path("CONTRIBUTING.md"), *sorted(Path("docs").rglob("*.md")), Path("sample/README.md")]


def blocks(page: Path) -> Iterator[tuple[str, str | None, str]]:
    """Kind, reason to skip, and text of each block of a page."""
    for indent, kind, skip, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        yield kind, skip or None, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


def run_page(page: Path, temporary: Path, photographs: Path) -> bool:
    """Run the blocks of one page; returns whether all commands ended with status 0."""
    if not any(kind == "bash" and not skip for kind, skip, _ in blocks(page)):
        return report_skipped(page)
    clone, home = temporary / "project", temporary / "home"
    shutil.copytree(photographs, home / "photographs")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    (clone / ".venv").symlink_to(ROOT / ".venv")
    names = {f"GIT_{who}_{what}": "docs@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    path = f"{clone}/.venv/bin{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | names | {"HOME": str(home), "PATH": path}
    for kind, skip, text in blocks(page):
        if skip:
            print(f"{page}: skipped ({skip}): {text.splitlines()[0]}", flush=True)
        elif kind == "yaml":
            set_parameters(clone / "params.yaml", yaml.safe_load(text))
        else:
            start = time.monotonic()
            done = subprocess.run(
                ["bash", "-e", "-c", text], cwd=clone, env=environment, capture_output=True, text=True
            )
            state = "ok" if done.returncode == 0 else f"FAILED with status {done.returncode}"
            print(f"{page}: {state}, {time.monotonic() - start:.0f} s: {'; '.join(text.splitlines())}", flush=True)
            if done.returncode:
                print(done.stdout[-2000:], done.stderr[-4000:], sep="\n", flush=True)
                return False
    return True


def report_skipped(page: Path) -> bool:
    for kind, skip, text in blocks(page):
        if kind == "bash":
            print(f"{page}: skipped ({skip}): {text.splitlines()[0]}", flush=True)
    return True


def set_parameters(path: Path, values: dict[str, object]) -> None:
    """Set the keys of a block in params.yaml; the others stay."""
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in values.items():
        if isinstance(value, dict):
            params[key] |= value
        else:
            params[key] = value
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
