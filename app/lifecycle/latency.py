"""How long a version takes, measured now and on this machine."""

from __future__ import annotations

from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from app.domain.compiled import Timing
from app.domain.golden import golden_matrix
from app.domain.prediction import ServedModel
from app.lifecycle.cpu_time import median_us

_MANY_ROWS: Final = 1_000


def measure(model: ServedModel) -> Timing:
    """Return the median CPU time of one row, and of a thousand, taken from the golden rows."""
    contract = model.contract
    if contract.golden.inputs:
        rows = golden_matrix(contract.golden, contract.input)
    else:
        rows = model.reader.matrix([list(contract.example_row)])
    many = rows[np.arange(_MANY_ROWS) % len(rows)]
    with threadpool_limits(1):  # threads that wait for one another spend time on nothing
        return Timing(
            one_row_us=median_us(lambda: model.engine.predict(rows[:1])),
            thousand_rows_us=median_us(lambda: model.engine.predict(many)),
        )
