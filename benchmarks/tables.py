"""The results of the benchmark as Markdown tables."""

from statistics import median
from typing import Any

# The epochs of the study's transfer learning, and of a round of fine-tuning to compare.
STUDY_EPOCHS = 5
ROUND_EPOCHS = 10
PRECISIONS = ("float32", "bfloat16")


def rows(results: dict[str, Any]) -> list[tuple[str, float, float]]:
    """A row for each comparison that has been measured: its name, and the seconds of the study's way and the pipeline.

    In a name, one star means that the study's way was timed over a few steps and scaled; two stars mean that the
    pipeline was too.
    """
    comparisons = []
    if small := results.get("MobileNetV2"):
        study = median(run["seconds"] for run in small["notebook"])
        one_view, default_views = (
            median(run["seconds"] for run in small[name]) for name in ("one_view", "default_views")
        )
        comparisons += [
            ("transfer learning from cold, MobileNetV2 224, one view", study, one_view),
            ("the same, the default views", study, default_views),
            ("`dvc repro train_tl` after a change of the head, MobileNetV2", study, median(small["head_again"])),
        ]
    if large := results.get("InceptionResNetV2"):
        notebook = large["notebook"]
        study = STUDY_EPOCHS * notebook["float32"]["train_tl"]["epoch_seconds"]
        name = f"transfer learning from cold, InceptionResNetV2 320, {STUDY_EPOCHS} epochs against one view"
        comparisons += [(f"{name}, {precision} *", study, large[precision]["seconds"]) for precision in notebook]
        name = "`dvc repro train_tl` after a change of the head, InceptionResNetV2 *"
        comparisons.append((name, study, median(large["head_again"])))
        for cut, pipeline in large["fine_tuning"]["rounds"].items():
            for precision, of_precision in notebook.items():
                epoch = of_precision[f"frozen_{cut}"]["epoch_seconds"]
                name = f"an epoch of fine-tuning, {cut} frozen, {large['precision']} against {precision} **"
                comparisons.append((name, epoch, pipeline["epoch_seconds"]))
            epoch = notebook["float32"][f"frozen_{cut}"]["epoch_seconds"]
            for views, prefix in pipeline["prefix_seconds"].items():
                whole_round = prefix + pipeline["tracing_seconds"] + ROUND_EPOCHS * pipeline["epoch_seconds"]
                name = f"{ROUND_EPOCHS} such epochs, {cut} frozen, with the prefix of {format_views(int(views))} **"
                comparisons.append((name, ROUND_EPOCHS * epoch, whole_round))
    return comparisons


def expected_speed_up(frozen_share: float, epochs: int = 1, views: int = 0) -> float:
    """The expected speed-up of a round if every multiplication takes the same time and nothing else takes any.

    A backward pass counts as two forward passes. The study's way runs the frozen layers in every epoch; the pipeline
    runs them once for each view.

    Args:
        frozen_share: the share of the layers before the cut in the multiplications of a forward pass.
    """
    trained = 3 * (1 - frozen_share)
    return epochs * (frozen_share + trained) / (views * frozen_share + epochs * trained)


def format_views(views: int) -> str:
    return "one view" if views == 1 else f"{views} views"


def markdown(results: dict[str, Any]) -> str:
    """Everything that has been measured, as tables: the comparisons, the forward pass, memory."""
    lines = ["| what | the study's way | the pipeline | ratio |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {study:.1f} s | {pipeline:.1f} s | {study / pipeline:.2f} |"
        for name, study, pipeline in rows(results)
    ]
    lines.append("")
    small, large = results.get("MobileNetV2"), results.get("InceptionResNetV2")
    if large:
        steps, share = large["notebook"]["float32"]["timed_steps"], large["fine_tuning"]["timed_share"]
        lines += [
            f"\\* The study's way was timed over {steps} steps and scaled to whole epochs. "
            f"\\** The pipeline was also timed over a part of the images ({share:.0%}) and scaled to all of them.",
            "",
        ]
        shares = {cut: of_round["frozen_share"] for cut, of_round in large["fine_tuning"]["rounds"].items()}
        speed_ups = " and ".join(
            f"{expected_speed_up(share):.2f} with {cut} layers frozen "
            f"({expected_speed_up(share, ROUND_EPOCHS, 1):.2f} over {ROUND_EPOCHS} epochs, including the prefix of one "
            "view)"
            for cut, share in shares.items()
        )
        lines += [
            f"The expected speed-up of fine-tuning, counting multiplications only, at equal precision, is {speed_ups}.",
            "",
        ]
    if small:
        accuracies, peaks = (
            {name: median(run[key] for run in small[name]) for name in ("notebook", "one_view", "default_views")}
            for key in ("validation_accuracy", "peak_bytes")
        )
        lines += [
            f"The medians of {len(small['notebook'])} seeds with MobileNetV2, for the study's way, one view and the "
            f"default views: validation accuracy {accuracies['notebook']:.3f}, {accuracies['one_view']:.3f} and "
            f"{accuracies['default_views']:.3f}; peak anonymous memory {peaks['notebook'] / 1e6:.0f}, "
            f"{peaks['one_view'] / 1e6:.0f} and {peaks['default_views'] / 1e6:.0f} MB. `dvc repro` with nothing to do "
            f"takes {median(small['nothing']):.2f} s.",
            "",
        ]
        prediction = small["prediction"]
        peaks_of = " and ".join(
            f"{peak / 1e6:.0f} MB for {images} images" for images, peak in prediction["peak_bytes"].items()
        )
        lines += [
            f"`predict.py` on {prediction['photographs']} photographs: {prediction['images_per_second']:.1f} images a "
            f"second in the model, {prediction['ratio']:.0%} of the features stage's rate. The peak anonymous memory "
            f"is {peaks_of}.",
            "",
        ]
    if passes := results.get("passes"):
        lines += [
            "| forward pass, InceptionResNetV2 320 | images/s | matrix product, GFLOP/s | share of that rate |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| {precision} | {of_precision['images_per_second']:.1f} | {of_precision['matrix_product_gflops']:.0f} "
            f"| {of_precision['share_of_ceiling']:.2f} |"
            for precision, of_precision in passes.items()
            if precision in PRECISIONS
        ]
        lines.append("")
    if memory := results.get("memory"):
        sizes = list(next(iter(memory["peak_bytes"].values())))
        lines += [
            f"| peak anonymous memory, MB | {' images | '.join(sizes)} images | ratio |",
            f"| --- |{' --- |' * len(sizes)} --- |",
        ]
        for stage, by_size in memory["peak_bytes"].items():
            values = " | ".join(f"{by_size[size] / 1e6:.0f}" for size in sizes)
            lines.append(f"| {stage} | {values} | {memory['ratio'][stage]:.2f} |")
        lines.append("")
    machine = results["machine"]
    lines.append(
        f"Measured on {machine['processors']} cores of {machine['processor']}, with TensorFlow {machine['tensorflow']}."
    )
    if passes and "bfloat16" not in passes:
        lines.append("This processor has no bfloat16 arithmetic, so the rows in bfloat16 are missing.")
    return "\n".join(lines) + "\n"
