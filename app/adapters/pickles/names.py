"""Which names a model file may use: the list on the server, not one in the file.

A file names what it is made of as ``module.name``. Nothing is looked up by attribute walks, nothing
is taken from where it was merely imported, and what opens files, starts programs or runs text is
left out even where its package is trusted.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

import numpy as np

from app.errors import ModelRejectedError

# What the standard library, NumPy and joblib put into honest files, one by one.
_STANDARD: Final = frozenset(
    f"{module}.{name}"
    for module, names in {
        "builtins": "object bool int float complex str bytes bytearray list tuple dict set "
        "frozenset range slice",
        "copyreg": "_reconstructor",
        "_codecs": "encode",
        "collections": "OrderedDict defaultdict Counter deque",
        "datetime": "date datetime timedelta timezone",
        "functools": "partial",
        "joblib.numpy_pickle": "NumpyArrayWrapper",
        "numpy._core.multiarray": "_reconstruct scalar",
        "numpy._core.numeric": "_frombuffer",
        "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    }.items()
    for name in names.split()
)
# scipy.stats is not here: its distributions run text that they find in their state.
_PACKAGES: Final = (
    "sklearn",
    "numpy.linalg",
    "numpy.ma",
    "numpy.polynomial",
    "numpy.random",
    "scipy.interpolate",
    "scipy.linalg",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.special",
)
_REFUSED: Final = (
    "*.test*",
    "*._test*",
    "*.conftest.*",
    "*._mptestutils.*",
    "*.__main__.*",
    "*.__*__",
    "*._precompute.*",
    "*.externals.*",
    "*.setup_module",
    "numpy.DataSource",
    "numpy.from*",
    "numpy.gen*",
    "numpy.get_include",
    "numpy.hugepage_setup",
    "numpy.info",
    "numpy.load*",
    "numpy.save*",
    "numpy.set*",
    "numpy.show_*",
    "numpy.ma.mrecords.*",
    "numpy.random._examples.*",
    "numpy.random.set*",
    "sklearn.__check_build.*",
    "sklearn._build_utils.*",
    "sklearn.callback.*",
    "sklearn.datasets.*",
    "sklearn.experimental.*",
    "sklearn.tree._export.*",
    "sklearn.utils._repr_html.*",
    "sklearn.utils._set_output.check_*",
    "sklearn.utils._show_versions.*",
    "sklearn.utils.estimator_checks.*",
    "sklearn.utils.parallel.*",
)
# Names of Python 2 and NumPy 1; and joblib reads what was a memory map as a plain array.
_MODULES: Final = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
}
_NAMES: Final = {
    "builtins.long": "int",
    "builtins.unicode": "str",
    "builtins.xrange": "range",
    "numpy.memmap": "ndarray",
}
_FUNCTIONS: Final = (types.FunctionType, types.BuiltinFunctionType, np.ufunc)
_COMPILED: Final = frozenset({"cython_function_or_method", "_ArrayFunctionDispatcher"})


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """What a file names.

    Attributes:
        path: ``module.name``.
        target: the class or function itself.
        is_free: whether it comes from ``security.allowed_modules``, so that its owner vouches for
            whatever a file does with it.
    """

    path: str
    target: Any
    is_free: bool = False


class Names:
    """The list: scikit-learn, numpy, scipy, joblib as far as honest files need them, and *own*.

    Args:
        own: modules of ``security.allowed_modules``; each allows all that is below it.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self._own = tuple(own)
        self._found: dict[tuple[str, str], Name] = {}

    def find(self, module: str, name: str) -> Name:
        """Return what *module* calls *name*. Imports the module, and only when it is listed.

        Raises:
            ModelRejectedError: it is not on the list, or not installed.
        """
        if (module, name) not in self._found:
            self._found[module, name] = self._look(module, name)
        return self._found[module, name]

    def _look(self, module: str, name: str) -> Name:
        module = _MODULES.get(module, module)
        path = f"{module}.{name}"
        if any(f"{path}.".startswith(f"{own}.") for own in self._own):
            return Name(path, _target(module, name), is_free=True)
        name = _NAMES.get(path, name)
        path = f"{module}.{name}"
        if path in _STANDARD:
            return Name(path, _target(module, name))
        if "." in name or not _is_listed(module, path):
            raise _refusal(path)
        target = _target(module, name)
        if not _is_its_own(target, module, name):
            raise _refusal(path)
        return Name(path, target)


def _is_listed(module: str, path: str) -> bool:
    if module != "numpy" and not any(f"{module}.".startswith(f"{own}.") for own in _PACKAGES):
        return False
    return not any(fnmatchcase(path, refused) for refused in _REFUSED)


def _is_its_own(target: Any, module: str, name: str) -> bool:
    """Say whether *target* is a class or function that lives under exactly this name.

    A pickler writes the name under which a thing was defined, so another one is an attempt to
    reach ``os`` through whoever imported it. A metaclass would make classes; no honest file does.
    """
    if isinstance(target, np.ufunc):
        return target.__name__ == name
    is_class = isinstance(target, type) and not issubclass(target, type)
    is_function = isinstance(target, _FUNCTIONS) or type(target).__name__ in _COMPILED
    lives = (getattr(target, "__module__", None), getattr(target, "__qualname__", None))
    return (is_class or is_function) and lives == (module, name)


def _target(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        message = f"the file names {shown(f'{module}.{name}')}, which cannot be imported here"
        raise ModelRejectedError(f"{message}: {type(error).__name__}") from error


def _refusal(path: str) -> ModelRejectedError:
    return ModelRejectedError(
        f"the file names {shown(path)}, which is not on the list of allowed modules. "
        "Fix: security.allowed_modules, when it is code of yours or of a library that you trust"
    )


def shown(text: object) -> str:
    """Return at most 120 letters of what a stranger wrote, without control characters."""
    return str(text)[:120].encode("unicode_escape").decode()
