"""The Makefile: a Python that the pinned requirements do not serve is refused before anything is installed."""

import shutil
import subprocess
import sys

import pytest

from runs import ROOT

# A Python of another version: it records its arguments, runs code, and makes no environment.
FAKE = """#!/bin/sh
echo "$@" >> calls
test "$1" = -c || exit 7
exec {python} -c "import sys; sys.version_info = ({version}, 0, 'final', 0); exec(sys.argv[2])" "$@"
"""


def make_run(folder, version, *, variable):
    """`make run` with a Python of a version, (major, minor): first on the PATH, or named by PYTHON."""
    for name in ("Makefile", "requirements.txt", "requirements-test.txt"):
        shutil.copy(ROOT / name, folder)
    script = folder / "bin/python3"
    script.parent.mkdir()
    script.write_text(FAKE.format(python=sys.executable, version=", ".join(map(str, version))))
    script.chmod(0o755)
    words = ["make", "run", "PYTHON=bin/python3"] if variable else ["make", "run"]
    environment = {"PATH": "/usr/bin:/bin" if variable else f"{script.parent}:/usr/bin:/bin"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("version", [(2, 7), (3, 9), (3, 10), (3, 14), (4, 0)])
def test_another_python_is_refused_before_anything_is_installed(tmp_path, version, variable):
    done = make_run(tmp_path, version, variable=variable)
    name = "bin/python3" if variable else "python3"
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        f"{name} is Python {version[0]}.{version[1]}, and the pinned requirements exist for Python 3.11, 3.12 and 3.13 "
        "only: install one of these and name it, as in make run PYTHON=python3.13."
    )
    # Neither an environment nor pip was started.
    assert len((tmp_path / "calls").read_text().splitlines()) == 3
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_a_python_with_wheels_makes_the_environment(tmp_path, version):
    done = make_run(tmp_path, version, variable=True)
    assert "is Python" not in done.stderr
    assert (tmp_path / "calls").read_text().splitlines()[-1] == "-m venv .venv"
