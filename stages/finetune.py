"""finetune: train the backbone's later layers with the head, in rounds that freeze the layers before a cut.

Leaves models/finetune/ (what was trained, as the round with the best validation accuracy had it),
metrics/finetune.json (every round) and plots/finetune/ (curves, the rounds one after another).
"""

from functools import partial
from pathlib import Path

from transfer import batches, checkpoint, files, params, prepared, resume, rounds, scratch, views
from transfer.faults import run

BACKBONE = Path("models/backbone")
HEAD = Path("models/train_tl")
CHECKPOINT = Path("models/finetune")


def main() -> None:
    settings = params.load()
    augmentation = views.Augmentation(**settings.augment.model_dump(), seed=settings.seed)
    data = prepared.load("train"), prepared.load("validation"), augmentation, settings.batch_size

    from transfer import backbone as backbones  # TensorFlow takes seconds to import: a fault should not wait for it
    from transfer import classifier, prefix, runtime, training
    from transfer.curves import curves

    runtime.start(settings.seed)
    backbone = backbones.load(BACKBONE)
    backbones.check_frozen_layers(settings.finetune.frozen_layers, backbone.layers)
    head = classifier.load_head(HEAD, settings.seed, backbone.description(), data[0].classes)
    results: list[rounds.Round] = []
    metrics: dict[str, dict] = {}

    # Each round starts from the best weights of the one before: they are still in the layers
    inputs = [prepared.FOLDER, BACKBONE, HEAD]
    with scratch.folder("finetune", resume.key(settings, inputs)) as own, curves(Path("plots/finetune")) as add:
        cuts, rests = zip(*map(backbone.cut, settings.finetune.frozen_layers), strict=True)
        states = [training.state_bytes(rest.count_params() + head.count_params()) for rest in rests]
        prefix.check_space(cuts, *data[:3], own, states)
        for number, frozen_layers in enumerate(settings.finetune.frozen_layers, start=1):
            frozen, rest = backbone.cut(frozen_layers)
            tail = classifier.Tail(rest, head)
            with prefix.once(frozen, *data, folder=own / f"prefix-{number}", training=number) as given:
                fit = training.fit(
                    tail,
                    *given,
                    settings.finetune,
                    steps_per_epoch=batches.number(len(data[0]), settings.batch_size),
                    after_epoch=partial(add, round=number),
                    description=f"finetune, round {number}, {frozen_layers} layers frozen",
                    state=own / f"round-{number}.npz",
                )
            results.append(rounds.Round(frozen_layers, fit.best.train["accuracy"], fit.best.validation["accuracy"]))
            parameters = {"total": backbone.parameters + head.count_params(), "trainable": training.parameters(tail)}
            metrics[str(number)] = {
                "frozen_layers": frozen_layers,
                **fit.metrics(),
                "gap": results[-1].gap,
                "parameters": parameters,
            }
            if rounds.kept(results) == number - 1:
                # All that any round so far has trained, even if this one trained less
                cut = min(settings.finetune.frozen_layers[:number])
                about = checkpoint.about(HEAD) | {"frozen_layers": cut, "validation": fit.best.validation}
                classifier.save(CHECKPOINT, classifier.Tail(backbone.cut(cut)[1], head), about)

        kept, least = rounds.kept(results), rounds.least_overfitted(results)
        about_kept = {"round": kept + 1, **metrics[str(kept + 1)]}
        about_least = {"round": least + 1, "frozen_layers": results[least].frozen_layers}
        found = {"kept": about_kept, "least_overfitted": about_least, "rounds": metrics}
        files.write_json("metrics/finetune.json", found)
    for result in results:
        told = f"validation accuracy {result.validation_accuracy:.4f}, training {result.train_accuracy:.4f}"
        print(f"{result.frozen_layers} layers frozen: {told}")
    print(f"Kept: {results[kept].frozen_layers} layers frozen; least overfitted: {results[least].frozen_layers}")


if __name__ == "__main__":
    run(main)
