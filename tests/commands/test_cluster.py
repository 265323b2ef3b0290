"""make cluster: what it refuses. The tests of the engine use a cluster that it makes."""

import pytest

from commands import cluster
from transfer.interface.errors import UserError


@pytest.mark.parametrize("workers", ["0", "65", "-1"])
def test_a_number_of_workers_out_of_range_is_refused(workers, monkeypatch):
    monkeypatch.setattr("sys.argv", ["cluster", "--", workers])
    with pytest.raises(UserError, match=rf"^WORKERS is {workers}: set it to a number from 1 to 64\.$"):
        cluster.main()


def test_without_ray_the_message_names_its_requirements(monkeypatch):
    monkeypatch.setattr("sys.argv", ["cluster", "2"])
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^Ray is not installed: .* -r requirements-ray\.txt`\.$"):
        cluster.main()
