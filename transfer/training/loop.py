"""The one training loop: categorical cross-entropy, validation after every epoch, resumable after a kill."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from transfer.caching.state_file import SaveTimer
from transfer.interface.errors import UserError
from transfer.interface.progress import progress_bar
from transfer.loading.batches import Batches, model_inputs
from transfer.models.tensorflow import keras, tf
from transfer.training.early_stopping import EarlyStopping
from transfer.training.history import Epoch, Fit
from transfer.training.optimizer import class_weights, make_optimizer
from transfer.training.params import TrainingParams
from transfer.training.state import TrainingState

LOSS, ACCURACY = "cross_entropy", "accuracy"


def fit(
    model: keras.Model,
    training: Callable[[int], Batches],
    validation: Callable[[], Batches],
    recipe: TrainingParams,
    *,
    labels: np.ndarray,
    steps_per_epoch: int,
    after_epoch: Callable[[Epoch], None],
    description: str,
    state: Path,
) -> Fit:
    """Train a model that ends in a softmax, and leave the best epoch's weights in it.

    A training that another process has begun is continued, and ends with the same weights as an uninterrupted one.

    Args:
        training: a function from an epoch, counted from 0, to its batches (tensors, class numbers).
        validation: a function that returns the validation batches.
        labels: the class numbers of all training images (images,), from which class weights follow.
        after_epoch: called with each epoch that ends; first of all with those of an earlier process.
        description: the label of the progress bar.
        state: the file that holds the training's state.

    Raises:
        UserError: the loss is not a finite number.
    """
    model.compile(
        optimizer=make_optimizer(recipe, steps_per_epoch),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        # The reported loss is not smoothed, so that it can be compared between recipes and datasets.
        metrics=[keras.metrics.CategoricalCrossentropy(LOSS), keras.metrics.CategoricalAccuracy(ACCURACY)],
    )
    # The state of an earlier process may hold values for the optimizer's variables.
    model.optimizer.build(model.trainable_variables)
    images = np.bincount(labels, minlength=model.output_shape[-1])
    train = _Pass(model, model.train_step, class_weights(recipe, images) if recipe.class_weights else None)
    validate = _Pass(model, model.test_step)
    progress = TrainingState(model, EarlyStopping(**recipe.early_stopping.model_dump()))
    progress.restore(state)
    for epoch in progress.epochs:
        after_epoch(epoch)
    timer = SaveTimer()
    with progress_bar(None, description, recipe.epochs, unit="epoch", initial=len(progress.epochs)) as bar:
        for number in range(len(progress.epochs), recipe.epochs):
            if progress.stopping.should_stop:
                break
            epoch = Epoch(number, train(training(number)), validate(validation()))
            if not (math.isfinite(epoch.train["loss"]) and math.isfinite(epoch.validation["loss"])):
                raise UserError(
                    f"{description}: the loss is not a finite number after epoch {number + 1}: lower the learning_rate."
                )
            progress.add(epoch)
            after_epoch(epoch)
            bar.set_postfix(validation=f"{epoch.validation['accuracy']:.3f}", best=f"{progress.stopping.best:.3f}")
            bar.update()
            if timer.is_due():
                progress.save(state)
    progress.save(state)
    progress.restore_best_weights()
    return Fit(progress.epochs, progress.stopping.best_epoch)


class _Pass:
    """A step of Keras' trainer over all batches of a pass; loss and accuracy are means over the images.

    Class weights change what a step trains towards. The reported loss and accuracy are those without weights.

    Keras' own `train_on_batch` resets its metrics for each batch, which takes as long as a training step of a head.
    """

    def __init__(
        self, model: keras.Model, step: Callable[[Any], dict[str, tf.Tensor]], weights: np.ndarray | None = None
    ):
        self.model = model
        self.weights = weights
        self.step = step
        self.one_hot = np.eye(model.output_shape[-1], dtype=np.float32)
        self.traced: Any = None

    def __call__(self, batches: Batches) -> dict[str, float]:
        self.model.reset_metrics()
        for tensors, labels in batches:
            batch: tuple[Any, ...] = (model_inputs(tensors), self.one_hot[labels])
            if self.weights is not None:
                batch += (self.weights[labels],)
            if self.traced is None:
                self.traced = self._trace(batch)
            metrics = self.traced(batch)
        return {"loss": float(metrics[LOSS]), "accuracy": float(metrics[ACCURACY])}

    def _trace(self, batch: Any) -> Any:
        """The step as a graph for any number of images, so that a smaller last batch needs no graph of its own."""
        signature = keras.tree.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batch)
        # On a processor, XLA makes depthwise convolutions many times slower.
        return tf.function(self.step, input_signature=[signature], autograph=False, jit_compile=False)


def trainable_parameters(model: keras.Model) -> int:
    """How many parameters of a model its training changes."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
