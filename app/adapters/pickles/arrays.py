"""What NumPy's own objects are made of in a model file, held to what NumPy itself writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from app.adapters.pickles.names import Name
from app.adapters.pickles.values import SCALAR, DataType, Made, n_bytes_of, refused

Arguments = tuple[Any, ...]


def content_bytes(state: Any) -> int:
    """Return the size of an array's content: bytes, or a list of objects, as its state has it."""
    match state:
        case (1, shape, DataType() as kind, bool(), bytes(raw)) if not kind.settled().hasobject:
            is_fit = n_bytes_of(shape, kind.settled()) == len(raw)
        case (1, shape, DataType(code="O8") as kind, bool(), list(raw)):
            is_fit = n_bytes_of(shape, kind.settled()) == 8 * len(raw)
        case _:
            is_fit = False
    if not is_fit:
        raise refused("an array whose content does not fit its shape")
    return len(state[4])


def masked_bytes(state: Any) -> int:
    """Return the size of a masked array's content and mask."""
    if type(state) is not tuple or len(state) != 7:  # noqa: PLR2004  as numpy.ma writes it
        raise refused("a masked array of an unknown form")
    size, mask = content_bytes(state[:5]), state[5]
    if state[2].settled().names is not None:
        raise refused("a masked array with fields")
    if type(mask) is not bytes or len(mask) != n_bytes_of(state[1], np.dtype(bool)):
        raise refused("a masked array whose mask does not fit its shape")
    return size + len(mask)


def _data_type(_: Name, arguments: Arguments) -> DataType:
    match arguments:
        case (str(code), False, True):
            return DataType(code)
    raise refused("a NumPy data type that is made in another way")


def _scalar(name: Name, arguments: Arguments) -> Made:
    match arguments:
        case (DataType() as kind, bytes(raw)):
            real = kind.settled()
            if not real.hasobject and real.itemsize == len(raw):
                return Made(name.path, is_open=False)
    raise refused("a NumPy number whose bytes do not fit its type")


def _empty_array(name: Name, arguments: Arguments) -> Made:
    match arguments:
        case (Name(target=np.ndarray), (0,), b"b"):
            return Made(name.path, np.ndarray)
    raise refused("an array of another class")


def _view(name: Name, arguments: Arguments) -> Made:
    """Stand for an array over bytes of the file, as protocol 5 writes it."""
    match arguments:
        case (bytes() | bytearray() as raw, DataType() as kind, shape, str(), *axes):
            real = kind.settled()
            is_plain = all(type(axis) is tuple for axis in axes)
            if is_plain and not real.hasobject and n_bytes_of(shape, real) == len(raw):
                return Made(name.path, np.ndarray, is_open=False, n_bytes=len(raw))
    raise refused("an array whose content does not fit its shape")


def _masked(name: Name, arguments: Arguments) -> Made:
    match arguments:
        case (Name(target=np.ma.MaskedArray), Name(target=np.ndarray), (0,), "b" | b"b"):
            return Made(name.path, np.ma.MaskedArray)
    raise refused("a masked array of another class")


def _bits(name: Name, arguments: Arguments) -> Made:
    match arguments:
        case (Name(target=type() as kind),) if issubclass(kind, np.random.BitGenerator):
            return Made(name.path)
    raise refused("a source of random numbers that is none")


def _random(name: Name, arguments: Arguments) -> Made:
    match arguments:
        case (Made(path="numpy.random._pickle.__bit_generator_ctor"),):
            return Made(name.path)
    raise refused("random numbers without their source")


NUMPY_MAKERS: Final[dict[str, Callable[[Name, Arguments], Any]]] = {
    "numpy.dtype": _data_type,
    SCALAR: _scalar,
    "numpy._core.multiarray._reconstruct": _empty_array,
    "numpy._core.numeric._frombuffer": _view,
    "numpy.ma.core._mareconstruct": _masked,
    "numpy.random._pickle.__bit_generator_ctor": _bits,
    "numpy.random._pickle.__generator_ctor": _random,
    "numpy.random._pickle.__randomstate_ctor": _random,
}
