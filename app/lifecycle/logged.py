"""Predictions of the past, read back from the audit log: what was asked, and what was answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from math import nan
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from app.domain.audit import Record
from app.domain.audit_privacy import HASHED, unpacked
from app.domain.contract import NUMBERS, Contract
from app.domain.ports import Matrix

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHADOW: Final = "shadow"  # the route of what no caller was answered with
HIDDEN: Final = "values that are hashed or omitted"
UNKNOWN: Final = "versions that are registered no more"
DAMAGED: Final = "records that cannot be read"
ContractOf = Callable[[str], Contract | None]


class Logged(NamedTuple):
    """One request that was answered.

    Attributes:
        version: that answered.
        rows: shape (n_rows, n_features) in the order of its contract: float64 where that takes
            numbers, NaN for what was missing; else objects.
        predictions: one for each row.
        probabilities: one list for each row; None where nobody asked for them.
    """

    at: datetime
    request_id: str
    version: str
    rows: Matrix
    predictions: list[Any]
    probabilities: list[Any] | None


def logged(
    records: Iterable[Record],
    contract_of: ContractOf,
    *,
    name: str,
    left_out: Counter[str] | None = None,
) -> Iterator[Logged]:
    """Yield the answered requests to the model *name*, in the order of *records*.

    What no caller was answered with is passed over in silence: refusals, and copies for a shadow.

    Args:
        records: of the audit log.
        contract_of: returns the contract of a version; None where there is none any more.
        name: of the model.
        left_out: counts the answered requests that cannot be read back, by the reason.
    """
    counts = Counter[str]() if left_out is None else left_out
    contracts: dict[str, Contract | None] = {}
    for record in records:
        version = record.version
        if not _is_answer(record, name) or version is None:
            continue
        if version not in contracts:
            contracts[version] = contract_of(version)
        contract = contracts[version]
        if contract is None:
            counts[UNKNOWN] += 1
            continue
        try:
            found = _read(record, contract)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            counts[DAMAGED] += 1
            continue
        if found is None:
            counts[HIDDEN] += 1
        else:
            yield found


def _is_answer(record: Record, name: str) -> bool:
    is_prediction = record.kind == "prediction" and record.problem is None
    return is_prediction and record.model == name and record.route != _SHADOW


def _read(record: Record, contract: Contract) -> Logged | None:
    """Return what *record* says; None where something of it was not kept as it was."""
    if record.inputs is None or record.outputs is None:
        return None
    outputs = orjson.loads(record.outputs)
    columns: dict[str, list[Any]] = orjson.loads(unpacked(record.inputs))
    if isinstance(outputs, str) or not set(contract.feature_names) <= set(columns):
        return None
    if any(_is_hashed(column) for column in columns.values()):
        return None
    rows = _matrix(columns, contract)
    predictions, shares = outputs["predictions"], outputs.get("probabilities")
    if not len(rows) == len(predictions) == record.n_rows:
        raise ValueError("the columns differ in length")
    at = _EPOCH + timedelta(microseconds=record.at_us)
    return Logged(at, record.request_id, contract.version, rows, predictions, shares)


def _is_hashed(column: list[Any]) -> bool:
    return bool(column) and isinstance(column[0], str) and column[0].startswith(HASHED)


def _matrix(columns: dict[str, list[Any]], contract: Contract) -> Matrix:
    """Return the columns as an engine takes them.

    Raises:
        ValueError: a value is none of its feature, or the columns differ in length.
    """
    if contract.input == "numbers":
        found = np.array([columns[name] for name in contract.feature_names], dtype=np.float64)
        return np.ascontiguousarray(found.T)
    n_rows = len(columns[contract.feature_names[0]])
    rows: Matrix = np.empty((n_rows, len(contract.features)), dtype=object)
    for place, feature in enumerate(contract.features):
        is_number = feature.kind in NUMBERS
        rows[:, place] = [_value(it, is_number=is_number) for it in columns[feature.name]]
    return rows


def _value(value: Any, *, is_number: bool) -> float | str:
    if value is None:
        return nan
    if is_number:
        return float(value)
    if not isinstance(value, str):
        raise TypeError("a number in the place of a text")
    return value
