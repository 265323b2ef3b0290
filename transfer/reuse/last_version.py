"""The last version of a stage's files, as DVC's cache has it. The only module of the library that asks DVC.

DVC removes the outs of a stage before it runs the stage. Its cache still has them, and dvc.lock names them until the
stage ends. Only the cache of this machine is read, never a remote.
"""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from transfer.common import parallel

LOCK = Path("dvc.lock")


@dataclass(frozen=True)
class CachedFile:
    """A file of DVC's cache: where it is, if the cache has it, and the digest (MD5) of its content."""

    location: str
    digest: str

    @property
    def path(self) -> Path:
        """Where the file is. A `Path` takes long to make, and a dataset has many files."""
        return Path(self.location)

    def is_whole(self) -> bool:
        """Whether the cache has the file, with the content that belongs to its name."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == self.digest
        except OSError:
            return False


def cached_files(stage: str, folder: Path) -> dict[str, CachedFile]:
    """The files of a folder, a dependency or an out of a stage, as they were when the stage last ran.

    Returns:
        the files by their path below the folder; none if the stage has never run, or the cache does not have the list.
    """
    # DVC takes half a second to import.
    if not LOCK.exists():
        return {}
    from dvc.dvcfile import load_file
    from dvc.repo import Repo
    from dvc_data.hashfile.tree import Tree

    try:
        with Repo() as repository:
            locked = load_file(repository, "dvc.yaml").stages[stage]
            [item] = [item for item in (*locked.deps, *locked.outs) if item.def_path == folder.as_posix()]
            cache = repository.cache.local
            tree = Tree.load(cache, item.hash_info)
            return {
                "/".join(parts): CachedFile(cache.oid_to_path(hash_info.value), hash_info.value)
                for parts, _, hash_info in tree
            }
    except FileNotFoundError:
        return {}
    except Exception as error:  # a dvc.lock or a list that is damaged makes DVC raise many kinds
        reason = " ".join(str(error).split())
        print(f"The last version of {folder}/ cannot be used ({reason}): everything is computed.", file=sys.stderr)
        return {}


def whole_files(files: Mapping[str, CachedFile]) -> dict[str, CachedFile]:
    """The files that the cache has, with the content that belongs to their names."""
    checked = parallel.ordered_map(lambda item: (*item, item[1].is_whole()), files.items(), together=64)
    return {name: file for name, file, is_whole in checked if is_whole}
