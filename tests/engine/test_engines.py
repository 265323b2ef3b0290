"""The choice of an engine, and the engine of this process."""

import numpy as np
import pytest

from transfer.engine import engines
from transfer.engine.local import Local
from transfer.engine.params import EngineParams
from transfer.interface.errors import UserError


def test_the_local_engine_runs_the_batches_in_order():
    read = []

    def batches():
        for number in range(3):
            read.append(number)
            yield f"batch {number}", np.full(2, number)

    engine = engines.open_engine(EngineParams(name="local", address=None, shared=False))
    assert isinstance(engine, Local) and engine.status() == ""
    results = engine.map(lambda batch: [batch + 1, batch * 10], batches())
    assert next(results)[0] == "batch 0" and read == [0]
    assert [(item, [array.tolist() for array in arrays]) for item, arrays in results] == [
        ("batch 1", [[2, 2], [10, 10]]),
        ("batch 2", [[3, 3], [20, 20]]),
    ]


def test_without_ray_the_message_names_its_requirements(monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"Ray is not installed: .* -r requirements-ray\.txt`, or set engine\.name to"):
        engines.open_engine(EngineParams(name="ray", address=None, shared=False))
