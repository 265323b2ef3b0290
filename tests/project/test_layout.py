"""The layout: rooms in layers, stages that depend on the rooms they import, parameters that stages list."""

import ast
import hashlib
import json
import subprocess
import sys
from functools import cache, reduce

import pytest
import yaml
from dvc.utils.serialize import load_yaml

from provenance import of_the_sample, processor_is_the_makers
from runs import ROOT, STAGES, environment
from transfer.evaluation.intervals import wilson_interval

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
# From the lowest layer to the highest. A room may import itself and the rooms before it.
ROOMS = [
    *("interface", "common", "engine", "loading", "reuse", "dataset", "models", "caching", "training", "plotting"),
    *("evaluation", "uncertainty", "cross_validation", "inference"),
]
LARGEST_ROOM = 8
MOST_CODE_ENTRIES = 7
LONGEST_PIPELINE = 230
LONGEST_README = 150
# The rooms whose sections of params.yaml stages read.
SECTIONS = ("loading", "reuse", "dataset", "models", "training", "evaluation", "cross_validation")
# Sections that no stage lists: no result follows from what reads them.
LISTED_BY_NONE = {"engine"}
# Code that no result follows from, and that no stage depends on: why.
NO_RESULT = {
    "transfer/__init__.py": "prints one line on Ctrl-C",
    "transfer/command.py": "prints errors and sets the exit status",
    "transfer/params_file.py": "composes and checks sections; the values themselves are DVC parameters",
    "transfer/interface": "error classes, progress bars and the wording of parameter errors",
    "transfer/engine": "runs the same function on the same batches, wherever it runs them",
    **{
        f"transfer/{room}/params.py": "checks the values of a section and passes them on unchanged" for room in SECTIONS
    },
}
# Checked there so that an error comes before the work and not after; no result depends on it.
CHECKED_EARLY = {("features", "finetune.frozen_layers")}
# Words that name no thing. What a variable holds is a better name for it.
FILLER_NAMES = {"found", "told", "known", "settled"}
MOST_FILLER_NAMES = 30


def modules_of(room):
    return sorted(path for path in (ROOT / "transfer" / room).glob("*.py") if path.name != "__init__.py")


@cache
def parse(path):
    return ast.parse(path.read_text())


def imported(path):
    """The modules of the library that a file imports, wherever in the file."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "transfer":
            folder = ROOT.joinpath(*node.module.split("."))
            if folder.is_dir():
                yield from (folder / f"{alias.name}.py" for alias in node.names)
            else:
                yield folder.with_suffix(".py")


def room_of(path):
    parts = path.relative_to(ROOT / "transfer").parts
    return parts[0] if len(parts) > 1 else None


def relative(path):
    return path.relative_to(ROOT).as_posix()


def without_result(path):
    return relative(path) in NO_RESULT or f"transfer/{room_of(path)}" in NO_RESULT


def code_of(stage):
    """The rooms and the script that a stage's results follow from."""
    seen, pending = set(), [ROOT / "stages" / f"{stage}.py"]
    while pending:
        path = pending.pop()
        if path not in seen and not (path.is_relative_to(ROOT / "transfer") and without_result(path)):
            seen.add(path)
            pending += imported(path)
    return {relative(path) if path.parent.name == "stages" else f"transfer/{room_of(path)}" for path in seen}


def code_entries(stage):
    return [path for path in PIPELINE["stages"][stage]["deps"] if path.startswith(("stages/", "transfer/"))]


def test_every_package_of_the_library_is_a_room():
    packages = {path.parent.name for path in (ROOT / "transfer").glob("*/__init__.py")}
    assert packages == set(ROOMS)
    # Beside the rooms stands only what frames every script.
    assert {path.name for path in (ROOT / "transfer").glob("*.py")} == {"__init__.py", "command.py", "params_file.py"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_small_and_says_what_belongs_there(room):
    assert 1 <= len(modules_of(room)) <= LARGEST_ROOM
    docstring = ast.get_docstring(parse(ROOT / "transfer" / room / "__init__.py"))
    assert docstring and docstring.count(".\n") + docstring.endswith(".") >= 2


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_downwards_only(room):
    below = ROOMS[: ROOMS.index(room) + 1]
    upwards = [
        f"{relative(path)} imports {relative(other)}"
        for path in modules_of(room)
        for other in imported(path)
        if room_of(other) not in below
    ]
    assert not upwards


def test_every_imported_module_exists():
    files = [*(ROOT / "transfer").rglob("*.py"), *(ROOT / "stages").glob("*.py"), *(ROOT / "commands").rglob("*.py")]
    assert [f"{relative(path)}: {other}" for path in files for other in imported(path) if not other.is_file()] == []


def test_the_design_page_lists_every_module():
    page = (ROOT / "docs" / "explanation" / "design.md").read_text()
    modules = [path.relative_to(ROOT / "transfer").with_suffix("") for path in (ROOT / "transfer").rglob("*.py")]
    named = [module for module in modules if module.name not in ("__init__", "params")]
    assert [module.as_posix() for module in named if f"`{module.as_posix()}`" not in page] == []


def test_the_library_knows_neither_stages_nor_commands_and_one_module_asks_dvc():
    for path in (ROOT / "transfer").rglob("*.py"):
        forbidden = {"stages", "commands", "benchmarks", "dvc"}
        if relative(path) == "transfer/reuse/last_version.py":
            forbidden.remove("dvc")
        for node in ast.walk(parse(path)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.split(".")[0] for name in names} & forbidden, path


def test_the_pipeline_is_short():
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) < LONGEST_PIPELINE


