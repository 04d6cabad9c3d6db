"""The datatypes of the protocol, and what they are in NumPy and in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

BYTES: Final = "BYTES"
BOOL: Final = "BOOL"
FP64: Final = "FP64"
INT64: Final = "INT64"
_OF_KIND: Final = {"b": BOOL, "i": INT64, "u": "UINT64", "f": FP64}


class Datatype(NamedTuple):
    """One datatype of numbers or truth values.

    Attributes:
        dtype: little-endian, as the binary extension sends it.
        taken: Python's types of its values in JSON.
        bounds: the smallest whole number that it holds, and the first above those; None unless
            it holds whole numbers only.
    """

    dtype: np.dtype[Any]
    taken: frozenset[type]
    bounds: tuple[float, float] | None = None


def _whole(code: str) -> Datatype:
    dtype = np.dtype(code)
    bounds = np.iinfo(dtype)
    ends = (float(bounds.min), float(bounds.max + 1))
    return Datatype(dtype, frozenset({int, float}), ends)


def _floating(code: str) -> Datatype:
    return Datatype(np.dtype(code), frozenset({int, float, type(None)}))


NUMERIC: Final[Mapping[str, Datatype]] = {
    BOOL: Datatype(np.dtype("?"), frozenset({bool})),
    "UINT8": _whole("<u1"),
    "UINT16": _whole("<u2"),
    "UINT32": _whole("<u4"),
    "UINT64": _whole("<u8"),
    "INT8": _whole("<i1"),
    "INT16": _whole("<i2"),
    "INT32": _whole("<i4"),
    INT64: _whole("<i8"),
    "FP16": _floating("<f2"),
    "FP32": _floating("<f4"),
    FP64: _floating("<f8"),
}
NAMES: Final = (*NUMERIC, BYTES)


def datatype_of(dtype: np.dtype[Any]) -> str:
    """Return the datatype in which an array of *dtype* goes out."""
    return _OF_KIND.get(dtype.kind, BYTES)
