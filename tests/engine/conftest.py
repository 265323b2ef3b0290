"""A Ray cluster on the loopback interface, and this process connected to it."""

import pytest

import clusters


@pytest.fixture(scope="session")
def two_workers(tmp_path_factory):
    """The program and the address of a cluster of two workers, as `make cluster WORKERS=2` runs it."""
    pytest.importorskip("ray", reason="Ray is not installed (requirements-ray.txt)")
    with clusters.run_cluster(tmp_path_factory.mktemp("cluster"), "-m", "commands.cluster", "2") as cluster:
        yield cluster


@pytest.fixture
def address(two_workers, tmp_path, monkeypatch):
    """The address of a cluster of two workers, in an empty folder; disconnected at the end."""
    import ray

    monkeypatch.chdir(tmp_path)
    yield two_workers[1]
    ray.shutdown()
