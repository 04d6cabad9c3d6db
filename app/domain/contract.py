"""The contract of a model version: all that the rest of the system knows about it.

It is stored as ``manifest.json`` beside the artefact. Nothing else guesses about a model.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, FiniteFloat, model_validator

from app.domain.compiled import Compiled, CompiledKind, Digested, Part, Timing

Task = Literal["classification", "regression", "outlier-detection"]
Input = Literal["numbers", "table", "texts"]
Kind = Literal["float", "int", "bool", "category", "text"]
NUMBERS: Final = frozenset({"float", "int", "bool"})
Value = bool | int | float | str | None
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
Version = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]


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
    warnings. A category outside of ``categories`` is refused, or counted where ``unknown`` warns.
    Without ``missing``, ``nan_replacement`` of the settings is filled into a number, and a
    category or a text may not be missing.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Kind = "float"
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    trained_minimum: FiniteFloat | None = None
    trained_maximum: FiniteFloat | None = None
    categories: tuple[str, ...] = ()
    unknown: Literal["refuse", "warn"] = "refuse"
    missing: Missing | None = None

    @model_validator(mode="after")
    def _values_fit_the_kind(self) -> Feature:
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and low > high:
            raise ValueError("'minimum' is above 'maximum'")
        if (
            self.kind in NUMBERS
            and self.missing is not None
            and isinstance(self.missing.value, str)
        ):
            raise ValueError("'missing' fills a number with text")
        return self


class Target(Part):
    """One of several things that a model answers for each row; ``classes`` unless a quantity."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    classes: tuple[Value, ...] | None = None


class Outputs(Part):
    """What the model answers: ``classes`` and whether it has probabilities, or a ``unit``.

    Attributes:
        classes: of a model with one target.
        has_probabilities: one of each class, for each target.
        has_scores: whether ``decision_function`` can be asked for.
        targets: of a model with several; empty for one.
    """

    classes: tuple[Value, ...] | None = None
    has_probabilities: bool = False
    has_scores: bool = False
    targets: tuple[Target, ...] = ()
    unit: str | None = None


class Artefact(Digested):
    """The file that holds the fitted estimator, whose answers are the reference."""

    file: Literal["model.joblib"] = "model.joblib"
    engine: Literal["sklearn"] = "sklearn"


class Signature(Part):
    """Who vouches for a manifest: the id of an Ed25519 key, and its signature in base64."""

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{86}==$")]


class GoldenRows(Part):
    """Inputs and what the model answered at registration; replayed at every load.

    With several targets a prediction has one value for each, and ``probabilities`` hold a tuple
    of classes for each.
    """

    inputs: tuple[tuple[Value, ...], ...] = ()
    predictions: tuple[Value | tuple[Value, ...], ...] = ()
    probabilities: tuple[tuple[float | tuple[float, ...], ...], ...] | None = None

    @model_validator(mode="after")
    def _each_row_has_its_answer(self) -> GoldenRows:
        lengths = {len(self.inputs), len(self.predictions)}
        if self.probabilities is not None:
            lengths.add(len(self.probabilities))
        if len(lengths) > 1:
            raise ValueError("'inputs', 'predictions' and 'probabilities' differ in length")
        return self


class Reference(Part):
    """How one feature was distributed in training.

    A number has quantiles by name and a histogram, a text those of its length in characters, and a
    category the ``shares`` of its values among those that were there.
    """

    quantiles: dict[str, float] = Field(default_factory=dict)
    histogram_edges: tuple[float, ...] = ()
    histogram_counts: tuple[int, ...] = ()
    shares: dict[str, float] = Field(default_factory=dict)
    missing_share: float


class Training(Part):
    """Where the model comes from. Absent for a model that was registered as a bare file."""

    dataset: str
    n_rows: int
    fingerprint_sha256: str
    metrics: dict[str, float]
    reference: dict[str, Reference]
    class_shares: dict[str, float] | None = None


class MlflowVersion(Part):
    """The version in an MLflow registry that a model was imported from."""

    name: str
    version: str
    run_id: str | None = None


class Contract(Part):
    """Everything that is promised about one version of one model.

    ``input`` is how the model takes its rows: ``numbers`` as one float64 matrix, a ``table`` as an
    array of objects, ``texts`` as one sequence of strings.

    ``compiled`` holds the engines that agree with the reference, the fastest first;
    ``not_compiled`` says of each other one why it is not among them.

    ``held_out`` is the file of the rows that promotion gates judge by; None where there is none,
    and in contracts from before it was named.
    """

    format: Literal[1] = 1
    name: Name
    version: Version
    task: Task
    created_at: datetime
    commit: str | None = None
    libraries: dict[str, str] = Field(default_factory=dict)
    input: Input = "numbers"
    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    outputs: Outputs
    artefact: Artefact
    reference_timing: Timing | None = None
    compiled: tuple[Compiled, ...] = ()
    not_compiled: dict[CompiledKind, str] = Field(default_factory=dict)
    golden: GoldenRows = GoldenRows()
    training: Training | None = None
    held_out: Digested | None = None
    source: MlflowVersion | None = None
    signature: Signature | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> Contract:
        names = self.feature_names
        if len(set(names)) < len(names):
            raise ValueError("two features have one name")
        return self

    @model_validator(mode="after")
    def _features_fit_the_input(self) -> Contract:
        kinds = [feature.kind for feature in self.features]
        if self.input == "numbers" and not {*kinds} <= NUMBERS:
            raise ValueError("'input' is 'numbers', and a feature is no number")
        if self.input == "texts" and kinds != ["text"]:
            raise ValueError("'input' is 'texts': that is one feature of kind 'text'")
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
    if feature.kind not in NUMBERS:
        return feature.categories[0] if feature.categories else "text"
    if feature.kind == "bool":
        return True
    low = feature.trained_minimum if feature.trained_minimum is not None else feature.minimum
    high = feature.trained_maximum if feature.trained_maximum is not None else feature.maximum
    middle = ((low or 0.0) + (high or 0.0)) / 2
    return round(middle) if feature.kind == "int" else middle
