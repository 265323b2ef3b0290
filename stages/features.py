"""features: run the frozen backbone over every view of every image that the last version does not have.

Writes models/backbone/ (the weights as used, so that DVC pins them by content) and features/ (float32), for each split
(images, views, channels): the views of training images, unless every epoch draws its own, one view of all others. View
0 is the image itself: the mean over the orientations in which the model sees it at prediction.
"""

from pathlib import Path

import numpy as np

from transfer import command, params_file
from transfer.caching import fingerprint, scratch
from transfer.common import atomic
from transfer.engine import engines
from transfer.loading import features, prepared, shards
from transfer.loading.augmentation import Augmentation
from transfer.models import applications
from transfer.reuse import features as reuse
from transfer.reuse import provenance

BACKBONE = Path("models/backbone")


def main() -> None:
    settings = params_file.load()
    params_file.check_weights_fit_dataset(settings)
    applications.check_weights(settings.backbone.weights)
    augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    views_of = {"train": augmentation.views, "validation": 1, "test": 1}
    splits = {name: prepared.load_split(name, size=settings.image_size) for name, views in views_of.items() if views}
    engine = engines.open_engine(settings.engine)

    from transfer.caching import activations  # imported late: TensorFlow takes seconds
    from transfer.models import backbone as backbones
    from transfer.models import pretrained, tensorflow

    # The backbone with its weights
    tensorflow.start(settings.seed)
    precision = tensorflow.supported_precision(settings.precision)
    chosen, views = settings.backbone, settings.evaluate.views
    backbone = pretrained.build(chosen.name, chosen.weights, settings.image_size, precision, views)
    # Only finetune needs this check, but it would come much later there.
    backbones.check_frozen_layers(settings.finetune.frozen_layers, backbone.layers)
    # Saved before the features are computed, because its bytes are part of their provenance
    backbone.save(BACKBONE)

    # What the last version has of the same views, and what remains to be computed; view 0 is the image itself
    layers = {"backbone": fingerprint.digest_files([BACKBONE]), "precision": precision, "runtime": backbone.runtime}
    origin = reuse.describe(settings, **layers)
    last = reuse.last_features(origin, backbone.channels, any_processor=settings.features.reuse == "any")
    work = fingerprint.compute(settings, [prepared.FOLDER, BACKBONE])
    with scratch.locked_folder("features", work) as own:
        folder = own / "features"
        needed = sum(len(split) * views_of[name] for name, split in splits.items()) * backbone.channels * 4
        present = sum(path.stat().st_size for path in folder.rglob("*.npy"))
        scratch.check_disk_space(needed - present, "keeping the features of every view", "lower augment.views")
        missing, processors = [], {}
        for name, split in splits.items():
            shape = views_of[name], backbone.channels
            array = shards.create_shards(folder / name, split.digests, shape, np.float32)
            rows, numbers, processors[name] = reuse.take_over(last, split, array)
            missing.append(activations.Views(split, [array], rows, numbers, name))
        of_layers = activations.by_orientations(missing, backbone.feature_extractor)
        activations.fill_each(of_layers, augmentation, settings.batch_size, "features", own, engine)
        features.write_index(folder, splits, processors)
        provenance.write(folder, origin)
        atomic.replace_folder(folder, features.FOLDER)

    print(f"{backbone.name}: {backbone.layers} layers, {backbone.parameters:,} parameters, weights {backbone.source}")
    computed, all_views = sum(map(len, missing)), sum(len(split) * views_of[name] for name, split in splits.items())
    if computed < all_views:
        print(f"{all_views - computed} of {all_views} views are taken over from the last version, {computed} computed.")


if __name__ == "__main__":
    command.run(main)
