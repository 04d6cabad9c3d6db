"""What stands for the objects of a model file while it is scanned: nothing of the file is made."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from app.adapters.pickles.names import Name
from app.errors import ModelRejectedError

SCALAR: Final = "numpy._core.multiarray.scalar"
MOST_STEPS: Final = 10_000_000
BYTES_A_STEP: Final = 64
_CODE: Final = re.compile(r"[biufcSUVMmO]\d{1,9}")
_ALIGNED: Final = 0x80
_MOST_FIELDS: Final = 1_000
_MOST_INT_KEY: Final = 1 << 60  # below it no two integers have one hash


def refused(what: str) -> ModelRejectedError:
    """Return the error that says which unusual thing a file holds."""
    return ModelRejectedError(f"the file holds {what}, as no honest file does")


class Steps:
    """How much work is left."""

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self, steps: int) -> None:
        """Take *steps* away.

        Raises:
            ModelRejectedError: there are not as many left.
        """
        self._left -= steps
        if self._left < 0:
            raise refused(f"over {MOST_STEPS:,} instructions, or copies of as much")


@dataclass(slots=True, eq=False)
class Made:
    """What stands for an object: what made it, and whether the file may still fill it.

    An object is filled once: a second time, its own attributes would stand in for its methods.
    """

    path: str
    kind: Any = None
    is_free: bool = False
    is_open: bool = True
    n_bytes: int = 0


@dataclass(slots=True, eq=False)
class DataType:
    """A NumPy data type, as NumPy itself would have written it.

    One that lies about its flags or its fields, or that changes after its use, would make NumPy
    take raw bytes for the addresses of objects.
    """

    code: str
    _settled: np.dtype[Any] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise refused("a NumPy data type that is none")

    def settled(self) -> np.dtype[Any]:
        """Return the real one, which from now on cannot change."""
        if self._settled is None:
            self._settled = np.dtype(self.code)
        return self._settled

    def fill(self, state: Any) -> None:
        """Take byte order, unit or fields from the file, once and before any use."""
        if self._settled is not None:
            raise refused("a NumPy data type that changes")
        match state:
            case (3, str(order), None, None, None, int(), int(), int()):
                real = np.dtype(self.code).newbyteorder(order)  # type: ignore[arg-type]
            case (4, str(order), None, None, None, -1, -1, 0, (_, (bytes(unit), int(n), 1, 1))):
                real = np.dtype(f"{self.code}[{n}{unit.decode()}]").newbyteorder(order)  # type: ignore[arg-type]
            case (3, "|", None, tuple(names), dict(fields), int(size), int(), int(flags)):
                state = (*state[:4], _settled_fields(names, fields), *state[5:])
                real = _record(names, state[4], size, is_aligned=bool(flags & _ALIGNED))
            case _:
                raise refused("a NumPy data type of an unknown form")
        if real.__reduce__() != (np.dtype, (self.code, False, True), state):
            raise refused("a NumPy data type that lies about itself")
        self._settled = real


def _settled_fields(names: tuple[Any, ...], fields: dict[Any, Any]) -> dict[Any, Any]:
    if len(names) > _MOST_FIELDS:
        raise refused(f"a NumPy data type with over {_MOST_FIELDS} fields")
    settled = {name: (kind.settled(), offset) for name, (kind, offset) in fields.items()}
    if any(kind.names is not None for kind, _ in settled.values()):
        raise refused("a NumPy data type with fields in fields")
    return settled


def _record(
    names: tuple[Any, ...], fields: dict[Any, Any], size: int, *, is_aligned: bool
) -> np.dtype[Any]:
    parts: Any = {
        "names": list(names),
        "formats": [fields[name][0] for name in names],
        "offsets": [fields[name][1] for name in names],
        "itemsize": size,
    }
    made: np.dtype[Any] = np.dtype(parts, align=is_aligned)
    return made


def n_bytes_of(shape: Any, kind: np.dtype[Any]) -> int:
    """Return how many bytes an array of that *shape* takes."""
    if type(shape) is not tuple or any(type(n) is not int or n < 0 for n in shape):
        raise refused("an array whose shape is none")
    return math.prod(shape) * kind.itemsize


def check_keys(keys: Iterable[Any]) -> None:
    """Pass when comparing and hashing *keys* takes no time and runs nothing of the file's."""
    for key in keys:
        if isinstance(key, int):
            is_fit = abs(key) < _MOST_INT_KEY
        elif isinstance(key, Made):
            is_fit = key.path == SCALAR
        else:
            is_fit = key is None or isinstance(key, str | bytes | float | Name)
        if not is_fit:
            raise refused("a key or a member of a set that is no plain value")


def check_takes_items(target: Any, kinds: type | tuple[type, ...]) -> None:
    """Pass when *target* is one of *kinds* that the file has not filled yet."""
    is_open = type(target) is Made and target.is_open
    if not is_open or not (target.is_free or issubclass(target.kind or object, kinds)):
        raise refused("items for something that takes none")


def steps_of(values: Iterable[Any]) -> int:
    """Return the price of handing over *values*: what may be copied costs by its size."""
    steps = 0
    for value in values:
        steps += 1
        if isinstance(value, Made):
            steps += value.n_bytes // BYTES_A_STEP
        elif isinstance(value, str | bytes | bytearray):
            steps += len(value) // BYTES_A_STEP
        elif isinstance(value, list | tuple | dict | set | frozenset):
            steps += len(value)
    return steps
