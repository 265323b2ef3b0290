"""Provenance: rows are taken over only if parameters, libraries and code are the same; what differs is named."""

import pytest

from transfer.common import environment
from transfer.reuse import provenance

PARAMETERS = {"image_size": 32, "augment.rotation": 0.1 + 0.2}


@pytest.fixture
def now(tmp_path):
    described = provenance.describe(PARAMETERS, ["numpy", "keras"], ["common"])
    provenance.write(tmp_path, described)
    return described


def test_the_same_provenance_has_no_differences(tmp_path, now):
    assert provenance.differences(tmp_path / "provenance.json", now) == []


def test_each_difference_is_named(tmp_path, now, monkeypatch):
    changed = PARAMETERS | {"image_size": 64, "new": None}
    other = provenance.describe(changed, ["numpy", "keras"], ["common"])
    assert provenance.differences(tmp_path / "provenance.json", other) == ["another image_size"]
    other = provenance.describe(PARAMETERS | {"new": 1}, ["numpy", "pandas"], ["common"])
    assert provenance.differences(tmp_path / "provenance.json", other) == [
        *("another new", "another keras", "another pandas"),
    ]
    monkeypatch.setattr(environment, "code_digest", lambda rooms: "0")
    other = provenance.describe(PARAMETERS, ["numpy", "keras"], ["common"])
    assert provenance.differences(tmp_path / "provenance.json", other) == ["another version of the code"]


@pytest.mark.parametrize("content", ["", "[]", '{"parameters": {}, "libraries": {}}', "\0"])
def test_a_damaged_record_is_another_provenance(tmp_path, now, content):
    (tmp_path / "provenance.json").write_text(content)
    assert provenance.differences(tmp_path / "provenance.json", now) == ["an unknown provenance"]
    (tmp_path / "provenance.json").unlink()
    assert provenance.differences(tmp_path / "provenance.json", now) == ["an unknown provenance"]
