"""The tables on the data, with values worked out by hand."""

import pandas as pd
import pytest

from commands.report import data_tables
from transfer.common import io

AVX512, AVX2 = "x86_64 avx2 avx512f", "x86_64 avx2"


def write_index(*processors):
    """Features of two images of each split and these kinds of processor, and the tables that name the images."""
    rows = [(split, f"{split}{number}") for split in ("train", "validation", "test") for number in range(2)]
    index = [(*row, processor) for row, processor in zip(rows, processors, strict=True)]
    io.write_csv("features/index.csv", pd.DataFrame(index, columns=["split", "pixels", "processor"]))
    columns = ("path", "pixels", "split", "actual", "predicted", "folds", "right", "model")
    names = [(f"{split}/glass/{pixels}.jpg", pixels, *"xxxxxx") for split, pixels in rows]
    table = pd.DataFrame(names, columns=columns)
    io.write_csv("plots/cross_validation/predictions.csv", table[:4])
    # A row for each model
    io.write_csv("plots/predictions.csv", pd.concat([table[4:], table[4:]]))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_features_of_one_kind_of_processor_need_no_table():
    assert data_tables.processors() == []
    write_index(*[AVX2] * 6)
    assert data_tables.processors() == []


def test_features_of_two_kinds_are_counted_and_the_images_of_the_rarer_one_named():
    write_index(AVX2, AVX512, AVX2, AVX2, AVX2, AVX512)
    counts, images = data_tables.processors()
    assert counts.columns == ("Images", "train", "validation", "test", "Processor")
    assert counts.rows == [(4, 1, 2, 1, AVX2), (2, 1, 0, 1, AVX512)]
    assert images.rows == [("train/glass/train1.jpg", AVX512), ("test/glass/test1.jpg", AVX512)]


def test_a_class_has_a_row_with_what_more_images_would_give():
    scores = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "images": 50}
    gain = {"gain": 0.02, "gain_low": 0.01, "gain_high": 0.034}
    none = dict.fromkeys(gain)
    metrics = scores | {"classes": {"a.b": scores | {"images": 7}}}
    metrics |= {"learning_curve": gain | {"more_images": 100, "classes": {"a.b": none}}}
    table = data_tables.gains(metrics)
    assert table.columns[-1] == "100 more would give"
    assert table.rows == [
        ["all classes", "80.0% (70.0% to 90.0%)", "50", "1.0 to 3.4 points"],
        ["a.b", "80.0% (70.0% to 90.0%)", "7", "–"],
    ]


def test_labels_in_doubt_keep_their_order():
    header = "path,pixels,split,label,suggested,score\n"
    io.write_text("plots/label_issues.csv", f"{header}a.jpg,1,train,007,NA,0.01\nb.jpg,2,train,NA,007,0.4\n")
    table = data_tables.doubtful_labels()
    assert table.caption.startswith("The 2 labels in doubt")
    assert table.rows == [("a.jpg", "007", "NA", 0.01), ("b.jpg", "NA", "007", 0.4)]
