"""Two people change the dataset on two branches: one merge, no image twice, none in two splits."""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import ImageOps

import scenes
import stubs
from runs import ROOT, SAMPLE_PARAMS, STAGES, dvc, ran, run, run_forked
from scenes import scene
from transfer.dataset import decoding

pytestmark = pytest.mark.xdist_group("dataset_branches")
DVC_FILE, GROUPS = "dataset_images.dvc", "dataset_groups.csv"
# As `make install` defines them.
DRIVERS = {
    "merge.dvc-lock.driver": f"{sys.executable} -m commands.merge_lock %O %A %B",
    "merge.generated.driver": "true",
}


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """A repository with 40 images in two classes, on the branch main, pushed to a remote."""
    folder = tmp_path_factory.mktemp("dataset_branches") / "project"
    folder.mkdir()
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    dvc(folder, "init", "--quiet")
    shutil.copy(SAMPLE_PARAMS, folder / "params.yaml")
    for name in (".gitattributes", ".dvcignore"):
        shutil.copy(ROOT / name, folder)
    (folder / ".gitignore").write_text("/.scratch/\n")
    dvc(folder, "remote", "add", "--quiet", "--default", "team", str(folder.parent / "remote"))
    scenes.dataset(folder / "dataset_images")
    dvc(folder, "add", "--quiet", "dataset_images")
    commit(folder)
    dvc(folder, "push", "--quiet")
    return folder


@pytest.fixture
def project(committed, tmp_path):
    return shutil.copytree(committed, tmp_path / "project", symlinks=True)


def commit(folder):
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "All")


def branch(folder, name, change):
    """A branch from main with a change of the dataset, committed."""
    run(folder, "git", "checkout", "--quiet", "-b", name, "main")
    dvc(folder, "checkout", "--quiet", "--force")
    change()
    commit(folder)


