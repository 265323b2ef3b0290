"""Servers of DVC remotes on this machine, as a team has them elsewhere: SSH, S3 and WebDAV, and a shared folder."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runs import dvc

NAME, PASSWORD = "alice", "correct-horse"
SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
MaxStartups 100
"""
WEBDAV = """
host: 127.0.0.1
port: {port}
provider_mapping: {{"/": "{root}"}}
simple_dc: {{user_mapping: {{"*": {{{name}: {{password: {password}}}}}}}}}
http_authenticator: {{accept_basic: true, accept_digest: false, default_to_digest: false}}
verbose: 1
logging: {{enable_loggers: []}}
"""


@dataclass
class Server:
    """A server that can be stopped and started again, and the folder in which it stores what it gets."""

    kind: str
    root: Path
    base: str
    command: list[str] = field(default_factory=list)
    port: int = 0
    options: dict[str, str] = field(default_factory=dict)
    wrong_credentials: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    def start(self):
        if self.command:
            self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 30
            while not self._answers():
                assert self.process.poll() is None and time.monotonic() < deadline, f"{self.kind} does not start"
                time.sleep(0.05)

    def _answers(self):
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def folder(self, name):
        """The folder in which the server stores the remote of this name."""
        return self.root / name

    def url(self, name):
        return f"{self.base}{self.folder(name)}" if self.kind in ("ssh", "folder") else f"{self.base}/{name}"

    def authenticate(self, project, **changes):
        """Set what is not in the repository: the credentials of one person, and where this machine's server listens."""
        for name, value in (self.options | changes).items():
            dvc(project, "remote", "modify", "--local", "team", name, value)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def make_ssh(folder, root):
    program = shutil.which("sshd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if not program or not shutil.which("ssh-keygen"):
        pytest.skip("no sshd on this machine (Debian: openssh-server)")
    if os.geteuid() == 0:
        # What sshd wants to exist when it runs as root; a system that starts it by itself makes this folder.
        Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    port = free_port()
    (folder / "config").write_text(SSHD.format(port=port, folder=folder))
    return Server(
        kind="ssh",
        root=root,
        base=f"ssh://{getpass.getuser()}@127.0.0.1:{port}",
        command=[program, "-D", "-f", str(folder / "config")],
        port=port,
        options={"keyfile": str(folder / "user"), "allow_agent": "false"},
        wrong_credentials={"keyfile": str(folder / "stranger")},
    )


def make_s3(folder, root):
    port = free_port()
    (root / "bucket").mkdir()
    (folder / "rclone.conf").touch()
    program = str(Path(sys.executable).with_name("rclone"))
    words = ["serve", "s3", "--config", str(folder / "rclone.conf"), "--addr", f"127.0.0.1:{port}"]
    return Server(
        kind="s3",
        root=root / "bucket",
        base="s3://bucket",
        command=[program, *words, "--auth-key", f"{NAME},{PASSWORD}", "--vfs-cache-mode", "off", str(root)],
        port=port,
        options={
            "endpointurl": f"http://127.0.0.1:{port}",
            "region": "us-east-1",
            "access_key_id": NAME,
            "secret_access_key": PASSWORD,
        },
        wrong_credentials={"secret_access_key": "wrong"},
    )


def make_webdav(folder, root):
    port = free_port()
    text = WEBDAV.format(port=port, root=root, name=NAME, password=PASSWORD)
    (folder / "wsgidav.yaml").write_text(text)
    return Server(
        kind="webdav",
        root=root,
        base=f"webdav://{NAME}@127.0.0.1:{port}",
        command=[str(Path(sys.executable).with_name("wsgidav")), "--config", str(folder / "wsgidav.yaml")],
        port=port,
        options={"password": PASSWORD},
        wrong_credentials={"password": "wrong"},
    )


def make_folder(folder, root):
    return Server(kind="folder", root=root, base="")


MAKERS = {"ssh": make_ssh, "s3": make_s3, "webdav": make_webdav, "folder": make_folder}


@contextmanager
def running(kind, folder):
    """A server of one kind, which keeps everything in a folder."""
    (folder / "root").mkdir()
    server = MAKERS[kind](folder, folder / "root")
    try:
        server.start()
        yield server
    finally:
        server.stop()
