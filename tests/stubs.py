"""The project with stubs for stages: DVC and Git do their work, and a run takes no time.

The pipeline is the project's own (dvc.yaml, params.yaml, the rooms). Only the stages' scripts are replaced: each writes
a digest of its inputs to its outs.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from runs import ROOT, SAMPLE_PARAMS, STAGES, dvc, ran, run

STUB = """
import hashlib, json, pathlib, sys, yaml
name = sys.argv[0].rpartition("/")[2].removesuffix(".py")
stage = yaml.safe_load(pathlib.Path("dvc.yaml").read_text())["stages"][name]
digest = hashlib.md5()
for dependency in stage["deps"]:
    place = pathlib.Path(dependency)
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        # As DVC has it: neither caches nor the schemas of parameters are code.
        if path.is_file() and path.suffix != ".pyc" and not path.match("transfer/*/params.py"):
            digest.update(path.as_posix().encode() + path.read_bytes())
params = yaml.safe_load(pathlib.Path("params.yaml").read_text())
for key in stage["params"]:
    value = params
    for part in key.split("."):
        value = value[part]
    digest.update(repr(value).encode())
for out in stage["outs"] + stage.get("metrics", []):
    path = pathlib.Path(out if isinstance(out, str) else next(iter(out)))
    target = path if path.suffix else path / "content"
    target.parent.mkdir(parents=True, exist_ok=True)
    models = dict.fromkeys(("train_tl", "finetune"), {"accuracy": 1})
    content = json.dumps(models | {"digest": digest.hexdigest()})
    if target.suffix == ".csv":
        # What plots of any template show.
        accuracy = int(digest.hexdigest(), 16) % 1000
        content = f"class,split,label,images,accuracy\\nglass,test,a,1,{accuracy}\\n"
    target.write_text(content)
"""


def make_project(folder):
    """A clone in which the pipeline has run with stubs for stages; its results are committed on the branch main."""
    return Path(shutil.copytree(_template(), folder, symlinks=True))


@cache
def _template():
    """The clone that all tests of this process get a copy of."""
    folder = Path(tempfile.mkdtemp(prefix="stubs"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder /= "project"
    run(ROOT, "git", "clone", "--quiet", str(ROOT), str(folder))
    shutil.copy(SAMPLE_PARAMS, folder / "params.yaml")
    # A team's main branch may have any name.
    run(folder, "git", "checkout", "--quiet", "-B", "main")
    for stage in STAGES:
        (folder / "stages" / f"{stage}.py").write_text(STUB)
    shutil.rmtree(folder / "plots")
    (folder / "dataset_images").mkdir()
    (folder / "dataset_images" / "image.txt").write_text("the data are not read")
    dvc(folder, "add", "--quiet", "dataset_images")
    for path in sorted((folder / "weights").glob("*.dvc")):
        path.with_suffix("").write_text("nor are the weights")
        dvc(folder, "commit", "--quiet", "--force", path.relative_to(folder).as_posix())
    # As `make dataset` does: these data are not in the embedded remote.
    for path in (folder / "dataset_images.dvc", *(folder / "weights").glob("*.dvc")):
        path.write_text(path.read_text().replace("  remote: embedded\n  push: false\n", ""))
    assert ran(dvc(folder, "repro")) == STAGES
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "results")
    return folder
