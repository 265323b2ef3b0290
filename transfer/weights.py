"""The one way that weights are read from a file."""

import warnings
from pathlib import Path

from transfer.faults import Fault
from transfer.framework import keras


def load(model: keras.Model, path: Path, told: str) -> None:
    """Load a file of weights into a model that must be made just so.

    Args:
        told: what to tell if the file does not fit, with what to do; the reason is added.

    Raises:
        Fault: the file is broken, or its weights have other shapes or belong to other layers.
    """
    try:
        # Keras only warns where it finds nothing for a layer and leaves it as it was drawn at random.
        with warnings.catch_warnings(action="error", category=UserWarning):
            model.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds for a file that does not fit
        raise Fault(f"{told} ({' '.join(str(error).split())[:200]})") from None