def test_the_stages_are_in_order():
    assert list(PIPELINE["stages"]) == STAGES


def test_a_reader_sees_the_whole_readme_in_a_minute():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_rooms_it_imports_and_on_no_others(stage):
    assert set(code_entries(stage)) == code_of(stage)
    assert len(code_entries(stage)) <= MOST_CODE_ENTRIES


@pytest.mark.parametrize("path", NO_RESULT)
def test_code_without_a_result_exists_and_no_stage_lists_it(path):
    assert (ROOT / path).exists()
    assert not [stage for stage in STAGES if path in PIPELINE["stages"][stage]["deps"]]


@pytest.mark.parametrize("room", [*SECTIONS, "engine"])
def test_a_section_only_checks_values(room):
    """A params.py is left out of its room's hash, so nothing but schemas may be in it."""
    for node in parse(ROOT / "transfer" / room / "params.py").body:
        if isinstance(node, ast.FunctionDef):
            # A validator returns the very value that it was given.
            [argument] = node.args.args
            returned = [part.value for part in ast.walk(node) if isinstance(part, ast.Return)]
            assert all(isinstance(value, ast.Name) and value.id == argument.arg for value in returned)
            assert node.name.startswith("_check_")
        else:
            assert isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.ClassDef | ast.Expr)


def parameters_of(stage):
    """The dotted names that follow `settings.` in a stage's script."""
    names = set()
    for node in ast.walk(parse(ROOT / "stages" / f"{stage}.py")):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name) and node.id == "settings":
            names.add(".".join(part for part in reversed(parts) if part != "model_dump"))
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


def covers(one, other):
    """Whether one dotted name is the other, or a section that one of them is in."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_the_parameters_it_reads_and_no_others(stage):
    listed = set(PIPELINE["stages"][stage]["params"])
    used = {name for name in parameters_of(stage) if (stage, name) not in CHECKED_EARLY and name not in LISTED_BY_NONE}
    assert {name for name in used if not any(covers(name, key) for key in listed)} == set()
    assert {key for key in listed if not any(covers(name, key) for name in used)} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_a_recipe_of_30_to_80_lines(stage):
    assert 30 <= len((ROOT / "stages" / f"{stage}.py").read_text().splitlines()) <= 80


def identifiers(path):
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def test_hardly_any_name_is_a_filler_word():
    counts = {
        relative(path): sum(name in FILLER_NAMES for name in identifiers(path))
        for folder in ("transfer", "stages", "commands", "benchmarks", "sample", "tests", "docs")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }
    assert sum(counts.values()) <= MOST_FILLER_NAMES, {path: count for path, count in counts.items() if count}


def file_digest(path):
    """The digest that DVC gives a file."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def digest(path):
    """The digest that DVC gives a script, or a room without what .dvcignore leaves out."""
    if path.is_file():
        return file_digest(path)
    files = [inside for inside in path.rglob("*.py") if inside.name != "params.py"]
    entries = [{"md5": file_digest(inside), "relpath": inside.relative_to(path).as_posix()} for inside in files]
    content = json.dumps(sorted(entries, key=lambda entry: entry["relpath"]), sort_keys=True)
    return f"{hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()}.dir"


def test_the_committed_results_belong_to_the_committed_code_and_parameters():
    # As DVC reads them: it writes 0.00002 as 2e-05, which is text in YAML 1.1.
    locked = load_yaml(ROOT / "dvc.lock")["stages"]
    assert list(locked) == STAGES
    params = load_yaml(ROOT / "params.yaml")
    stale = []
    for stage, entry in locked.items():
        digests = {dependency["path"]: dependency["md5"] for dependency in entry["deps"]}
        assert set(digests) == set(PIPELINE["stages"][stage]["deps"])
        stale += [path for path in code_entries(stage) if digest(ROOT / path) != digests[path]]
        for key, value in entry["params"]["params.yaml"].items():
            committed = reduce(lambda section, name: section[name], key.split("."), params)
            stale += [key] if committed != value else []
    assert not stale, "run `dvc repro`, and commit what it changes"


