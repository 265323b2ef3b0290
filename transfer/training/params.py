"""The sections `train_tl` and `finetune` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from transfer.interface.schema import Count, Fraction, Natural, NonNegative, Rate, Section

Schedule = Annotated[Literal["constant", "cosine"], Field(description="constant or cosine")]
ClassWeights = Annotated[Literal["balanced"] | None, Field(description="balanced, or null for none")]
Patience = Annotated[Count | None, Field(description="a whole number of at least 1, or null for no early stopping")]
FrozenLayerCounts = Annotated[
    list[Natural],
    Field(min_length=1, description="a list with one whole number of at least 0 for each round, as in [500, 300]"),
]


class EarlyStoppingParams(Section):
    patience: Patience
    min_delta: NonNegative


class TrainingParams(Section):
    """The keys that both trainings have; see `training.loop.fit`."""

    epochs: Count
    learning_rate: Rate
    schedule: Schedule
    warmup_epochs: Natural
    weight_decay: NonNegative
    label_smoothing: Fraction
    class_weights: ClassWeights
    early_stopping: EarlyStoppingParams


class TrainTlParams(TrainingParams):
    dropout: Fraction


class FinetuneParams(TrainingParams):
    frozen_layers: FrozenLayerCounts
