"""Results as text: the members of a JSON answer row by row, in CSV and in NDJSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from app.domain.contract import Contract, Outputs, Value
from app.domain.ports import Scores
from app.domain.prediction import Wish
from app.domain.results import encoded
from app.errors import FieldError, InputInvalidError
from app.gate.decode import Gaps

# The members that have one item for each row, and what that item is called by itself.
_BY_ROW: Final = {"predictions": "prediction", "probabilities": "probabilities", "scores": "score"}
_WORDS: Final = {True: "true", False: "false"}
_Members = dict[str, list[Any]]


class _Columns(NamedTuple):
    """Columns beside one another, and for each row their values, or None for a row without."""

    names: list[str]
    values: list[Any]


def without_rows(contract: Contract, wish: Wish) -> bytes:
    """Return what a JSON answer holds when no row is left to be answered."""
    nothing = np.empty(0)
    shares = np.empty((0, 1)) if wish.probabilities else None
    scores = Scores(nothing, shares, nothing if wish.scores else None)
    return encoded(contract, scores, with_probabilities=wish.probabilities)


def with_gaps(fragment: bytes, gaps: Gaps) -> bytes:
    """Return *fragment* with null for each row without an answer, and with the reasons."""
    if gaps.faults:
        members = orjson.loads(b"{" + fragment + b"}")
        fragment = orjson.dumps(members | _by_row(members, gaps))[1:-1]
    return fragment + b',"errors":' + orjson.dumps([_told(fault) for fault in gaps.faults])


def write_csv(contract: Contract, fragment: bytes, gaps: Gaps | None) -> bytes:
    """Return a line of names and a line for each row; ``error`` where faulty rows are skipped.

    Labels stand as the contract has them, those too that a spreadsheet would take for a formula:
    whoever reads the answer compares them with classes.
    """
    members = _by_row(orjson.loads(b"{" + fragment + b"}"), gaps)
    columns = [*_columns(contract.outputs, members)]
    if gaps is not None:
        errors = {fault.row: str(InputInvalidError([fault])) for fault in gaps.faults}
        texts = [errors.get(row, "") for row in range(gaps.n_rows)]
        columns.append(_Columns(["error"], texts))
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([name for names, _ in columns for name in names])
    writer.writerows(_lines(columns))
    return out.getvalue().encode()


def write_ndjson(fragment: bytes, gaps: Gaps | None) -> bytes:
    """Return a line for each row: an object with ``prediction``, or also with an ``error``."""
    members = _by_row(orjson.loads(b"{" + fragment + b"}"), gaps)
    names = [_BY_ROW[name] for name in members]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*members.values(), strict=True)]
    for fault in () if gaps is None else gaps.faults:
        rows[fault.row or 0] = {"prediction": None, "error": _told(fault)}
    return b"".join([orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows])


def _by_row(members: dict[str, Any], gaps: Gaps | None) -> _Members:
    """Return the *members* with an item for each row, None where there is no answer."""
    found = {name: members[name] for name in _BY_ROW if name in members}
    if gaps is None or not gaps.faults:
        return found
    return {name: _spread(items, gaps) for name, items in found.items()}


def _spread(items: list[Any], gaps: Gaps) -> list[Any]:
    spread: list[Any] = [None] * gaps.n_rows
    for row, item in zip(gaps.kept, items, strict=True):
        spread[row] = item
    return spread


def _told(fault: FieldError) -> dict[str, Any]:
    return {"row": fault.row, "feature": fault.feature, "reason": fault.reason}


def _columns(outputs: Outputs, members: _Members) -> Iterator[_Columns]:
    classes = [*_texts(outputs.classes or ())]
    targets = [target.name for target in outputs.targets]
    pairs = [f"{it.name}_{label}" for it in outputs.targets for label in _texts(it.classes or ())]
    known = {
        "predictions": ("prediction", targets),
        "probabilities": ("probability", pairs or classes),
        "scores": ("score", targets or classes),
    }
    for name, items in members.items():
        yield _Columns(_names(*known[name], items), items)


def _names(prefix: str, known: list[str], items: list[Any]) -> list[str]:
    """Return a name for each column of *items*; where *known* does not fit, they are numbered."""
    first = next((item for item in items if item is not None), known or None)
    if not isinstance(first, list):
        return [prefix]
    width = len(_cells(first))
    return [f"{prefix}_{it}" for it in (known if len(known) == width else range(width))]


def _texts(values: Sequence[Value]) -> Iterator[str]:
    return (it if isinstance(it, str) else orjson.dumps(it).decode() for it in values)


def _lines(columns: Sequence[_Columns]) -> Iterator[list[Any]]:
    for row in zip(*(values for _, values in columns), strict=True):
        cells: list[Any] = []
        for (names, _), item in zip(columns, row, strict=True):
            cells += [None] * len(names) if item is None else _cells(item)
        yield cells


def _cells(item: Any) -> list[Any]:
    if not isinstance(item, list):
        return [_WORDS[item]] if isinstance(item, bool) else [item]
    cells = chain.from_iterable(item) if item and isinstance(item[0], list) else item
    return [_WORDS[cell] if isinstance(cell, bool) else cell for cell in cells]