def test_only_the_last_stage_has_outs_in_git():
    """DVC's run-cache serves no stage with an out that is not in DVC's cache."""
    for name, stage in PIPELINE["stages"].items():
        for out in stage.get("outs", []) + stage.get("metrics", []):
            [(path, options)] = {out: {}}.items() if isinstance(out, str) else out.items()
            in_git = name == "evaluate" and path.startswith(("metrics/", "plots/"))
            assert options.get("cache", True) != in_git, path


def results_of(path):
    return json.loads((ROOT / path).read_text())


def sample_figures():
    """The sentences and rows of the README that have figures of the sample, as the committed metrics give them."""
    test, head, tuned, recipe = (
        results_of(f"metrics/{name}.json") for name in ("evaluate", "train_tl", "finetune", "cross_validation")
    )
    fits = {"transfer learning": ("train_tl", head), "fine-tuned, 54 of 154 layers frozen": ("finetune", tuned["kept"])}
    interval = "{accuracy:.3f}, 95 % interval {accuracy_low:.3f} to {accuracy_high:.3f}".format(**recipe)
    yield f"On the sample, the **cross-validated accuracy of the recipe is {interval}**."
    number, folds = recipe["images"], recipe["folds"]
    yield f"after training on about {round(number * (folds - 1) / folds)} of them:"
    yield f"the mean over {folds * recipe['repeats']} heads, each scored on images that it has not seen."
    yield f"trains that head {folds * recipe['repeats']} times, each time without some of the images"
    images = results_of("metrics/prepare.json")["images"]
    yield f"{images['total']:,} rendered images of waste"
    widths = sorted(
        round(100 * (test[model]["accuracy_high"] - test[model]["accuracy_low"])) for model, _ in fits.values()
    )
    yield f"one test split of {images['test']} images, whose 95 % intervals are {widths[0]} to {widths[1]} points wide:"
    for name, (model, fit) in fits.items():
        row = "{accuracy:.3f} | {accuracy_low:.3f} to {accuracy_high:.3f}".format(**test[model])
        yield f"| {name} | {row} | {fit['validation']['accuracy']:.3f} | sample |"


@of_the_sample
def test_the_figures_of_the_sample_in_the_readme_are_those_of_the_committed_metrics():
    readme = (ROOT / "README.md").read_text()
    running_text = " ".join(readme.split())
    differing = [text for text in sample_figures() if text not in running_text]
    # What `make run` prints, up to the first line that the README sums up
    block = readme.split("```text\n")[1].split("\n  … ")[0]
    printed = subprocess.run(
        [sys.executable, "-m", "commands.summary"],
        cwd=ROOT,
        env=environment() | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.rstrip() for line in printed.splitlines()]
    differing += [line for line in block.splitlines() if line not in lines]
    if differing and not processor_is_the_makers():
        pytest.skip(
            "the committed metrics differ from the README, and this processor has no AVX-512, as its maker's has"
        )
    assert not differing
    # The accuracy of the recipe comes first.
    assert block.startswith("Cross-validated accuracy ")
    results = readme.split("## Results")[1]
    assert (
        results.index("cross-validated accuracy of the recipe") < results.index("one test split") < results.index("|")
    )


def test_the_figures_of_the_photographs_in_the_readme_are_those_of_the_committed_benchmarks():
    readme = (ROOT / "README.md").read_text()
    committed = results_of("benchmarks/results/photographs.json")
    names = {"train_tl": "transfer learning", "finetune": "fine-tuned, 54 of 154 layers frozen"}
    for model, name in names.items():
        mean = committed["mean"][model]
        seeds = ", ".join(
            "{accuracy:.3f} ({accuracy_low:.3f} to {accuracy_high:.3f})".format(**of_seed["test"][model])
            for of_seed in committed["seeds"].values()
        )
        row = f"{mean['test_accuracy']:.3f} | seeds: {seeds} | {mean['validation_accuracy']:.3f} | photographs |"
        assert f"| {name} | {row}" in readme
    running_text = " ".join(readme.split())
    recipe = committed["seeds"]["1"]["cross_validation"]
    interval = "{accuracy:.3f}, {accuracy_low:.3f} to {accuracy_high:.3f}".format(**recipe)
    assert f"On 1,060 real photographs of waste, the recipe has {interval} " in running_text
    ratios = results_of("benchmarks/results/bench.json")["ratios"]
    one_view, default_views = (
        ratios[name]
        for name in ("transfer learning from cold, MobileNetV2 224, one view", "the same, the default views")
    )
    assert (
        f"is {one_view:.2f} times as fast as the study's method with one view per image and {default_views:.2f} times "
        "with the default views"
    ) in running_text
    low, high = (100 * limit for limit in wilson_interval(102, 118))
    sentence = f"its 95 % interval is {high - low:.0f} points wide, {low:.0f} to {high:.0f} %:"
    assert f"With 102 of 118 test images correct, accuracy is {10200 / 118:.0f} % and {sentence}" in running_text
