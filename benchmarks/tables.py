"""The benchmark's results as a table to read."""

from statistics import median
from typing import Any

# What the study's trainings took, and a round to compare
STUDY_EPOCHS = 5
ROUND_EPOCHS = 10


def markdown(results: dict[str, Any]) -> str:
    """One table: what, the study's way, the pipeline, how many times as fast; and one of memory."""
    small, large = results["MobileNetV2"], results["InceptionResNetV2"]
    passes, memory = results["passes"], results["memory"]

    notebook = median(run["seconds"] for run in small["notebook"])
    one, more = (median(run["seconds"] for run in small[name]) for name in ("one_view", "default_views"))
    accuracies = {
        name: median(run["validation_accuracy"] for run in small[name])
        for name in ("notebook", "one_view", "default_views")
    }
    long = STUDY_EPOCHS * large["notebook"]["float32"]["train_tl"]["epoch_seconds"]
    lines = [
        "| what | the study's way | the pipeline | ratio |",
        "| --- | --- | --- | --- |",
        row("transfer learning from cold, MobileNetV2 224, one view", notebook, one),
        row("the same, the default views", notebook, more),
        row(
            "transfer learning from cold, InceptionResNetV2 320, float32, one view *", long, large["float32"]["seconds"]
        ),
        *(row("the same, bfloat16 *", long, large[name]["seconds"]) for name in ("bfloat16",) if name in large),
        row("`dvc repro train_tl` after a change of the head, MobileNetV2", notebook, median(small["head_again"])),
        row("the same, InceptionResNetV2 *", long, median(large["head_again"])),
    ]
    for cut, found in large["fine_tuning"]["rounds"].items():
        for precision in large["notebook"]:
            theirs = large["notebook"][precision][f"frozen_{cut}"]["epoch_seconds"]
            ours = f"{large['precision']} against {precision}"
            name = f"an epoch of fine-tuning, InceptionResNetV2 320, {cut} frozen, {ours} *"
            lines.append(row(name, theirs, found["epoch_seconds"]))
            if cut == "500" and precision == "float32":
                whole = found["prefix_seconds"] + found["tracing_seconds"] + ROUND_EPOCHS * found["epoch_seconds"]
                name = f"{ROUND_EPOCHS} such epochs with one view, the frozen prefix included *"
                lines.append(row(name, ROUND_EPOCHS * theirs, whole))
    lines += [
        "",
        "\\* multiplied out from a few steps, at least on one side.",
        "",
        f"Validation accuracy, median of {len(small['notebook'])} seeds, MobileNetV2: "
        f"the study's way {accuracies['notebook']:.3f}, one view {accuracies['one_view']:.3f}, "
        f"the default views {accuracies['default_views']:.3f}. "
        f"`dvc repro` with nothing to do: {median(small['nothing']):.2f} s.",
        "",
        "| forward pass, InceptionResNetV2 320 | images/s | matrix product, GFLOP/s | share of it |",
        "| --- | --- | --- | --- |",
    ]
    for precision in large["notebook"]:
        found = passes[precision]
        lines.append(
            f"| {precision} | {found['images_per_second']:.1f} | {found['matrix_product_gflops']:.0f} "
            f"| {found['share_of_ceiling']:.2f} |"
        )
    sizes = list(next(iter(memory["peak_bytes"].values())))
    lines += [
        "",
        f"| peak anonymous memory, MB | {' images | '.join(sizes)} images | ratio |",
        f"| --- |{' --- |' * len(sizes)} --- |",
    ]
    for stage, peaks in memory["peak_bytes"].items():
        values = " | ".join(f"{peaks[size] / 1e6:.0f}" for size in sizes)
        lines.append(f"| {stage} | {values} | {memory['ratio'][stage]:.2f} |")
    machine = results["machine"]
    lines += ["", f"{machine['processors']} cores of {machine['processor']}, TensorFlow {machine['tensorflow']}."]
    if "bfloat16" not in large:
        lines.append("This processor has no bfloat16 arithmetic: the rows in bfloat16 are missing.")
    return "\n".join(lines) + "\n"


def row(name: str, theirs: float, ours: float) -> str:
    return f"| {name} | {theirs:.1f} s | {ours:.1f} s | {theirs / ours:.2f} |"
