"""Python programs in forks of one process that has imported TensorFlow, because importing it takes seconds.

Run as a script, this module is that process: it forks for each request that it reads. It has imported libraries but has
used none of them, so TensorFlow has started no thread, and a fork is where a new process is after its imports. The fork
then runs a program as `python` does, with its own folder, output and exit status; nothing that it changes reaches the
next fork. Unlike a process of its own, it skips the interpreter's shutdown, which takes longer than many programs.

OpenBLAS has started threads by then. It ends them before each fork, and starts them again when they are needed.
"""

import atexit
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

# TensorFlow first: its import hides optional packages, but only those that are not imported yet. The project's other
# modules are not here, so that a program can replace a function before a stage imports it.
PRELOADED = ("transfer.models.tensorflow", "cv2", "dvclive", "h5py", "matplotlib.figure", "pandas", "pydantic")
PRELOADED += ("scipy.stats", "sklearn.metrics", "tqdm", "yaml")


class ForkServer:
    """The process that forks. It ends with this process.

    Attributes:
        environment: its variables, and those of all forks. Most variables matter to the imports already.
    """

    def __init__(self, environment):
        self.environment = environment
        self.process = subprocess.Popen(
            [sys.executable, __file__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        atexit.register(self.process.__exit__, None, None, None)

    def run(self, folder, words):
        """What `subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True)` returns."""
        with tempfile.TemporaryDirectory() as outputs:
            stdout, stderr = Path(outputs, "stdout"), Path(outputs, "stderr")
            request = [str(folder), [*map(str, words)], str(stdout), str(stderr)]
            print(json.dumps(request), file=self.process.stdin, flush=True)
            status = self.process.stdout.readline()
            if not status:
                raise RuntimeError("The process that forks has ended.")
            return subprocess.CompletedProcess(words, int(status), stdout.read_text(), stderr.read_text())


def serve():
    """Run a program for each line of standard input, and answer each with its exit status."""
    for name in PRELOADED:
        importlib.import_module(name)
    # A fork's collector would otherwise visit, and thereby copy, all that is here.
    gc.collect()
    gc.freeze()
    context = multiprocessing.get_context("fork")
    for line in sys.stdin:
        process = context.Process(target=run, args=json.loads(line))
        process.start()
        process.join()
        print(process.exitcode, flush=True)


def run(folder, words, stdout, stderr):
    """Be the program `python WORDS`: `-m MODULE`, `-c CODE` or a script, and its arguments."""
    os.chdir(folder)
    for path, stream in ((stdout, sys.stdout), (stderr, sys.stderr)):
        with Path(path).open("w") as file:
            os.dup2(file.fileno(), stream.fileno())
    option, words = (words[0], words[1:]) if words[0] in ("-m", "-c") else (None, words)
    program, *arguments = words
    sys.argv = [option or program, *arguments]
    # Where Python looks for modules first.
    sys.path[0] = {"-m": folder, "-c": ""}.get(option, str(Path(program).resolve().parent))
    if option == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    elif option == "-c":
        exec(program, {"__name__": "__main__"})  # noqa: S102
    else:
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    serve()
