"""train_tl: train the head on the features of the frozen backbone.

Writes models/train_tl/ (the head, and what is needed to use it), plots/train_tl/ (curves) and, in results/train_tl/,
metrics/train_tl.json.
"""

from pathlib import Path

from transfer import command, params_file
from transfer.caching import fingerprint, scratch
from transfer.common import io
from transfer.loading import batches, features, prepared
from transfer.loading.augmentation import Augmentation

BACKBONE = Path("models/backbone")
CHECKPOINT = Path("models/train_tl")


def main() -> None:
    settings = params_file.load()
    augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    train, validation = prepared.load_split("train"), prepared.load_split("validation")

    from transfer.models import backbone as backbones  # imported late: TensorFlow takes seconds
    from transfer.models import classifier, tensorflow
    from transfer.training import loop
    from transfer.training.curves import learning_curves

    tensorflow.start(settings.seed)
    backbone = backbones.read_description(BACKBONE)
    channels = backbone["channels"]
    head = classifier.new_head(channels, len(train.classes), settings.train_tl.dropout, settings.seed)

    # Cached features; or, as in the study, new views in every epoch and the backbone in the loop
    if augmentation.views:
        cached = features.load_features("train", train, channels, augmentation.views)
        training_batches = batches.training_from_cache([cached], train.labels, augmentation, settings.batch_size)
    else:
        extractor = backbones.load(BACKBONE).feature_extractor.one_view
        training_batches = batches.training_from_images(extractor, train, augmentation, settings.batch_size)
    cached = features.load_features("validation", validation, channels, 1)
    validation_batches = batches.validation_from_cache([cached], validation.labels, settings.batch_size)

    work = fingerprint.compute(settings, [prepared.FOLDER, features.FOLDER, BACKBONE])
    with scratch.locked_folder("train_tl", work) as own, learning_curves(Path("plots/train_tl")) as append_epoch:
        fit = loop.fit(
            head,
            training_batches,
            validation_batches,
            settings.train_tl,
            labels=train.labels,
            steps_per_epoch=batches.batches_per_epoch(len(train), settings.batch_size),
            after_epoch=append_epoch,
            description="train_tl",
            state=own / "training.npz",
        )

        # The checkpoint holds the head alone: every layer of the backbone stayed frozen
        dropout, batch_size = settings.train_tl.dropout, settings.batch_size
        data = train.classes, prepared.read_resize()
        metadata = classifier.head_metadata(backbone, *data, dropout, batch_size, fit.best.validation)
        classifier.save(CHECKPOINT, head, metadata)
        total = backbone["parameters"] + head.count_params()
        parameters = {"total": total, "trainable": loop.trainable_parameters(head)}
        io.write_json("results/train_tl/metrics/train_tl.json", fit.metrics() | {"parameters": parameters})

    accuracy = fit.best.validation["accuracy"]
    print(f"Validation accuracy {accuracy:.4f} in epoch {fit.best_epoch + 1} of {len(fit.epochs)}")


if __name__ == "__main__":
    command.run(main)
