"""Learning curves by DVCLive, written as the training goes, so that `dvc exp show` and editors can follow it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from dvclive import Live

from transfer.files import DECIMALS
from transfer.training import Epoch


@contextmanager
def curves(folder: Path) -> Iterator[Callable[..., None]]:
    """Yields a function that adds an epoch, and further values by name, to the curves in `folder`."""
    with ExitStack() as stack:

        @cache
        def started() -> Live:
            # Not before there is an epoch: it takes the curves of the last run away.
            # DVC runs the stage, so DVCLive neither writes a dvc.yaml nor saves an experiment of its own.
            return stack.enter_context(Live(str(folder), dvcyaml=None, save_dvc_exp=False))

        def add(epoch: Epoch, **values: float) -> None:
            live = started()
            for split, logs in (("train", epoch.train), ("validation", epoch.validation)):
                for name, value in logs.items():
                    live.log_metric(f"{split}/{name}", round(value, DECIMALS))
            for name, value in values.items():
                live.log_metric(name, value)
            live.next_step()

        yield add