def add(folder, source, *options):
    done = run_forked(folder, "-m", "commands.dataset", "--add", *map(str, options), "--", str(source))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def merge(folder, name):
    """Merge a branch as docs/how-to/merge-conflicts.md says, and return what the command prints."""
    done = subprocess.run(["git", "merge", "--quiet", name], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    done = run_forked(folder, "-m", "commands.merge_dataset")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    commit(folder)
    assert dvc(folder, "data", "status", "--json").strip() == "{}"
    return done.stdout


def images(folder):
    """The digest of the pixels of each image, by its place."""
    dataset = folder / "dataset_images"
    return {
        path.relative_to(dataset).as_posix(): decoding.decode(path).digest
        for path in dataset.rglob("*")
        if path.is_file()
    }


def digest(image, tmp_path):
    return decoding.decode(scenes.save(tmp_path / "digest.png", image)).digest


@pytest.fixture
def sources(tmp_path):
    """What two people add: six images each of their own, three that both have, and near-copies of each other's.

    Both have an image of their own under the same name, and one of the three under different names.
    """
    for person, first in (("anne", 100), ("bert", 200)):
        folder = tmp_path / person / "glass"
        for seed in range(first, first + 6):
            scenes.save(folder / f"{seed % 100}.png", scene(seed))
        for seed in (300, 301, 302):
            scenes.save(folder / f"{seed} by {person}.png", scene(seed))
    for seed in range(100, 106):
        scenes.save(tmp_path / f"bert/glass/near {seed}.jpg", ImageOps.mirror(scene(seed)), quality=60)
    return tmp_path / "anne", tmp_path / "bert"


def test_two_additions_are_merged_without_an_image_twice_or_in_two_splits(project, sources, tmp_path):
    anne, bert = sources
    before = images(project)
    branch(project, "anne", lambda: add(project, anne))
    of_anne = images(project)
    branch(project, "bert", lambda: add(project, bert))
    of_bert = images(project)
    output = merge(project, "anne")
    merged = images(project)
    # 40 images, 6 of each person, the 3 of both, and Bert's near-copies of 6 of Anne's.
    assert len(merged) == 40 + 6 + 6 + 3 + 6
    assert max(Counter(merged.values()).values()) == 1
    assert set(merged.values()) == set(of_anne.values()) | set(of_bert.values())
    # Whoever merges, the images of the common ancestor and of the current branch stay.
    assert {place: merged[place] for place in of_bert} == of_bert
    assert {place: merged[place] for place in before} == before
    # Near-copies are in the split of what they resemble.
    split_of = {pixels: place.partition("/")[0] for place, pixels in merged.items()}
    for seed in range(100, 106):
        near = decoding.decode(bert / f"glass/near {seed}.jpg").digest
        assert split_of[near] == split_of[digest(scene(seed), tmp_path)]
    assert "3 images are in the dataset already, and skipped.\n" in output
    assert " another name, because the dataset has an image of theirs:" in output
    assert "6 images resemble images of the dataset, and went to their split:" in output


def test_a_colleague_who_has_neither_branch_merges_after_a_pull(project, sources, tmp_path, committed):
    anne, bert = sources
    branch(project, "anne", lambda: add(project, anne))
    branch(project, "bert", lambda: add(project, bert))
    dvc(project, "push", "--quiet")
    run(project, "git", "checkout", "--quiet", "anne")
    dvc(project, "checkout", "--quiet", "--force")
    dvc(project, "push", "--quiet")
    run(project, "git", "checkout", "--quiet", "bert")
    dvc(project, "checkout", "--quiet", "--force")

    colleague = tmp_path / "colleague"
    run(tmp_path, "git", "clone", "--quiet", "--branch", "bert", str(project), "colleague")
    subprocess.run(["git", "merge", "--quiet", "origin/anne"], cwd=colleague, capture_output=True, check=False)
    done = run_forked(colleague, "-m", "commands.merge_dataset")
    assert done.stderr == (
        f"dataset_images/ does not hold the data of the current branch: run `dvc checkout {DVC_FILE}` or `dvc pull "
        f"{DVC_FILE}`, then this command again.\n"
    )
    dvc(colleague, "pull", "--quiet", DVC_FILE)
    done = run_forked(colleague, "-m", "commands.merge_dataset")
    assert done.returncode == 0, done.stderr
    merge(project, "anne")
    assert images(colleague) == images(project)


def test_images_that_nobody_pushed_are_an_error_that_changes_nothing(project, sources, tmp_path):
    anne, bert = sources
    branch(project, "anne", lambda: add(project, anne))
    branch(project, "bert", lambda: add(project, bert))
    colleague = shutil.copytree(project, tmp_path / "colleague", symlinks=True)
    # What only Anne's branch needs is neither in this cache nor on the remote.
    dvc(colleague, "remote", "modify", "--local", "team", "url", str(tmp_path / "empty"))
    dvc(colleague, "gc", "--workspace", "--force", "--quiet")
    subprocess.run(["git", "merge", "--quiet", "anne"], cwd=colleague, capture_output=True, check=False)
    before = images(colleague)
    done = run_forked(colleague, "-m", "commands.merge_dataset")
    assert done.returncode == 1
    assert "run `dvc push` where the branch was made, then this command again." in done.stderr
    assert "Traceback" not in done.stderr
    assert images(colleague) == before


def test_removed_and_relabelled_images_are_removed_and_relabelled(project, sources, tmp_path):
    anne, _ = sources

    def correct():
        dataset = project / "dataset_images"
        (dataset / "train/metal/03.png").unlink()
        (dataset / "train/glass/04.png").rename(dataset / "train/metal/was glass.png")
        (dataset / "test/glass/01.png").rename(dataset / "test/metal/03.png")
        dvc(project, "add", "--quiet", "dataset_images")

    before = images(project)
    branch(project, "corrected", correct)
    branch(project, "anne", lambda: add(project, anne))
    of_anne = images(project)
    output = merge(project, "corrected")
    expected = of_anne | {
        "train/metal/was glass.png": before["train/glass/04.png"],
        "test/metal/03.png": before["test/glass/01.png"],
    }
    for place in ("train/metal/03.png", "train/glass/04.png", "test/glass/01.png"):
        del expected[place]
    assert images(project) == expected
    assert "The other branch removed 1 image and moved 2.\n" in output

    # The other way round gives the same.
    run(project, "git", "checkout", "--quiet", "-b", "again", "corrected")
    dvc(project, "checkout", "--quiet", "--force")
    merge(project, "anne^1")
    assert sorted(images(project).values()) == sorted(expected.values())


def test_files_that_are_not_images_are_taken_over_as_they_are(project, sources):
    anne, bert = sources
    dataset = project / "dataset_images"

    def add_with_notes(source, notes):
        add(project, source)
        for place, text in notes.items():
            (dataset / place).write_text(text)
        dvc(project, "add", "--quiet", "dataset_images")

    places = ("README", "train/labels.csv", "train/glass/notes.txt", "test/glass/.hidden")
    branch(project, "anne", lambda: add_with_notes(anne, {place: "Anne's" for place in (*places, "both.txt")}))
    branch(project, "bert", lambda: add_with_notes(bert, {"both.txt": "Bert's"}))
    output = merge(project, "anne")
    assert [(dataset / place).read_text() for place in places] == ["Anne's"] * 4
    assert (dataset / "both.txt").read_text() == "Bert's"
    assert "dataset_images/both.txt is not an image, and stays as on this branch.\n" in output


def test_groups_of_both_branches_are_merged(project, tmp_path):
    def groups_file(name, rows):
        path = tmp_path / name
        path.write_text("path,group\n" + "".join(f"{image},{group}\n" for image, group in rows))
        return path

    for person, first in (("anne", 100), ("bert", 200)):
        for seed in range(first, first + 4):
            scenes.save(tmp_path / person / f"glass/{seed}.png", scene(seed))
    of_anne = groups_file(
        "anne.csv",
        [("dataset_images/test/glass/00.png", "bottle"), ("glass/100.png", "bottle"), ("glass/101.png", "jar")],
    )
    of_bert = groups_file("bert.csv", [("glass/200.png", "bottle"), ("glass/201.png", "cup")])
    branch(project, "anne", lambda: add(project, tmp_path / "anne", "--groups", of_anne))
    branch(project, "bert", lambda: add(project, tmp_path / "bert", "--groups", of_bert))
    run(project, "git", "checkout", "--quiet", "anne")
    dvc(project, "checkout", "--quiet", "--force")
    merge(project, "bert")
    places = images(project)
    rows = dict(line.split(",") for line in (project / GROUPS).read_text().splitlines()[1:])
    assert rows.keys() <= places.keys()
    assert {(Path(place).name, group) for place, group in rows.items()} == {
        ("00.png", "bottle"),
        ("100.png", "bottle"),
        ("101.png", "jar"),
        ("200.png", "bottle"),
        ("201.png", "cup"),
    }
    assert {place.partition("/")[0] for place, group in rows.items() if group == "bottle"} == {"test"}


def test_a_conflict_of_classes_is_decided_in_the_file_that_lists_it(project, tmp_path):
    scenes.save(tmp_path / "anne/glass/x.png", scene(100))
    scenes.save(tmp_path / "bert/metal/x.png", scene(100))
    for person in ("anne", "bert"):
        branch(project, person, lambda person=person: add(project, tmp_path / person))
    subprocess.run(["git", "merge", "--quiet", "anne"], cwd=project, capture_output=True, check=False)
    done = run_forked(project, "-m", "commands.merge_dataset")
    assert done.returncode == 1
    assert "MERGE_HEAD:dataset_images/train/glass/x.png are the same image in two classes: decide in" in done.stderr
    conflicts = project / "dataset_conflicts.csv"
    header, *rows = conflicts.read_text().splitlines()
    assert sorted(row.rpartition(",")[2] for row in rows) == ["", "keep"]
    conflicts.write_text("\n".join([header, *(row if row.endswith("keep") else f"{row}remove" for row in rows)]))
    done = run_forked(project, "-m", "commands.merge_dataset", "--decisions", "dataset_conflicts.csv")
    assert done.returncode == 0, done.stderr
    assert len(images(project)) == 41
    assert (project / "dataset_images/train/metal/x.png").exists()


def test_without_a_conflict_there_is_nothing_to_merge(project, sources):
    done = run_forked(project, "-m", "commands.merge_dataset")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{DVC_FILE} is not in conflict between two datasets, so there is nothing to merge")


def test_a_second_run_before_the_commit_changes_nothing(project, sources):
    anne, bert = sources
    branch(project, "anne", lambda: add(project, anne))
    branch(project, "bert", lambda: add(project, bert))
    subprocess.run(["git", "merge", "--quiet", "anne"], cwd=project, capture_output=True, check=False)
    assert run_forked(project, "-m", "commands.merge_dataset").returncode == 0
    before = images(project)
    done = run_forked(project, "-m", "commands.merge_dataset")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{DVC_FILE} has changed since Git stopped: run `git add {DVC_FILE}` if its images")
    assert images(project) == before


def test_a_rebase_merges_the_images_too(project, sources):
    anne, bert = sources
    branch(project, "anne", lambda: add(project, anne))
    branch(project, "bert", lambda: add(project, bert))
    of_both = set(images(project).values())
    for key, value in {"user.name": "test", "user.email": "test@localhost"}.items():
        run(project, "git", "config", key, value)
    subprocess.run(["git", "rebase", "--quiet", "anne"], cwd=project, capture_output=True, check=False)
    dvc(project, "checkout", "--quiet", DVC_FILE)
    of_anne = images(project)
    done = run_forked(project, "-m", "commands.merge_dataset")
    assert done.returncode == 0, done.stderr
    merged = images(project)
    assert set(merged.values()) == of_both | set(of_anne.values())
    assert {place: merged[place] for place in of_anne} == of_anne
    assert max(Counter(merged.values()).values()) == 1


@pytest.mark.parametrize("drivers", [True, False])
def test_the_documented_commands_finish_a_merge_with_results(tmp_path, sources, drivers):
    project = stubs.make_project(tmp_path / "project")
    shutil.rmtree(project / "dataset_images")
    scenes.dataset(project / "dataset_images")
    dvc(project, "add", "--quiet", "dataset_images")
    dvc(project, "repro", "--quiet")
    commit(project)
    if drivers:
        for key, command in DRIVERS.items():
            run(project, "git", "config", key, command)
    for person, source in zip(("anne", "bert"), sources, strict=True):
        branch(project, person, lambda source=source: (add(project, source), dvc(project, "repro", "--quiet")))

    # The commands of docs/how-to/merge-conflicts.md.
    done = subprocess.run(["git", "merge", "--quiet", "anne"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 1
    conflicts = run(project, "git", "diff", "--name-only", "--diff-filter=U").split()
    assert {DVC_FILE, "dvc.lock"} <= set(conflicts)
    run(project, "git", "checkout", "--ours", "dvc.lock", "metrics", "plots")
    done = run_forked(project, "-m", "commands.merge_dataset")
    assert (done.returncode, done.stderr) == (0, "")
    assert ran(dvc(project, "repro")) == STAGES
    commit(project)
    assert dvc(project, "status", "--json").strip() == "{}"
    assert len(images(project)) == 61
