"""Faults that a person can mend, and how a command ends when it meets one."""

import errno
import sys
from collections.abc import Callable, Sequence


class Fault(Exception):
    """A foreseeable fault: one sentence that says what is wrong, where, and what to do."""


class Faults(Fault):
    """Several faults found in one pass, so that they can be mended in one go."""

    SHOWN = 20

    def __init__(self, faults: Sequence[str]):
        shown = list(faults[: self.SHOWN])
        if len(faults) > self.SHOWN:
            shown.append(f"... and {len(faults) - self.SHOWN} more")
        super().__init__("\n".join(shown))
        self.faults = list(faults)


def run(main: Callable[[], None]) -> None:
    """Run a command's `main` and end the process: status 0, 1 for a fault, 130 when interrupted."""
    try:
        main()
    except Fault as fault:
        print(fault, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted: the outputs of this run are not complete.", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(
            f"No space is left on the disk of {error.filename or 'the working folder'}: free some, then run again.",
            file=sys.stderr,
        )
        sys.exit(1)
