"""The contract of a model version: all that the rest of the system knows about it.

It is stored as ``manifest.json`` beside the artefact. Nothing else guesses about a model.
"""

from __future__ import annotations

from datetime import datetime
from math import sqrt
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

Task = Literal["classification", "regression"]
CompiledKind = Literal["linear", "forest", "onnx"]
Kind = Literal["float", "int", "bool", "category", "text"]
Value = bool | int | float | str | None
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Version = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
COMPILED_FILES: Final[dict[CompiledKind, str]] = {
    "linear": "linear.npz",
    "forest": "forest.npz",
    "onnx": "model.onnx",
}


class Part(BaseModel):
    """A frozen part of the contract; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Missing(Part):
    """What happens to a missing value: ``fill`` it, ``pass`` it on as NaN, or ``refuse`` it."""

    policy: Literal["fill", "pass", "refuse"]
    value: FiniteFloat | str | None = None

    @model_validator(mode="after")
    def _fill_has_a_value(self) -> Missing:
        if (self.policy == "fill") != (self.value is not None):
            raise ValueError("'value' goes with the policy 'fill', and only with it")
        return self


class Feature(Part):
    """One column, in the order of the model.

    ``minimum`` and ``maximum`` refuse; ``trained_minimum`` and ``trained_maximum`` only count
    warnings. Without ``missing``, ``nan_replacement`` of the settings is filled in.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Kind = "float"
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    trained_minimum: FiniteFloat | None = None
    trained_maximum: FiniteFloat | None = None
    categories: tuple[str, ...] = ()
    missing: Missing | None = None

    @model_validator(mode="after")
    def _values_fit_the_kind(self) -> Feature:
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and low > high:
            raise ValueError("'minimum' is above 'maximum'")
        is_number = self.kind in {"float", "int", "bool"}
        if is_number and self.missing is not None and isinstance(self.missing.value, str):
            raise ValueError("'missing' fills a number with text")
        return self


class Outputs(Part):
    """What the model answers: ``classes`` and whether it has probabilities, or a ``unit``."""

    classes: tuple[Value, ...] | None = None
    has_probabilities: bool = False
    unit: str | None = None


class Digested(Part):
    """Bytes of a file beside the contract; ``sha256`` is over all of them."""

    size_bytes: Annotated[int, Field(ge=1)]
    sha256: Sha256


class Artefact(Digested):
    """The file that holds the fitted estimator, whose answers are the reference."""

    file: Literal["model.joblib"] = "model.joblib"
    engine: Literal["sklearn"] = "sklearn"


class Timing(Part):
    """Median CPU time of one call at registration, in microseconds."""

    one_row_us: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    thousand_rows_us: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @property
    def mean_us(self) -> float:
        """Geometric mean of both, so that neither kind of request counts for more."""
        return sqrt(self.one_row_us * self.thousand_rows_us)


class Parity(Part):
    """How a compiled engine compared with the reference, row by row.

    Attributes:
        rows: rows that both answered.
        rows_with_missing: of these, how many had a missing value.
        label_disagreements: rows with another label, or of another type.
        largest_difference: of a probability; of a regression relative to max(1, abs(reference)).
    """

    rows: Annotated[int, Field(ge=0)]
    rows_with_missing: Annotated[int, Field(ge=0)] = 0
    label_disagreements: Annotated[int, Field(ge=0)] = 0
    largest_difference: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class Compiled(Digested):
    """The model once more, as data for an engine that is faster than the reference."""

    engine: CompiledKind
    file: str
    parity: Parity
    timing: Timing

    @model_validator(mode="after")
    def _file_belongs_to_the_engine(self) -> Compiled:
        if self.file != COMPILED_FILES[self.engine]:
            raise ValueError(f"the file of {self.engine} is {COMPILED_FILES[self.engine]}")
        return self


class Signature(Part):
    """Who vouches for a manifest: the id of an Ed25519 key, and its signature in base64."""

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{86}==$")]


class GoldenRows(Part):
    """Inputs and what the model answered at registration; replayed at every load."""

    inputs: tuple[tuple[Value, ...], ...] = ()
    predictions: tuple[Value, ...] = ()
    probabilities: tuple[tuple[float, ...], ...] | None = None

    @model_validator(mode="after")
    def _each_row_has_its_answer(self) -> GoldenRows:
        lengths = {len(self.inputs), len(self.predictions)}
        if self.probabilities is not None:
            lengths.add(len(self.probabilities))
        if len(lengths) > 1:
            raise ValueError("'inputs', 'predictions' and 'probabilities' differ in length")
        return self


class Reference(Part):
    """How one feature was distributed in training: quantiles by name, and a histogram."""

    quantiles: dict[str, float]
    histogram_edges: tuple[float, ...]
    histogram_counts: tuple[int, ...]
    missing_share: float


class Training(Part):
    """Where the model comes from. Absent for a model that was registered as a bare file."""

    dataset: str
    n_rows: int
    fingerprint_sha256: str
    metrics: dict[str, float]
    reference: dict[str, Reference]
    class_shares: dict[str, float] | None = None


class Contract(Part):
    """Everything that is promised about one version of one model.

    ``compiled`` holds the engines that agree with the reference, the fastest first;
    ``not_compiled`` says of each other one why it is not among them.
    """

    format: Literal[1] = 1
    name: Name
    version: Version
    task: Task
    created_at: datetime
    commit: str | None = None
    libraries: dict[str, str] = {}
    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    outputs: Outputs
    artefact: Artefact
    reference_timing: Timing | None = None
    compiled: tuple[Compiled, ...] = ()
    not_compiled: dict[CompiledKind, str] = {}
    golden: GoldenRows = GoldenRows()
    training: Training | None = None
    signature: Signature | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> Contract:
        names = self.feature_names
        if len(set(names)) < len(names):
            raise ValueError("two features have one name")
        return self

    @model_validator(mode="after")
    def _engines_are_unique(self) -> Contract:
        if len({it.engine for it in self.compiled}) < len(self.compiled):
            raise ValueError("an engine is compiled twice")
        return self

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features in the order of the model's columns."""
        return tuple(feature.name for feature in self.features)

    @property
    def passes_missing(self) -> bool:
        """Whether the model itself meets missing values, as NaN."""
        return any(it.missing is not None and it.missing.policy == "pass" for it in self.features)

    @property
    def example_row(self) -> tuple[Value, ...]:
        """A row that the model takes: the first golden one, or the middle of each feature."""
        if self.golden.inputs:
            return self.golden.inputs[0]
        return tuple(_middle(feature) for feature in self.features)


def _middle(feature: Feature) -> Value:
    if feature.kind == "category" and feature.categories:
        return feature.categories[0]
    if feature.kind == "bool":
        return True
    low = feature.trained_minimum if feature.trained_minimum is not None else feature.minimum
    high = feature.trained_maximum if feature.trained_maximum is not None else feature.maximum
    middle = ((low or 0.0) + (high or 0.0)) / 2
    return round(middle) if feature.kind == "int" else middle
