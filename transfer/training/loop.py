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

    A model that was made after `tensorflow.use_all_devices` is trained on all of them. Every batch is divided among the
    devices, and their gradients are summed: the steps are those of one device, apart from rounding.

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
        metrics=_metrics(),
    )
    # The state of an earlier process may hold values for the optimizer's variables.
    model.optimizer.build(model.trainable_variables)
    images = np.bincount(labels, minlength=model.output_shape[-1])
    run_pass = _DividedPass if tf.distribute.get_strategy().num_replicas_in_sync > 1 else _Pass
    train = run_pass(model, True, class_weights(recipe, images) if recipe.class_weights else None)
    validate = run_pass(model, False)
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


def _metrics() -> list[keras.metrics.Metric]:
    """The reported loss is not smoothed, so that it can be compared between recipes and datasets."""
    return [keras.metrics.CategoricalCrossentropy(LOSS), keras.metrics.CategoricalAccuracy(ACCURACY)]


class _Pass:
    """A step of Keras' trainer over all batches of a pass; loss and accuracy are means over the images.

    Class weights change what a step trains towards. The reported loss and accuracy are those without weights.

    Keras' own `train_on_batch` resets its metrics for each batch, which takes as long as a training step of a head.
    """

    def __init__(self, model: keras.Model, is_training: bool, weights: np.ndarray | None = None):
        self.model = model
        self.is_training = is_training
        self.weights = weights
        self.one_hot = np.eye(model.output_shape[-1], dtype=np.float32)
        self.traced: Any = None

    def __call__(self, batches: Batches) -> dict[str, float]:
        self.reset()
        for tensors, labels in batches:
            batch: Any = (model_inputs(tensors), self.one_hot[labels])
            if self.weights is not None:
                batch += (self.weights[labels],)
            batch = self.divide(batch)
            if self.traced is None:
                self.traced = self._trace(batch)
            metrics = self.traced(batch)
        return {"loss": float(metrics[LOSS]), "accuracy": float(metrics[ACCURACY])}

    def _trace(self, batch: Any) -> Any:
        """The step as a graph for any number of images, so that a smaller last batch needs no graph of its own."""
        signature = keras.tree.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batch)
        # On a processor, XLA makes depthwise convolutions many times slower.
        return tf.function(self.step, input_signature=[signature], autograph=False, jit_compile=False)

    def reset(self) -> None:
        self.model.reset_metrics()

    def divide(self, batch: Any) -> Any:
        return batch

    def step(self, batch: Any) -> dict[str, tf.Tensor]:
        return self.model.train_step(batch) if self.is_training else self.model.test_step(batch)


class _DividedPass(_Pass):
    """A pass over several devices, each of which computes a share of every batch (see `deal`).

    Keras' own step counts every image once. A device without an image of its own needs one that does not count.
    """

    def __init__(self, model: keras.Model, is_training: bool, weights: np.ndarray | None = None):
        super().__init__(model, is_training, weights)
        self.metrics = _metrics()
        self.strategy = tf.distribute.get_strategy()

    def reset(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def divide(self, batch: Any) -> Any:
        return deal(batch, self.strategy.num_replicas_in_sync)

    def step(self, batch: Any) -> dict[str, tf.Tensor]:
        def step_of_device() -> None:
            number = tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
            inputs, targets, weights, counts = batch[int(number)]
            with tf.GradientTape() as tape:
                predictions = self.model(inputs, training=self.is_training)
                loss = self.model.compute_loss(y=targets, y_pred=predictions, sample_weight=weights)
            if self.is_training:
                variables = self.model.trainable_variables
                self.model.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            for metric in self.metrics:
                metric.update_state(targets, predictions, sample_weight=counts)

        self.strategy.run(step_of_device)
        return {metric.name: metric.result() for metric in self.metrics}


def deal(batch: tuple[Any, ...], devices: int) -> list[tuple[Any, ...]]:
    """The share of each device in a batch (inputs, targets), or (inputs, targets, weights of the images).

    The images are dealt in turn, as `classifier.Dropout` expects it. A device for which there is none gets one that
    does not count, because not every operation takes an empty batch.

    Returns:
        (inputs, targets, weights, counts) of each device. Keras takes the mean over the images of a device, and over
        the devices. The weights make it the mean over the batch, whatever the numbers of images are.
    """
    inputs, targets, *weights = batch
    [weights] = weights or [np.ones(len(targets), np.float32)]
    shares = []
    for number in range(devices):
        first = number if number < len(targets) else 0
        of_device = keras.tree.map_structure(lambda array: array[first::devices], (inputs, targets, weights))  # noqa: B023
        counts = np.full(len(of_device[1]), number == first, np.float32)
        factor = np.float32(counts.sum() * devices / len(targets))
        shares.append((*of_device[:2], of_device[2] * factor, counts))
    return shares


def trainable_parameters(model: keras.Model) -> int:
    """How many parameters of a model its training changes."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
