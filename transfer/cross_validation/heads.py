"""All heads of a cross-validation at once: one matrix product, each head masked from the images that it holds out.

The heads are the columns of one kernel (channels, heads x classes). A step adds up, for each head, the loss of those
images of a batch that the head may see. Adam treats every weight by itself, so each head is trained as if it were
alone: by the optimizer, the schedule, the loss and the views of the stage train_tl. Two things differ from training
each head alone:

- Batches are drawn from all images. They are larger than `batch_size` by as much as the held-out images take away, so
  that a head sees `batch_size` of its own images on average, and an epoch has as many steps.
- All heads drop the same features of an image in a step. They also begin with the same weights, as with one seed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import softmax

from transfer.cross_validation.pool import Pool
from transfer.engine.engines import Engine
from transfer.interface.errors import UserError
from transfer.loading import batches
from transfer.loading.augmentation import view_of_epoch
from transfer.models import classifier
from transfer.models.tensorflow import keras, start, tf
from transfer.training.optimizer import class_weights, make_optimizer
from transfer.training.params import TrainTlParams

# How many images are predicted at a time: memory does not grow with the dataset.
BLOCK = 4096
# How many steps TensorFlow makes in one call: a call takes as long as a step of one head.
STEPS = 64


@dataclass(frozen=True)
class Training:
    """How a head is trained.

    Attributes:
        recipe: the section train_tl of params.yaml. Its `epochs` are the length of the schedule.
        epochs: the number of epochs that are trained.
        views: how many views the epochs cycle through.
        batch_size: the number of images of its own that a head sees in a step, on average.
    """

    recipe: TrainTlParams
    epochs: int
    views: int
    batch_size: int


def held_out_probabilities(
    pool: Pool,
    fold: np.ndarray,
    training: Training,
    seed: int,
    part: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities of every image by the head that was not trained on its fold: (images, classes), twice.

    The first are those of the image itself, which are what the image is judged by. The second are their mean over all
    views, which says more about its label.

    Args:
        fold: the number of the fold in which each image is held out (images,), counted from 0.
        seed: of the initial weights, of dropout and of the order of the images.
        part: the rows of the images that heads are trained on; None for all. All images are predicted.

    Raises:
        UserError: the loss of a head is not a finite number.
    """
    heads, classes = int(fold.max()) + 1, len(pool.classes)
    kernel, bias = train(pool, fold, heads, training, seed, part)
    probabilities = np.zeros((2, len(pool), classes), np.float32)
    for rows in batches.sequential_order(len(pool), BLOCK):
        for view in range(training.views):
            logits = (pool.features[rows, view] @ kernel + bias).reshape(len(rows), heads, classes)
            of_view = softmax(logits[np.arange(len(rows)), fold[rows]], axis=1)
            probabilities[1, rows] += of_view / training.views
            if view == 0:
                probabilities[0, rows] = of_view
    if not np.isfinite(probabilities).all():
        raise UserError("cross_validate: the loss of a head is not a finite number: lower train_tl.learning_rate.")
    return probabilities[0], probabilities[1]


@dataclass(frozen=True)
class Repeats:
    """The heads of a part of the images in a repeat, for several pairs of both: a function that an engine can run.

    Attributes:
        fold: the fold of each image in each repeat (repeats, images).
        parts: the rows of the images that heads are trained on, by repeat and divisor.
        seed: of the first repeat.
    """

    pool: Pool
    fold: np.ndarray
    parts: Mapping[tuple[int, int], np.ndarray]
    training: Training
    seed: int

    def __call__(self, pairs: np.ndarray) -> list[np.ndarray]:
        """Repeats and divisors (pairs, 2) to what `held_out_probabilities` returns: (pairs, images, classes), twice."""
        predicted = [
            held_out_probabilities(
                self.pool, self.fold[repeat], self.training, self.seed + repeat, self.parts[repeat, divisor]
            )
            for repeat, divisor in pairs.tolist()
        ]
        return [np.stack(arrays) for arrays in zip(*predicted, strict=True)]

    def run(self, engine: Engine) -> Iterator[tuple[tuple[int, int], Sequence[np.ndarray]]]:
        """Each pair, in any order, and what `held_out_probabilities` returns for it."""
        pairs = list(self.parts)
        results = batches.map_batches(self, lambda pair: np.array([pair]), pairs, 1, "cross_validate", engine)
        return ((pair, [array[0] for array in arrays]) for pair, arrays in results)

    def __reduce__(self) -> tuple[Any, ...]:
        return load_repeats, (self.pool, self.fold, dict(self.parts), self.training, self.seed)


def load_repeats(*attributes: Any) -> Repeats:
    """Repeats in a process of their own, in which nothing else uses TensorFlow."""
    start(0)
    return Repeats(*attributes)


