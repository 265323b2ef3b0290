"""How a command ends: its exit status, and the line that it prints on an error or on Ctrl-C."""

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from transfer.common import memory
from transfer.interface.errors import UserError

# Seconds that the main thread has to end by itself after Ctrl-C.
GRACE = 1.0
_interrupt_reported = threading.Lock()


def run(main: Callable[[], None]) -> None:
    """Run a command's `main` and end the process: status 0, 1 after an error, 130 after Ctrl-C."""
    # The thread that watches for Ctrl-C would get an arena of its own, and TensorFlow's threads would share that arena.
    memory.use_one_arena()
    _exit_soon_after_interrupt()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name may hold bytes that are not text. Print it nevertheless, as standard error does.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        main()
        sys.stdout.flush()
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stdout.flush()
        # Exit at once: TensorFlow's own shutdown may take longer than a user waits.
        os._exit(_report_interrupt())
    except BrokenPipeError:
        # The reader of the output, such as `head`, has stopped reading. Discard what is left in the buffer.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except OSError as error:
        sentence = _describe(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        # TensorFlow raises its own exception when memory runs out; importing TensorFlow here would be slow.
        if not isinstance(error, MemoryError) and type(error).__name__ != "ResourceExhaustedError":
            raise
        print("There is not enough memory: lower batch_size or image_size in params.yaml.", file=sys.stderr)
        sys.exit(1)


def report_interrupts() -> None:
    """Make Ctrl-C end the program with one line, also before and outside of `run`."""
    previous_hook = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            _report_interrupt()
        else:
            previous_hook(kind, error, traceback)

    sys.excepthook = hook


def _describe(error: OSError) -> str | None:
    """The sentence for an error that any access to a disk may raise; None if the error is of another kind."""
    # h5py reports a full disk in words only, without an errno.
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or os.strerror(errno.ENOSPC) in str(error):
        return f"The disk of {error.filename or 'the working folder'} is full: free some space, then run again."
    if error.filename is None:
        return None
    # A rename fails more often because of its target than because of its source.
    path = error.filename if error.filename2 is None else error.filename2
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} may not be read or written ({error.strerror}): change its permissions, then run again."
    if error.errno in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY):
        return f"{path} is in the way ({error.strerror}): move it elsewhere, then run again."
    return f"{path} cannot be read or written ({error.strerror}): check it and its disk, then run again."


def _exit_soon_after_interrupt() -> None:
    """Give the main thread one second to end itself after Ctrl-C, then exit.

    The main thread may be inside a TensorFlow operation for much longer. Its progress files survive a harder end than
    this one.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def watch() -> None:
        while os.read(reading, 1) != bytes([signal.SIGINT]):
            pass
        threading.Event().wait(GRACE)
        os._exit(_report_interrupt())

    threading.Thread(target=watch, daemon=True).start()


def _report_interrupt() -> int:
    """Print the line once, and return the exit status."""
    if _interrupt_reported.acquire(blocking=False):
        print("Interrupted: run the same command again to continue.", file=sys.stderr, flush=True)
    return 130
