"""A team at work: data and models over real servers on this machine, and what can go wrong with them.

The stages are stubs (see `stubs`). Git's server is a bare repository; the servers of the data are in `servers`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir

import numpy as np
import pytest
from dvc.config import Config

import scenes
import servers
import stubs
from commands import remote
from runs import dvc, environment, ran, run, run_forked

pytestmark = pytest.mark.xdist_group("sharing")
BIG = 300_000


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """The project with version 2 of its data, and a branch `gallery` that changes a parameter of `evaluate`."""
    folder = stubs.make_project(tmp_path_factory.mktemp("sharing") / "project")
    (folder / "dataset_images/image.txt").write_text("version 2 of the data")
    scenes.dataset(folder / "dataset_images")
    commit_run(folder, "Version 2")
    run(folder, "git", "switch", "--quiet", "--create", "gallery")
    path = folder / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("gallery_class: worst", "gallery_class: glass"))
    commit_run(folder, "Another gallery")
    run(folder, "git", "switch", "--quiet", "main")
    return folder


def commit_run(folder, message):
    dvc(folder, "repro", "--quiet")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", message)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A function that returns the server of a kind, which runs until the tests of this module end."""
    running = {}
    contexts = []

    def get(kind):
        if kind not in running:
            context = servers.running(kind, tmp_path_factory.mktemp(kind))
            running[kind] = context.__enter__()
            contexts.append(context)
        return running[kind]

    yield get
    for context in contexts:
        context.__exit__(None, None, None)


class Team:
    """Git's server, a remote for data, and clones of both."""

    def __init__(self, committed, folder, server):
        self.folder = folder
        self.server = server
        self.name = f"{server.kind}-{folder.name}"
        self.store = server.folder(self.name)
        if server.kind == "webdav":
            # DVC does not make it.
            self.store.mkdir()
        self.alice = shutil.copytree(committed, folder / "alice", symlinks=True)
        run(folder, "git", "clone", "--quiet", "--bare", str(self.alice), "origin")
        run(self.alice, "git", "remote", "set-url", "origin", str(folder / "origin"))
        self.define_driver(self.alice)
        with chdir(self.alice):
            url, _ = remote.check(server.url(self.name))
            remote.add(url)
        run(self.alice, "git", "commit", "--all", "--quiet", "--message", "Add the remote team")
        self.authenticate(self.alice)

    def authenticate(self, folder, **changes):
        """Set what is not in Git: one person's credentials, and where this machine's server listens."""
        # The address, too: at commits before the remote, credentials alone are an invalid configuration for DVC.
        options = {"url": self.server.url(self.name)} | self.server.options | changes
        with Config(str(folder / ".dvc")).edit("local") as local:
            local["remote"]["team"] = options

    def define_driver(self, folder):
        """As `make install` does."""
        driver = f"{sys.executable} -m commands.merge_lock %O %A %B"
        for name, value in {"merge.dvc-lock.driver": driver, "merge.generated.driver": "true"}.items():
            run(folder, "git", "config", name, value)

    def clone(self, name):
        folder = self.folder / name
        run(self.folder, "git", "clone", "--quiet", str(self.folder / "origin"), name)
        self.define_driver(folder)
        self.authenticate(folder)
        return folder


def doctor(folder, *words):
    done = run_forked(folder, "-m", "commands.doctor", *words)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def healthy(folder):
    done = doctor(folder)
    return (done.returncode, done.stderr) == (0, "")


def metric(folder):
    return json.loads((folder / "metrics/summary.json").read_text())["digest"]


def images(folder):
    """The places and contents of all images of the dataset."""
    dataset = folder / "dataset_images"
    return {(str(path.relative_to(dataset)), path.read_bytes()) for path in dataset.rglob("*.png")}


def plots_rows(shown):
    """The rows of the tables behind `dvc plots`, as its JSON has them."""
    return [row for plots in shown["data"].values() for plot in plots for row in plot["content"]["data"]["values"]]


