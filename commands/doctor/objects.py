"""The objects that a project needs, by its dvc.lock and .dvc files, and the state of their copies in two places.

DVC stores each file under the MD5 digest of its content. An object whose name ends in `.dir` is the list of the files
of a folder. `dvc status --cloud` takes the files of a folder to be there if its list is there, so this module looks for
every one of them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dvc_data.hashfile.hash import file_md5

from transfer.common.parallel import ordered_map
from transfer.interface.progress import progress_bar

WHOLE, MISSING, DAMAGED, UNKNOWN = "whole", "missing", "damaged", "unknown"
LIST_SUFFIX = ".dir"
# A server is asked for few things at a time, so that it does not refuse.
REQUESTS = 8


@dataclass
class StoredObject:
    """An object, the paths whose content it is, and the states of its copies."""

    digest: str
    paths: list[str]
    here: str = UNKNOWN
    remote: str = UNKNOWN


class Place:
    """The cache, or a remote: a folder of objects on any file system that DVC can reach."""

    def __init__(self, name: str, store: Any):
        """`store` is DVC's object database (`HashFileDB`)."""
        self.name = name
        self.store = store
        self._sizes: dict[str, int] = {}

    @property
    def is_folder(self) -> bool:
        return bool(self.store.fs.protocol == "local")

    def address(self, digest: str = "") -> str:
        """Where an object is, as the programs of its file system name it; without a digest, the place itself."""
        path = self.store.oid_to_path(digest) if digest else self.store.path
        return str(path if self.is_folder else self.store.fs.unstrip_protocol(path))

    def look_up(self, digests: Iterable[str]) -> None:
        """Ask for the sizes of these objects, folder by folder: at most 256 requests for any number of objects."""
        folders = {self.store.fs.parent(self.store.oid_to_path(digest)) for digest in digests}
        listings = ordered_map(self._list_folder, sorted(folders), REQUESTS)
        for entries in progress_bar(listings, f"asking {self.name}", len(folders), unit="folder"):
            for entry in entries:
                *_, prefix, name = self.store.fs.parts(entry["name"].rstrip("/"))
                self._sizes[prefix + name] = entry.get("size") or 0

    def _list_folder(self, folder: str) -> Sequence[Any]:
        try:
            return list(self.store.fs.ls(folder, detail=True))
        except FileNotFoundError:
            return []

    def size(self, digest: str) -> int | None:
        """The size of an object in bytes; None if it is not there. `look_up` comes before."""
        return self._sizes.get(digest)

    def has_content(self, digest: str) -> bool:
        """Whether the content of an object that is there has its digest. Reads all of it."""
        content = file_md5(self.store.oid_to_path(digest), self.store.fs, name=self.store.hash_name)
        return bool(content == digest.removesuffix(LIST_SUFFIX))

    def state(self, digest: str, size: int | None = None) -> str:
        """The state of an object: by its content where reading is cheap, otherwise by its size, if that is given."""
        if self.size(digest) is None:
            return MISSING
        if self.is_folder or (size is None and digest.endswith(LIST_SUFFIX)):
            return WHOLE if self.has_content(digest) else DAMAGED
        return DAMAGED if size is not None and self.size(digest) != size else WHOLE

    def files(self, digest: str) -> list[tuple[str, str]]:
        """The files of a folder by its list, which is whole: the path in the folder, and the digest, of each."""
        entries = json.loads(self.store.fs.cat_file(self.store.oid_to_path(digest)))
        return [(entry["relpath"], entry[next(key for key in entry if key != "relpath")]) for entry in entries]

    def remove(self, digest: str) -> None:
        self.store.fs.remove(self.store.oid_to_path(digest))


def examine_cache(cache: Place, objects: Sequence[StoredObject]) -> None:
    """Set the state of each object here, by its content."""
    cache.look_up(stored.digest for stored in objects)
    for stored in progress_bar(objects, "reading the cache", len(objects), unit="file"):
        stored.here = cache.state(stored.digest)


def examine_remote(remote: Place, cache: Place, objects: Sequence[StoredObject]) -> None:
    """Set the state of each object on a remote. `examine_cache` comes before, because whole copies have the sizes."""
    remote.look_up(stored.digest for stored in objects)
    for stored in progress_bar(objects, f"checking {remote.name}", len(objects), unit="file"):
        stored.remote = remote.state(stored.digest, cache.size(stored.digest) if stored.here == WHOLE else None)


def examine_sum(remote: Place, objects: Sequence[StoredObject], files: Sequence[str], size: int) -> None:
    """Find damaged objects of a folder of which the cache does not have everything: their sizes are not known.

    The sum of them is: where the objects on the remote do not add up to it, the content is read.

    Args:
        objects: those of the folder.
        files: the digest of each file; two files may have the same.
        size: of all files, in bytes.
    """
    sizes = [remote.size(digest) for digest in files]
    if None not in sizes and sum(filter(None, sizes)) != size:
        for stored in objects:
            if stored.here != WHOLE and stored.remote == WHOLE and not remote.has_content(stored.digest):
                stored.remote = DAMAGED
