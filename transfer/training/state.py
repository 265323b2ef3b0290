"""The state of a training: everything that another process needs to continue it as if nothing had happened."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from transfer.caching import state_file
from transfer.models.tensorflow import keras
from transfer.training.early_stopping import EarlyStopping
from transfer.training.history import Epoch


class TrainingState:
    """A training in progress: its model with the optimizer, its epochs, early stopping, and the best weights.

    The random generator of dropout is one of the model's variables, and the position in the schedule is one of the
    optimizer's. The order of the images and their views follow from the number of the epoch.
    """

    def __init__(self, model: keras.Model, stopping: EarlyStopping):
        self.model = model
        self.stopping = stopping
        self.epochs: list[Epoch] = []
        self.best_weights: list[np.ndarray] = []

    def add(self, epoch: Epoch) -> None:
        """Record an epoch that has just ended."""
        self.epochs.append(epoch)
        improved = self.stopping.update(epoch.number, epoch.validation["accuracy"])
        # Without patience, the last epoch is the best, and the model holds its weights.
        if improved and self.stopping.patience is not None:
            self.best_weights = _values(self.model.trainable_variables)

    def save(self, path: Path) -> None:
        """Write the state to a file."""
        values = {"stopping": asdict(self.stopping), "epochs": [asdict(epoch) for epoch in self.epochs]}
        model, optimizer = _values(self.model.variables), _values(self.model.optimizer.variables)
        state_file.save(path, values, {"model": model, "optimizer": optimizer, "best": self.best_weights})

    def restore(self, path: Path) -> None:
        """Continue from the state in a file, if there is one. A state that does not fit is reported and not used."""
        saved = state_file.load(path)
        if saved is None:
            return
        values, arrays = saved
        variables = {"model": self.model.variables, "optimizer": self.model.optimizer.variables}
        try:
            stopping = EarlyStopping(**values["stopping"])
            epochs = [Epoch(**epoch) for epoch in values["epochs"]]
            best = arrays.get("best", [])
            fits = all(_fit(of_kind, arrays[kind]) for kind, of_kind in variables.items())
            fits &= not best or _fit(self.model.trainable_variables, best)
        except (KeyError, TypeError):
            fits = False
        if not fits:
            state_file.report_damaged(path)
            return
        self.stopping, self.epochs, self.best_weights = stopping, epochs, best
        for kind, of_kind in variables.items():
            _assign(of_kind, arrays[kind])

    def restore_best_weights(self) -> None:
        """Give the model the weights of the best epoch."""
        if self.best_weights:
            _assign(self.model.trainable_variables, self.best_weights)


def state_bytes(parameters: int) -> int:
    """The bytes that a state takes: the parameters, their two moments, and the best of them, in float32."""
    return 4 * 4 * parameters


def _values(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    return [variable.numpy() for variable in variables]


def _fit(variables: Sequence[keras.Variable], arrays: Sequence[np.ndarray]) -> bool:
    """Whether there is an array for each variable, of its shape and type."""
    return [(tuple(variable.shape), variable.dtype) for variable in variables] == [
        (array.shape, array.dtype.name) for array in arrays
    ]


def _assign(variables: Sequence[keras.Variable], arrays: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, arrays, strict=True):
        variable.assign(value)
