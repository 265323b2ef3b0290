"""Adding images to a dataset that exists, without DVC: the place of every new image, and what is refused."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import ImageEnhance, ImageOps

import scenes
from commands.dataset import adding, conflicts, existing, groups, source
from runs import SAMPLE_PARAMS
from scenes import scene
from transfer import params_file
from transfer.dataset import decoding
from transfer.interface.errors import UserError
from transfer.loading.prepared import SPLITS


@pytest.fixture(scope="module")
def settings():
    return params_file.load(SAMPLE_PARAMS)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Two classes with 16, 2 and 2 images."""
    folder = tmp_path_factory.mktemp("original")
    scenes.dataset(folder / "dataset_images")
    (folder / "dataset_images.dvc").write_text("outs: []\n")
    return folder


@pytest.fixture
def project(original, tmp_path, monkeypatch):
    folder = shutil.copytree(original, tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def arrange(project, settings):
    """A function that arranges the images of a source, without writing anything."""

    def arrange(folder, groups_file=None, decisions=None):
        dataset = existing.read()
        contents = source.read(folder, dataset.classes)
        group_of, errors = existing.with_groups(dataset, groups_file, contents.images)
        return adding.arrange(dataset.images, contents.images, group_of, decisions, settings, errors)

    return arrange


def write(folder, label, seeds):
    for seed in seeds:
        scenes.save(folder / label / f"{seed}.png", scene(seed))
    return folder


def splits_of(addition):
    """The split of each new image, by its digest."""
    return {decoding.decode(path).digest: place.partition("/")[0] for place, path in addition.files.items()}


def sentences(arrange, *words, **options):
    with pytest.raises(UserError) as raised:
        arrange(*words, **options)
    return str(raised.value).splitlines()


def test_shares_hold_after_the_addition_in_every_class(tmp_path, arrange):
    # 20 and 20 images become 30 and 25: 24, 3 and 3 of glass; of metal 20, and 2.5 each.
    folder = write(write(tmp_path / "new", "glass", range(100, 110)), "metal", range(110, 115))
    addition = arrange(folder)
    glass, metal = ([addition.after[label, split] for split in SPLITS] for label in ("glass", "metal"))
    assert glass == [24, 3, 3]
    assert sum(metal) == 25 and metal[0] == 20
    assert [addition.before["glass", split] for split in SPLITS] == [16, 2, 2]
    assert addition.sizes == {split: one + other for split, one, other in zip(SPLITS, glass, metal, strict=True)}


def test_splits_that_are_short_are_filled_first(tmp_path, arrange, project):
    for number in range(2, 16):
        (project / f"dataset_images/train/glass/{number:02}.png").unlink()
    # 2, 2 and 2 become 2 + 8, 2 and 2 of 14: at 80 %, 11 belong to training.
    addition = arrange(write(tmp_path / "new", "glass", range(100, 108)))
    assert set(splits_of(addition).values()) == {"train"}


def test_the_deal_depends_on_pixels_alone(tmp_path, arrange):
    folder = write(write(tmp_path / "new", "glass", range(100, 120)), "metal", range(120, 135))
    renamed = shutil.copytree(folder, tmp_path / "renamed")
    for number, path in enumerate(sorted(renamed.rglob("*.png"), reverse=True)):
        path.rename(path.with_name(f"photo {number:03}.png"))
    assert splits_of(arrange(renamed)) == splits_of(arrange(folder))
    assert set(splits_of(arrange(folder)).values()) == {"train", "validation", "test"}


def test_copies_are_skipped_whatever_their_format_and_place(tmp_path, arrange, project):
    dataset = project / "dataset_images"
    scenes.save(tmp_path / "new/glass/as bmp.bmp", scene(1))
    shutil.copy(dataset / "test/glass/00.png", tmp_path / "new/glass/other name.png")
    write(tmp_path / "new", "glass", [100])
    shutil.copy(tmp_path / "new/glass/100.png", tmp_path / "new/glass/again.png")
    addition = arrange(tmp_path / "new")
    assert len(addition.files) == 1
    lines = addition.lines()
    assert "2 images are in the dataset already, and skipped." in lines
    assert "1 image has the same pixels as another new one, and left out." in lines
    assert "1 image was added to the dataset." in lines


def test_a_copy_in_another_class_is_a_conflict_to_be_decided(tmp_path, arrange, project):
    pixels = decoding.decode(project / "dataset_images/test/glass/01.png").digest
    (tmp_path / "new/metal").mkdir(parents=True)
    shutil.copy(project / "dataset_images/test/glass/01.png", tmp_path / "new/metal/x.png")
    write(tmp_path / "new", "metal", [100])
    first, second = sentences(arrange, tmp_path / "new")
    assert first == (
        f"dataset_images/test/glass/01.png and {tmp_path}/new/metal/x.png are the same image in two classes: decide in "
        "dataset_conflicts.csv."
    )
    assert second.startswith("Write keep or remove into the column decision of dataset_conflicts.csv")
    header, *rows = conflicts.FILE.read_text().splitlines()
    assert rows == [
        f"dataset_images/test/glass/01.png,glass,{pixels},two classes,keep",
        f"metal/x.png,metal,{pixels},two classes,",
    ]
    conflicts.FILE.write_text("\n".join([header, rows[0], f"{rows[1]}remove"]))
    addition = arrange(tmp_path / "new", decisions=conflicts.FILE)
    assert "1 image was left out by your decisions." in addition.lines()
    assert [path.name for path in addition.files.values()] == ["100.png"]
    # The image of the dataset stays.
    conflicts.FILE.write_text("\n".join([header, rows[0].replace("keep", "remove"), f"{rows[1]}keep"]))
    (line, *_) = sentences(arrange, tmp_path / "new", decisions=conflicts.FILE)
    assert line.startswith(
        "dataset_conflicts.csv removes dataset_images/test/glass/01.png, but an image of the dataset"
    )


CHANGES = {
    "re-encoded": (lambda image: image, {"quality": 60}),
    "resized": (lambda image: image.resize((80, 60)), {}),
    "cropped": (lambda image: image.crop((8, 6, 152, 114)), {}),
    "brightened": (lambda image: ImageEnhance.Brightness(image).enhance(1.2), {}),
    "mirrored": (ImageOps.mirror, {}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("seed", "place"), [(20, "test/glass/01.png"), (17, "validation/glass/00.png"), (3, "train/glass/02.png")]
)
def test_a_near_copy_goes_to_the_split_of_its_original(tmp_path, arrange, change, seed, place):
    function, options = CHANGES[change]
    scenes.save(tmp_path / "new/glass/x.jpg", function(scene(seed)), **options)
    addition = arrange(tmp_path / "new")
    assert list(addition.files) == [f"{place.partition('/')[0]}/glass/x.jpg"]
    [line] = [line for line in addition.lines() if line.startswith("  glass/x.jpg")]
    assert line == f"  glass/x.jpg resembles dataset_images/{place}: {place.partition('/')[0]}/glass/x.jpg"


def test_near_copies_of_each_other_go_to_one_split(tmp_path, arrange):
    folder = tmp_path / "new"
    for seed in range(100, 110):
        scenes.save(folder / f"glass/{seed}.png", scene(seed))
        scenes.save(folder / f"glass/{seed} again.jpg", ImageOps.mirror(scene(seed)), quality=60)
    places = list(arrange(folder).files)
    split_of = {Path(place).stem: place.partition("/")[0] for place in places}
    assert len(places) == 20
    assert all(split_of[f"{seed}"] == split_of[f"{seed} again"] for seed in range(100, 110))
    assert len(set(split_of.values())) > 1


def test_an_image_that_resembles_two_splits_is_left_out(tmp_path, arrange, project):
    scenes.save(project / "dataset_images/train/glass/leak.jpg", scene(20), quality=70)
    scenes.save(tmp_path / "new/glass/x.jpg", ImageOps.mirror(scene(20)))
    addition = arrange(tmp_path / "new")
    assert addition.files == {}
    assert addition.lines()[:3] == [
        "1 image was left out, because no split would be right:",
        "  glass/x.jpg resembles dataset_images/test/glass/01.png and dataset_images/train/glass/leak.jpg",
        "No image was added to the dataset.",
    ]


def test_a_source_that_is_split_keeps_its_split_except_for_near_copies(tmp_path, arrange):
    folder = tmp_path / "new"
    for split, seed in (("Training", 100), ("Testing", 101), ("Training", 102)):
        write(folder / split, "glass", [seed])
    scenes.save(folder / "Training/glass/x.jpg", scene(20), quality=60)
    places = {Path(place).stem: place.partition("/")[0] for place in arrange(folder).files}
    assert places == {"100": "train", "101": "test", "102": "train", "x": "test"}


def groups_file(folder, rows):
    path = folder / "groups.csv"
    path.write_text("path,group\n" + "".join(f"{image},{group}\n" for image, group in rows))
    return path


def test_a_group_goes_to_the_split_that_the_dataset_has_it_in(tmp_path, arrange):
    groups.FILE.write_text("path,group\ntest/metal/00.png,can 7\ntrain/gone.png,old\n")
    folder = write(tmp_path / "new", "glass", range(100, 106))
    rows = [("glass/100.png", "can 7"), *((f"glass/{seed}.png", "new") for seed in (101, 102, 103))]
    addition = arrange(folder, groups_file=groups_file(tmp_path, rows))
    places = {Path(place).stem: place for place in addition.files}
    assert places["100"] == "test/glass/100.png"
    assert len({places[f"{seed}"].partition("/")[0] for seed in (101, 102, 103)}) == 1
    assert addition.group_of == {
        "test/metal/00.png": "can 7",
        "test/glass/100.png": "can 7",
        **{places[f"{seed}"]: "new" for seed in (101, 102, 103)},
    }


def test_images_of_the_dataset_can_join_a_group_by_name_or_by_a_copy(tmp_path, arrange, project):
    folder = write(tmp_path / "new", "glass", [100, 101])
    shutil.copy(project / "dataset_images/validation/metal/01.png", folder / "glass/../copy.png")
    (folder / "metal").mkdir()
    (folder / "copy.png").rename(folder / "metal/copy.png")
    rows = [("glass/100.png", "a"), ("dataset_images/test/glass/00.png", "a")]
    rows += [("glass/101.png", "b"), ("metal/copy.png", "b")]
    addition = arrange(folder, groups_file=groups_file(tmp_path, rows))
    assert sorted(addition.files) == ["test/glass/100.png", "validation/glass/101.png"]
    assert addition.group_of == {
        "test/glass/00.png": "a",
        "test/glass/100.png": "a",
        "validation/metal/01.png": "b",
        "validation/glass/101.png": "b",
    }


def test_groups_that_contradict_the_dataset_are_errors(tmp_path, arrange):
    groups.FILE.write_text("path,group\ntest/metal/00.png,can 7\n")
    folder = write(tmp_path / "new", "glass", [100])
    rows = [("dataset_images/test/metal/00.png", "can 8"), ("glass/100.png", "can 8")]
    (line,) = sentences(arrange, folder, groups_file=groups_file(tmp_path, rows))
    assert line == (
        f"{tmp_path}/groups.csv has the group can 8 for dataset_images/test/metal/00.png, whose group in "
        "dataset_groups.csv is can 7: remove the line."
    )
    rows = [("dataset_images/train/metal/00.png", "can 7"), ("glass/100.png", "can 7")]
    (line,) = sentences(arrange, folder, groups_file=groups_file(tmp_path, rows))
    assert line.startswith("The group can 7 is divided between splits, as dataset_images/train/metal/00.png and ")


def test_a_new_class_gets_all_splits_if_it_has_enough_images(tmp_path, arrange):
    addition = arrange(write(tmp_path / "new", "trash", range(100, 110)))
    assert Counter(place.rpartition("/")[0] for place in addition.files) == {
        "train/trash": 8,
        "validation/trash": 1,
        "test/trash": 1,
    }
    assert "The class trash is new." in addition.lines()
    assert sentences(arrange, write(tmp_path / "few", "trash", [100, 101])) == [
        "The class trash has 2 different images: at least 3 are needed, one for each split."
    ]


def test_a_new_class_without_images_for_a_split_is_an_error(tmp_path, arrange):
    folder = write(write(tmp_path / "new/train", "trash", [100, 101]), "glass", [102]).parent
    write(folder / "test", "trash", [103])
    assert sentences(arrange, folder) == [
        "The class trash would have no image in validation: add at least 3 images, one for each split."
    ]


@pytest.mark.parametrize("inside", ["", "week 12", "export/week 12"])
def test_a_single_class_of_the_dataset_is_enough(tmp_path, arrange, inside):
    write(tmp_path / "new" / inside, "glass", [100])
    assert [place.partition("/")[2] for place in arrange(tmp_path / "new").files] == ["glass/100.png"]


def test_a_source_without_class_folders_is_an_error(tmp_path, arrange):
    scenes.save(tmp_path / "new/1.png", scene(100))
    (line,) = sentences(arrange, tmp_path / "new")
    assert line == f"{tmp_path}/new/ has no class folder: put the images into a folder with the name of their class."


def test_names_that_are_taken_get_digits_of_the_pixels(tmp_path, arrange, project):
    # In every split, `00.png` and `01.png` are taken, and a file has the name of the folder `a`.
    for seed, split in enumerate(SPLITS, 900):
        scenes.save(project / "dataset_images" / split / "glass" / "a", scene(seed), format="PNG")
    for name, seed in {"00.png": 100, "01.PNG": 101, "a/x.png": 102, "fine.png": 103}.items():
        scenes.save(tmp_path / "new/glass" / name, scene(seed))
    addition = arrange(tmp_path / "new")
    digest = {
        seed: decoding.decode(path).digest
        for seed, path in zip(
            (100, 101, 102),
            (tmp_path / "new/glass/00.png", tmp_path / "new/glass/01.PNG", tmp_path / "new/glass/a/x.png"),
            strict=True,
        )
    }
    assert sorted(place.partition("/")[2] for place in addition.files) == sorted(
        [
            f"glass/00-{digest[100][:8]}.png",
            f"glass/01-{digest[101][:8]}.PNG",
            f"glass/{digest[102]}.png",
            "glass/fine.png",
        ]
    )
    assert "3 images have another name, because the dataset has an image of theirs:" in addition.lines()


def test_all_errors_are_reported_at_once(tmp_path, arrange, project):
    (project / "dataset_images/train/metal/00.png").write_text("broken")
    folder = write(tmp_path / "new", "Glass", range(100, 104))
    (folder / "Glass/empty.jpg").touch()
    lines = sentences(arrange, folder)
    assert "dataset_images/train/metal/00.png is not a readable image: remove or replace it." in lines
    assert f"{folder}/Glass/empty.jpg is empty: remove or replace it." in lines


def test_a_dataset_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"^dataset_images\.dvc is missing: to make a dataset of SOURCE, leave out ADD\.$"
    ):
        existing.read()
    Path("dataset_images.dvc").touch()
    with pytest.raises(UserError, match=r"dataset_images/ is missing: run `dvc pull dataset_images\.dvc`"):
        existing.read()


def test_the_table_shows_what_has_changed(tmp_path, arrange):
    lines = arrange(write(tmp_path / "new", "glass", range(100, 110))).lines()
    assert lines[-4:] == [
        "             train     validation  test",
        "glass        16 -> 24  2 -> 3      2 -> 3",
        "metal        16        2           2",
        "all classes  32 -> 40  4 -> 5      4 -> 5",
    ]
