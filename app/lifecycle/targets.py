"""The columns that a model should learn to answer: classes or quantities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.errors import TrainingDataError
from app.lifecycle.columns import check_size, is_number
from app.lifecycle.sheets import Sheet, is_missing

MOST_CLASSES: Final = 50
_LARGEST_WHOLE: Final = 2**53  # beyond, float64 skips whole numbers
_ROWS_PER_CLASS: Final = 4  # so that the held-out quarter has room for each class

Labels = npt.NDArray[Any]


def read_targets(sheet: Sheet, names: Sequence[str]) -> tuple[Labels, bool]:
    """Return the targets, and whether they are classes.

    Returns:
        Shape (n_rows,) for one name, (n_rows, n_targets) for several.

    Raises:
        TrainingDataError: a value is missing, the classes are too few or too many, or one target
            holds classes and another quantities.
    """
    found = [_target(sheet, name) for name in names]
    if len(found) == 1:
        return found[0]
    for name, (values, is_classes) in zip(names, found, strict=True):
        if is_classes != found[0][1]:
            words = {True: "classes", False: "quantities"}
            first = f"the target {names[0]!r} holds {words[found[0][1]]}"
            raise sheet.fault(name, f"holds {words[is_classes]}, and {first}; train two models")
        if values.dtype.kind != found[0][0].dtype.kind:
            first = f"{names[0]!r} of the other kind"
            raise sheet.fault(name, f"has labels that are text or numbers, and {first}")
    return np.column_stack([values for values, _ in found]), found[0][1]


def checked_classes(where: str, labels: Labels) -> Labels:
    """Return *labels*, shape (n_rows,), when they can be learnt and held back.

    Raises:
        TrainingDataError: there are too few or too many classes, at *where*.
    """
    _, counts = np.unique(labels, return_counts=True)
    if len(counts) < 2 or counts.min() < 2:  # noqa: PLR2004  to hold one of each back
        raise TrainingDataError(f"{where}: needs two classes or more, each twice or more")
    if len(counts) > min(MOST_CLASSES, len(labels) // _ROWS_PER_CLASS):
        found = f"{len(counts)} classes in {len(labels)} rows"
        raise TrainingDataError(f"{where}: {found}; is this the target?")
    return labels


def _target(sheet: Sheet, name: str) -> tuple[Labels, bool]:
    """Return one target: text or few whole numbers are classes, everything else a quantity."""
    cells = sheet.columns[name]
    row = next((row for row, cell in enumerate(cells) if is_missing(cell)), None)
    if row is not None:
        raise TrainingDataError(
            f"{sheet.path}: line {sheet.lines[row]}: the target {name!r} is missing"
        )
    where = f"{sheet.path}: {name}"
    if not all(map(is_number, cells)):
        return checked_classes(where, np.array([cell.strip() for cell in cells])), True
    values = np.array([float(cell) for cell in cells])
    check_size(sheet, name, values)
    whole = bool(((values % 1 == 0) & (np.abs(values) <= _LARGEST_WHOLE)).all())
    if whole and len(np.unique(values)) <= min(MOST_CLASSES, len(values) // 10):
        return checked_classes(where, values.astype(np.int64)), True
    return values, False
