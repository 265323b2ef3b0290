"""Where the committed data and results come from: some tests hold only for the sample, or only for its first results.

A team commits data, parameters and results of its own. Tests that then have nothing to check are skipped, with the
reason; all other tests use the sample, which the embedded remote still has, or data that they generate.
"""

import shutil
from pathlib import Path

import pytest
import yaml

from runs import ROOT, SAMPLE_PARAMS
from transfer.common import dvcfile


def data_are_the_sample():
    """Whether the committed dataset is the embedded sample: its `.dvc` file is bound to the embedded remote."""
    path = ROOT / "dataset_images.dvc"
    outs = yaml.safe_load(path.read_text(encoding="utf-8"))["outs"] if path.exists() else []
    return any(out.get("remote") == dvcfile.REMOTE for out in outs)


def processor_is_the_makers():
    """Whether this processor rounds as the one that made the sample's results: x86-64 with AVX-512."""
    try:
        return " avx512f " in Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False


of_the_sample = pytest.mark.skipif(
    not data_are_the_sample(), reason="dataset_images.dvc is not the embedded sample: data and parameters are your own"
)


def restore_sample(folder):
    """Give a clone of a team's project the sample and its recipe. Skips the test if the embedded remote is gone."""
    entries = sorted((folder / dvcfile.REMOTE_FOLDER).glob("files/md5/*/*.dir"))
    if len(entries) != 1:
        pytest.skip(f"the data are your own, and {dvcfile.REMOTE_FOLDER} no longer has the sample")
    out = {"md5": entries[0].parent.name + entries[0].name, "hash": "md5", "path": "dataset_images"}
    (folder / "dataset_images.dvc").write_text(yaml.safe_dump({"outs": [out]}))
    dvcfile.bind(folder / "dataset_images.dvc")
    shutil.copy(SAMPLE_PARAMS, folder / "params.yaml")
