"""The one training loop: Adam, categorical cross-entropy, a schedule or early stopping on validation accuracy."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from transfer import batches, resume
from transfer.batches import Batches
from transfer.faults import Fault
from transfer.framework import keras, tf
from transfer.params import TrainingParams

LOSS, ACCURACY = "cross_entropy", "accuracy"


@dataclass
class EarlyStopping:
    """Stop when `patience` epochs in a row have gained no more than `min_delta` over the best value.

    The rule of Keras' callback of that name, with its state in plain sight. Without patience nothing stops, and the
    last epoch is the best by definition: a schedule that ends at a rate of zero has no use for an earlier one.
    """

    patience: int | None
    min_delta: float
    best: float = -math.inf
    best_epoch: int = -1
    wait: int = 0

    def improves(self, epoch: int, value: float) -> bool:
        """Take note of an epoch's value and say whether it is the new best."""
        if self.patience is None or value - self.min_delta > self.best:
            self.best, self.best_epoch, self.wait = value, epoch, 0
            return True
        self.wait += 1
        return False

    @property
    def stops(self) -> bool:
        return self.patience is not None and self.wait >= self.patience


@dataclass(frozen=True)
class Epoch:
    """One epoch, counted from 0: `loss` and `accuracy` while training (augmentation, dropout) and on validation."""

    number: int
    train: dict[str, float]
    validation: dict[str, float]


@dataclass(frozen=True)
class Fit:
    """A training that has ended; the model holds the weights of the epoch `best`."""

    epochs: list[Epoch]
    best_epoch: int

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
    recipe: TrainingParams,
    *,
    steps_per_epoch: int,
    after_epoch: Callable[[Epoch], None],
    description: str,
    state: Path,
) -> Fit:
    """Train `model`, that ends in a softmax, and leave the best epoch's weights in it.

    Goes on where an earlier process has left the same training, and ends with the same weights as if it had been one.

    Args:
        training: the batches (tensors, labels) of an epoch counted from 0.
        validation: the batches to validate on; the labels are class numbers.
        after_epoch: called with each epoch as it ends, and with those of the earlier process first.
        description: what the progress bar says.
        state: file to keep the training in, for a process that goes on with it.

    Raises:
        Fault: the loss is no longer a number.
    """
    model.compile(
        optimizer=optimizer(recipe, steps_per_epoch),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        # What is told as loss is not smoothed: it can be compared between recipes, and with other data.
        metrics=[keras.metrics.CategoricalCrossentropy(LOSS), keras.metrics.CategoricalAccuracy(ACCURACY)],
    )
    # An earlier process may have left values for its variables
    model.optimizer.build(model.trainable_variables)
    train, test = (_Pass(model, step) for step in (model.train_step, model.test_step))
    course = _Course(model, EarlyStopping(**recipe.early_stopping.model_dump()))
    course.restore(state)
    for epoch in course.epochs:
        after_epoch(epoch)
    due = resume.Due()
    with tqdm(
        total=recipe.epochs, initial=len(course.epochs), desc=description, unit="epoch", disable=None, leave=False
    ) as bar:
        for number in range(len(course.epochs), recipe.epochs):
            if course.stopping.stops:
                break
            epoch = Epoch(number, train(training(number)), test(validation()))
            if not (math.isfinite(epoch.train["loss"]) and math.isfinite(epoch.validation["loss"])):
                raise Fault(f"{description}: the loss is no number after epoch {number + 1}: lower the learning_rate.")
            course.add(epoch)
            after_epoch(epoch)
            bar.set_postfix(validation=f"{epoch.validation['accuracy']:.3f}", best=f"{course.stopping.best:.3f}")
            bar.update()
            if due.now():
                course.keep(state)
    course.keep(state)
    if course.best:
        _assign(model.trainable_variables, course.best)
    return Fit(course.epochs, course.stopping.best_epoch)


