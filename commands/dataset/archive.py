"""A zip archive as a source: its members, extracted safely to a temporary folder."""

import errno
import lzma
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from transfer.interface.errors import UserError, UserErrors
from transfer.interface.progress import progress_bar

FOLDER = Path(".scratch/archive")
MAX_MEMBERS = 1_000_000
MAX_BYTES = 200 * 2**30
# Images hardly shrink in a zip. What unpacks to so many times its size, beyond some uncompressed ones, is no dataset.
MAX_RATIO, RATIO_FROM = 100, 2**30
# What the modules of the standard library raise for an archive that is not whole, or is packed in another way.
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, ValueError, RuntimeError)
ENCRYPTED, UTF_8 = 0x1, 0x800
UNICODE_PATH = 0x7075


@contextmanager
def extracted(path: Path) -> Iterator[Path]:
    """A folder with the members of a zip archive, removed when the block ends.

    In the sentences of a UserError in the block, the folder is called by the archive's name.

    Raises:
        UserError: the file is not a zip archive, or is broken, encrypted, too large or not safe to extract.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    try:
        _extract(path, FOLDER)
        yield FOLDER
    except UserError as error:
        raise UserErrors([line.replace(str(FOLDER), str(path)) for line in str(error).splitlines()]) from None
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


def _extract(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive.infolist())
            folder.mkdir(parents=True)
            if sum(member.file_size for member in members.values()) > shutil.disk_usage(folder).free:
                raise UserError(f"{path} does not fit on the disk of {folder}/ when it is extracted: free some space.")
            for place, member in progress_bar(members.items(), "extracting", len(members)):
                target = folder / place
                target.parent.mkdir(parents=True, exist_ok=True)
                # A member never gives more bytes than its size says, and a wrong size is an error of its checksum.
                with archive.open(member) as packed, target.open("xb") as file:
                    shutil.copyfileobj(packed, file)
    except BROKEN as error:
        reason = " ".join(str(error).split()) or "it ends too early"
        raise UserError(
            f"{path} cannot be extracted ({reason}): SOURCE must be a folder, or a zip file that is whole."
        ) from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UserError(
            f"{path} has a file and a folder of one name ({error.filename}): extract it yourself, and use the folder."
        ) from None
    except OSError as error:
        # The module bz2 reports a broken member without a number; an archive without its beginning makes the module
        # zipfile seek to a place before the file.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise UserError(f"{path} is broken ({error.strerror or error}): get it again.") from None


def _members(path: Path, infos: list[zipfile.ZipInfo]) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files of an archive by their place below the folder. Raises UserError if one of them is not safe."""
    remedy = "extract it yourself, and use the folder."
    if len(infos) > MAX_MEMBERS:
        raise UserError(f"{path} has {len(infos)} members, more than {MAX_MEMBERS}: {remedy}")
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    guessed = 0
    for info in infos:
        name, certain = _name(info)
        # Some programs on Windows write backslashes.
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        if parts[:1] == ["__MACOSX"] or name.endswith(("/", "\\")):
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)
        place = PurePosixPath(*parts)
        if not parts or ".." in parts or name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or "\0" in name:
            raise UserError(f"{path} has the member {name!r}, which lies outside of the archive: {remedy}")
        if kind not in (0, stat.S_IFREG):
            raise UserError(f"{path} has the member {name!r}, which is a link or not a file: {remedy}")
        if info.flag_bits & ENCRYPTED:
            raise UserError(f"{path} is encrypted ({name!r}): {remedy}")
        if place in members:
            raise UserError(f"{path} has two members of the name {name!r}: {remedy}")
        members[place] = info
        guessed += not certain
    size, packed = (sum(getattr(info, key) for info in members.values()) for key in ("file_size", "compress_size"))
    if size > MAX_BYTES or (size > RATIO_FROM and size > MAX_RATIO * packed):
        raise UserError(f"{path} would take {size / 2**30:.1f} GiB when it is extracted: {remedy}")
    if guessed:
        print(
            f"{guessed} names in {path} say no encoding and were read as code page 437: check the names of the classes."
        )
    return members


def _name(info: zipfile.ZipInfo) -> tuple[str, bool]:
    """The name of a member, and whether its encoding is certain."""
    if info.flag_bits & UTF_8 or info.orig_filename.isascii():
        return info.orig_filename, True
    extra = info.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        # Info-ZIP's Unicode path: a version, the checksum of the other name, and the name in UTF-8.
        if kind == UNICODE_PATH and length > 5:
            return extra[9 : 4 + length].decode("utf-8", errors="strict"), True
        extra = extra[4 + length :]
    # Python reads a name without a flag as code page 437. Many programs write UTF-8 and no flag.
    try:
        return info.orig_filename.encode("cp437").decode("utf-8"), True
    except UnicodeError:
        return info.orig_filename, False
