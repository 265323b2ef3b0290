"""A quick `python` for tests: it forks a process that has imported TensorFlow and DVC, because imports take seconds.

`Forks.python` is a script that takes the arguments of Python. It runs `-m MODULE`, `-c CODE` or a script, also after
`-P`, in a fork, with its own folder, variables, streams and exit status. In the fork, `sys.executable` is the script:
DVC, its stages and `make verify` start forks too.

This module is also the process that forks. It has imported libraries but has used none of them, so TensorFlow has
started no thread, and a fork is where a new process is after its imports. Nothing that a fork changes reaches the next
one. Unlike a process of its own, it skips the interpreter's shutdown, which takes longer than many programs.

OpenBLAS has started threads by then. It ends them before each fork, and starts them again when they are needed.
"""

import atexit
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
import tempfile
from multiprocessing.connection import wait
from pathlib import Path

# TensorFlow first: its import hides optional packages, but only those that are not imported yet.
PRELOADED = ("transfer.models.tensorflow", "cv2", "dvclive", "h5py", "matplotlib.figure", "pandas", "pydantic")
PRELOADED += ("networkx", "pi_heif", "PIL.ImageCms", "PIL.ImageOps", "pydantic.main", "pydantic.types")
PRELOADED += ("scipy.stats", "sklearn.metrics", "tqdm", "yaml", "ruamel.yaml")
# All commands of DVC, and what they import when they are used.
PRELOADED += ("dvc.cli.parser", "dvc.cachemgr", "dvc.data_cloud", "dvc.repo", "dvc.repo.artifacts", "dvc.repo.brancher")
PRELOADED += ("dvc.repo.datasets", "dvc.repo.experiments", "dvc.repo.index", "dvc.repo.open_repo", "dvc.repo.plots")
PRELOADED += ("dvc.repo.reproduce", "dvc.repo.stage", "dvc.stage.run", "dvc.utils.strictyaml")
PRELOADED += ("dvc_data.hashfile.db.local", "dvc_data.index.checkout", "dvc_data.index.collect", "dvc_data.index.fetch")
PRELOADED += ("dulwich.porcelain", "fsspec.implementations.memory", "platformdirs.unix", "pygit2", "scmrepo.fs")
ROOT = Path(__file__).parents[1]

# Run without the packages of the environment, which it does not need: it starts in a hundredth of a second.
# A program with variables that the imports have read already runs in a process of its own.
SCRIPT = """#!{python} -IS
import array, json, os, signal, socket, sys
words, variables = sys.argv[1:], dict(os.environ)
imports = {{name: value for name, value in variables.items() if name.startswith({prefixes})}}
if not words or words[0].startswith("-") and words[0] not in ("-P", "-m", "-c") or imports != {imports}:
    os.execv({python!r}, [{python!r}, *words])
umask = os.umask(0o077)
request = json.dumps([os.getcwd(), words, variables, umask]).encode()
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    socket.send_fds(connection, [len(request).to_bytes(8, "big")], [0, 1, 2])
    connection.sendall(request)
    status = int(connection.makefile().read())
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""
# Of the variables that begin so, imports have read the values. Where modules lie matters to each program alone.
PREFIXES = ("HOME", "KERAS_", "LANG", "LC_", "MPL", "OMP_", "PYTHONH", "PYTHONI", "PYTHONU", "TF_", "XDG_")


class Forks:
    """The process that forks, and the script that asks it to. Both end with this process.

    Attributes:
        python: the script.
        process: the process.
    """

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="forks")
        folder = Path(self._folder.name)
        address = str(folder / "socket")
        self.python = folder / "python"
        imports = {name: value for name, value in os.environ.items() if name.startswith(PREFIXES)}
        script = SCRIPT.format(python=sys.executable, prefixes=PREFIXES, imports=imports, address=address)
        self.python.write_text(script, encoding="utf-8")
        self.python.chmod(0o700)
        self.process = subprocess.Popen(
            [sys.executable, __file__, address, self.python], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.process.stdout.readline()
        atexit.register(self.process.__exit__, None, None, None)


def serve(address, python):
    """Run a program for each connection, and answer it with the exit status, until standard input ends."""
    sys.path.insert(0, str(ROOT))
    for name in PRELOADED:
        importlib.import_module(name)
    # The project's own modules are those of the folder in which a program runs.
    sys.path[:2] = []
    for name in [name for name in sys.modules if name.partition(".")[0] == "transfer"]:
        del sys.modules[name]
    sys.executable = python
    # A fork's collector would otherwise visit, and thereby copy, all that is here.
    gc.collect()
    gc.freeze()
    context = multiprocessing.get_context("fork")
    programs = {}
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while True:
            for ready in wait([server, sys.stdin, *programs]):
                if ready is sys.stdin:
                    return
                if ready is server:
                    connection = server.accept()[0]
                    request, streams = receive(connection)
                    process = context.Process(target=run, args=(*request, streams))
                    process.start()
                    for stream in streams:
                        os.close(stream)
                    programs[process.sentinel] = process, connection
                else:
                    process, connection = programs.pop(ready)
                    process.join()
                    with connection:
                        connection.sendall(str(process.exitcode).encode())


def receive(connection):
    """The request of a connection, and the numbers of its open standard streams."""
    size, streams, *_ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as file:
        return json.loads(file.read(int.from_bytes(size, "big"))), streams


def run(folder, words, variables, umask, streams):
    """Be the program `python WORDS`: `-m MODULE`, `-c CODE` or a script, and its arguments, or all that after `-P`."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    os.umask(umask)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    # The module `multiprocessing` gives its processes no input.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    is_safe, words = (True, words[1:]) if words[0] == "-P" else (False, words)
    option, words = (words[0], words[1:]) if words[0] in ("-m", "-c") else (None, words)
    program, *arguments = words
    sys.argv = [option or program, *arguments]
    # Where Python looks for modules first.
    first = {"-m": folder, "-c": ""}.get(option, str(Path(program).resolve().parent))
    sys.path[:0] = [*([] if is_safe else [first]), *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))]
    if option == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    elif option == "-c":
        exec(program, {"__name__": "__main__"})  # noqa: S102
    else:
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    serve(*sys.argv[1:])
