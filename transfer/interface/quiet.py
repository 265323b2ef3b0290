"""Libraries that write to standard error whatever they are asked: their notes are held back, unless they fail."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what this process writes to standard error, and print it if the block raises.

    It works on the file descriptor: TensorFlow's C++ code writes there directly.
    """
    with tempfile.TemporaryFile() as notes:
        sys.stderr.flush()
        standard_error = os.dup(2)
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except Exception:
            sys.stderr.flush()
            notes.seek(0)
            os.write(standard_error, notes.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(standard_error, 2)
            os.close(standard_error)
