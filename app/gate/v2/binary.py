"""Tensors in binary: little-endian, row after row, without padding (Triton's extension)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.domain.ports import FloatArray
from app.errors import BodyMalformedError, FieldError, InputInvalidError
from app.gate.v2.datatypes import BOOL, NUMERIC

_LENGTH: Final = struct.Struct("<I")


def unpack_numbers(section: memoryview, count: int, datatype: str, name: str) -> FloatArray:
    """Return *count* numbers as float64.

    Raises:
        BodyMalformedError: the section is shorter or longer.
        InputInvalidError: a BOOL is neither 0 nor 1.
    """
    dtype = NUMERIC[datatype].dtype
    if len(section) != count * dtype.itemsize:
        raise BodyMalformedError(
            f"input '{name}': {count} elements of {datatype} are {count * dtype.itemsize} bytes, "
            f"not {len(section)}."
        )
    if datatype == BOOL:
        found = np.frombuffer(section, np.uint8)
        if found.max() > 1:
            raise InputInvalidError([FieldError(None, name, "a BOOL must be a byte of 0 or 1")])
    with np.errstate(invalid="ignore"):  # of NaN there are some that NumPy warns of
        return np.frombuffer(section, dtype).astype(np.float64)


def unpack_texts(section: memoryview, count: int, name: str) -> list[str | None]:
    """Return *count* texts, each after its length in four bytes.

    Raises:
        BodyMalformedError: the section is shorter or longer, or holds no UTF-8.
    """
    texts: list[str | None] = []
    at = 0
    for number in range(count):
        begin = at + _LENGTH.size
        if begin > len(section):
            raise _unfit(name, count)
        at = begin + _LENGTH.unpack_from(section, at)[0]
        if at > len(section):
            raise _unfit(name, count)
        try:
            texts.append(str(section[begin:at], "utf-8"))
        except UnicodeDecodeError as error:
            message = f"input '{name}': element {number} of BYTES is not UTF-8."
            raise BodyMalformedError(message) from error
    if at != len(section):
        raise _unfit(name, count)
    return texts


def _unfit(name: str, count: int) -> BodyMalformedError:
    return BodyMalformedError(
        f"input '{name}': its section does not hold {count} elements of BYTES, each after its "
        "length in 4 bytes, little-endian."
    )


def pack_numbers(values: npt.NDArray[Any], datatype: str) -> bytes:
    """Return *values* as *datatype*, row after row."""
    return values.astype(NUMERIC[datatype].dtype, copy=False).tobytes()


def pack_texts(texts: Sequence[str]) -> bytes:
    """Return *texts* in UTF-8, each after its length in four bytes."""
    parts: list[bytes] = []
    for text in texts:
        coded = text.encode()
        parts += (_LENGTH.pack(len(coded)), coded)
    return b"".join(parts)
