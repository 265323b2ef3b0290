"""Add the team's DVC remote to .dvc/config, as the default, under the name `team`.

The URL is that of an SSH server (ssh://user@host/path), of a bucket (s3://bucket/path), of a WebDAV server
(webdavs://user@host/path), or a folder that everyone of the team has under the same path. `verify` is set: DVC then
checks the content of what it pulls. Passwords and keys do not belong in the URL, because .dvc/config is in Git.
"""

import argparse
from pathlib import Path
from urllib.parse import urlsplit

from configobj import ConfigObjError
from dvc.config import Config, ConfigError

from commands.paths import user_path
from commands.programs import check_repository
from transfer import command
from transfer.interface.errors import UserError

NAME = "team"
# The file with the pinned client of each kind of remote.
REQUIREMENTS = {
    "ssh": "requirements-ssh.txt",
    "s3": "requirements-s3.txt",
    "webdav": "requirements-webdav.txt",
    "webdavs": "requirements-webdav.txt",
}
# Clients that this project neither pins nor tests.
OTHER_CLIENTS = {
    "gs": "dvc-gs",
    "azure": "dvc-azure",
    "gdrive": "dvc-gdrive",
    "oss": "dvc-oss",
    "hdfs": "dvc-hdfs",
    "webhdfs": "dvc-webhdfs",
}
CREDENTIALS = {
    "ssh": "SSH uses your keys and ~/.ssh/config, as `ssh` does.",
    "s3": (
        "S3 uses your AWS configuration (`aws configure`), or `dvc remote modify --local team access_key_id ...` and "
        "`secret_access_key`. For a server that is not Amazon's: `dvc remote modify team endpointurl https://...`."
    ),
    "webdav": (
        "Make the folder on the server, because DVC does not. Everyone sets the password by `dvc remote modify --local "
        "team password ...`."
    ),
}


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make remote URL=address", description=__doc__)
    parser.add_argument("url", help="ssh://, s3://, webdav://, webdavs://, or a folder")
    return parser


def main() -> None:
    text = parser().parse_args().url
    check_repository()
    url, advice = check(text)
    add(url)
    print(f"{url} is now the default remote, under the name {NAME}.")
    for number, line in enumerate(
        [
            *advice,
            "`dvc push`",
            f'`git add .dvc/config` and `git commit -m "Add the remote {NAME}"`, then `git push`',
            "`make doctor` checks that everything has arrived.",
        ],
        start=1,
    ):
        print(f"{number}. {line}")


def check(text: str) -> tuple[str, list[str]]:
    """The URL to store, and what to do before the first push. Raises UserError if the URL cannot be stored."""
    if "://" not in text:
        return str(shared_folder(text)), []
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise UserError(f"The URL is not valid: {error}.") from error
    if parts.password is not None or parts.query or parts.fragment or "AccountKey=" in text:
        raise UserError(
            "The URL holds a password, or other parts that may be secret, and .dvc/config is in Git: leave them out "
            f"(scheme://user@host/path), then set them by `dvc remote modify --local {NAME} password ...`."
        )
    if parts.scheme not in REQUIREMENTS | OTHER_CLIENTS:
        raise UserError(
            f"{parts.scheme}:// is not the scheme of a remote to push to: use "
            f"{', '.join(f'{scheme}://' for scheme in REQUIREMENTS)} or a folder."
        )
    if not parts.netloc:
        raise UserError(f"{text} names no server or bucket: write {parts.scheme}://name/path.")
    local_url = (
        f"Whoever sets something by --local also runs `dvc remote modify --local {NAME} url {text}`: without it, DVC "
        "cannot read commits from before this one, and compares them as if they were empty."
    )
    credentials = CREDENTIALS.get(parts.scheme.removesuffix("s") if parts.scheme == "webdavs" else parts.scheme)
    return text, [install(parts.scheme), *filter(None, [credentials]), local_url]


def install(scheme: str) -> str:
    """How to install the client of a kind of remote."""
    if scheme in REQUIREMENTS:
        return f"`python -m pip install --require-hashes -r {REQUIREMENTS[scheme]}`"
    client = OTHER_CLIENTS.get(scheme, f"dvc-{scheme}")
    return f"`python -m pip install {client}`, which this project neither pins nor tests"


def shared_folder(text: str) -> Path:
    """The absolute path of a folder outside the project, which is made if only it is missing."""
    folder = Path.cwd() / user_path(text)
    if folder.resolve().is_relative_to(Path.cwd().resolve()):
        raise UserError(f"{folder} is in the project itself: name a folder that the whole team can reach.")
    if not folder.parent.is_dir():
        raise UserError(f"{folder.parent} does not exist: mount the shared disk, or correct the path.")
    folder.mkdir(exist_ok=True)
    return folder


def add(url: str) -> None:
    """Write the remote into .dvc/config. Raises UserError if there is one of this name, or DVC cannot store the URL."""
    config = Config.from_cwd()
    if NAME in config["remote"]:
        raise UserError(
            f"There is a remote {NAME} already ({config['remote'][NAME]['url']}): to change its address, run `dvc "
            f"remote modify {NAME} url ...`."
        )
    path = Path(config.files["repo"])
    before = path.read_bytes()
    try:
        with config.edit("repo") as repository:
            repository["remote"][NAME] = {"url": url, "verify": True}
            repository["core"]["remote"] = NAME
        stored = Config.from_cwd()["remote"][NAME]["url"]
    except (ConfigError, ConfigObjError, UnicodeError):
        stored = None
    if stored != url:
        path.write_bytes(before)
        raise UserError(f"DVC cannot store the address {url}: choose one without special characters.")


if __name__ == "__main__":
    command.run(main)
