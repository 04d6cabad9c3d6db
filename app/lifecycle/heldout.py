"""The rows that a version was not fitted on, with their truth: kept beside it for the gates.

A contract names their file by size and SHA-256, so that its signature covers them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from math import nan
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from app.domain.contract import Contract
from app.domain.ports import Matrix
from app.errors import RegistryError
from app.lifecycle.datasets import Table
from app.lifecycle.registry import Registry, read_contract, read_document, store_of
from app.lifecycle.stored import check_file

HELD_OUT: Final = "heldout.npz"
MOST_ROWS: Final = 20_000
_FIX: Final = "Fix: put back the file that training wrote, or train again"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows that no fit has seen.

    Attributes:
        rows: shape (n_rows, n_features), in the contract's order and as an engine takes them:
            float64 where all are numbers, else objects; NaN where a value is missing.
        truth: shape (n_rows,), or (n_rows, n_targets) for several: labels or quantities.
    """

    rows: Matrix
    truth: npt.NDArray[Any]


def held_out_bytes(table: Table) -> bytes:
    """Return at most 20,000 rows of *table* with their targets, as an ``.npz`` without pickles.

    Rows of objects are one line of JSON each. The same rows give the same bytes.
    """
    kept = table.take(np.arange(min(len(table.features), MOST_ROWS)))
    rows = kept.features
    if rows.dtype.hasobject:
        lines = "\n".join(json.dumps(list(map(_in_json, row))) for row in rows.tolist())
        rows = np.frombuffer(lines.encode(), dtype=np.uint8)
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, rows=rows, truth=np.asarray(kept.target))
    return buffer.getvalue()


def read_heldout(registry: Registry, name: str, version: str) -> HeldOut | None:
    """Return what was held out, by the contract in the registry: nobody asks who signed that.

    Raises:
        RegistryError: there is no such version, or as ``held_out_of``.
    """
    return held_out_of(registry, read_contract(registry, name, version))


def held_out_of(
    registry: Registry, contract: Contract, *, only_named: bool = False
) -> HeldOut | None:
    """Return what was held out when the version of *contract* was trained.

    Nothing is unpickled. None for a version without: one that was trained before there was such a
    file, registered from a file, or that looks for outliers.

    Args:
        registry: where versions lie.
        contract: of the version; where signatures count, one whose signature was verified.
        only_named: whether a file that the contract does not name is as good as none: whoever can
            write it could have made it up.

    Raises:
        RegistryError: the file is damaged, or missing or another than the contract names.
    """
    if only_named and contract.held_out is None:
        return None
    payload = held_out_file(registry, contract)
    if payload is None:
        return None
    try:
        return _opened(payload, contract)
    except (BadZipFile, EOFError, KeyError, OSError, TypeError, ValueError) as error:
        raise RegistryError(f"{_place(registry, contract)}: is damaged: {error}") from error


def held_out_file(registry: Registry, contract: Contract) -> bytes | None:
    """Return the content of the file, which is the one that *contract* names if it names one.

    Raises:
        RegistryError: it names one, and that is not there.
    """
    payload = read_document(registry, contract.name, contract.version, HELD_OUT)
    named = contract.held_out
    if named is None:
        return payload
    place = _place(registry, contract)
    if payload is None:
        raise RegistryError(f"{place}: is missing, and its contract names it. {_FIX}")
    try:
        check_file(payload, named, place)
    except RegistryError as error:
        raise RegistryError(f"{error}. {_FIX}") from error
    return payload


def _place(registry: Registry, contract: Contract) -> str:
    return f"{store_of(registry).location(contract.name, contract.version)}/{HELD_OUT}"


def _opened(payload: bytes, contract: Contract) -> HeldOut:
    with np.load(BytesIO(payload), allow_pickle=False) as arrays:
        rows, truth = arrays["rows"], arrays["truth"]
    if contract.input != "numbers":
        lines = [json.loads(line) for line in rows.tobytes().decode().splitlines()]
        rows = np.empty((len(lines), len(contract.features)), dtype=object)
        for place, line in enumerate(lines):
            rows[place] = list(map(_in_memory, line))
    if rows.shape != (len(truth), len(contract.features)):
        raise ValueError(f"holds {rows.shape} values for {len(truth)} answers")
    return HeldOut(rows, truth)


def _in_json(value: float | str) -> float | str | None:
    return None if value != value else value  # noqa: PLR0124  NaN


def _in_memory(value: float | str | None) -> float | str:
    if isinstance(value, str):
        return value
    return nan if value is None else float(value)
