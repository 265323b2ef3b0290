"""train_tl: train the head on the frozen backbone's features.

Leaves models/train_tl/ (the head, and what is needed to use it), metrics/train_tl.json and plots/train_tl/ (curves).
"""

from pathlib import Path

from transfer import batches, files, params, prepared, resume, scratch, views
from transfer.faults import run

FEATURES = Path("features")
BACKBONE = Path("models/backbone")
CHECKPOINT = Path("models/train_tl")


def main() -> None:
    settings = params.load()
    augmentation = views.Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    train, validation = prepared.load("train"), prepared.load("validation")

    from transfer import backbone as backbones  # TensorFlow takes seconds to import: a fault should not wait for it
    from transfer import classifier, runtime, training
    from transfer.curves import curves

    runtime.start(settings.seed)
    backbone = backbones.describe(BACKBONE)
    channels = backbone["channels"]
    head = classifier.head(channels, len(train.classes), settings.train_tl.dropout, settings.seed)

    # Features from the cache; or, in the study's own way, views drawn anew each epoch and the backbone in the loop
    if augmentation.views:
        features = files.open_array(FEATURES / "train.npy", (len(train), augmentation.views, channels))
        training_batches = batches.cached([features], train.labels, augmentation, settings.batch_size)
    else:
        frozen = backbones.load(BACKBONE).features
        training_batches = batches.drawn(frozen, train, augmentation, settings.batch_size)
    unseen = files.open_array(FEATURES / "validation.npy", (len(validation), 1, channels))
    validation_batches = batches.stored([unseen], validation.labels, settings.batch_size)

    inputs = [prepared.FOLDER, FEATURES, BACKBONE]
    with scratch.folder("train_tl", resume.key(settings, inputs)) as own, curves(Path("plots/train_tl")) as add:
        fit = training.fit(
            head,
            training_batches,
            validation_batches,
            settings.train_tl,
            steps_per_epoch=batches.number(len(train), settings.batch_size),
            after_epoch=add,
            description="train_tl",
            state=own / "training.npz",
        )

        # The checkpoint holds the head alone: every layer of the backbone stayed frozen
        dropout, batch_size = settings.train_tl.dropout, settings.batch_size
        about = classifier.new_about(backbone, train.classes, dropout, batch_size, fit.best.validation)
        classifier.save(CHECKPOINT, head, about)
        parameters = {"total": backbone["parameters"] + head.count_params(), "trainable": training.parameters(head)}
        files.write_json("metrics/train_tl.json", fit.metrics() | {"parameters": parameters})

    print(
        f"Validation accuracy {fit.best.validation['accuracy']:.4f} in epoch {fit.best_epoch + 1} of {len(fit.epochs)}"
    )


if __name__ == "__main__":
    run(main)
