"""What is wrong with the copies of an object, and what to run, in words."""

from dvc.fs import RemoteMissingDepsError

from commands.doctor.objects import DAMAGED, MISSING, UNKNOWN, WHOLE
from commands.remote import install
from transfer.interface.errors import UserError

REPAIR = "run `make doctor REPAIR=1`, which removes {what} and runs `dvc {command}`"


def problem(here: str, remote: str, *, listed: bool, name: str) -> str | None:
    """What is wrong with an object and what to run; None if nothing is.

    Args:
        here, remote: the states of its copies.
        listed: whether the remote has the list of a folder that the object is in. `dvc push` then takes the object to
            be there too.
        name: of the remote.
    """
    if here == WHOLE:
        if remote == MISSING and listed:
            what = "the list of the folder there"
            return f"missing on {name}, which `dvc push` does not notice: {REPAIR.format(what=what, command='push')}"
        if remote == MISSING:
            return f"only here, not on {name}: run `dvc push`"
        if remote == DAMAGED:
            return f"damaged on {name}, whole here: {REPAIR.format(what='the damaged copy there', command='push')}"
        return None
    if remote == WHOLE and here == MISSING:
        return f"only on {name}, not here: run `dvc pull`, or `make doctor REPAIR=1` and `dvc checkout` if that fails"
    if remote == WHOLE:
        return f"damaged here, whole on {name}: {REPAIR.format(what='the damaged copy here', command='fetch')}"
    if remote == UNKNOWN:
        return f"{here} here: once the remote can be checked, run `make doctor` again"
    return (
        f"{here} here, {remote} on {name}: run `dvc push` on the machine of a colleague who has it, or make it again, "
        "data by `make dataset`, results by `dvc repro --force`"
    )


def unavailable(name: str, scheme: str, error: Exception) -> str:
    """Why a remote cannot be checked, in one sentence; `scheme` is that of its URL."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, ImportError | RemoteMissingDepsError):
        return f"The remote {name} needs a client that is not installed: run {install(scheme)}."
    return (
        f"The remote {name} cannot be checked ({one_line(error)}): check its address, your credentials and that its "
        "server runs, then run `make doctor` again."
    )


def one_line(error: BaseException) -> str:
    """The message of an error of a library, without line breaks and a full stop at the end; its kind if it has none."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
