"""The study's method as a plain Keras script, against which the pipeline is measured.

As in the study's notebook, the whole network runs in every step of every epoch, on newly drawn augmentation. Otherwise
the script is as fast as such a script can be: it decodes the images once and keeps them in memory, prepares the next
batch during the current step, and restores the best weights after early stopping. The backbone is called in inference
mode from a class of its own, because Keras 3 overrides `training=False` in a Functional model.

    python -m benchmarks.notebook FOLDER OUTPUT.json --backbone MobileNetV2 --image-size 224 --frozen-layers 100 50
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transfer.common import io
from transfer.models import applications
from transfer.models.tensorflow import keras, tf

BATCH_SIZE = 64


class Notebook(keras.Model):
    """Augmentation, preprocessing, backbone in inference mode, pooling, dropout, softmax."""

    def __init__(self, backbone: keras.Model, preprocess: Callable[[Any], Any], classes: int):
        super().__init__()
        self.augment = keras.Sequential([keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.2)])
        self.preprocess = preprocess
        self.backbone = backbone
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.dropout = keras.layers.Dropout(0.2)
        self.softmax = keras.layers.Dense(classes, activation="softmax", dtype="float32")

    def call(self, images: Any, training: bool = False) -> Any:
        x = self.preprocess(self.augment(images, training=training))
        return self.softmax(self.dropout(self.pool(self.backbone(x, training=False)), training=training))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notebook", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="dataset with train, validation and test")
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--backbone", required=True, help="class of keras.applications")
    parser.add_argument("--image-size", type=int, required=True, help="pixels")
    parser.add_argument("--weights", default="imagenet", help="imagenet or random (default: imagenet)")
    parser.add_argument("--frozen-layers", type=int, nargs="*", default=[], help="a round of fine-tuning for each")
    parser.add_argument("--epochs", type=int, default=20, help="at most, in each training (default: 20)")
    parser.add_argument(
        "--patience", type=int, default=2, help="epochs without improvement before a training stops (default: 2)"
    )
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument(
        "--timed-steps", type=int, default=0, help="only time so many steps of each training (default: train)"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    keras.utils.set_random_seed(arguments.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if arguments.precision == "bfloat16" else "float32")
    started = time.perf_counter()
    train, validation, test = (
        keras.utils.image_dataset_from_directory(
            arguments.folder / split,
            image_size=(arguments.image_size, arguments.image_size),
            batch_size=BATCH_SIZE,
            label_mode="categorical",
            shuffle=False,
            verbose=False,
        )
        for split in ("train", "validation", "test")
    )
    classes = len(train.class_names)
    train = train.unbatch().cache().shuffle(1000, seed=arguments.seed).batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE)
    validation = validation.cache().prefetch(tf.data.AUTOTUNE)

    backbone = getattr(keras.applications, arguments.backbone)(
        include_top=False,
        input_shape=(arguments.image_size, arguments.image_size, 3),
        weights=None if arguments.weights == "random" else arguments.weights,
    )
    backbone.trainable = False
    module = getattr(keras.applications, applications.preprocessing_modules()[arguments.backbone])
    model = Notebook(backbone, module.preprocess_input, classes)

    def train_and_test(learning_rate: float) -> dict[str, Any]:
        model.compile(
            loss=keras.losses.CategoricalCrossentropy(),
            optimizer=keras.optimizers.Adam(learning_rate),
            metrics=[keras.metrics.CategoricalAccuracy()],
            jit_compile=False,
        )
        if arguments.timed_steps:
            return time_steps(model, train, validation, arguments.timed_steps)
        stopping = keras.callbacks.EarlyStopping(
            monitor="val_categorical_accuracy",
            mode="max",
            patience=arguments.patience,
            min_delta=0.001,
            restore_best_weights=True,
        )
        training_started = time.perf_counter()
        history = model.fit(
            train, epochs=arguments.epochs, validation_data=validation, callbacks=[stopping], verbose=0
        ).history
        return {
            "seconds": time.perf_counter() - training_started,
            "epochs": len(history["loss"]),
            "validation_accuracy": max(history["val_categorical_accuracy"]),
            "test_accuracy": model.evaluate(test, verbose=0, return_dict=True)["categorical_accuracy"],
        }

    results = {"train_tl": train_and_test(1e-3)}
    for frozen_layers in arguments.frozen_layers:
        # Layer by layer: setting `trainable` of a model does not reach its layers if the model has that value already.
        backbone.trainable = True
        for number, layer in enumerate(backbone.layers):
            layer.trainable = number >= frozen_layers
        results[f"frozen_{frozen_layers}"] = train_and_test(1e-5)
    options = {name: value for name, value in vars(arguments).items() if name not in ("folder", "output")}
    io.write_json(arguments.output, {**options, "seconds": time.perf_counter() - started, **results})


def time_steps(model: keras.Model, train: tf.data.Dataset, validation: tf.data.Dataset, steps: int) -> dict[str, float]:
    """The seconds of an epoch, from those of a few steps; tracing, decoding and whatever happens once do not count."""
    # Decodes and caches every image, and traces both functions for both sizes of batches.
    model.fit(train.take(1), verbose=0)
    # The last batch counts as the part of a batch that it is.
    batches = sum(len(labels) for _, labels in train) / BATCH_SIZE
    model.evaluate(validation, verbose=0)
    started = time.perf_counter()
    model.fit(train.take(steps), verbose=0)
    step_seconds = (time.perf_counter() - started) / steps
    started = time.perf_counter()
    model.evaluate(validation, verbose=0)
    validation_seconds = time.perf_counter() - started
    return {
        "step_seconds": step_seconds,
        "validation_seconds": validation_seconds,
        "epoch_seconds": batches * step_seconds + validation_seconds,
    }


if __name__ == "__main__":
    main()
