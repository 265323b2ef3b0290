"""The one reader of params.yaml. It checks the whole file before any work: every key, whichever stage reads it.

The parser is the one with which DVC reads the file. PyYAML implements YAML 1.1, in which `010` is 8, `1:30` is 90 and
`yes` is true: with it, a stage would compute with other values than DVC records.
"""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.events import AliasEvent

from transfer.common import dvcfile
from transfer.cross_validation.params import CrossValidateParams
from transfer.dataset.params import DataParams, ResizeParams
from transfer.engine.params import EngineParams
from transfer.evaluation.params import EvaluateParams
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.schema import BatchSize, Pixels, Section, Seed, error_sentences
from transfer.loading.params import AugmentParams
from transfer.models.params import BackboneParams
from transfer.reuse.params import FeaturesParams
from transfer.training.params import FinetuneParams, TrainTlParams

PATH = Path("params.yaml")
DATASET_FILE = Path("dataset_images.dvc")
# Merging an alias into an alias doubles the values: a few lines with many aliases would fill the memory.
MOST_ALIASES = 20


class Params(Section):
    """The whole file. A key of its own is read by several rooms; a section is the room's that reads it."""

    seed: Seed
    image_size: Pixels
    resize: ResizeParams
    batch_size: BatchSize
    precision: Annotated[Literal["float32", "bfloat16"], Field(description="float32 or bfloat16")]
    data: DataParams
    backbone: BackboneParams
    features: FeaturesParams
    augment: AugmentParams
    train_tl: TrainTlParams
    cross_validate: CrossValidateParams
    finetune: FinetuneParams
    evaluate: EvaluateParams
    engine: EngineParams


def load(path: str | Path = PATH) -> Params:
    """Read and check the whole file.

    Raises:
        UserError: the file is missing, may not be read, or is not YAML.
        UserErrors: one sentence for each key that is unknown, missing, of a wrong type or out of range.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} is missing: restore it with `git checkout {path}`.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): restore it with `git checkout {path}`.") from None
    except ValueError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    return check(parse(text, str(path)), str(path))


def check(values: Any, name: str) -> Params:
    """The parameters, checked.

    Args:
        values: all parameters, as a file has them.
        name: what an error message calls their file.

    Raises:
        UserErrors: one sentence for each key that is unknown, missing, of a wrong type or out of range.
        UserError: the shares of the splits do not add up to 1.
    """
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        raise UserErrors(error_sentences(error.errors(), Params, name)) from None
    total = sum(params.data.split.model_dump().values())
    if not math.isclose(total, 1, abs_tol=1e-6):
        raise UserError(f"{name}: data.split adds up to {total:g}; its three shares must add up to 1.")
    return params


def parse(text: str, name: str) -> Any:
    """The values of a file of parameters, unchecked: an earlier commit may have other keys.

    Args:
        name: what an error message calls the file.

    Raises:
        UserError: it is not YAML.
    """
    try:
        aliases = sum(isinstance(event, AliasEvent) for event in YAML(typ="safe").parse(text))
        if aliases > MOST_ALIASES:
            raise ValueError(f"it has {aliases} aliases, more than {MOST_ALIASES}: write the values out")
        return YAML(typ="safe").load(text)
    except Exception as error:  # the parser raises almost anything if a value does not fit its tag
        problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
        reason = f"{problem} in line {mark.line + 1}" if problem and mark else " ".join(str(error).split())
        raise UserError(f"{name} is not valid YAML: {reason}") from None


def uses_weights_of_sample(params: Params) -> bool:
    """Whether the backbone's weights are those of the embedded sample, by the `.dvc` file beside them."""
    weights = params.backbone.weights
    return weights not in (None, "imagenet") and dvcfile.is_bound(Path(f"{weights}.dvc"))


def check_weights_fit_dataset(params: Params) -> None:
    """Raises UserError if the sample's weights, made for rendered images, are to be used on other data.

    Data are the sample as long as their `.dvc` file binds them to the embedded remote, or marks them as derived from
    it: `prepare` refuses changed data that are still bound.
    """
    if uses_weights_of_sample(params) and not dvcfile.is_of_sample(DATASET_FILE):
        raise UserError(
            f"{PATH}: backbone.weights is {params.backbone.weights}, which was made for the embedded sample and "
            f"not for the data of {DATASET_FILE}: set it to imagenet, and set image_size and finetune.frozen_layers to "
            "fit, or let `make dataset` set them."
        )
