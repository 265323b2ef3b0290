"""Faults that a person can mend, and how a command ends when it meets one."""

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from transfer import memory

# Seconds that Ctrl-C leaves to the main thread
GRACE = 1.0
_told = threading.Lock()


class Fault(Exception):
    """A foreseeable fault: one sentence that says what is wrong, where, and what to do."""


class Faults(Fault):
    """Several faults found in one pass, a line for each, so that they can be mended in one go."""

    def __init__(self, faults: Sequence[str]):
        super().__init__("\n".join(faults))
        self.faults = list(faults)


def run(main: Callable[[], None]) -> None:
    """Run a command's `main` and end the process: status 0, 1 for a fault, 130 when interrupted."""
    # The thread that waits for Ctrl-C would have an arena of its own, and TensorFlow's threads would share it
    memory.one_arena()
    _end_soon_when_interrupted()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may have bytes that no text has, and is shown nevertheless, as on standard error
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        main()
        sys.stdout.flush()
    except Fault as fault:
        print(fault, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stdout.flush()
        # At once: what TensorFlow does at a proper end may take longer than anyone waits
        os._exit(_interrupted())
    except BrokenPipeError:
        # Whoever reads the output, such as `head`, has seen enough; what is left in the buffer has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except OSError as error:
        told = _told_of(error)
        if told is None:
            raise
        print(told, file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        # TensorFlow has an exception of its own for it, and is not imported here
        if not isinstance(error, MemoryError) and type(error).__name__ != "ResourceExhaustedError":
            raise
        print("There is not enough memory: lower batch_size or image_size in params.yaml.", file=sys.stderr)
        sys.exit(1)


def tell_when_interrupted() -> None:
    """Have Ctrl-C end the program with one line wherever it comes, also before `run` or outside of it."""
    otherwise = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            _interrupted()
        else:
            otherwise(kind, error, traceback)

    sys.excepthook = hook


def _told_of(error: OSError) -> str | None:
    """What to tell of the faults that any access to a disk can meet."""
    # h5py says it in words alone
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or os.strerror(errno.ENOSPC) in str(error):
        return f"No space is left on the disk of {error.filename or 'the working folder'}: free some, then run again."
    if error.filename is None:
        return None
    # What is renamed is at fault less often than what it would replace
    path = error.filename if error.filename2 is None else error.filename2
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} may not be read or written ({error.strerror}): change its permissions, then run again."
    if error.errno in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY):
        return f"{path} is in the way ({error.strerror}): move it elsewhere, then run again."
    return f"{path} cannot be read or written ({error.strerror}): check it and its disk, then run again."


def _end_soon_when_interrupted() -> None:
    """Give the main thread a second to end itself after Ctrl-C.

    It may be deep in one of TensorFlow's operations for much longer. What it keeps is kept for worse ends than this.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def watch() -> None:
        while os.read(reading, 1) != bytes([signal.SIGINT]):
            pass
        threading.Event().wait(GRACE)
        os._exit(_interrupted())

    threading.Thread(target=watch, daemon=True).start()


def _interrupted() -> int:
    """Say so once, and return the status to end with."""
    if _told.acquire(blocking=False):
        print("Interrupted: run the same again to go on.", file=sys.stderr, flush=True)
    return 130
