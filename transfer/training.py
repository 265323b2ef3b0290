"""The one training loop: Adam, categorical cross-entropy, early stopping on validation accuracy, best weights kept."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm import tqdm

from transfer.batches import Batches
from transfer.faults import Fault
from transfer.framework import keras


@dataclass
class EarlyStopping:
    """Stop when `patience` epochs in a row have gained no more than `min_delta` over the best value.

    The rule of Keras' callback of that name, with its state in plain sight.
    """

    patience: int
    min_delta: float
    best: float = -math.inf
    best_epoch: int = -1
    wait: int = 0

    def improves(self, epoch: int, value: float) -> bool:
        """Take note of an epoch's value and say whether it is the new best."""
        if value - self.min_delta > self.best:
            self.best, self.best_epoch, self.wait = value, epoch, 0
            return True
        self.wait += 1
        return False

    @property
    def stops(self) -> bool:
        return self.wait >= self.patience


@dataclass(frozen=True)
class Epoch:
    """One epoch, counted from 0: `loss` and `accuracy` while training (augmentation, dropout) and on validation."""

    number: int
    train: dict[str, float]
    validation: dict[str, float]


@dataclass
class Fit:
    """A training that has ended; the model holds the weights of the best epoch."""

    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = -1

    @property
    def best(self) -> Epoch:
        return self.epochs[self.best_epoch]

    def metrics(self) -> dict[str, Any]:
        """The best epoch, and how many there were; epochs are counted from 1 for people."""
        return {
            "train": self.best.train,
            "validation": self.best.validation,
            "epochs": len(self.epochs),
            "best_epoch": self.best_epoch + 1,
        }


def fit(
    model: keras.Model,
    training: Callable[[int], Batches],
    validation: Callable[[], Batches],
    *,
    epochs: int,
    learning_rate: float,
    stopping: EarlyStopping,
    after_epoch: Callable[[Epoch], None],
    description: str,
) -> Fit:
    """Train `model`, that ends in a softmax, until it stops gaining, and leave the best epoch's weights in it.

    Args:
        training: the batches (inputs, labels) of an epoch counted from 0.
        validation: the batches to validate on; the labels are class numbers.
        after_epoch: called with each epoch as it ends.
        description: what the progress bar says.

    Raises:
        Fault: the loss is no longer a number.
    """
    # Compiling with XLA makes depthwise convolutions on a processor many times slower.
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    done = Fit()
    best: list[np.ndarray] = []
    with tqdm(total=epochs, desc=description, unit="epoch", disable=None, leave=False) as bar:
        for number in range(epochs):
            epoch = Epoch(
                number, _over(model.train_on_batch, training(number)), _over(model.test_on_batch, validation())
            )
            if not math.isfinite(epoch.train["loss"]):
                raise Fault(f"{description}: the loss is no number after epoch {number + 1}: lower the learning_rate.")
            done.epochs.append(epoch)
            if stopping.improves(number, epoch.validation["accuracy"]):
                best = [variable.numpy() for variable in model.trainable_variables]
            after_epoch(epoch)
            bar.set_postfix(validation=f"{epoch.validation['accuracy']:.3f}", best=f"{stopping.best:.3f}")
            bar.update()
            if stopping.stops:
                break
    done.best_epoch = stopping.best_epoch
    for variable, value in zip(model.trainable_variables, best, strict=True):
        variable.assign(value)
    return done


def _over(step: Callable[..., dict[str, Any]], batches: Batches) -> dict[str, float]:
    """Loss and accuracy over all images: Keras gives them a batch at a time, so each batch counts by its images."""
    total, sums = 0, {"loss": 0.0, "accuracy": 0.0}
    for inputs, labels in batches:
        logs = step(inputs, labels, return_dict=True)
        total += len(labels)
        for name in sums:
            sums[name] += float(logs[name]) * len(labels)
    return {name: value / total for name, value in sums.items()}


def parameters(model: keras.Model) -> int:
    """How many parameters of a model its training changes."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
