"""features: run the frozen backbone once over every view of every image.

Writes models/backbone/ (the weights as used, so that DVC pins them by content) and features/, all float32: train.npy
(images, views, channels), unless every epoch draws its own views, validation.npy and test.npy (images, 1, channels).
"""

from pathlib import Path

import numpy as np

from transfer import command, params_file
from transfer.caching import fingerprint, scratch
from transfer.common import atomic
from transfer.loading import prepared
from transfer.loading.augmentation import Augmentation
from transfer.models import applications

FEATURES = Path("features")
BACKBONE = Path("models/backbone")


def main() -> None:
    settings = params_file.load()
    params_file.check_weights_fit_dataset(settings)
    applications.check_weights(settings.backbone.weights)
    augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    views_of = {"train": augmentation.views, "validation": 1, "test": 1}
    splits = [(prepared.load_split(name, size=settings.image_size), name, views) for name, views in views_of.items()]

    from transfer.caching import activations  # imported late: TensorFlow takes seconds
    from transfer.models import backbone as backbones
    from transfer.models import pretrained, tensorflow

    # The backbone with its weights
    tensorflow.start(settings.seed)
    precision = tensorflow.supported_precision(settings.precision)
    backbone = pretrained.build(settings.backbone.name, settings.backbone.weights, settings.image_size, precision)
    # Only finetune needs this check, but it would come much later there.
    backbones.check_frozen_layers(settings.finetune.frozen_layers, backbone.layers)
    # Saved before the features are computed, because its bytes are part of their fingerprint
    backbone.save(BACKBONE)

    # Its pooled output for each view; view 0 is the image itself
    work = fingerprint.compute(settings, [prepared.FOLDER, BACKBONE])
    with scratch.locked_folder("features", work) as own:
        arrays = own / "arrays"
        arrays.mkdir(exist_ok=True)
        needed = sum(len(split) * views for split, _, views in splits) * backbone.channels * 4
        present = sum(path.stat().st_size for path in arrays.glob("*.npy"))
        scratch.check_disk_space(needed - present, "keeping the features of every view", "lower augment.views")
        for split, name, views in splits:
            if views == 0:
                continue
            features = [scratch.open_array(arrays / f"{name}.npy", (len(split), views, backbone.channels), np.float32)]
            extractor, log = backbone.feature_extractor, own / f"{name}.done"
            activations.fill_arrays(features, extractor, split, augmentation, settings.batch_size, name, log)
        atomic.replace_folder(arrays, FEATURES)

    print(f"{backbone.name}: {backbone.layers} layers, {backbone.parameters:,} parameters, weights {backbone.source}")


if __name__ == "__main__":
    command.run(main)
