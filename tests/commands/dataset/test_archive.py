"""Zip files as sources: what is extracted, and what is refused."""

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from commands.dataset import archive
from transfer.interface.errors import UserError


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pack(members, name="photos.zip", **options):
    """A zip file with members given as (name or ZipInfo, content)."""
    with zipfile.ZipFile(name, "w", **options) as file:
        for member, content in members:
            file.writestr(member, content)
    return Path(name)


def contents(path):
    with archive.extracted(path) as folder:
        extracted = {
            inside.relative_to(folder).as_posix(): inside.read_bytes()
            for inside in folder.rglob("*")
            if inside.is_file()
        }
    assert not archive.FOLDER.exists()
    return extracted


def refusal(path):
    with pytest.raises(UserError) as raised, archive.extracted(path):
        pass
    assert not archive.FOLDER.exists()
    assert not (Path("..") / "evil.jpg").exists()
    return str(raised.value)


def test_members_are_extracted_without_what_macos_adds():
    members = [
        ("top/", ""),
        ("top/glass/1.jpg", b"one"),
        ("__MACOSX/top/glass/._1.jpg", b"x"),
        ("./top/é/2.jpg", b"two"),
    ]
    assert contents(pack(members, compression=zipfile.ZIP_DEFLATED)) == {
        "top/glass/1.jpg": b"one",
        "top/é/2.jpg": b"two",
    }


def test_backslashes_of_windows_separate_folders():
    assert contents(pack([("top\\glass\\1.jpg", b"one")])) == {"top/glass/1.jpg": b"one"}


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "a/../../evil.jpg", "/evil.jpg", "C:/evil.jpg", "..\\evil.jpg", "\\evil.jpg"]
)
def test_a_member_outside_of_the_archive_is_refused(name):
    message = refusal(pack([("a/1.jpg", b""), (name, b"x")]))
    assert message == (
        f"photos.zip has the member {name!r}, which lies outside of the archive: extract it yourself, and use the "
        "folder."
    )


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_device_is_refused(kind):
    info = zipfile.ZipInfo("a/1.jpg")
    info.external_attr = (kind | 0o777) << 16
    message = refusal(pack([(info, b"/etc/passwd")]))
    assert message.startswith("photos.zip has the member 'a/1.jpg', which is a link or not a file: extract it yourself")


def test_an_encrypted_member_is_refused():
    path = pack([("a/1.jpg", b"content")])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert refusal(path) == "photos.zip is encrypted ('a/1.jpg'): extract it yourself, and use the folder."


def test_a_name_that_is_there_twice_is_refused():
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = pack([("a/1.jpg", b"one"), ("a/1.jpg", b"two")])
    assert refusal(path).startswith("photos.zip has two members of the name 'a/1.jpg': ")


def test_a_file_and_a_folder_of_one_name_are_refused():
    assert refusal(pack([("a", b"one"), ("a/1.jpg", b"two")])).startswith(
        "photos.zip has a file and a folder of one name"
    )


@pytest.mark.parametrize(("limit", "value"), [("MAX_BYTES", 1000), ("MAX_RATIO", 1)])
def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch, limit, value):
    path = pack([("a/1.jpg", bytes(2000))], compression=zipfile.ZIP_DEFLATED)
    assert len(contents(path)["a/1.jpg"]) == 2000
    monkeypatch.setattr(archive, "RATIO_FROM", 1000 if limit == "MAX_RATIO" else archive.RATIO_FROM)
    monkeypatch.setattr(archive, limit, value)
    assert "would take 0.0 GiB when it is extracted: extract it yourself" in refusal(path)


def test_too_many_members_are_refused(monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    assert refusal(pack([("1", b""), ("2", b"")])).startswith("photos.zip has 2 members, more than 1: ")


@pytest.mark.parametrize("size", [0, 20, 700, -1])
def test_a_file_that_is_no_whole_archive_is_refused(size):
    path = pack([("a/1.jpg", bytes(range(256)) * 4)])
    path.write_bytes(path.read_bytes()[:size])
    assert "cannot be extracted" in refusal(path)
    assert "SOURCE must be a folder, or a zip file that is whole." in refusal(path)


def test_damaged_content_is_refused():
    path = pack([("a/1.jpg", bytes(range(256)) * 4)], compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    assert refusal(path).startswith("photos.zip cannot be extracted (")


def test_an_archive_without_its_beginning_is_refused():
    path = pack([("a/1.jpg", b"one" * 100)])
    path.write_bytes(path.read_bytes()[40:])
    assert refusal(path) == "photos.zip is broken (Invalid argument): get it again."


def renamed(old, new, flag):
    """An archive whose one member has a name of other bytes, with or without the flag that says UTF-8."""
    path = pack([(old, b"one")])
    data = bytearray(path.read_bytes().replace(old.encode(), new))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = data.index(signature) + offset
        data[position : position + 2] = struct.pack("<H", 0x800 if flag else 0)
    path.write_bytes(data)
    return path


def test_names_in_utf_8_without_the_flag_are_read_as_such():
    assert contents(renamed("xx/1.jpg", "é/1.jpg".encode(), flag=False)) == {"é/1.jpg": b"one"}


def test_names_in_another_encoding_are_read_and_reported(capsys):
    assert contents(renamed("x/1.jpg", b"\x82/1.jpg", flag=False)) == {"é/1.jpg": b"one"}
    assert capsys.readouterr().out == (
        "1 names in photos.zip say no encoding and were read as code page 437: check the names of the classes.\n"
    )


def test_the_unicode_path_of_info_zip_is_used():
    info = zipfile.ZipInfo("xx/1.jpg")
    text = "日本/1.jpg".encode()
    info.extra = struct.pack("<HHBI", 0x7075, 5 + len(text), 1, 0) + text
    path = pack([(info, b"one")])
    data = path.read_bytes().replace(b"xx/1.jpg", b"\x93\xfa/1.jpg")
    path.write_bytes(data)
    assert contents(path) == {"日本/1.jpg": b"one"}


def test_errors_name_the_archive_and_not_the_temporary_folder():
    path = pack([("a/1.jpg", b"one")])
    with pytest.raises(UserError, match=r"^photos\.zip/a/1\.jpg is broken$"), archive.extracted(path) as folder:
        raise UserError(f"{folder}/a/1.jpg is broken")
