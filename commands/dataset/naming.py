"""Names for images that are added, where the dataset has some of them already."""

import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from commands.dataset.source import SourceImage


def places(names: Iterable[str], images: Mapping[str, tuple[str, SourceImage]]) -> dict[str, str]:
    """A place in the dataset for each new image, by its digest.

    An image whose place is taken gets the first digits of its digest into its name. Places that differ only in case or
    Unicode form count as one, because some file systems do not tell them apart.
    """
    taken = {_folded(name.partition("/")[2]) for name in names}
    folders = {parent for place in taken for parent in map(str, PurePosixPath(place).parents)}
    places = {}
    for pixels, (split, image) in images.items():
        path = PurePosixPath(split, image.label, image.inside)
        with_digest = path.with_name(f"{path.stem}-{pixels[:8]}{path.suffix}")
        for candidate in (path, with_digest, PurePosixPath(split, image.label, f"{pixels}{path.suffix}")):
            folded = _folded(str(candidate))
            parents = set(map(str, PurePosixPath(folded).parents))
            if folded not in taken and folded not in folders and not parents & taken:
                break
        places[pixels] = str(candidate)
        taken.add(folded)
        folders |= parents
    return places


def _folded(place: str) -> str:
    return unicodedata.normalize("NFC", place).casefold()
