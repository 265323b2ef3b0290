"""Predictions as a CSV file."""

import numpy as np
import pytest

from transfer.inference import outputs


def test_a_table_is_written_completely_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), outputs.csv_writer(tmp_path / "predictions.csv", ["a", "b"]) as add:
        add(f"{tmp_path}/x.png", np.array([0.25, 0.75]), {})
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with outputs.csv_writer(tmp_path / "predictions.csv", ["a", "b"]) as add:
        add(f"{tmp_path}/x, y.png", np.array([0.25, 0.75]), {})
    assert (tmp_path / "predictions.csv").read_text() == (
        f'path,predicted,probability,p_a,p_b\n"{tmp_path}/x, y.png",b,0.75,0.25,0.75\n'
    )