@pytest.mark.parametrize("kind", servers.MAKERS)
def test_a_day_of_a_team(committed, started, tmp_path, kind):
    team = Team(committed, tmp_path, started(kind))
    alice = team.alice
    dvc(alice, "push")
    run(alice, "git", "push", "--quiet", "origin", "main")

    bob = team.clone("bob")
    dvc(bob, "pull")
    assert (bob / "dataset_images/image.txt").read_text() == "version 2 of the data"
    assert ran(dvc(bob, "repro")) == []
    first = json.loads(run(bob, "git", "show", "HEAD~2:metrics/summary.json"))["digest"]
    difference = json.loads(dvc(bob, "metrics", "diff", "--json", "HEAD~2"))
    assert difference["metrics/summary.json"]["digest"] == {"old": first, "new": metric(alice)}
    plots = json.loads(dvc(bob, "plots", "diff", "--json", "HEAD~2", "--targets", "plots/per_class.csv"))
    accuracies = {row["rev"]: row["accuracy"] for row in plots_rows(plots)}
    assert len(accuracies) == 2 and len(set(accuracies.values())) == 2, plots

    # Bob adds photographs: two of glass, which nobody has, and one that the dataset has.
    run(bob, "git", "switch", "--quiet", "--create", "more-data")
    for seed in (1, 101, 102):
        scenes.save(tmp_path / f"more/glass/new {seed}.png", scenes.scene(seed))
    before = images(bob)
    done = run_forked(bob, "-m", "commands.dataset", "--add", "--", str(tmp_path / "more"))
    assert done.returncode == 0, done.stderr
    assert "1 image is in the dataset already, and skipped" in done.stdout
    added = images(bob) - before
    assert len(added) == 2 and before < images(bob)
    commit_run(bob, "More data")
    dvc(bob, "push")
    run(bob, "git", "push", "--quiet", "origin", "more-data")

    # Alice has another gallery by then. Only `evaluate` reads it.
    run(alice, "git", "merge", "--quiet", "--no-edit", "gallery")
    run(alice, "git", "fetch", "--quiet", "origin")
    review = json.loads(dvc(alice, "metrics", "diff", "--json", "--all", "main", "origin/more-data"))
    assert review["metrics/summary.json"]["digest"] == {"old": metric(alice), "new": metric(bob)}
    run(alice, "git", "merge", "--quiet", "--no-edit", "origin/more-data")
    dvc(alice, "pull")
    assert images(alice) == before | added
    assert ran(dvc(alice, "repro")) == ["evaluate"]
    # The calibration of the merged version is new.
    assert "models/calibration/ (2 objects)" in doctor(alice).stderr
    dvc(alice, "push")
    done = doctor(alice)
    assert (done.returncode, done.stderr) == (0, "")
    # 40 images, 2 new ones, image.txt, and 14 for the list of the images, the weights and the outs.
    assert done.stdout.endswith("57 objects are whole, here and on team.\n")


REASONS = {
    "ssh": ("Permission denied", "Connect call failed"),
    "s3": ("does not match the signature", "Could not connect"),
    "webdav": ("401", "Connection refused"),
}


@pytest.mark.parametrize("kind", REASONS)
def test_wrong_credentials_and_a_server_that_is_gone(committed, started, tmp_path, kind):
    server = started(kind)
    team = Team(committed, tmp_path, server)
    team.authenticate(team.alice, **server.wrong_credentials)
    refused = doctor(team.alice)
    push = run_forked(team.alice, "-m", "dvc", "push")
    assert push.returncode != 0 and "ERROR" in push.stderr
    team.authenticate(team.alice)
    server.stop()
    try:
        gone = doctor(team.alice)
    finally:
        server.start()
    for done, reason in zip((refused, gone), REASONS[kind], strict=True):
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert line.startswith("The remote team cannot be checked (") and reason in line, line
        assert line.endswith(
            "): check its address, your credentials and that its server runs, then run `make doctor` again."
        )


def add_many(folder, text, number=40):
    """Data of several files, so that pushing and pulling take time."""
    for name in range(number):
        (folder / f"dataset_images/{text}-{name}.txt").write_bytes(
            np.random.default_rng([name, *text.encode()]).bytes(BIG)
        )
    dvc(folder, "commit", "--quiet", "--force", "dataset_images.dvc")


def kill_during(folder, instants, *words):
    """Start a command of DVC several times, and kill it after so many seconds."""
    for instant in instants:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc", *words],
            cwd=folder,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(instant)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_killed_push_is_finished_by_the_next(committed, started, tmp_path):
    team = Team(committed, tmp_path, started("ssh"))
    add_many(team.alice, "many")
    run(team.alice, "git", "commit", "--all", "--quiet", "--message", "Many")
    kill_during(team.alice, (0.9, 1.3), "push")
    dvc(team.alice, "push")
    run(team.alice, "git", "push", "--quiet", "origin", "main")
    bob = team.clone("bob")
    dvc(bob, "pull")
    for path in (team.alice / "dataset_images").glob("*.txt"):
        assert (bob / "dataset_images" / path.name).read_bytes() == path.read_bytes()
    assert healthy(bob)