class _Course:
    """A training under way: all that another process needs to go on with it as if it were one.

    The random numbers of dropout are among the model's variables, the place in the schedule among the optimizer's; the
    order of the images and their views follow from the epoch's number.
    """

    def __init__(self, model: keras.Model, stopping: EarlyStopping):
        self.model = model
        self.stopping = stopping
        self.epochs: list[Epoch] = []
        self.best: list[np.ndarray] = []

    def add(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        improved = self.stopping.improves(epoch.number, epoch.validation["accuracy"])
        # Without patience the last epoch is the best: its weights are the model's own
        if improved and self.stopping.patience is not None:
            self.best = _values(self.model.trainable_variables)

    def keep(self, path: Path) -> None:
        about = {"stopping": asdict(self.stopping), "epochs": [asdict(epoch) for epoch in self.epochs]}
        model, optimizer = _values(self.model.variables), _values(self.model.optimizer.variables)
        resume.save(path, about, {"model": model, "optimizer": optimizer, "best": self.best})

    def restore(self, path: Path) -> None:
        """Take over what an earlier process has kept; what does not fit this model is said, and nothing of it used."""
        found = resume.load(path)
        if found is None:
            return
        about, arrays = found
        places = {"model": self.model.variables, "optimizer": self.model.optimizer.variables}
        try:
            stopping = EarlyStopping(**about["stopping"])
            epochs = [Epoch(**epoch) for epoch in about["epochs"]]
            best = arrays.get("best", [])
            fits = all(_fit(variables, arrays[name]) for name, variables in places.items())
            fits &= not best or _fit(self.model.trainable_variables, best)
        except (KeyError, TypeError):
            fits = False
        if not fits:
            resume.tell_damaged(path)
            return
        self.stopping, self.epochs, self.best = stopping, epochs, best
        for name, variables in places.items():
            _assign(variables, arrays[name])


class _Pass:
    """A step of Keras' trainer over all batches of a pass: its loss and accuracy are means over the images.

    Keras' own `train_on_batch` begins its metrics anew for each batch, which takes as long as the step of a head.
    """

    def __init__(self, model: keras.Model, step: Callable[[Any], dict[str, tf.Tensor]]):
        self.model = model
        self.step = step
        self.classes = np.eye(model.output_shape[-1], dtype=np.float32)
        self.traced: Any = None

    def __call__(self, found: Batches) -> dict[str, float]:
        self.model.reset_metrics()
        for tensors, labels in found:
            batch = (batches.inputs(tensors), self.classes[labels])
            if self.traced is None:
                self.traced = self._trace(batch)
            told = self.traced(batch)
        return {"loss": float(told[LOSS]), "accuracy": float(told[ACCURACY])}

    def _trace(self, batch: Any) -> Any:
        """The step as a graph, for any number of images: the last batch, a smaller one, needs none of its own."""
        like = keras.tree.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batch)
        # XLA makes depthwise convolutions on a processor many times slower
        return tf.function(self.step, input_signature=[like], autograph=False, jit_compile=False)


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


def optimizer(recipe: TrainingParams, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Adam with the recipe's rate: constant, or risen to in the warm-up and brought to zero along half a cosine.

    The warm-up leaves at least one epoch to the cosine, however few there are.
    With `weight_decay`, AdamW (Loshchilov and Hutter 2019), for kernels alone.
    """
    rate: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        warmup = min(recipe.warmup_epochs, recipe.epochs - 1) * steps_per_epoch
        steps = recipe.epochs * steps_per_epoch - warmup
        start = 0.0 if warmup else rate
        rate = keras.optimizers.schedules.CosineDecay(
            start, steps, warmup_target=rate if warmup else None, warmup_steps=warmup
        )
    adam = keras.optimizers.Adam(rate, weight_decay=recipe.weight_decay or None)
    if recipe.weight_decay:
        adam.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return adam


def state_bytes(parameters: int) -> int:
    """Bytes that the state of a training of so many parameters takes: they, their two moments, and the best of them."""
    return 4 * 4 * parameters


def parameters(model: keras.Model) -> int:
    """How many parameters of a model its training changes."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
