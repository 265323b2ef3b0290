"""Checks of a split dataset. Each returns sentences, so that a user sees everything that is wrong at once."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

from transfer.dataset import listing as kinds
from transfer.dataset.listing import DatasetListing, Skipped
from transfer.loading.prepared import SPLITS

# A sentence about many files names the first of them.
NAMED = 3


def split_errors(listing: DatasetListing, shares: Mapping[str, float], tolerance: float, remedy: str) -> list[str]:
    """What is wrong with the folders, and with the splits' shares if each split has images."""
    errors = class_errors(listing)
    if all(listing.images.values()):
        errors += share_errors(listing.folder, listing.images, shares, tolerance, remedy)
    return errors


def class_errors(listing: DatasetListing) -> list[str]:
    """A sentence for each split that is missing, and for each class that a split lacks."""
    counts = Counter((entry.split, entry.label) for entry in listing.entries)
    errors = [
        f"{listing.folder}/{split}/ is missing: a dataset has the folders train, validation and test; "
        "`make dataset SOURCE=folder` makes them from class folders."
        for split in SPLITS
        if not (listing.folder / split).is_dir()
    ]
    if len(errors) == len(SPLITS):
        return errors
    errors += name_errors(listing.classes, "classes")
    if len(listing.classes) < 2:
        number = "one class" if listing.classes else "no class"
        errors.append(f"{listing.folder}/ has {number}: at least two are needed.")
    for split in SPLITS:
        for label in listing.classes:
            place = listing.folder / split / label
            if not place.parent.is_dir():
                continue
            if not place.is_dir():
                errors.append(f"{place}/ is missing, but another split has the class {label}: add the folder.")
            elif place in {other.path for other in listing.skipped}:
                errors.append(f"{place} is a link to a folder, and DVC does not follow it: copy the folder there.")
            elif counts[split, label] == 0:
                errors.append(f"{place}/ has no image: add some, or remove the class from all three splits.")
    return errors


def share_errors(
    folder: Path, images: Mapping[str, int], shares: Mapping[str, float], tolerance: float, remedy: str
) -> list[str]:
    """A sentence for each split whose share of the images is too far from its target.

    Args:
        images: the number of images of each split.
        shares: the target share of each split.
        tolerance: the largest allowed distance from the target, inclusive.
        remedy: what to do about it; ends the sentence.
    """
    total = sum(images.values())
    return [
        f"{folder}/{split}/ holds {images[split] / total:.1%} of the {total} images, more than {tolerance:.1%} "
        f"from its target of {share:.0%}: {remedy}"
        for split, share in shares.items()
        if total and abs(images[split] / total - share) > tolerance + 1e-9
    ]


def duplicate_errors(folder: Path, digests: Iterable[tuple[str, str]]) -> list[str]:
    """A sentence for each set of files, given as (path, digest), that have the same pixels."""
    paths = defaultdict(list)
    for path, digest in digests:
        paths[digest].append(path)
    return [
        f"{' and '.join(f'{folder}/{path}' for path in same)} are the same image: keep one."
        for same in paths.values()
        if len(same) > 1
    ]


def skipped_sentences(skipped: Iterable[Skipped]) -> list[str]:
    """A sentence for each kind of what is skipped: how many, the first of them, and what to do."""
    groups: dict[tuple[str, str], list[Skipped]] = defaultdict(list)
    for other in skipped:
        groups[other.kind, other.detail].append(other)
    ordered = sorted(groups.items(), key=lambda group: (kinds.KINDS.index(group[0][0]), group[0][1]))
    return [_skipped_sentence(kind, detail, others) for (kind, detail), others in ordered]


def left_out(skipped: Iterable[Skipped]) -> list[Skipped]:
    """What is skipped although it holds images that a user may want."""
    return [
        other
        for other in skipped
        if other.kind in (kinds.NOT_READ, kinds.LOOSE) or other.images or (other.kind == kinds.LINKED and other.advice)
    ]


