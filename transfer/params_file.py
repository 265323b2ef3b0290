"""The one reader of params.yaml. It checks the whole file before any work: every key, whichever stage reads it."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from transfer.common import dvcfile
from transfer.dataset.params import DataParams
from transfer.evaluation.params import EvaluateParams
from transfer.interface.errors import UserError, UserErrors
from transfer.interface.schema import BatchSize, Pixels, Section, Seed, error_sentences
from transfer.loading.params import AugmentParams
from transfer.models.params import BackboneParams
from transfer.training.params import FinetuneParams, TrainTlParams

PATH = Path("params.yaml")
DATASET_FILE = Path("dataset_images.dvc")


class Params(Section):
    """The whole file. A key of its own is read by several rooms; a section is the room's that reads it."""

    seed: Seed
    image_size: Pixels
    batch_size: BatchSize
    precision: Annotated[Literal["float32", "bfloat16"], Field(description="float32 or bfloat16")]
    data: DataParams
    backbone: BackboneParams
    augment: AugmentParams
    train_tl: TrainTlParams
    finetune: FinetuneParams
    evaluate: EvaluateParams


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a duplicate key and reads `2e-05` as a number.

    PyYAML implements YAML 1.1, in which a number without a point has no exponent. DVC writes YAML 1.2.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key}", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def load(path: str | Path = PATH) -> Params:
    """Read and check the whole file.

    Raises:
        UserError: the file is missing, may not be read, or is not YAML.
        UserErrors: one sentence for each key that is unknown, missing, of a wrong type or out of range.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader
    except FileNotFoundError:
        raise UserError(f"{path} is missing: restore it with `git checkout {path}`.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): restore it with `git checkout {path}`.") from None
    except Exception as error:  # PyYAML raises almost anything if a value does not fit its tag
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        raise UserErrors(error_sentences(error.errors(), Params, str(path))) from None
    total = sum(params.data.split.model_dump().values())
    if not math.isclose(total, 1, abs_tol=1e-6):
        raise UserError(f"{path}: data.split adds up to {total:g}; its three shares must add up to 1.")
    return params


def uses_weights_of_sample(params: Params) -> bool:
    """Whether the backbone's weights are those of the embedded sample, by the `.dvc` file beside them."""
    weights = params.backbone.weights
    return weights not in (None, "imagenet") and dvcfile.is_bound(Path(f"{weights}.dvc"))


def check_weights_fit_dataset(params: Params) -> None:
    """Raises UserError if the sample's weights, made for rendered images, are to be used on other data.

    Data are the sample as long as their `.dvc` file binds them to the embedded remote: `prepare` refuses changed data
    that are still bound.
    """
    if uses_weights_of_sample(params) and not dvcfile.is_bound(DATASET_FILE):
        raise UserError(
            f"{PATH}: backbone.weights is {params.backbone.weights}, which was made for the embedded sample and "
            f"not for the data of {DATASET_FILE}: set it to imagenet, and set image_size and finetune.frozen_layers to "
            "fit, or let `make dataset` set them."
        )
