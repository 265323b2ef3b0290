"""Learning curves by DVCLive, written as the training goes, so that `dvc exp show` and editors can follow it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dvclive import Live

from transfer.files import DECIMALS
from transfer.training import Epoch


@contextmanager
def curves(folder: Path) -> Iterator[Callable[..., None]]:
    """Yields a function that adds an epoch, and further values by name, to the curves in `folder`."""
    # DVC runs the stage, so DVCLive neither writes a dvc.yaml nor saves an experiment of its own.
    with Live(str(folder), dvcyaml=None, save_dvc_exp=False) as live:

        def add(epoch: Epoch, **values: float) -> None:
            for split, logs in (("train", epoch.train), ("validation", epoch.validation)):
                for name, value in logs.items():
                    live.log_metric(f"{split}/{name}", round(value, DECIMALS))
            for name, value in values.items():
                live.log_metric(name, value)
            live.next_step()

        yield add
