"""The tables of charts."""

from commands.report import charts


def test_a_chart_has_a_table_of_what_it_is_drawn_from():
    points = [
        {"actual": actual, "predicted": predicted, "rev": "now"} for actual, predicted in ("aa", "aa", "ab", "bb")
    ]
    counts = charts.chart_table(points)
    assert list(counts) == ["actual", "predicted: a", "predicted: b"]
    assert counts.to_numpy().tolist() == [["a", 2, 1], ["b", 0, 1]]
    both = charts.chart_table(points + [point | {"rev": "HEAD"} for point in points])
    assert list(both) == ["rev", "actual", "predicted: a", "predicted: b"] and len(both) == 4
    curves = [
        {"step": step, "loss": f"0.{step}", "rev": "now", "filename": name}
        for name in ("train/loss.tsv", "validation/loss.tsv")
        for step in ("2", "10")
    ]
    of_curves = charts.chart_table(curves)
    assert list(of_curves) == ["epoch", "training", "validation"]
    assert of_curves.to_numpy().tolist() == [[2, "0.2", "0.2"], [10, "0.10", "0.10"]]
    of_both = charts.chart_table(curves + [point | {"rev": "HEAD"} for point in curves])
    assert list(of_both) == ["epoch", "now training", "now validation", "HEAD training", "HEAD validation"]
    assert charts.chart_table([{"model": "finetune", "images": "3", "rev": "now"}]).to_dict("records") == [
        {"model": "fine-tuned", "images": "3"}
    ]
    assert charts.chart_table([]).empty
