"""`make remote`: the default remote of a team, without secrets in the repository."""

import json
import re
import sys

import pytest
from dvc.config import Config

from commands import remote
from runs import dvc, run
from transfer.interface.errors import UserError


@pytest.fixture
def repository(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    run(folder, "git", "init", "--quiet")
    dvc(folder, "init", "--quiet")
    monkeypatch.chdir(folder)
    return folder


def add(url, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["remote", url])
    remote.main()
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "requirement"),
    [
        ("ssh://alice@host:2222/data/team", "-r requirements-ssh.txt"),
        ("s3://bucket/path", "-r requirements-s3.txt"),
        ("webdav://alice@host/path", "-r requirements-webdav.txt"),
        ("webdavs://alice@host/path", "-r requirements-webdav.txt"),
        ("gs://bucket/path", "dvc-gs`, which this project neither pins nor tests"),
        ("azure://container/path", "dvc-azure`, which this project neither pins nor tests"),
    ],
)
def test_a_server_becomes_the_default_remote(repository, monkeypatch, capsys, url, requirement):
    printed = add(url, monkeypatch, capsys)
    config = Config.from_cwd()
    assert config["core"]["remote"] == "team"
    assert (config["remote"]["team"]["url"], config["remote"]["team"]["verify"]) == (url, True)
    assert requirement in printed and "`dvc push`" in printed and "`git add .dvc/config`" in printed


def test_a_shared_folder_is_made_and_needs_no_client(repository, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(repository.parent))
    printed = add("~/shared", monkeypatch, capsys)
    assert Config.from_cwd()["remote"]["team"]["url"] == str(repository.parent / "shared")
    assert (repository.parent / "shared").is_dir()
    assert "requirements" not in printed


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ssh://alice:secret@host/path", "The URL holds a password, or other parts that may be secret"),
        ("webdavs://alice:@host/path", "The URL holds a password, or other parts that may be secret"),
        ("azure://container?sig=abc", "The URL holds a password, or other parts that may be secret"),
        ("ftp://host/path", "ftp:// is not the scheme of a remote to push to: use ssh://, s3://, webdav://"),
        ("ssh:///path", "ssh:///path names no server or bucket: write ssh://name/path."),
        ("data", "is in the project itself: name a folder that the whole team can reach."),
        ("/no/such/disk", "/no/such does not exist: mount the shared disk, or correct the path."),
        ("ssh://host:port/path", "The URL is not valid: Port could not be cast to integer value as 'port'."),
        ("ssh://[host/path", "The URL is not valid: Invalid IPv6 URL."),
    ],
)
def test_what_cannot_be_a_remote_is_refused_and_nothing_is_written(repository, monkeypatch, capsys, url, sentence):
    before = (repository / ".dvc/config").read_bytes()
    with pytest.raises(UserError, match=re.escape(sentence)) as raised:
        add(url, monkeypatch, capsys)
    assert "secret@" not in str(raised.value) and "abc" not in str(raised.value)
    assert (repository / ".dvc/config").read_bytes() == before


@pytest.mark.parametrize("name", ["50%(x)s", "a'''b\"\"\"c"])
def test_a_folder_whose_name_dvc_cannot_store(repository, monkeypatch, capsys, name):
    before = (repository / ".dvc/config").read_bytes()
    with pytest.raises(UserError, match="choose one without special characters"):
        add(f"{repository.parent}/{name}", monkeypatch, capsys)
    assert (repository / ".dvc/config").read_bytes() == before


def test_a_second_remote_of_the_team_is_refused(repository, monkeypatch, capsys):
    add("s3://bucket/path", monkeypatch, capsys)
    with pytest.raises(UserError, match=r"^There is a remote team already \(s3://bucket/path\): to change its address"):
        add("s3://bucket/other", monkeypatch, capsys)
    assert Config.from_cwd()["remote"]["team"]["url"] == "s3://bucket/path"


@pytest.mark.parametrize("url", ["ssh://bob@nowhere/path", "s3://bucket/path"])
def test_credentials_alone_hide_older_commits_from_dvc_and_the_address_does_not(repository, monkeypatch, capsys, url):
    (repository / "metrics.json").write_text('{"accuracy": 1}')
    (repository / "dvc.yaml").write_text("metrics: [metrics.json]\n")
    run(repository, "git", "add", "--all")
    run(repository, "git", "commit", "--quiet", "--message", "before the remote")
    add(url, monkeypatch, capsys)
    (repository / "metrics.json").write_text('{"accuracy": 2}')
    option = ("keyfile", "/key") if url.startswith("ssh") else ("profile", "bob")
    dvc(repository, "remote", "modify", "--local", "team", *option)
    assert json.loads(dvc(repository, "metrics", "diff", "--json", "HEAD"))["metrics.json"]["accuracy"]["old"] is None
    dvc(repository, "remote", "modify", "--local", "team", "url", url)
    assert json.loads(dvc(repository, "metrics", "diff", "--json", "HEAD"))["metrics.json"]["accuracy"]["old"] == 1
