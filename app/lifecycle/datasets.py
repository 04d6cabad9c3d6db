"""Training tables: scikit-learn's own, or a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn import datasets

from app.domain.ports import FloatArray
from app.errors import TrainingDataError

_LOADERS: Final[dict[str, Callable[[], Any]]] = {
    "diabetes": lambda: datasets.load_diabetes(scaled=False),
    "iris": datasets.load_iris,
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "digits": datasets.load_digits,
}
BUILT_IN: Final = tuple(_LOADERS)
_MOST_CLASSES: Final = 50
_LEAST_ROWS: Final = 20
_ROWS_PER_CLASS: Final = 4  # so that the held-out quarter has room for each class
_MISSING: Final = {"", "na", "nan", "-nan", "+nan", "null", "none"}
_LARGEST: Final = 1e100  # sums and squares of larger numbers overflow
_LARGEST_WHOLE: Final = 2**53  # beyond, float64 skips whole numbers
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Table:
    """A training table.

    Attributes:
        name: the model's name unless another is given.
        features: float64, shape (n_rows, n_features); NaN where a value is missing.
        target: shape (n_rows,); numbers for a regression, labels for a classification.
    """

    name: str
    feature_names: tuple[str, ...]
    features: FloatArray
    target: npt.NDArray[Any]
    is_classification: bool

    @property
    def fingerprint_sha256(self) -> str:
        """Digest of names and values, the same for the same data on every machine."""
        digest = sha256("\x1f".join(self.feature_names).encode())
        digest.update(np.ascontiguousarray(self.features, dtype="<f8").tobytes())
        digest.update("\x1f".join(map(str, self.target.tolist())).encode())
        return digest.hexdigest()


def built_in(name: str) -> Table:
    """Return one of scikit-learn's own data sets."""
    bunch = _LOADERS[name]()
    return Table(
        name=name,
        feature_names=tuple(n.replace(" (cm)", "").replace(" ", "_") for n in bunch.feature_names),
        features=np.asarray(bunch.data, dtype=np.float64),
        target=bunch.target,
        is_classification=name != "diabetes",
    )


def from_csv(path: Path, target: str) -> Table:
    """Read numbers from a CSV file with a header line; an empty cell is a missing value.

    Raises:
        TrainingDataError: the file cannot be read, or a column is not what is needed.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = (row for row in csv.reader(file) if row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingDataError(f"{path}: cannot be read as CSV: {error}") from error
    except ValueError:
        raise TrainingDataError(f"{path}: the file is empty") from None
    _check_shape(path, header, rows, target)
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    goal, is_classification = _target(path, target, columns.pop(target))
    return Table(
        name=path.stem.lower().replace(" ", "-"),
        feature_names=tuple(columns),
        features=np.column_stack([_numbers(path, n, cells) for n, cells in columns.items()]),
        target=goal,
        is_classification=is_classification,
    )


def _check_shape(path: Path, header: list[str], rows: list[list[str]], target: str) -> None:
    if target not in header:
        there = ", ".join(header)
        raise TrainingDataError(f"{path}: there is no column {target!r}; there is: {there}")
    if len(set(header)) < len(header) or len(header) < 2:  # noqa: PLR2004  a target and a feature
        raise TrainingDataError(f"{path}: needs two columns or more, each with its own name")
    for place, name in enumerate(header, start=1):
        if not 1 <= len(name) <= _LONGEST_NAME:
            named = f"needs a name of 1 to {_LONGEST_NAME} characters"
            raise TrainingDataError(f"{path}: column {place} {named}")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            found = f"has {len(row)} cells; {len(header)} are needed"
            raise TrainingDataError(f"{path}: line {number} {found}")
    if len(rows) < _LEAST_ROWS:
        raise TrainingDataError(f"{path}: has {len(rows)} rows; {_LEAST_ROWS} are needed")


def _numbers(path: Path, name: str, cells: tuple[str, ...]) -> FloatArray:
    values = np.empty(len(cells))
    for place, cell in enumerate(cells):
        try:
            values[place] = np.nan if _is_missing(cell) else float(cell)
        except ValueError:
            raise TrainingDataError(
                f"{path}: line {place + 2}: {name}: {cell!r} is not a number. "
                "Encode text as numbers, or leave the column out"
            ) from None
    _check_size(path, name, values)
    if np.isnan(values).all():
        raise TrainingDataError(f"{path}: {name}: holds no value at all; leave the column out")
    return values


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in _MISSING


def _check_size(path: Path, name: str, values: FloatArray) -> None:
    if (np.abs(values) > _LARGEST).any():
        raise TrainingDataError(f"{path}: {name}: holds a value beyond {_LARGEST:g}")


def _target(path: Path, name: str, cells: tuple[str, ...]) -> tuple[npt.NDArray[Any], bool]:
    """Return the target: text or few whole numbers are classes, everything else a quantity."""
    line = next((n for n, cell in enumerate(cells, start=2) if _is_missing(cell)), None)
    if line is not None:
        raise TrainingDataError(f"{path}: line {line}: the target {name!r} is missing")
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        labels = np.array([cell.strip() for cell in cells])
        return _checked_classes(path, name, labels), True
    _check_size(path, name, values)
    whole = bool(((values % 1 == 0) & (np.abs(values) <= _LARGEST_WHOLE)).all())
    if whole and len(np.unique(values)) <= min(_MOST_CLASSES, len(values) // 10):
        return _checked_classes(path, name, values.astype(np.int64)), True
    return values, False


def _checked_classes(path: Path, name: str, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    _, counts = np.unique(labels, return_counts=True)
    if len(counts) < 2 or counts.min() < 2:  # noqa: PLR2004  to hold one of each back
        raise TrainingDataError(f"{path}: {name}: needs two classes or more, each twice or more")
    if len(counts) > min(_MOST_CLASSES, len(labels) // _ROWS_PER_CLASS):
        found = f"{len(counts)} classes in {len(labels)} rows"
        raise TrainingDataError(f"{path}: {name}: {found}; is this the target?")
    return labels
