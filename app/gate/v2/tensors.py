"""The values of input tensors: from JSON, or from the binary part of a body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from app.domain.ports import FloatArray
from app.errors import BodyMalformedError, FieldError, InputInvalidError
from app.gate.v2.binary import unpack_numbers, unpack_texts
from app.gate.v2.datatypes import BYTES, NUMERIC, Datatype
from app.gate.v2.request import Sent

_TEXT_OR_NULL: Final = {str, type(None)}
_PLAIN: Final = {str, int, float, bool, type(None)}


class Tensor(NamedTuple):
    """An input with its values.

    Attributes:
        values: shape (n_rows, n_columns): float64, NaN for missing, or for BYTES objects: text,
            None for missing, and where ``is_json`` numbers and truth values too.
    """

    name: str
    datatype: str
    values: npt.NDArray[Any]
    is_json: bool = False


def read_tensors(inputs: Sequence[Sent], binary: memoryview) -> list[Tensor]:
    """Return *inputs* with their values.

    Args:
        inputs: as described.
        binary: what follows the JSON; the sections of the inputs must fill it.

    Raises:
        BodyMalformedError: a section is too short or too long, or ``data`` has no such shape.
        InputInvalidError: a value is not of its datatype.
    """
    total = sum(sent.n_bytes or 0 for sent in inputs)
    if total != len(binary):
        raise BodyMalformedError(
            f"After the JSON come {len(binary)} bytes; the inputs' 'binary_data_size' add up to "
            f"{total}."
        )
    tensors, at = [], 0
    for sent in inputs:
        end = at + (sent.n_bytes or 0)
        tensors.append(_tensor(sent, binary[at:end]))
        at = end
    return tensors


def _tensor(sent: Sent, section: memoryview) -> Tensor:
    flat: Any
    if sent.data is not None:
        flat = _from_json(sent, _flat(sent.data, sent))
    elif sent.datatype == BYTES:
        flat = unpack_texts(section, prod(sent.shape), sent.name)
    else:
        flat = unpack_numbers(section, prod(sent.shape), sent.datatype, sent.name)
    if sent.is_json:
        flat = [*_parsed(flat, sent)]
    if sent.datatype == BYTES:
        values = np.empty(len(flat), dtype=object)
        values[:] = flat
        flat = values
    n_rows = sent.shape[0]
    return Tensor(sent.name, sent.datatype, flat.reshape(n_rows, -1), sent.is_json)


def _flat(data: list[Any], sent: Sent) -> list[Any]:
    """Return *data* in one list, row after row."""
    shape = sent.shape
    if data and type(data[0]) is list:
        fits = len(shape) > 1 and len(data) == shape[0] and set(map(type, data)) == {list}
        if fits and set(map(len, data)) == {shape[1]}:
            return list(chain.from_iterable(data))
    elif len(data) == prod(shape):
        return data
    raise BodyMalformedError(
        f"input '{sent.name}': 'data' does not have the shape {list(shape)}; "
        "send it flat, row after row, or as one list for each row."
    )


def _from_json(sent: Sent, flat: list[Any]) -> list[Any] | FloatArray:
    if sent.datatype == BYTES:
        if not set(map(type, flat)) <= _TEXT_OR_NULL:
            raise _fault(sent, flat, _TEXT_OR_NULL, "must be a string or null")
        return flat
    datatype = NUMERIC[sent.datatype]
    kinds = set(map(type, flat))
    if not kinds <= datatype.taken:
        raise _fault(sent, flat, datatype.taken, f"is no {sent.datatype}")
    values = np.array(flat, dtype=np.float64)
    if datatype.bounds is not None:
        least, beyond = datatype.bounds
        wrong = (values < least) | (values >= beyond) | (values != np.floor(values))
    elif values.dtype != datatype.dtype:
        values = _rounded(values, datatype)
        wrong = np.isinf(values)
    else:
        return values
    if wrong.any():
        raise _faults(sent, np.flatnonzero(wrong), f"is no {sent.datatype}")
    return values


def _rounded(values: FloatArray, datatype: Datatype) -> FloatArray:
    """Return *values* as *datatype* keeps them: in JSON they are what they are in binary."""
    with np.errstate(over="ignore"):
        return values.astype(datatype.dtype).astype(np.float64)


def _parsed(flat: Sequence[str | None], sent: Sent) -> Iterator[Any]:
    """Go through elements that are JSON themselves, as MLServer writes a column of mixed kinds."""
    for at, text in enumerate(flat):
        try:
            value = None if text is None else orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise _faults(sent, [at], "is no JSON") from error
        if type(value) not in _PLAIN:
            raise _faults(sent, [at], "must be a plain value")
        yield value


def _fault(sent: Sent, flat: list[Any], taken: Any, reason: str) -> InputInvalidError:
    """Return the refusal of the values in *flat* that are of other types."""
    return _faults(sent, [at for at, it in enumerate(flat) if type(it) not in taken], reason)


def _faults(sent: Sent, places: Sequence[int] | npt.NDArray[Any], reason: str) -> InputInvalidError:
    width = prod(sent.shape[1:])
    first = places[: InputInvalidError.MAX_FAULTS]
    return InputInvalidError([FieldError(int(at) // width, sent.name, reason) for at in first])
