"""The benchmark's results as a table to read."""

from statistics import median
from typing import Any

# What the study's trainings took, and a round to compare
STUDY_EPOCHS = 5
ROUND_EPOCHS = 10
PRECISIONS = ("float32", "bfloat16")


def rows(results: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Each comparison that has been measured: what, the study's way, the pipeline, both in seconds.

    A star stands where the study's way was timed over a few steps, two where the pipeline was too, and multiplied out.
    """
    found = []
    if small := results.get("MobileNetV2"):
        notebook = median(run["seconds"] for run in small["notebook"])
        one, more = (median(run["seconds"] for run in small[name]) for name in ("one_view", "default_views"))
        found += [
            ("transfer learning from cold, MobileNetV2 224, one view", notebook, one),
            ("the same, the default views", notebook, more),
            ("`dvc repro train_tl` after a change of the head, MobileNetV2", notebook, median(small["head_again"])),
        ]
    if large := results.get("InceptionResNetV2"):
        studied = STUDY_EPOCHS * large["notebook"]["float32"]["train_tl"]["epoch_seconds"]
        name = f"transfer learning from cold, InceptionResNetV2 320, {STUDY_EPOCHS} epochs against one view"
        found += [(f"{name}, {precision} *", studied, large[precision]["seconds"]) for precision in large["notebook"]]
        again = "`dvc repro train_tl` after a change of the head, InceptionResNetV2 *"
        found.append((again, studied, median(large["head_again"])))
        for cut, ours in large["fine_tuning"]["rounds"].items():
            for precision, theirs in large["notebook"].items():
                epoch = theirs[f"frozen_{cut}"]["epoch_seconds"]
                name = f"an epoch of fine-tuning, {cut} frozen, {large['precision']} against {precision} **"
                found.append((name, epoch, ours["epoch_seconds"]))
            epoch = large["notebook"]["float32"][f"frozen_{cut}"]["epoch_seconds"]
            for views, prefix in ours["prefix_seconds"].items():
                whole = prefix + ours["tracing_seconds"] + ROUND_EPOCHS * ours["epoch_seconds"]
                name = f"{ROUND_EPOCHS} such epochs, {cut} frozen, with the prefix of {told(int(views))} **"
                found.append((name, ROUND_EPOCHS * epoch, whole))
    return found


def expected(frozen_share: float, epochs: int = 1, views: int = 0) -> float:
    """How many times as fast a round would be if every multiplication took as long as any other.

    Backwards is reckoned as twice forwards; the study's way runs the frozen layers in every epoch, the pipeline once
    for each view.

    Args:
        frozen_share: of the forward pass' multiplications, those before the cut.
    """
    trained = 3 * (1 - frozen_share)
    return epochs * (frozen_share + trained) / (views * frozen_share + epochs * trained)


def told(views: int) -> str:
    return "one view" if views == 1 else f"{views} views"


def markdown(results: dict[str, Any]) -> str:
    """What has been measured, as tables: the comparisons, the forward pass, memory."""
    lines = ["| what | the study's way | the pipeline | ratio |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {theirs:.1f} s | {ours:.1f} s | {theirs / ours:.2f} |" for name, theirs, ours in rows(results)
    ]
    lines.append("")
    small, large = results.get("MobileNetV2"), results.get("InceptionResNetV2")
    if large:
        steps, share = large["notebook"]["float32"]["timed_steps"], large["fine_tuning"]["timed_share"]
        lines += [
            f"\\* The study's way timed over {steps} steps, and multiplied out. "
            f"\\** The pipeline too, over {share:.0%} of the images.",
            "",
        ]
        shares = {cut: found["frozen_share"] for cut, found in large["fine_tuning"]["rounds"].items()}
        ratios = " and ".join(
            f"{expected(share):.2f} with {cut} layers frozen ({expected(share, ROUND_EPOCHS, 1):.2f} over "
            f"{ROUND_EPOCHS} epochs, the prefix of one view with them)"
            for cut, share in shares.items()
        )
        lines += [
            f"By the number of multiplications alone, in one precision for both, fine-tuning would come to {ratios}.",
            "",
        ]
    if small:
        accuracies, peaks = (
            {name: median(run[what] for run in small[name]) for name in ("notebook", "one_view", "default_views")}
            for what in ("validation_accuracy", "peak_bytes")
        )
        lines += [
            f"MobileNetV2, medians of {len(small['notebook'])} seeds: validation accuracy {accuracies['notebook']:.3f} "
            f"the study's way, {accuracies['one_view']:.3f} with one view, {accuracies['default_views']:.3f} with the "
            f"default views; peak anonymous memory {peaks['notebook'] / 1e6:.0f}, {peaks['one_view'] / 1e6:.0f} and "
            f"{peaks['default_views'] / 1e6:.0f} MB. `dvc repro` with nothing to do: {median(small['nothing']):.2f} s.",
            "",
        ]
        predicted = small["prediction"]
        peaks_of = " and ".join(f"{peak / 1e6:.0f} MB on {images}" for images, peak in predicted["peak_bytes"].items())
        lines += [
            f"`predict.py` on {predicted['photographs']} photographs: {predicted['images_per_second']:.1f} images a "
            f"second in the model, {predicted['ratio']:.0%} of the features stage's rate; peak anonymous memory "
            f"{peaks_of} images.",
            "",
        ]
    if passes := results.get("passes"):
        lines += [
            "| forward pass, InceptionResNetV2 320 | images/s | matrix product, GFLOP/s | share of it |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| {precision} | {found['images_per_second']:.1f} | {found['matrix_product_gflops']:.0f} "
            f"| {found['share_of_ceiling']:.2f} |"
            for precision, found in passes.items()
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
    lines.append(f"{machine['processors']} cores of {machine['processor']}, TensorFlow {machine['tensorflow']}.")
    if passes and "bfloat16" not in passes:
        lines.append("This processor has no bfloat16 arithmetic: the rows in bfloat16 are missing.")
    return "\n".join(lines) + "\n"
