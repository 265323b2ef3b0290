"""finetune: train later layers of the backbone together with the head, in rounds that freeze the layers before a cut.

Writes models/finetune/ (what was trained, from the round with the best validation accuracy), plots/finetune/ (curves)
and, in results/finetune/, metrics/finetune.json (every round).
"""

from functools import partial
from pathlib import Path

from transfer import command, params_file
from transfer.caching import fingerprint, scratch
from transfer.common import io
from transfer.engine import engines
from transfer.loading import batches, prepared
from transfer.loading.augmentation import Augmentation
from transfer.training import history

BACKBONE, HEAD = Path("models/backbone"), Path("models/train_tl")
CHECKPOINT = Path("models/finetune")


def main() -> None:
    settings = params_file.load()
    augmentation = Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    train, validation = prepared.load_split("train"), prepared.load_split("validation")
    engine = engines.open_engine(settings.engine)

    from transfer.caching import activations  # imported late: TensorFlow takes seconds
    from transfer.models import backbone as backbones
    from transfer.models import checkpoint, classifier, tensorflow
    from transfer.training import curves, folding, loop, state

    tensorflow.start(settings.seed)
    devices = tensorflow.use_all_devices()
    backbone = backbones.load(BACKBONE)
    backbones.check_frozen_layers(settings.finetune.frozen_layers, backbone.layers)
    head = classifier.load_head(HEAD, settings.seed, backbone.description(), train.classes)
    results: list[history.RoundResult] = []
    metrics: dict[str, dict] = {}
    work = fingerprint.compute(settings, [prepared.FOLDER, BACKBONE, HEAD], devices)
    with scratch.locked_folder("finetune", work) as own, curves.learning_curves(Path("plots/finetune")) as append_epoch:
        cuts, rests = zip(*map(backbone.cut, settings.finetune.frozen_layers), strict=True)
        states = [state.state_bytes(rest.count_params() + head.count_params()) for rest in rests]
        activations.check_round_space(cuts, train, validation, augmentation, own, states)
        data = train, validation, augmentation, settings.batch_size
        for number, frozen_layers in enumerate(settings.finetune.frozen_layers, start=1):
            frozen, rest = backbone.cut(frozen_layers)
            tail = classifier.Tail(folding.fold(rest), head)  # with the best weights of the previous round
            with activations.cached_activations(frozen, *data, own / f"activations-{number}", number, engine) as cached:
                fit = loop.fit(
                    tail,
                    *cached,
                    settings.finetune,
                    labels=train.labels,
                    steps_per_epoch=batches.batches_per_epoch(len(train), settings.batch_size),
                    after_epoch=partial(append_epoch, round=number),
                    description=f"finetune, round {number}, {frozen_layers} layers frozen",
                    state=own / f"round-{number}.npz",
                )
            accuracies = fit.best.train["accuracy"], fit.best.validation["accuracy"]
            results.append(history.RoundResult(frozen_layers, *accuracies))
            total, trainable = backbone.parameters + head.count_params(), loop.trainable_parameters(tail)
            values = {"frozen_layers": frozen_layers, **fit.metrics(), "gap": results[-1].gap}
            metrics[str(number)] = values | {"parameters": {"total": total, "trainable": trainable}}
            if history.best_round(results) == number - 1:
                # Everything that any round so far has trained, even if this one trained less
                cut = min(settings.finetune.frozen_layers[:number])
                metadata = checkpoint.read_metadata(HEAD) | {"frozen_layers": cut, "validation": fit.best.validation}
                classifier.save(CHECKPOINT, classifier.Tail(backbone.cut(cut)[1], head), metadata)

        kept, smallest_gap = history.best_round(results), history.smallest_gap_round(results)
        least = {"round": smallest_gap + 1, "frozen_layers": results[smallest_gap].frozen_layers}
        summary = {"kept": {"round": kept + 1, **metrics[str(kept + 1)]}, "least_overfitted": least, "rounds": metrics}
        io.write_json("results/finetune/metrics/finetune.json", summary)
    last = f"Kept: {results[kept].frozen_layers} layers frozen; smallest gap: {results[smallest_gap].frozen_layers}"
    print(*results, last, sep="\n")


if __name__ == "__main__":
    command.run(main)
