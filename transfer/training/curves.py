"""Learning curves by DVCLive, written after every epoch, so that `dvc exp show` and editors can follow a training."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from dvclive import Live
from scmrepo.exceptions import SCMError

from transfer.common.io import DECIMALS
from transfer.interface.errors import UserError
from transfer.training.history import Epoch


@contextmanager
def learning_curves(folder: Path) -> Iterator[Callable[..., None]]:
    """Yields a function that appends an epoch, and further values by name, to the curves in `folder`.

    The function raises UserError if the Git repository has no commit, which DVCLive needs.
    """
    with ExitStack() as stack:

        @cache
        def live() -> Live:
            # Opened with the first epoch, because opening removes the curves of the previous run.
            # DVC runs the stage, so DVCLive writes no dvc.yaml and saves no experiment.
            try:
                opened = stack.enter_context(Live(str(folder), dvcyaml=None, save_dvc_exp=False))
            except SCMError as error:
                raise UserError(
                    f"The Git repository of this folder cannot be used ({error}): run `git add .` and `git commit` to "
                    "give it a commit, then run again."
                ) from None
            # People count epochs from 1.
            opened.step = 1
            return opened

        def append(epoch: Epoch, **values: float) -> None:
            for split, logs in (("train", epoch.train), ("validation", epoch.validation)):
                for name, value in logs.items():
                    live().log_metric(f"{split}/{name}", round(value, DECIMALS))
            for name, value in values.items():
                live().log_metric(name, value)
            live().next_step()

        yield append
