"""cross_validate: train the head many times, each time without some of the images, and score it on those.

It reads training and validation images only. Writes results/cross_validate/: metrics and tables, which `evaluate`
publishes, and the out-of-fold probabilities by which it calibrates the head and finds doubtful labels.
"""

from itertools import product
from pathlib import Path

import numpy as np

from transfer import command, params_file
from transfer.common import atomic, io
from transfer.cross_validation import folds, groups, learning_curve, pool, scores
from transfer.engine import engines
from transfer.loading import batches, features, prepared

BACKBONE = Path("models/backbone")
GROUPS = Path("dataset_groups.csv")
RESULTS = Path("results/cross_validate")


def main() -> None:
    settings = params_file.load()
    # With early stopping, every head stops where train_tl did: the images that judge a head must not choose its epoch.
    epochs = io.read_json("results/train_tl/metrics/train_tl.json", {"best_epoch": int})["best_epoch"]
    train, validation = prepared.load_split("train"), prepared.load_split("validation")
    engine = engines.open_engine(settings.engine)

    from transfer.cross_validation import heads  # imported late: TensorFlow takes seconds
    from transfer.models import backbone as backbones
    from transfer.models import tensorflow

    # The features of every view; if every epoch draws its own views, of the training images themselves
    tensorflow.start(settings.seed)
    channels, views = backbones.read_description(BACKBONE)["channels"], settings.augment.views
    of_train: pool.SplitFeatures
    if views:
        of_train = features.load_features("train", train, channels, views)
    else:
        extractor = backbones.load(BACKBONE).feature_extractor
        of_train = batches.map_split(extractor, train.images, settings.batch_size, "features of train")[:, None]
    of_validation = features.load_features("validation", validation, channels, 1)
    images = pool.join({"train": (train, of_train), "validation": (validation, of_validation)})

    # Images of one group, and near-duplicates, are held out together
    by_user = groups.read_groups(GROUPS, images)
    grouping = groups.group_images(images, by_user, settings.evaluate.near_duplicate, settings.cross_validate.folds)
    repeats = range(settings.cross_validate.repeats)
    fold = np.stack([folds.deal(images, grouping.group, grouping.folds, settings.seed, repeat) for repeat in repeats])

    # A head for each fold of each repeat; for the learning curve, further heads that see a part of the images
    training = heads.Training(settings.train_tl, epochs, max(views, 1), settings.batch_size)
    divisors = learning_curve.divisors(images.labels, grouping.group)
    pairs = product(repeats, divisors)
    parts = {(i, of): learning_curve.part(images, grouping.group, of, settings.seed, i) for i, of in pairs}
    right: dict[int, dict[int, np.ndarray]] = {divisor: {} for divisor in divisors}
    of_repeats = {}
    for (repeat, divisor), predicted in heads.Repeats(images, fold, parts, training, settings.seed).run(engine):
        right[divisor][repeat] = predicted[0].argmax(axis=1) == images.labels
        if divisor == divisors[-1]:  # by heads of all images
            of_repeats[repeat] = predicted
    probabilities, over_views = map(np.stack, zip(*(of_repeats[repeat] for repeat in repeats), strict=True))

    curve = learning_curve.LearningCurve(images, right, fold)
    notes = grouping.notes if views else [*grouping.notes, scores.WITHOUT_VIEWS]
    metrics = scores.summarize(images, probabilities, fold, notes)
    with atomic.folder(RESULTS) as partial:
        io.write_json(partial / "metrics/cross_validation.json", metrics | {"learning_curve": curve.metrics()})
        predictions = scores.predictions(images, probabilities, fold)
        io.write_csv(partial / "plots/cross_validation/predictions.csv", predictions)
        io.write_csv(partial / "plots/cross_validation/learning_curve.csv", curve.table())
        np.save(partial / "probabilities.npy", probabilities)
        np.save(partial / "probabilities_over_views.npy", over_views.mean(axis=0))

    print(scores.sentence(metrics), *notes, *curve.sentences(), sep="\n")


if __name__ == "__main__":
    command.run(main)
