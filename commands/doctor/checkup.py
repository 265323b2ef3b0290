"""The outs that share a remote: their objects, what is wrong with them, and their repair."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from dvc_data.hashfile.db import get_index

from commands.doctor import objects, remedies
from commands.doctor.objects import DAMAGED, LIST_SUFFIX, MISSING, WHOLE, Place, StoredObject
from transfer.interface.errors import UserError

# `dvc push` would make a folder where a disk is not mounted, and cannot make one on a WebDAV server.
NOT_MADE_BY_PUSH = ("local", "webdav", "webdavs")


class Checkup:
    """The objects of some outs, in the cache and on the outs' remote; `error` says why the remote cannot be checked."""

    def __init__(self, repo: Any, outs: list[Any]):
        """Finds all objects and the states of their copies."""
        self.remote_name = outs[0].remote or repo.config["core"].get("remote")
        self._url = repo.config["remote"].get(self.remote_name, {}).get("url", "")
        self.objects: dict[str, StoredObject] = {}
        self.error: str | None = None
        self._cache = Place("the cache", outs[0].cache)
        self._remote: Place | None = None
        # The digests of the files of each folder.
        self._files: dict[str, list[str]] = {}
        # The folders that a file is in.
        self._folders: dict[str, list[StoredObject]] = {}
        try:
            self._remote = self._open_remote(repo, outs[0].hash_name)
        except Exception as error:  # each kind of remote has exceptions of its own
            self.error = remedies.unavailable(self.remote_name, urlsplit(self._url).scheme, error)
        named = [self._add(out.hash_info.value, str(out)) for out in outs]
        self._examine(named)
        folders = {stored.digest: stored for stored in named if stored.digest.endswith(LIST_SUFFIX)}
        self._examine([stored for folder in folders.values() for stored in self._list(folder)])
        for out in outs:
            if files := self._files.get(out.hash_info.value):
                self._examine_sum(files, out.meta.size)

    def _open_remote(self, repo: Any, hash_name: str) -> Place:
        if self.remote_name is None:
            raise UserError(
                "There is no default remote, so all data and models are on this machine only: run `make remote "
                "URL=...`, then `dvc push`."
            )
        path = repo.cloud.get_remote(self.remote_name).path
        remote = Place(self.remote_name, repo.cloud.get_remote_odb(self.remote_name, hash_name=hash_name))
        try:
            # This is also the first request: a server that is not there is then waited for only once.
            remote.store.fs.ls(path, detail=False)
        except FileNotFoundError:
            if remote.store.fs.protocol in NOT_MADE_BY_PUSH:
                raise UserError(
                    f"The folder of the remote {self.remote_name}, {self._url}, does not "
                    "exist: mount its disk, or make the folder if the remote is new."
                ) from None
        return remote

    def _on_remote(self, action: Callable[[Place], object]) -> None:
        """Run what needs the remote, as long as there is no error."""
        if self._remote and not self.error:
            try:
                action(self._remote)
            except Exception as error:  # each kind of remote has exceptions of its own
                self.error = remedies.unavailable(self.remote_name, urlsplit(self._url).scheme, error)

    def _examine(self, several: Iterable[StoredObject]) -> None:
        unique = list({stored.digest: stored for stored in several}.values())
        objects.examine_cache(self._cache, unique)
        self._on_remote(lambda remote: objects.examine_remote(remote, self._cache, unique))

    def _examine_sum(self, files: list[str], size: int) -> None:
        inside = [self.objects[digest] for digest in set(files)]
        self._on_remote(lambda remote: objects.examine_sum(remote, inside, files, size))

    def _add(self, digest: str, path: str) -> StoredObject:
        stored = self.objects.setdefault(digest, StoredObject(digest, []))
        stored.paths.append(path)
        return stored

    def _list(self, folder: StoredObject) -> list[StoredObject]:
        """The files of a folder, from the place that has a whole list of them; none if no place has."""
        entries: list[tuple[str, str]] = []
        if folder.here == WHOLE:
            entries = self._cache.files(folder.digest)
        elif folder.remote == WHOLE:
            self._on_remote(lambda remote: entries.extend(remote.files(folder.digest)))
        self._files[folder.digest] = [digest for _, digest in entries]
        for digest in set(self._files[folder.digest]):
            self._folders.setdefault(digest, []).append(folder)
        return [self._add(digest, f"{path}/{name}") for path in folder.paths for name, digest in entries]

    def problems(self) -> Iterator[tuple[str, str]]:
        """Each problem as a sentence, and what has it: a file, or a folder if all its objects have the same problem."""
        problems = {
            digest: remedies.problem(
                stored.here, stored.remote, listed=bool(self._lists_on_remote(digest)), name=self.remote_name
            )
            for digest, stored in self.objects.items()
        }
        inside = set()
        for digest, files in self._files.items():
            if files and problems[digest] and {problems[file] for file in files} == {problems[digest]}:
                inside |= set(files)
                for path in self.objects[digest].paths:
                    yield str(problems[digest]), f"{path}/ ({len(set(files)) + 1} objects)"
        for digest, text in problems.items():
            whole_folder = bool(inside.intersection(self._files.get(digest, ())))
            if text and digest not in inside and not whole_folder:
                yield text, f"{' and '.join(self.objects[digest].paths)} ({self._address(digest)})"

    def _address(self, digest: str) -> str:
        """Where the copy is that a problem is about."""
        stored = self.objects[digest]
        place = self._remote if self._remote and stored.here == WHOLE else self._cache
        return place.address(digest)

    def _lists_on_remote(self, digest: str) -> list[StoredObject]:
        """The lists on the remote that a file is in: as long as they are there, `dvc push` takes the file to be too."""
        return [folder for folder in self._folders.get(digest, []) if folder.remote == WHOLE]

    def repair(self) -> set[str]:
        """Remove the damaged copies of objects that are whole in the other place.

        Returns:
            of `fetch` and `push`, the commands of DVC that then bring whole copies.
        """
        for stored in self.objects.values():
            if stored.here == DAMAGED and stored.remote == WHOLE:
                self._cache.remove(stored.digest)
                stored.here = MISSING
        only_here = [
            stored for stored in self.objects.values() if stored.here == WHOLE and stored.remote in (DAMAGED, MISSING)
        ]
        if self._remote and only_here:
            lists = [folder for stored in only_here for folder in self._lists_on_remote(stored.digest)]
            obstacles = {stored.digest: stored for stored in (*only_here, *lists) if stored.here == WHOLE}
            for stored in obstacles.values():
                if stored.remote != MISSING:
                    self._remote.remove(stored.digest)
            # DVC remembers which objects a remote has.
            with closing(get_index(self._remote.store)) as index:
                index.clear()
        only_remote = any(stored.here == MISSING and stored.remote == WHOLE for stored in self.objects.values())
        return {name for name, needed in (("fetch", only_remote), ("push", only_here)) if needed}
