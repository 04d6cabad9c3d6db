"""Reads a model file to its end without making anything that it holds.

A pickle is a program for a machine without branches, so the same program always takes the same
way. Here that machine runs with stand-ins for everything: names are looked up in the list and not
used, calls are compared with those that honest files make and not made. What joblib adds to the
format, raw bytes after a ``NumpyArrayWrapper`` and a second stream for arrays of objects, is
followed as ``joblib.numpy_pickle`` does. What cannot be followed is refused.
"""

from __future__ import annotations

import pickle
from collections import deque
from io import BytesIO
from struct import unpack
from typing import Any, Final

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper
from joblib.numpy_pickle_utils import Unpickler

from app.adapters.pickles.calls import call, fill, new
from app.adapters.pickles.names import Name, Names, shown
from app.adapters.pickles.values import (
    BYTES_A_STEP,
    MOST_STEPS,
    DataType,
    Made,
    Steps,
    check_keys,
    check_takes_items,
    n_bytes_of,
    refused,
    steps_of,
)
from app.errors import ModelRejectedError

# The instructions that picklers of protocols 0 to 5 write. Not among them: other ways to call
# (INST, OBJ, NEWOBJ_EX), names by number (EXT1, 2, 4), objects from elsewhere (PERSID, BINPERSID,
# NEXT_BUFFER, READONLY_BUFFER), texts of Python 2 (STRING and its kin), and DUP.
TAKEN: Final = (
    b"().01BCFGIJKLMNRVX]abcdeghjlpqrstu}\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
    b"\x90\x91\x93\x94\x95\x96"
)
_STEPS_A_SET: Final = 4
_MOST_MEMO: Final = 1 << 32
_WRAPPED: Final = {"subclass", "shape", "order", "dtype", "allow_mmap"}
_ALIGNMENT: Final = "numpy_array_alignment_bytes"


