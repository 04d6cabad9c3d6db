"""What a model file may do with what it names: the few calls that honest files make.

Classes and functions of scikit-learn may be named freely, as an attribute of a model. Called, while
the file is read, are only those here, and only with arguments as picklers write them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from app.adapters.pickles.arrays import NUMPY_MAKERS, Arguments, content_bytes, masked_bytes
from app.adapters.pickles.names import Name
from app.adapters.pickles.values import BYTES_A_STEP, Made, check_keys, refused, steps_of
from app.errors import ModelRejectedError

_HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that Python code defined
_PLAIN: Final = (type(None), bool, int, float, str, bytes)
_PUBLIC_DUNDERS: Final = frozenset({"__doc__", "__name__"})


def call(name: Any, arguments: Arguments) -> Any:
    """Return what stands for ``name(*arguments)``.

    Raises:
        ModelRejectedError: *name* may be named but not called, or not in this way.
    """
    if type(name) is not Name:
        raise refused("a call of something without a name")
    maker = _compiled if _is_compiled(name) else _MAKERS.get(name.path)
    if maker is None and name.is_free:
        return Made(name.path, name.target, is_free=True)
    if maker is None:
        raise ModelRejectedError(
            f"the file calls {name.path}, which a model file may name but not call. "
            "Fix: security.allowed_modules, when you trust what it does"
        )
    return maker(name, arguments)


def new(name: Any, arguments: Arguments) -> Made:
    """Return what stands for ``name.__new__(name, *arguments)``, which runs no ``__init__``."""
    if type(name) is not Name or not isinstance(name.target, type):
        raise refused("an instance of something that is no class")
    is_named_tuple = issubclass(name.target, tuple) and hasattr(name.target, "_fields")
    is_python = bool(name.target.__flags__ & _HEAP_TYPE)
    if name.is_free or is_named_tuple or (is_python and arguments == ()):
        return Made(name.path, name.target, is_free=name.is_free)
    raise refused(f"an instance of {name.path} that is made in another way")


def fill(made: Any, state: Any) -> int:
    """Take *state* as that of *made*; return the steps that it costs.

    Raises:
        ModelRejectedError: *made* is something with a name, was filled before, or its state is
            of another form than its pickler writes.
    """
    if type(made) is not Made or not made.is_open:
        raise refused("a state for something that has one")
    made.is_open = False
    if made.is_free:
        return 0
    if made.kind is np.ndarray:
        made.n_bytes = content_bytes(state)
        return made.n_bytes // BYTES_A_STEP
    if made.kind is partial and _is_partial(state):
        return steps_of(state)
    if made.kind is np.ma.MaskedArray:
        return masked_bytes(state) // BYTES_A_STEP
    if made.kind is None and type(state) in {dict, tuple}:
        return steps_of(state.values() if type(state) is dict else state)
    if type(state) is not dict or not all(map(_is_attribute, state)):
        raise refused(f"a state of {made.path} that is no plain set of attributes")
    return len(state)


def _is_attribute(key: Any) -> bool:
    """Say whether *key* names an attribute, and not a method of Python's own such as a setter."""
    return type(key) is str and (not key.startswith("__") or key in _PUBLIC_DUNDERS)


def _is_compiled(name: Name) -> bool:
    """Say whether *name* makes one of scikit-learn's compiled objects, such as a tree."""
    if isinstance(name.target, type):
        return name.path.startswith("sklearn.") and not name.target.__flags__ & _HEAP_TYPE
    is_maker = name.path.endswith(".newObj") or ".__pyx_unpickle_" in name.path
    return (
        is_maker
        and name.path.startswith("sklearn.")
        and type(name.target).__name__ == "cython_function_or_method"
    )


def _compiled(name: Name, _: Arguments) -> Made:
    return Made(name.path)


def _bytes(_: Name, arguments: Arguments) -> bytes:
    match arguments:
        case (str(text), "latin1"):
            return text.encode("latin1")
    raise refused("an encoding other than Latin-1")


def _plain(name: Name, arguments: Arguments) -> Made:
    """Stand for a value of the standard library that is made of plain ones."""
    for one in arguments:
        is_of_datetime = type(one) is Made and one.path.startswith("datetime.")
        if type(one) not in _PLAIN and not is_of_datetime:
            raise refused(f"a {name.path} that is made of something else")
    return Made(name.path, is_open=False)


def _byte_array(name: Name, arguments: Arguments) -> Made:
    match arguments:
        case () | (bytes(),) | (str(), "latin1"):
            return Made(name.path, is_open=False)
    raise refused("a bytearray that is made of something else")


def _collection(name: Name, arguments: Arguments) -> Made:
    match name.target.__name__, arguments:
        case "set" | "frozenset", (list(members),):
            check_keys(members)
        case "OrderedDict", ():
            pass
        case "defaultdict", () | (None,) | (Name(),):
            pass
        case "Counter", (dict(),):
            pass
        case "deque", () | ((),) | ((), int()):
            pass
        case _:
            raise refused(f"a {name.path} that is made of something else")
    return Made(name.path, name.target)


def _partial(name: Name, arguments: Arguments) -> Made:
    """Stand for what boosting over categories holds: one function of scikit-learn, with options."""
    match arguments:
        case (Name(path="sklearn.utils.validation.check_array"),):
            return Made(name.path, partial)
    raise refused("a functools.partial of something else than check_array")


def _is_partial(state: Any) -> bool:
    match state:
        case (Name(path="sklearn.utils.validation.check_array"), (), dict(), None):
            return True
    return False


def _instance(_: Name, arguments: Arguments) -> Made:
    """Stand for an instance as protocols 0 and 1 write it: its class, a base, the base's value."""
    match arguments:
        case (Name() as name, Name(path="builtins.object"), None):
            return new(name, ())
        case (Name(target=type() as kind) as name, Name(target=base), dict() | tuple() as value):
            if base in {dict, tuple} and type(value) is base and issubclass(kind, base):
                return Made(name.path, kind, is_free=name.is_free)
    raise refused("an instance on a base that is not its own")


_MAKERS: Final[dict[str, Callable[[Name, Arguments], Any]]] = {
    **NUMPY_MAKERS,
    "_codecs.encode": _bytes,
    "builtins.bytearray": _byte_array,
    "copyreg._reconstructor": _instance,
    "functools.partial": _partial,
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": _compiled,
    **{f"builtins.{it}": _collection for it in ("set", "frozenset")},
    **{
        f"collections.{it}": _collection
        for it in ("Counter", "OrderedDict", "defaultdict", "deque")
    },
    **{f"builtins.{it}": _plain for it in ("complex", "range", "slice")},
    **{f"datetime.{it}": _plain for it in ("date", "datetime", "timedelta", "timezone")},
}
