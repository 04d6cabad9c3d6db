"""Tree ensembles as arrays, walked by the native kernel beside this file."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.adapters.engines.arrays import Arrays
from app.domain.ports import FloatArray
from app.errors import ModelRejectedError

try:
    from app.adapters.engines import _forest as _kernel
except ImportError:  # built without a compiler
    _kernel = None  # type: ignore[assignment]

_LINKS: Final = ("value", "exponential", "logit", "half_logit", "softmax", "share")
_KERNEL_LINKS: Final = {name: number for number, name in enumerate(_LINKS[:-1])} | {"share": 0}
# Each member's type and number of dimensions.
_MEMBERS: Final[dict[str, tuple[type[np.generic], int]]] = {
    "left": (np.int32, 1),
    "feature": (np.int32, 1),
    "threshold": (np.float64, 1),
    "missing_left": (np.bool_, 1),
    "roots": (np.int32, 1),
    "values": (np.float64, 2),
    "start": (np.float64, 1),
    "n_features": (np.int64, 0),
    "divisor": (np.float64, 0),
    "zero_is_second": (np.bool_, 0),
    "rounds": (np.bool_, 0),
    "link": (np.str_, 0),
}


class ForestHead:
    """Answers as scikit-learn's tree ensembles do, without scikit-learn.

    Args:
        arrays: the members that ``app/lifecycle/compiling/forest.py`` describes.

    Raises:
        ModelRejectedError: the arrays are no forest, or the kernel was not built here.
    """

    def __init__(self, arrays: Arrays) -> None:
        if not self.is_available():
            raise ModelRejectedError("the forest kernel is not built here: it needs a C compiler")
        found = _checked(arrays)
        link, start = str(found["link"]), found["start"]
        n_outputs = 2 if link in {"logit", "half_logit"} else len(start)
        self._columns: Final = () if link in {"value", "exponential"} else (n_outputs,)
        try:
            self._forest: Final = _opened(found)
        except ValueError as error:
            raise ModelRejectedError(f"the arrays are no forest: {error}") from error

    @staticmethod
    def is_available() -> bool:
        """Say whether the kernel was built where this runs."""
        return _kernel is not None

    def __call__(self, matrix: FloatArray) -> FloatArray:
        """Score every row of *matrix*, shape (n_rows, n_features), in C order.

        Returns:
            Probabilities, shape (n_rows, n_classes), or the values of a regression, (n_rows,).
        """
        scores = np.empty((len(matrix), *self._columns))
        _kernel.score(self._forest, matrix, scores)
        return scores


def _opened(found: Arrays) -> object:
    return _kernel.open_forest(
        found["left"],
        found["feature"],
        found["threshold"],
        found["missing_left"],
        found["roots"],
        found["values"],
        found["start"],
        int(found["n_features"]),
        found["values"].shape[1],
        float(found["divisor"]),
        _KERNEL_LINKS[str(found["link"])],
        bool(found["zero_is_second"]),
        bool(found["rounds"]),
    )


def _checked(arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    """Return *arrays*, aligned and in C order, when types, dimensions and numbers are right.

    Raises:
        ModelRejectedError: one of them is not.
    """
    if set(arrays) != set(_MEMBERS):
        raise ModelRejectedError(f"a forest has the members {', '.join(_MEMBERS)}")
    for name, (kind, n_dimensions) in _MEMBERS.items():
        array = arrays[name]
        is_native = array.dtype.kind == "U" if kind is np.str_ else array.dtype == kind
        if not is_native or array.ndim != n_dimensions:
            wanted = f"{kind.__name__} with {n_dimensions} dimensions"
            raise ModelRejectedError(f"the forest's {name!r} must be {wanted}")
    link, n_sums = str(arrays["link"]), len(arrays["start"])
    if link not in _LINKS or (n_sums != 1 and link not in {"softmax", "share"}):
        raise ModelRejectedError(f"the forest's link {link!r} is unknown or does not fit its sums")
    numbers = (arrays["values"], arrays["start"], arrays["divisor"])
    if not all(np.isfinite(array).all() for array in numbers) or arrays["divisor"] < 1:
        raise ModelRejectedError("the forest's values must be finite")
    return {name: np.require(array, requirements=["C", "A"]) for name, array in arrays.items()}
