"""Whether requests had better share calls of an engine, and how large a call may be."""

from __future__ import annotations

import logging
from typing import Final

import numpy as np
import numpy.typing as npt

from app.adapters.engines.batched import BatchedEngine, joined_probabilities
from app.domain.compiled import Timing
from app.domain.contract import Contract
from app.domain.golden import golden_matrix
from app.domain.ports import Engine, FloatArray, Matrix, Probabilities

log = logging.getLogger("gatehouse.models")
# Handing rows to another thread, and answers back, costs a request about 80 µs of CPU.
_HANDING_OVER_US: Final = 100.0
_LONGEST_CALL_US: Final = 20_000.0
_LEAST_ROW_US: Final = 0.1
_SAME: Final = 1e-6  # as golden rows


def batched(
    engine: Engine, contract: Contract, timing: Timing | None, *, max_wait_seconds: float
) -> BatchedEngine | None:
    """Return *engine* behind a queue; None where threads had better call it side by side.

    Args:
        engine: of one version of one model.
        contract: of that version.
        timing: of it, at registration; None where nobody measured.
        max_wait_seconds: a request that would begin later is refused.
    """
    max_rows = rows_of_a_call(timing) if timing is not None else None
    rows = _some_rows(contract)
    if timing is None or max_rows is None or rows is None:
        return None
    if not _answers_rows_alone(engine, rows):
        extra = {"model": contract.name, "version": contract.version}
        log.warning("engine not batched: its answers depend on the rows around", extra=extra)
        return None
    return BatchedEngine(
        engine,
        max_rows=max_rows,
        call_seconds=timing.one_row_us / 1e6,
        max_wait_seconds=max_wait_seconds,
    )


def rows_of_a_call(timing: Timing) -> int | None:
    """Return the most rows of one shared call; None where sharing costs more than it saves.

    It saves a request all that a call costs besides its rows. A call with the most rows takes
    20 ms, or twice as long as one with a single row where that is more: so long a request of one
    row may be held up, and so little it costs to cut a large request into calls.
    """
    if timing.one_row_us < _HANDING_OVER_US:
        return None
    row_us = max(_LEAST_ROW_US, (timing.thousand_rows_us - timing.one_row_us) / 999)
    room_us = max(_LONGEST_CALL_US - timing.one_row_us, timing.one_row_us)
    return max(1, int(room_us / row_us))


def _some_rows(contract: Contract) -> Matrix | None:
    """Return rows that differ, shape (n_rows, n_features): golden ones where there are two.

    Numbers can be made up for a model of numbers; for any other there are none then.
    """
    golden = golden_matrix(contract.golden, contract.input)
    if len(golden) > 1:
        return golden
    if contract.input != "numbers":
        return None
    return np.random.default_rng(0).normal(scale=3.0, size=(8, len(contract.features)))


def _answers_rows_alone(engine: Engine, rows: Matrix) -> bool:
    """Say whether *engine* answers the first of *rows*, and the others, as it does all of them."""
    try:
        whole, parts = engine.predict(rows), [engine.predict(it) for it in (rows[:1], rows[1:])]
    except Exception:  # noqa: BLE001  it refuses what nobody has asked for
        return False
    if not _is_same(whole.predictions, np.concatenate([it.predictions for it in parts])):
        return False
    joined = joined_probabilities(parts)
    if whole.probabilities is None or joined is None:
        return whole.probabilities is joined
    pairs = zip(_each(whole.probabilities), _each(joined), strict=True)
    return all(_is_same(*pair) for pair in pairs)


def _each(probabilities: Probabilities) -> tuple[FloatArray, ...]:
    """Return the probabilities of each target."""
    return probabilities if isinstance(probabilities, tuple) else (probabilities,)


def _is_same(whole: npt.NDArray[np.generic], joined: npt.NDArray[np.generic]) -> bool:
    if whole.dtype.kind != "f":
        return np.array_equal(whole, joined)
    return np.allclose(whole, joined, rtol=_SAME, atol=_SAME, equal_nan=True)
