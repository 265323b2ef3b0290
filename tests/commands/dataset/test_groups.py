"""Reading the CSV file of groups."""

import pytest

from commands.dataset import arranging, source
from commands.dataset.groups import read_groups
from transfer.interface.errors import UserError, UserErrors


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_names_stay_text_and_paths_are_normalized(tmp_path):
    text = '\ufeffgroup,note,path\n007,x,a/1.jpg\nNA,,"a/2, b.jpg"\n007,,./b/é.jpg\n'
    groups = read_groups(write(tmp_path / "g.csv", text), {"a/1.jpg", "a/2, b.jpg", "b/é.jpg", "b/4.jpg"})
    assert groups == {"a/1.jpg": "007", "a/2, b.jpg": "NA", "b/é.jpg": "007"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column path and no column group: its first line must be path,group"),
        ("path;name\na/1.jpg;x\n", "has no column group: its first line"),
        ("path,name\na/1.jpg,x\n", "has no column group: its first line"),
        (
            "path,group\na/9.jpg,x\n",
            "lists 'a/9.jpg', which is not an image in SOURCE: write paths relative to SOURCE, such as glass/1.jpg.",
        ),
        ("path,group\na/1.jpg,x\n./a/1.jpg,x\n", "lists a/1.jpg twice: keep one of the lines"),
        ("path,group\na/1.jpg,\n", "has no group for a/1.jpg: name one, or remove the line"),
        ("path,group\na/1.jpg\n", "has no group for a/1.jpg"),
        (b"path,group\na/\xff.jpg,x\n", "cannot be read as a CSV file"),
        ('path,group\n"a/1.jpg"x,y\n', "cannot be read as a CSV file"),
    ],
)
def test_the_error_of_an_invalid_file_is_one_sentence(tmp_path, text, message):
    path = write(tmp_path / "g.csv", text)
    with pytest.raises(UserError) as raised:
        read_groups(path, {"a/1.jpg"})
    assert str(raised.value).startswith(f"{path} ") and message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_folder_in_its_place_are_errors(tmp_path):
    with pytest.raises(UserError, match="is missing: GROUPS must be a CSV file with the columns path and group"):
        read_groups(tmp_path / "none.csv", set())
    with pytest.raises(UserError, match="cannot be read as a CSV file"):
        read_groups(tmp_path, set())


def test_all_errors_of_a_file_are_reported_at_once(tmp_path):
    path = write(tmp_path / "g.csv", "path,group\na/9.jpg,x\na/1.jpg,\n")
    with pytest.raises(UserErrors) as raised:
        read_groups(path, {"a/1.jpg"})
    assert len(raised.value.sentences) == 2


def test_classes_and_groups_with_two_names_are_reported_before_anything_is_split(tmp_path, photograph):
    for number, label in enumerate(["glass", "Glass", "metal"]):
        photograph(tmp_path / "source" / label / "1.png", seed=number)
    groups = write(tmp_path / "g.csv", "path,group\nglass/1.png,caf\u00e9\nmetal/1.png,cafe\u0301\n")
    contents = source.read(tmp_path / "source")
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    with pytest.raises(UserErrors) as raised:
        arranging.arrange(contents, shares, 1, groups, None, contents.errors)
    assert [sentence.partition(" look like ")[0] for sentence in raised.value.sentences] == [
        "The classes 'Glass' and 'glass'",
        "The groups 'cafe\\u0301' and 'caf\\xe9'",
    ]
