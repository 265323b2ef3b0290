"""Arrays in `.npy` files: opened read-only through a memory map, broken and missing files named."""

import numpy as np
import pytest

from transfer.common import arrays
from transfer.interface.errors import UserError


def test_a_missing_array_is_named(tmp_path):
    with pytest.raises(UserError, match="is missing: run `dvc repro`") as raised:
        arrays.open_npy(tmp_path / "a.npy")
    assert str(tmp_path / "a.npy") in str(raised.value)


def test_an_array_is_opened_read_only_through_a_memory_map(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    array = arrays.open_npy(tmp_path / "a.npy")
    assert isinstance(array, np.memmap)
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1


def test_a_broken_array_is_named(tmp_path):
    np.save(tmp_path / "whole.npy", np.arange(1000))
    np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    whole = (tmp_path / "whole.npy").read_bytes()
    for name, content in {
        "empty.npy": b"",
        "text.npy": b"no array",
        "half.npy": whole[: len(whole) // 2],
        # NumPy parses the header as Python.
        "unbalanced.npy": whole.replace(b"}", b" "),
        "unindented.npy": whole.replace(b"{'descr'", b"\n  1\n 2\n"),
        "pickled.npy": (tmp_path / "objects.npy").read_bytes(),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match="cannot be read") as raised:
            arrays.open_npy(tmp_path / name)
        assert name in str(raised.value)


@pytest.mark.parametrize("shape", [(2, 3), (None, 3), (2, None), (None, None)])
def test_an_array_of_the_expected_shape_is_opened(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    assert arrays.open_npy(tmp_path / "a.npy", shape).shape == (2, 3)


@pytest.mark.parametrize("shape", [(3, 2), (None, 2), (2,), (2, 3, None)])
def test_an_array_of_another_shape_is_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    with pytest.raises(UserError) as raised:
        arrays.open_npy(tmp_path / "a.npy", shape)
    assert str(raised.value) == (
        f"{tmp_path}/a.npy cannot be read (its shape is (2, 3)): make it again with `dvc repro`."
    )


def test_a_created_array_is_filled_through_a_memory_map(tmp_path):
    array = arrays.create_npy(tmp_path / "a.npy", (2, 3), np.uint8)
    array[1] = 7
    array.flush()
    assert np.load(tmp_path / "a.npy").tolist() == [[0, 0, 0], [7, 7, 7]]
