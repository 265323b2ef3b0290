"""The one reader of params.yaml: every key checked, every fault named with its key, its value and what is allowed."""

import math
import re
import reprlib
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from transfer import applications
from transfer.faults import Fault, Faults

PATH = Path("params.yaml")
LARGEST_IMAGE = 2048
# What a batch takes in memory grows with it, and one that is not full is filled up
LARGEST_BATCH = 8192


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice and reads `2e-05` as the number it is.

    PyYAML follows YAML 1.1, in which a number without a point has no exponent; DVC writes YAML 1.2.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


def _known_backbone(name: str) -> str:
    if name not in applications.modules():
        raise ValueError("unknown")
    return name


def _weights_source(source: str) -> str:
    path = PurePosixPath(source)
    if source != "imagenet" and not (
        path.parts[:1] == ("weights",) and ".." not in path.parts and path.suffix == ".h5"
    ):
        raise ValueError("not a source of weights")
    return source


# The description of a type is what a person is told is allowed.
Count = Annotated[int, Field(ge=1, le=1_000_000, description="a whole number of at least 1")]
Natural = Annotated[int, Field(ge=0, le=1_000_000, description="a whole number of at least 0")]
Seed = Annotated[int, Field(ge=0, lt=2**32, description="a whole number from 0 to 4294967295")]
Pixels = Annotated[
    int, Field(ge=32, le=LARGEST_IMAGE, description=f"a whole number of pixels from 32 to {LARGEST_IMAGE}")
]
Batch = Annotated[int, Field(ge=1, le=LARGEST_BATCH, description=f"a whole number from 1 to {LARGEST_BATCH}")]
Share = Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")]
Fraction = Annotated[float, Field(ge=0, lt=1, description="a number from 0 to below 1")]
Turn = Annotated[float, Field(ge=0, le=0.5, description="a share of a full turn, from 0 to 0.5")]
Rate = Annotated[float, Field(gt=0, le=1, description="a number above 0 and at most 1")]
NonNegative = Annotated[float, Field(ge=0, description="a number of at least 0"), AfterValidator(_finite)]
Schedule = Annotated[Literal["constant", "cosine"], Field(description="constant or cosine")]
Patience = Annotated[Count | None, Field(description="a whole number of at least 1, or null for no early stopping")]
Precision = Annotated[Literal["float32", "bfloat16"], Field(description="float32 or bfloat16")]
Flip = Annotated[Literal["horizontal"] | None, Field(description="horizontal or null")]
Backbone = Annotated[str, Field(description="the name of a keras.applications class"), AfterValidator(_known_backbone)]
Source = Annotated[str, AfterValidator(_weights_source)]
Rounds = Annotated[
    list[Natural],
    Field(min_length=1, description="a list with one whole number of at least 0 for each round, as in [500, 300]"),
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SplitParams(_Section):
    train: Share
    validation: Share
    test: Share


class DataParams(_Section):
    split: SplitParams
    tolerance: Fraction


class BackboneParams(_Section):
    name: Backbone
    weights: Annotated[Source | None, Field(description="imagenet, null, or a .h5 file in weights/")]


class AugmentParams(_Section):
    flip: Flip
    rotation: Turn
    views: Natural


class EarlyStoppingParams(_Section):
    patience: Patience
    min_delta: NonNegative


class TrainingParams(_Section):
    """What both trainings have: see `training.fit`."""

    epochs: Count
    learning_rate: Rate
    schedule: Schedule
    warmup_epochs: Natural
    weight_decay: NonNegative
    label_smoothing: Fraction
    early_stopping: EarlyStoppingParams


class TrainTlParams(TrainingParams):
    dropout: Fraction


class FinetuneParams(TrainingParams):
    frozen_layers: Rounds


class EvaluateParams(_Section):
    gallery_class: Annotated[str, Field(min_length=1, description="worst, or the name of a class (in quotes)")]
    near_duplicate: Rate


class Params(_Section):
    seed: Seed
    image_size: Pixels
    batch_size: Batch
    precision: Precision
    data: DataParams
    backbone: BackboneParams
    augment: AugmentParams
    train_tl: TrainTlParams
    finetune: FinetuneParams
    evaluate: EvaluateParams


def load(path: str | Path = PATH) -> Params:
    """Read and check the whole file.

    Raises:
        Fault: the file is missing, may not be read or is not YAML.
        Faults: one sentence for each key that is unknown, missing, of a wrong type or out of range.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader
    except FileNotFoundError:
        raise Fault(f"{path} is missing: restore it with `git checkout {path}`.") from None
    except OSError as error:
        raise Fault(f"{path} cannot be read ({error.strerror}): restore it with `git checkout {path}`.") from None
    except Exception as error:  # PyYAML raises almost anything where a value is not what its tag says
        raise Fault(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        raise Faults(_sentences(path, error.errors())) from None
    total = sum(params.data.split.model_dump().values())
    if not math.isclose(total, 1, abs_tol=1e-6):
        raise Fault(f"{path}: data.split adds up to {total:g}; its three shares must add up to 1.")
    return params


def _sentences(path: str | Path, errors: list[ErrorDetails]) -> list[str]:
    # A union or a bad list item gives several errors for one key: a person needs one.
    sentences: dict[str, str] = {}
    for error in errors:
        key, field, section = _find(error["loc"])
        if error["type"] == "extra_forbidden":
            close = get_close_matches(str(error["loc"][-1]), section.model_fields, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known there: {', '.join(section.model_fields)}."
            sentences.setdefault(key, f"{path}: {key} is no parameter; {hint}")
        elif error["type"] == "missing":
            allowed = _allowed(field)
            sentences.setdefault(key, f"{path}: {key} is missing; give it {allowed}.")
        else:
            value = error["input"]
            hint = ""
            if key == "backbone.name" and isinstance(value, str):
                close = get_close_matches(value, applications.modules(), n=1)
                hint = f" (did you mean {close[0]}?)" if close else ""
            sentences.setdefault(key, f"{path}: {key} is {_shown(value)}; allowed: {_allowed(field)}{hint}.")
    return list(sentences.values())


def _find(location: tuple[int | str, ...]) -> tuple[str, Any, type[BaseModel]]:
    """The dotted key of an error, its field, and the section that it stands in."""
    section: type[BaseModel] = Params
    field = None
    names: list[str] = []
    for part in location:
        if isinstance(part, int):
            break
        names.append(part)
        if part not in section.model_fields:
            return ".".join(names), None, section
        field = section.model_fields[part]
        if not _is_section(field.annotation):
            break
        section = field.annotation  # type: ignore[assignment]
    return ".".join(names) or "the file", field, section


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, _Section)


def _allowed(field: Any) -> str:
    """What may stand in a field, in words: its description, or the keys of the section that it is."""
    if field is None:
        return f"the keys {', '.join(Params.model_fields)}"
    if field.description:
        return str(field.description)
    if _is_section(field.annotation):
        return f"a section with {', '.join(field.annotation.model_fields)}"
    return " or ".join(map(str, get_args(field.annotation)))


class _Repr(reprlib.Repr):
    """`repr` that stays short, also where aliases make a few lines stand for millions of values."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 100

    def repr_int(self, value: int, level: int) -> str:
        # Python itself refuses to write a number of very many digits
        return repr(value) if abs(value) < 10**40 else "a number of more than 40 digits"


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else _Repr().repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
