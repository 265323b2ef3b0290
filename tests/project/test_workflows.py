"""The workflows of the CI server: what they run exists, and the comment of a pull request is posted once."""

import importlib.util
import re
import subprocess

import pytest
import yaml

from runs import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
REVIEW = ROOT / ".github/workflows/review.yml"
# A program that records its arguments and prints the comments that exist.
GH = """#!/bin/sh
printf '%s\\n' "$*" >> calls
case "$*" in
  *--paginate*) cat existing ;;
  *) cp body.md posted ;;
esac
"""


def load(path):
    """A workflow; YAML 1.1 reads the key `on` as true."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path):
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


def scripts(path):
    return [step["run"] for step in steps(path) if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_runs_exists(path):
    text = "\n".join(scripts(path))
    targets = re.findall(r"(?:^|\|\| |&& )make ([\w./-]+)", text, re.M)
    for target in targets:
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert importlib.util.find_spec(module), module
    for script in re.findall(r"^(\.\S+)", text, re.M):
        assert (ROOT / script).exists()
    assert targets or ".ci/run" in text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_scripts_of_a_workflow_are_valid_and_hold_no_expressions(path):
    for script in scripts(path):
        # An expression would put a name that others have chosen, such as that of a branch, into the script.
        assert "${{" not in script
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_actions_of_the_review_are_pinned_by_commit():
    uses = re.findall(r"uses: (.*)", REVIEW.read_text(encoding="utf-8"))
    assert len(uses) == len([step for step in steps(REVIEW) if "uses" in step]) >= 5
    for action in uses:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_code_of_a_pull_request_runs_without_the_right_to_write():
    workflow = load(REVIEW)
    assert list(workflow[True]) == ["pull_request"] and workflow["permissions"] == {}
    compare, comment = workflow["jobs"]["compare"], workflow["jobs"]["comment"]
    assert compare["permissions"] == {"contents": "read"}
    assert comment["permissions"] == {"pull-requests": "write"}
    # Whoever may write checks out no code, and runs only what stands in the workflow.
    assert [step["uses"].split("@")[0] for step in comment["steps"] if "uses" in step] == ["actions/download-artifact"]
    assert compare["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    with_secrets = [step for step in steps(REVIEW) if "secrets." in str(step)]
    assert [step["name"] for step in with_secrets] == ["Pull data and models"]


@pytest.mark.parametrize(
    ("existing", "request_"),
    [
        ("", "--method POST repos/o/r/issues/7/comments"),
        ("11\n", "--method PATCH repos/o/r/issues/comments/11"),
        ("11\n12\n", "--method PATCH repos/o/r/issues/comments/11"),
    ],
)
def test_a_pull_request_has_one_comment(tmp_path, existing, request_):
    gh = tmp_path / "bin/gh"
    gh.parent.mkdir()
    gh.write_text(GH)
    gh.chmod(0o755)
    (tmp_path / "existing").write_text(existing)
    (tmp_path / "comment.md").write_text("## Better `$(than)` main\n")
    environment = {
        **{"PATH": f"{gh.parent}:/usr/bin:/bin", "GH_TOKEN": "x"},
        **{"COMMENTS": "repos/o/r/issues/7/comments", "COMMENT": "repos/o/r/issues/comments"},
    }
    [script] = [step["run"] for step in load(REVIEW)["jobs"]["comment"]["steps"] if "run" in step]
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, check=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[-1] == f"api --silent {request_} --field body=@body.md"
    assert (tmp_path / "posted").read_text() == "<!-- review -->\n## Better `$(than)` main\n"


@pytest.mark.parametrize(("url", "kind"), [("ssh://h/p", "ssh"), ("s3://b/p", "s3"), ("webdavs://h/p", "webdav")])
def test_the_client_of_the_remote_is_installed(tmp_path, url, kind):
    assert install_client(tmp_path, url) == f"-m pip install --quiet --require-hashes -r requirements-{kind}.txt\n"
    assert (ROOT / f"requirements-{kind}.txt").exists()


@pytest.mark.parametrize("url", ["", "/mnt/share", "../sample/remote", "gs://b"])
def test_a_remote_without_a_pinned_client_installs_nothing(tmp_path, url):
    assert install_client(tmp_path, url) == ""


def install_client(folder, url):
    """Run the step of the workflow with programs that record what they are told; returns the words of `python`."""
    (folder / "bin").mkdir()
    answer = f'[ "$2" = core.remote ] && echo team || echo "{url}"' if url else "exit 251"
    for name, script in {"dvc": answer, "python": 'echo "$*" >> installed'}.items():
        path = folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    [script] = [step["run"] for step in steps(REVIEW) if step.get("name") == "Install the client of the default remote"]
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin"}
    subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=environment, check=True)
    record = folder / "installed"
    return record.read_text() if record.exists() else ""