def train(
    pool: Pool,
    fold: np.ndarray,
    heads: int,
    training: Training,
    seed: int,
    part: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Train all heads: kernel (channels, heads x classes) and bias (heads x classes,); see `held_out_probabilities`.

    An image whose fold is not among the heads is trained on by all of them.
    """
    part = np.arange(len(pool)) if part is None else part
    classes, channels = len(pool.classes), pool.features[part[:1], 0].shape[1]
    trains = fold[:, None] != np.arange(heads)
    batch_size = round(training.batch_size * len(part) / max(1.0, trains[part].sum(axis=0).mean()))
    steps = batches.batches_per_epoch(len(part), batch_size)
    graph = _graph(channels, classes, heads, batch_size, steps, training.recipe)
    initial = classifier.new_head(channels, classes, training.recipe.dropout, seed).get_weights()
    graph.reset([np.tile(weights, heads) for weights in initial])
    one_hot = np.eye(classes, dtype=np.float32)[pool.labels]
    # Class weights follow from the images that a head trains on. An image that it holds out has the weight 0.
    of_classes = class_weights(training.recipe, (trains[part].T.astype(np.int64) @ one_hot[part]).astype(np.int64))
    weights = trains * of_classes.T[pool.labels]
    for epoch in range(training.epochs):
        view = view_of_epoch(epoch, training.views)
        for rows in batches.shuffled_order(len(part), batch_size * STEPS, seed, 0, epoch):
            rows = part[rows]
            graph.run(pool.features[rows, view], one_hot[rows], weights[rows], np.array(seed % 2**31, np.int32))
    return graph.kernel.numpy(), graph.bias.numpy()


class _Graph:
    """All heads and their optimizer, and their steps as a graph."""

    def __init__(self, channels: int, classes: int, heads: int, batch_size: int, steps: int, recipe: TrainTlParams):
        self.heads, self.classes, self.batch_size, self.recipe = heads, classes, batch_size, recipe
        # The optimizer leaves a variable of this name out of the weight decay.
        self.kernel = keras.Variable(np.zeros((channels, heads * classes), np.float32), name="kernel")
        self.bias = keras.Variable(np.zeros(heads * classes, np.float32), name="bias")
        self.optimizer = make_optimizer(recipe, steps)
        self.optimizer.build([self.kernel, self.bias])
        self.beginning = [variable.numpy() for variable in self.optimizer.variables]
        widths = {"inputs": channels, "targets": classes, "weights": heads}
        signature = [tf.TensorSpec((None, width), tf.float32, name) for name, width in widths.items()]
        signature.append(tf.TensorSpec((), tf.int32, "seed"))
        # On a processor, XLA gains nothing for two matrix products.
        self.run = tf.function(self._run, input_signature=signature, autograph=False, jit_compile=False)

    def reset(self, weights: list[np.ndarray]) -> None:
        """Begin with these weights: those of the kernel and those of the bias."""
        for variable, value in zip(
            [*self.optimizer.variables, self.kernel, self.bias], [*self.beginning, *weights], strict=True
        ):
            variable.assign(value)

    def _run(self, inputs: Any, targets: Any, weights: Any, seed: Any) -> None:
        """Make a step for each batch of these images."""

        def run_step(start: Any) -> tuple[Any]:
            end = start + self.batch_size
            self._step(inputs[start:end], targets[start:end], weights[start:end], seed)
            return (end,)

        tf.while_loop(lambda start: start < tf.shape(inputs)[0], run_step, (tf.constant(0),))

    def _step(self, inputs: Any, targets: Any, weights: Any, seed: Any) -> None:
        recipe = self.recipe
        if recipe.dropout:
            step_seed = tf.stack([seed, tf.cast(self.optimizer.iterations.value, tf.int32)])
            inputs = tf.nn.experimental.stateless_dropout(inputs, recipe.dropout, step_seed)
        targets = targets * (1 - recipe.label_smoothing) + recipe.label_smoothing / self.classes
        logits = tf.reshape(inputs @ self.kernel.value + self.bias.value, (-1, self.heads, self.classes))
        # The gradient of the mean weighted cross-entropy of a head's images. A head that sees none of a batch has none.
        images = tf.reduce_sum(tf.cast(weights > 0, tf.float32), axis=0)
        shares = weights / tf.maximum(images, 1.0)
        gradient = (tf.nn.softmax(logits) - targets[:, None]) * shares[:, :, None]
        gradient = tf.reshape(gradient, (-1, self.heads * self.classes))
        kernel_gradient = tf.matmul(inputs, gradient, transpose_a=True)
        self.optimizer.apply([kernel_gradient, tf.reduce_sum(gradient, axis=0)], [self.kernel, self.bias])


# The repeats of a cross-validation have graphs of the same shape, one for each part of the images. Building one takes
# as long as a quarter of a training.
_graph = lru_cache(maxsize=8)(_Graph)
