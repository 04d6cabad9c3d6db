"""Training tables: scikit-learn's own, or a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn import datasets

from app.domain.contract import NUMBERS, Input, Kind, Task
from app.domain.ports import Matrix
from app.errors import TrainingDataError
from app.lifecycle.columns import matrix_of, read_column
from app.lifecycle.sheets import read_sheet
from app.lifecycle.targets import read_targets

_LOADERS: Final[dict[str, Callable[[], Any]]] = {
    "diabetes": lambda: datasets.load_diabetes(scaled=False),
    "iris": datasets.load_iris,
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "digits": datasets.load_digits,
    "linnerud": datasets.load_linnerud,
}
BUILT_IN: Final = tuple(_LOADERS)
_REGRESSIONS: Final = {"diabetes", "linnerud"}
LEAST_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Table:
    """A training table.

    Attributes:
        name: the model's name unless another is given.
        features: shape (n_rows, n_features), as the gateway hands rows to an engine: float64 where
            all are numbers, else objects; NaN where a value is missing.
        target: shape (n_rows,), or (n_rows, n_targets) for several; numbers for a regression,
            labels for a classification; None to look for outliers.
        kinds: of the features; empty where all are numbers.
        target_names: of several targets; empty for one.
    """

    name: str
    feature_names: tuple[str, ...]
    features: Matrix
    target: npt.NDArray[Any] | None
    is_classification: bool
    kinds: tuple[Kind, ...] = ()
    target_names: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """What a model of this table does."""
        if self.target is None:
            return "outlier-detection"
        return "classification" if self.is_classification else "regression"

    @property
    def input(self) -> Input:
        """How a model of this table takes its rows."""
        if set(self.kinds) <= NUMBERS:
            return "numbers"
        return "texts" if self.kinds == ("text",) else "table"

    @property
    def fingerprint_sha256(self) -> str:
        """Digest of names and values, the same for the same rows in any order on every machine."""
        digest = sha256("\x1f".join(self.feature_names).encode())
        for row in sorted(self.row_digests()):
            digest.update(row)
        return digest.hexdigest()

    def row_digests(self, key: bytes = b"") -> list[bytes]:
        """Return for each row a digest of its features under *key*, followed by its target."""
        rows: Iterable[Any]
        if self.input == "numbers":
            rows = np.ascontiguousarray(self.features, dtype="<f8")
        else:
            rows = ("\x1f".join(map(str, row)).encode() for row in self.features.tolist())
        targets = [None] * len(self.features) if self.target is None else self.target.tolist()
        return [
            sha256(key + bytes(row)).digest() + f"\x1e{target}".encode()
            for row, target in zip(rows, targets, strict=True)
        ]

    def take(self, rows: npt.NDArray[np.intp]) -> Table:
        """Return the table of those *rows*, by their numbers, in their order."""
        target = None if self.target is None else self.target[rows]
        return replace(self, features=self.features[rows], target=target)

    def without_target(self) -> Table:
        """Return the same rows, to look for outliers among them."""
        return replace(self, target=None, is_classification=False, target_names=())


def built_in(name: str) -> Table:
    """Return one of scikit-learn's own data sets."""
    bunch = _LOADERS[name]()
    has_several = bunch.target.ndim > 1
    return Table(
        name=name,
        feature_names=tuple(n.replace(" (cm)", "").replace(" ", "_") for n in bunch.feature_names),
        features=np.asarray(bunch.data, dtype=np.float64),
        target=bunch.target,
        is_classification=name not in _REGRESSIONS,
        target_names=tuple(bunch.target_names) if has_several else (),
    )


def from_csv(path: Path, targets: Sequence[str], leave_out: Sequence[str] = ()) -> Table:
    """Read a CSV file with a header line; an empty cell is a missing value.

    Args:
        path: the file.
        targets: the columns to predict; none to look for outliers.
        leave_out: columns that are no features.

    Raises:
        TrainingDataError: the file cannot be read, or a column is not what is needed.
    """
    sheet = read_sheet(path, [*targets, *leave_out])
    names = [name for name in sheet.columns if name not in {*targets, *leave_out}]
    if not names:
        raise TrainingDataError(f"{path}: no column is left to learn from")
    if len(sheet.lines) < LEAST_ROWS:
        raise TrainingDataError(f"{path}: has {len(sheet.lines)} rows; {LEAST_ROWS} are needed")
    columns = [read_column(sheet, name) for name in names]
    kinds = tuple(column.kind for column in columns)
    target, is_classification = read_targets(sheet, targets) if targets else (None, False)
    return Table(
        name=path.stem.lower().replace(" ", "-"),
        feature_names=tuple(names),
        features=matrix_of(columns),
        target=target,
        is_classification=is_classification,
        kinds=kinds,
        target_names=tuple(targets) if len(targets) > 1 else (),
    )
