"""How much the arrays in two files differ."""

import h5py
import numpy as np
import pytest

from commands.verify import distances


@pytest.mark.parametrize("suffix", [".npy", ".h5"])
def test_the_largest_difference_is_a_share_of_the_largest_value(tmp_path, suffix, monkeypatch):
    # One row at a time: the largest value and the largest difference may be in different blocks.
    monkeypatch.setattr(distances, "BLOCK", 2)
    arrays = {"a": np.float32([[1, -8], [2, 0], [0.5, 0.25]]), "b": np.float32([100, 200])}
    cases = {
        "same": ({}, 0),
        "near": ({"a": np.float32([[1, -8], [2, 0.5], [0.5, 0.25]])}, 0.5 / 8),
        "another array": ({"b": np.float32([100, 150])}, 0.25 if suffix == ".h5" else 0),
        "another shape": ({"a": np.float32([[1, -8]])}, None),
        "not a number": ({"a": np.float32([[1, -8], [2, np.nan], [0.5, 0.25]])}, None),
    }
    for name, (changes, expected) in cases.items():
        for path, of_file in ((tmp_path / "1", arrays), (tmp_path / "2", arrays | changes)):
            if suffix == ".npy":
                with path.open("wb") as file:
                    np.save(file, of_file["a"])
            else:
                with h5py.File(path, "w") as file:
                    for key, values in of_file.items():
                        file[f"layers/{key}"] = values
        assert distances.largest_difference(tmp_path / "1", tmp_path / "2", f"x{suffix}") == expected, name


def test_files_without_arrays_have_no_difference_in_numbers(tmp_path):
    assert distances.largest_difference(tmp_path / "1", tmp_path / "2", "classes.json") is None
