"""The pool of a folder in which prepare and features have run."""

from pathlib import Path

from transfer.cross_validation import pool
from transfer.loading import features, prepared
from transfer.models import backbone as backbones
from transfer.params_file import Params


def load_pool(settings: Params, names: tuple[str, ...] = ("train", "validation")) -> pool.Pool:
    """The images of these splits with their features; validation and test images have view 0 only."""
    channels = backbones.read_description(Path("models/backbone"))["channels"]
    splits = {name: prepared.load_split(name) for name in names}
    return pool.join({name: (split, features.load_features(name, split, channels)) for name, split in splits.items()})