def scan(content: bytes, names: Names) -> None:
    """Pass when *content*, a joblib file without compression, names and calls only what is listed.

    It takes time and memory in proportion to the file, and no more than ``MOST_STEPS`` allow.

    Raises:
        ModelRejectedError: it does not, or it is no joblib file; the message names what is wrong.
    """
    file = BytesIO(content)
    steps = Steps(MOST_STEPS + len(content) // BYTES_A_STEP)
    try:
        _Machine(file, names, steps).load()
    except ModelRejectedError:
        raise
    except Exception as error:
        message = f"the file cannot be loaded by joblib: {type(error).__name__}: {shown(error)}"
        raise ModelRejectedError(message) from error
    if file.read(1):
        raise refused("more after its end")


class _Handlers:
    """Hands out the handler of each instruction, and takes a step for it."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def __getitem__(self, code: int) -> Any:
        self._steps.spend(1)
        if code not in _HANDLERS:
            message = f"the instruction 0x{code:02x} is none that joblib writes"
            raise ModelRejectedError(f"the file cannot be loaded by joblib: {message}")
        return _HANDLERS[code]


class _Machine(Unpickler):  # type: ignore[misc]  # untyped: the standard library's, in Python
    """The machine of one stream; arrays of objects have a *nested* one on the same file."""

    def __init__(
        self, file: BytesIO, names: Names, steps: Steps, *, is_nested: bool = False
    ) -> None:
        super().__init__(file)
        self.dispatch = _Handlers(steps)
        self._file = file
        self._size = len(file.getbuffer())
        self._names = names
        self._steps = steps
        self._is_nested = is_nested

    def load(self) -> Any:
        value = super().load()
        if self._unframer.current_frame and self._unframer.current_frame.read(1):
            raise refused("more after its end")
        return value

    def find_class(self, module: str, name: str) -> Name:
        """Return the listed name; nobody gets hold of what it means."""
        found = self._names.find(module, name)
        if self._is_nested and found.target is NumpyArrayWrapper:
            raise refused("an array in an array of objects that joblib did not write")
        return found

    def load_reduce(self) -> None:
        arguments = self._arguments()
        self.stack[-1] = call(self.stack[-1], arguments)

    def load_newobj(self) -> None:
        arguments = self._arguments()
        self.stack[-1] = new(self.stack[-1], arguments)

    def load_build(self) -> None:
        """Look at a state, and follow joblib into the content of an array."""
        state = self.stack.pop()
        made = self.stack[-1]
        if isinstance(made, DataType):
            self._steps.spend(steps_of(state))
            made.fill(state)
            return
        self._steps.spend(fill(made, state))
        if made.kind is NumpyArrayWrapper:
            self.stack[-1] = self._array(state)

    def load_put(self) -> None:
        """Remember by a number that is one: for large ones, dictionaries take their time."""
        index = int(self.readline()[:-1])
        if not 0 <= index < _MOST_MEMO:
            raise refused("a memory of an unlikely number")
        self.memo[index] = self.stack[-1]

    def load_append(self) -> None:
        item = self.stack.pop()
        self._extend([item])

    def load_appends(self) -> None:
        self._extend(self.pop_mark())

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def load_setitems(self) -> None:
        self._update(self.pop_mark())

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._update(items)

    def load_empty_set(self) -> None:
        """Make a set, which takes more room than the byte that asks for it."""
        self._steps.spend(_STEPS_A_SET)
        self.append(set())

    def load_additems(self) -> None:
        items = self.pop_mark()
        check_keys(items)
        if type(self.stack[-1]) is set:
            self.stack[-1].update(items)
        else:
            check_takes_items(self.stack[-1], set)

    def load_frozenset(self) -> None:
        items = self.pop_mark()
        self._steps.spend(_STEPS_A_SET)
        check_keys(items)
        self.append(frozenset(items))

    def load_bytearray8(self) -> None:
        """Read bytes that are there, where the machine would first make room for any number."""
        (size,) = unpack("<Q", self.read(8))
        self.append(bytearray(self.read(min(size, self._size))))
        if len(self.stack[-1]) != size:
            raise refused("bytes that are longer than the file")

    def _arguments(self) -> tuple[Any, ...]:
        arguments = self.stack.pop()
        if type(arguments) is not tuple:
            raise refused("a call without arguments")
        self._steps.spend(steps_of(arguments))
        return arguments

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is list:
            self.stack[-1].extend(items)
        else:
            check_takes_items(self.stack[-1], (list, deque))

    def _update(self, items: list[Any]) -> None:
        keys = items[::2]
        check_keys(keys)
        if type(self.stack[-1]) is dict:
            self.stack[-1].update(zip(keys, items[1::2], strict=True))
        else:
            check_takes_items(self.stack[-1], dict)

    def _array(self, state: dict[str, Any]) -> Made:
        """Read over the content of an array, as ``NumpyArrayWrapper.read_array`` reads it."""
        if not _WRAPPED <= state.keys() <= _WRAPPED | {_ALIGNMENT}:
            raise refused("an array that joblib did not write")
        kind, order, subclass = state["dtype"], state["order"], state["subclass"]
        is_array = type(subclass) is Name and subclass.target in {np.ndarray, np.matrix}
        if not is_array or type(kind) is not DataType or order not in {"C", "F"}:
            raise refused("an array that joblib did not write")
        size = n_bytes_of(state["shape"], kind.settled())
        if kind.settled().hasobject:
            return self._objects()
        if state.get(_ALIGNMENT) is not None:
            self._file.seek(self._file.read(1)[0], 1)
        if not kind.settled().itemsize or size > self._size - self._file.tell():
            raise refused("an array that is longer than the file")
        self._file.seek(size, 1)
        return Made("numpy.ndarray", np.ndarray, is_open=False, n_bytes=size)

    def _objects(self) -> Made:
        """Read over an array of objects: a stream of its own, without what joblib adds."""
        made = _Machine(self._file, self._names, self._steps, is_nested=True).load()
        if type(made) is not Made or made.kind is not np.ndarray:
            raise refused("an array of objects that is none")
        return made


_HANDLERS: Final = {code: Unpickler.dispatch[code] for code in TAKEN} | {
    pickle.REDUCE[0]: _Machine.load_reduce,
    pickle.NEWOBJ[0]: _Machine.load_newobj,
    pickle.BUILD[0]: _Machine.load_build,
    pickle.PUT[0]: _Machine.load_put,
    pickle.APPEND[0]: _Machine.load_append,
    pickle.APPENDS[0]: _Machine.load_appends,
    pickle.SETITEM[0]: _Machine.load_setitem,
    pickle.SETITEMS[0]: _Machine.load_setitems,
    pickle.DICT[0]: _Machine.load_dict,
    pickle.EMPTY_SET[0]: _Machine.load_empty_set,
    pickle.ADDITEMS[0]: _Machine.load_additems,
    pickle.FROZENSET[0]: _Machine.load_frozenset,
    pickle.BYTEARRAY8[0]: _Machine.load_bytearray8,
}
