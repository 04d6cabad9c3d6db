"""The part of a contract that speaks of engines: what was compiled, how fast and how true it is."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

CompiledKind = Literal["linear", "forest", "onnx"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
COMPILED_FILES: Final[dict[CompiledKind, str]] = {
    "linear": "linear.npz",
    "forest": "forest.npz",
    "onnx": "model.onnx",
}


class Part(BaseModel):
    """A frozen part of the contract; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Digested(Part):
    """Bytes of a file beside the contract; ``sha256`` is over all of them."""

    size_bytes: Annotated[int, Field(ge=1)]
    sha256: Sha256


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
