"""The study's method as a plain Keras script: what the pipeline is measured against.

The whole network runs in every step of every epoch, on augmentation drawn anew, as in the notebook that the study was;
otherwise it is as well made as such a script can be: images decoded and kept in memory once, the next batch prepared
while this one is trained on, early stopping with the best weights restored. The backbone is called in inference mode
from a class of its own, because Keras 3 overrides `training=False` in a Functional model.

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

BATCH = 64


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
    parser.add_argument("--backbone", required=True, help="a keras.applications class")
    parser.add_argument("--image-size", type=int, required=True, help="pixels")
    parser.add_argument("--weights", default="imagenet", help="imagenet or random")
    parser.add_argument("--frozen-layers", type=int, nargs="*", default=[], help="a round of fine-tuning for each")
    parser.add_argument("--epochs", type=int, default=20, help="at most, in each training")
    parser.add_argument("--patience", type=int, default=2, help="epochs without gain before a training stops")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--timed-steps", type=int, default=0, help="time so many steps of each training, train nothing")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()

    keras.utils.set_random_seed(asked.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if asked.precision == "bfloat16" else "float32")
    started = time.perf_counter()
    train, validation, test = (
        keras.utils.image_dataset_from_directory(
            asked.folder / split,
            image_size=(asked.image_size, asked.image_size),
            batch_size=BATCH,
            label_mode="categorical",
            shuffle=False,
            verbose=False,
        )
        for split in ("train", "validation", "test")
    )
    classes = len(train.class_names)
    train = train.unbatch().cache().shuffle(1000, seed=asked.seed).batch(BATCH).prefetch(tf.data.AUTOTUNE)
    validation = validation.cache().prefetch(tf.data.AUTOTUNE)

    backbone = getattr(keras.applications, asked.backbone)(
        include_top=False,
        input_shape=(asked.image_size, asked.image_size, 3),
        weights=None if asked.weights == "random" else asked.weights,
    )
    backbone.trainable = False
    module = getattr(keras.applications, applications.preprocessing_modules()[asked.backbone])
    model = Notebook(backbone, module.preprocess_input, classes)

    def train_and_test(learning_rate: float) -> dict[str, Any]:
        model.compile(
            loss=keras.losses.CategoricalCrossentropy(),
            optimizer=keras.optimizers.Adam(learning_rate),
            metrics=[keras.metrics.CategoricalAccuracy()],
            jit_compile=False,
        )
        if asked.timed_steps:
            return timed_steps(model, train, validation, asked.timed_steps)
        stopping = keras.callbacks.EarlyStopping(
            monitor="val_categorical_accuracy",
            mode="max",
            patience=asked.patience,
            min_delta=0.001,
            restore_best_weights=True,
        )
        begun = time.perf_counter()
        history = model.fit(
            train, epochs=asked.epochs, validation_data=validation, callbacks=[stopping], verbose=0
        ).history
        return {
            "seconds": time.perf_counter() - begun,
            "epochs": len(history["loss"]),
            "validation_accuracy": max(history["val_categorical_accuracy"]),
            "test_accuracy": model.evaluate(test, verbose=0, return_dict=True)["categorical_accuracy"],
        }

    results = {"train_tl": train_and_test(1e-3)}
    for frozen_layers in asked.frozen_layers:
        # Layer by layer: setting what a model already is does not reach layers that were set by themselves
        backbone.trainable = True
        for number, layer in enumerate(backbone.layers):
            layer.trainable = number >= frozen_layers
        results[f"frozen_{frozen_layers}"] = train_and_test(1e-5)
    about = {name: value for name, value in vars(asked).items() if name not in ("folder", "output")}
    io.write_json(asked.output, {**about, "seconds": time.perf_counter() - started, **results})


def timed_steps(model: keras.Model, train: tf.data.Dataset, validation: tf.data.Dataset, steps: int) -> dict:
    """An epoch's seconds from a few of its steps; what happens once, as tracing and decoding, is not in them."""
    # Every image decoded and cached, both functions traced, for the batches' both sizes
    model.fit(train.take(1), verbose=0)
    # Its last batch is a smaller one
    batches = sum(len(labels) for _, labels in train) / BATCH
    model.evaluate(validation, verbose=0)
    begun = time.perf_counter()
    model.fit(train.take(steps), verbose=0)
    step = (time.perf_counter() - begun) / steps
    begun = time.perf_counter()
    model.evaluate(validation, verbose=0)
    validating = time.perf_counter() - begun
    return {"step_seconds": step, "validation_seconds": validating, "epoch_seconds": batches * step + validating}


if __name__ == "__main__":
    main()