def _skipped_sentence(kind: str, detail: str, others: list[Skipped]) -> str:
    number, names = len(others), _first_names(others)
    advice = others[0].advice if number == 1 else others[0].advice.replace(" it ", " them ", 1)
    are = "is" if number == 1 else "are"

    def count(one: str, many: str) -> str:
        return f"1 {one}" if number == 1 else f"{number} {many}"

    match kind:
        case kinds.NOT_READ:
            return f"{count('file holds', 'files each hold')} {detail}, a format that is not read, {names}: {advice}."
        case kinds.LOOSE:
            what = count("image lies in no class folder, and is", "images lie in no class folder, and are")
            return f"{what} skipped, {names}: move images into the folder of their class."
        case kinds.HIDDEN:
            what = count("file or folder has a name that begins", "files and folders have names that begin")
            images = sum(other.images for other in others)
            holding = f"with {images} image{'s' if images != 1 else ''}" if images else "without an image"
            return f"{what} with a dot, and {are} skipped {holding}, {names}: rename what you want to use."
        case kinds.LINKED:
            what = count("link to a folder is", "links to folders are")
            return f"{what} not followed, {detail}, {names}" + (f": {advice}." if advice else ".")
        case kinds.NOT_IMAGES:
            return f"{count('file is not an image and is', 'files are not images and are')} skipped, {names}."
        case _:
            what = count(
                "file or folder that a system or program leaves", "files and folders that systems and programs leave"
            )
            return f"{what} behind {are} skipped, {names}."


def _first_names(others: list[Skipped]) -> str:
    names = ", ".join(printable(other.path.as_posix()) for other in others[:NAMED])
    return f"such as {names}" if len(others) > NAMED else f"namely {names}"


def printable(name: str) -> str:
    """A name as text: characters that a terminal or a table cannot hold are escaped."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in name
    )


def name_errors(names: Iterable[str], kind: str) -> list[str]:
    """A sentence for each name that nobody can see, and for each two that differ although a person reads them as one.

    Args:
        kind: what the names are, in the plural.
    """
    distinct = sorted(set(names))
    alike: dict[str, list[str]] = defaultdict(list)
    for name in distinct:
        alike[_visible(name)].append(name)
    unseen = [name for name in alike.pop("", []) if name]
    pairs = [pair for same in alike.values() for pair in combinations(same, 2)]
    # Only names that mix scripts are compared with all others: there may be thousands of names.
    for mixed in (visible for visible in alike if {_script(letter) for letter in visible} & {"CYRILLIC", "GREEK"}):
        if "LATIN" in map(_script, mixed):
            others = (visible for visible in alike if _differ_in_script_only(mixed, visible))
            pairs += [(alike[mixed][0], alike[other][0]) for other in others]
    sentences = [f"{name!a} is one of the {kind}, and has no visible character: rename it." for name in unseen]
    return sentences + [
        # With escapes, since a person could not see the difference.
        f"The {kind} {one!a} and {other!a} look like one name but are two: write them the same, or choose "
        "names that differ visibly."
        for one, other in sorted({(min(pair), max(pair)) for pair in pairs})
    ]


def _visible(name: str) -> str:
    """A name without what a person overlooks: Unicode form, case, invisible characters, blanks at the ends."""
    visible = [character for character in name if not _is_invisible(character)]
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", "".join(visible)).casefold()).strip()


def _is_invisible(character: str) -> bool:
    # Format characters, such as zero-width blanks, the byte order mark and the soft hyphen; and variation selectors.
    return unicodedata.category(character) == "Cf" or "VARIATION SELECTOR" in unicodedata.name(character, "")


def _differ_in_script_only(one: str, other: str) -> bool:
    """Whether two names share a letter and differ only where one has a Latin letter and the other one does not.

    A word that mixes Latin with Cyrillic or Greek letters is how Unicode recognises most look-alikes (Unicode Technical
    Standard 39, section 5). Without a shared letter, two names are words of two languages.
    """
    pairs = list(zip(one, other, strict=False))
    different = [{_script(letter) for letter in pair} for pair in pairs if pair[0] != pair[1]]
    return (
        one != other
        and len(one) == len(other)
        and any(same == letter and same.isalpha() for same, letter in pairs)
        and all(scripts in ({"LATIN", "CYRILLIC"}, {"LATIN", "GREEK"}) for scripts in different)
    )


def _script(character: str) -> str:
    """The script of a letter: the first word of its name in Unicode."""
    return unicodedata.name(character, "").partition(" ")[0]
