from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_Array: TypeAlias = npt.NDArray[Any]

def open_forest(
    left: _Array,
    feature: _Array,
    threshold: _Array,
    missing_left: _Array,
    roots: _Array,
    values: _Array,
    start: _Array,
    n_features: int,
    width: int,
    divisor: float,
    link: int,
    zero_is_second: bool,
    rounds: bool,
    /,
) -> object: ...
def score(
    forest: object, matrix: npt.NDArray[np.float64], out: npt.NDArray[np.float64], /
) -> None: ...
