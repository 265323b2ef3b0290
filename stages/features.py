"""features: run the frozen backbone once over every view of every image.

Leaves models/backbone/ (its weights as used, pinned by content) and features/: train.npy (images, views, channels),
unless every epoch draws its own view, validation.npy and test.npy (images, 1, channels), float32.
"""

from pathlib import Path

import numpy as np

from transfer import applications, batches, files, params, prepared, resume, scratch, views
from transfer.faults import run

FEATURES = Path("features")
BACKBONE = Path("models/backbone")


def main() -> None:
    settings = params.load()
    applications.check_weights(settings.backbone.weights)
    augmentation = views.Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    views_of = {"train": augmentation.views, "validation": 1, "test": 1}
    splits = [(prepared.load(split, size=settings.image_size), split, number) for split, number in views_of.items()]

    from transfer import backbone as backbones  # TensorFlow takes seconds to import: a fault should not wait for it
    from transfer import runtime

    # The backbone, its weights from wherever they come
    runtime.start(settings.seed)
    precision = runtime.usable_precision(settings.precision)
    backbone = backbones.make(settings.backbone.name, settings.backbone.weights, settings.image_size, precision)
    # Only finetune needs to know, but it would say so much later
    backbones.check_frozen_layers(settings.finetune.frozen_layers, backbone.layers)
    # Before its features: its bytes are part of what they follow from
    backbone.save(BACKBONE)

    # Its pooled output for each view; view 0 is the image itself
    with scratch.folder("features", resume.key(settings, [prepared.FOLDER, BACKBONE])) as own:
        arrays = own / "arrays"
        arrays.mkdir(exist_ok=True)
        needed = sum(len(images) * number for images, _, number in splits) * backbone.channels * 4
        already = sum(path.stat().st_size for path in arrays.glob("*.npy"))
        scratch.check_space(needed - already, "keeping the features of every view", "lower augment.views")
        for images, split, number in splits:
            if number == 0:
                continue
            shape, done = (len(images), number, backbone.channels), own / f"{split}.done"
            features = [scratch.array(arrays / f"{split}.npy", shape, np.float32)]
            batches.fill(features, backbone.features, images, augmentation, settings.batch_size, split, done)
        files.replace_folder(arrays, FEATURES)

    print(f"{backbone.name}: {backbone.layers} layers, {backbone.parameters:,} parameters, weights {backbone.source}")


if __name__ == "__main__":
    run(main)