def test_two_push_at_once(committed, started, tmp_path):
    team = Team(committed, tmp_path, started("webdav"))
    run(team.alice, "git", "push", "--quiet", "origin", "main")
    dvc(team.alice, "push")
    bob = team.clone("bob")
    dvc(bob, "pull", "--quiet")
    for folder, own in ((team.alice, "alice"), (bob, "bob")):
        add_many(folder, "both", 5)
        add_many(folder, own, 5)
    pushes = [
        subprocess.Popen(
            [sys.executable, "-m", "dvc", "push"],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in (team.alice, bob)
    ]
    outputs = [push.communicate() for push in pushes]
    for push, output, folder in zip(pushes, outputs, (team.alice, bob), strict=True):
        if push.returncode:
            # What both were making at once may be refused to one: that is said, and the next push finishes.
            assert "ERROR" in output[1], output
            dvc(folder, "push")
        assert healthy(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_remote(committed, started, tmp_path):
    team = Team(committed, tmp_path, started("folder"))
    team.store.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(team.store)], check=True)
    try:
        add_many(team.alice, "many")
        push = run_forked(team.alice, "-m", "dvc", "push")
        assert push.returncode != 0 and "No space left on device" in push.stderr
        done = doctor(team.alice)
        assert done.returncode == 1 and "run `dvc push`" in done.stderr
        subprocess.run(["mount", "-o", "remount,size=64m", str(team.store)], check=True)
        assert doctor(team.alice, "--repair").returncode == 0
        assert healthy(team.alice)
    finally:
        subprocess.run(["umount", str(team.store)], check=True)


def test_a_killed_pull_is_finished_by_the_next_or_by_the_remedy(committed, started, tmp_path):
    team = Team(committed, tmp_path, started("ssh"))
    add_many(team.alice, "many")
    run(team.alice, "git", "commit", "--all", "--quiet", "--message", "Many")
    dvc(team.alice, "push")
    run(team.alice, "git", "push", "--quiet", "origin", "main")
    bob = team.clone("bob")
    kill_during(bob, (1.2, 1.5, 1.8, 2.2), "pull")
    # A file that the kill left half written in the workspace is in no version: DVC replaces it only if told to.
    pull = run_forked(bob, "-m", "dvc", "pull", "--force")
    if pull.returncode:
        # DVC believes an index of half of the files. It says so, and the documented remedy works.
        assert "ERROR: failed to pull data from the cloud" in pull.stderr
        assert doctor(bob, "--repair").returncode == 0
        dvc(bob, "pull", "--force")
    for path in (team.alice / "dataset_images").glob("*.txt"):
        assert (bob / "dataset_images" / path.name).read_bytes() == path.read_bytes()
    assert healthy(bob)


def test_a_server_that_dies_during_a_transfer_is_said_and_the_next_push_finishes(committed, started, tmp_path):
    server = started("webdav")
    team = Team(committed, tmp_path, server)
    dvc(team.alice, "push")
    add_many(team.alice, "many", 80)
    run(team.alice, "git", "commit", "--all", "--quiet", "--message", "Many")
    before = sum(1 for path in team.store.rglob("*") if path.is_file())
    push = subprocess.Popen(
        [sys.executable, "-m", "dvc", "push"],
        cwd=team.alice,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while sum(1 for path in team.store.rglob("*") if path.is_file()) < before + 3:
        assert push.poll() is None, push.communicate()
        time.sleep(0.01)
    server.stop()
    try:
        output = push.communicate()
        assert push.returncode != 0 and "ERROR" in output[1], output
        gone = doctor(team.alice)
        assert gone.returncode == 1 and "The remote team cannot be checked (" in gone.stderr
    finally:
        server.start()
    # What arrived in part is noticed, and its remedy works.
    assert doctor(team.alice).returncode == 1
    assert doctor(team.alice, "--repair").returncode == 0
    dvc(team.alice, "push")
    assert healthy(team.alice)
