"""Compiles a fitted estimator for every engine, and keeps those that answer as it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Any, Final, Protocol

import numpy as np

from app.domain.compiled import COMPILED_FILES, Compiled, CompiledKind, Parity, Timing
from app.domain.contract import NUMBERS, Contract, Task
from app.domain.parity import check, compare, together, trial_rows
from app.domain.ports import Engine, FloatArray, Matrix, Scores
from app.errors import ModelRejectedError, NotCompilableError
from app.lifecycle.compiling.forest import forest_arrays
from app.lifecycle.compiling.linear import linear_arrays
from app.lifecycle.compiling.onnx import PRECISIONS, onnx_model
from app.lifecycle.compiling.steps import peeled
from app.lifecycle.cpu_time import median_us

_TIMED_ROWS: Final = 1_000
Trials = list[tuple[FloatArray, Scores]]


class CompiledOpener(Protocol):
    """Opens what was compiled, as the gateway does."""

    def __call__(self, kind: CompiledKind, contract: Contract, payload: bytes) -> Engine:
        """Return the engine.

        Raises:
            ModelRejectedError: it cannot be opened here.
        """
        ...


def with_engines(
    contract: Contract,
    estimator: Any,
    *,
    reference: Engine,
    known: Matrix | None,
    open_compiled: CompiledOpener,
) -> tuple[Contract, dict[str, bytes]]:
    """Return *contract* with the engines that pass the comparison, and their files' content.

    Args:
        contract: of the estimator, without engines.
        estimator: fitted.
        reference: the engine around it.
        known: rows of the training table or a sample, shape (n_rows, n_features); None where there
            are none, which is for numbers only.
        open_compiled: the gateway's own way to open an engine.
    """
    hindrance = _hindrance(contract)
    if hindrance is not None:
        return _uncompiled(contract, hindrance, reference, known), {}
    trials = _trials(contract, reference, known)
    rows = np.resize(trials[0][0], (_TIMED_ROWS, len(contract.features)))
    bench = _Bench(contract, estimator, trials, rows, open_compiled)
    reference_timing = _timing(reference, rows)
    passed: list[tuple[Compiled, bytes]] = []
    failed: dict[CompiledKind, str] = {}
    for kind in _CANDIDATES:
        if not any(it.engine == "linear" for it, _ in passed):  # nothing is faster
            try:
                passed.append(_compiled(kind, bench, reference_timing))
            except NotCompilableError as error:
                failed[kind] = str(error)
    passed.sort(key=lambda it: it[0].timing.mean_us)
    compiled = tuple(it for it, _ in passed)
    members = {"compiled": compiled, "not_compiled": failed, "reference_timing": reference_timing}
    return contract.model_copy(update=members), {it.file: payload for it, payload in passed}


def _hindrance(contract: Contract) -> str | None:
    """Return why no engine but scikit-learn can answer for such a contract; None where one may."""
    if contract.input == "texts":
        return "it takes texts, and the engines numbers"
    if contract.input == "table":
        words = [it.name for it in contract.features if it.kind not in NUMBERS]
        return f"it takes text in {', '.join(words[:3])}, and the engines numbers"
    if contract.outputs.targets:
        return "it answers several targets at once"
    if contract.task == "outlier-detection":
        return "it looks for outliers, which no engine does"
    return None


def _uncompiled(contract: Contract, why: str, reference: Engine, known: Matrix | None) -> Contract:
    rows = np.zeros((1, len(contract.features))) if known is None else known
    timing = _timing(reference, np.resize(rows, (_TIMED_ROWS, rows.shape[1])))
    reasons = dict.fromkeys(_CANDIDATES, why)
    return contract.model_copy(update={"not_compiled": reasons, "reference_timing": timing})


@dataclass(frozen=True, slots=True)
class _Bench:
    """What every candidate is tried with."""

    contract: Contract
    estimator: Any
    trials: Trials
    rows: FloatArray
    open_compiled: CompiledOpener


def _linear(bench: _Bench) -> Iterator[bytes]:
    steps, head = peeled(bench.estimator)
    yield _archive(steps | linear_arrays(head))


def _forest(bench: _Bench) -> Iterator[bytes]:
    steps, head = peeled(bench.estimator)
    yield _archive(steps | forest_arrays(head))


def _onnx(bench: _Bench) -> Iterator[bytes]:
    for precision in PRECISIONS:
        yield onnx_model(bench.estimator, len(bench.contract.features), precision)


_CANDIDATES: Final[Mapping[CompiledKind, Callable[[_Bench], Iterator[bytes]]]] = {
    "linear": _linear,
    "forest": _forest,
    "onnx": _onnx,
}


def _compiled(kind: CompiledKind, bench: _Bench, reference: Timing) -> tuple[Compiled, bytes]:
    """Return the first candidate for this engine that passes.

    Raises:
        NotCompilableError: there is none; the text is about the last one.
    """
    reason = NotCompilableError("there is no candidate")
    for payload in _written(kind, bench):
        try:
            return _judged(kind, payload, bench, reference), payload
        except (NotCompilableError, ModelRejectedError) as error:
            reason = NotCompilableError(str(error))
    raise reason


def _written(kind: CompiledKind, bench: _Bench) -> Iterator[bytes]:
    try:
        yield from _CANDIDATES[kind](bench)
    except NotCompilableError:
        raise
    except Exception as error:
        # Estimators are other people's code: whatever one does, it can still be served as it is.
        raise NotCompilableError(f"{type(error).__name__}: {error}") from error


def _judged(kind: CompiledKind, payload: bytes, bench: _Bench, reference: Timing) -> Compiled:
    engine = bench.open_compiled(kind, bench.contract, payload)
    try:
        task = bench.contract.task
        parity = together([_compared(engine, task, *trial) for trial in bench.trials])
    except Exception as error:
        message = f"it cannot answer: {type(error).__name__}: {error}"
        raise NotCompilableError(message) from error
    check(parity)
    timing = _timing(engine, bench.rows)
    if timing.mean_us >= reference.mean_us:
        raise NotCompilableError(
            f"it is slower: {timing.one_row_us:.0f} us for a row and {timing.thousand_rows_us:.0f} "
            f"for 1,000, scikit-learn {reference.one_row_us:.0f} and "
            f"{reference.thousand_rows_us:.0f}"
        )
    return Compiled(
        engine=kind,
        file=COMPILED_FILES[kind],
        size_bytes=len(payload),
        sha256=sha256(payload).hexdigest(),
        parity=parity,
        timing=timing,
    )


def _compared(engine: Engine, task: Task, rows: FloatArray, expected: Scores) -> Parity:
    parity = compare(expected, engine.predict(rows), task)
    n_missing = int(np.isnan(rows).any(axis=1).sum())
    return parity.model_copy(update={"rows_with_missing": n_missing})


def _trials(contract: Contract, reference: Engine, known: FloatArray | None) -> Trials:
    """Ask the reference; a block that it refuses, such as one with gaps, is left out.

    Raises:
        ModelRejectedError: it refuses them all.
    """
    trials: Trials = []
    for rows in trial_rows(contract.features, known):
        with suppress(Exception):
            trials.append((rows, reference.predict(rows)))
    if not trials:
        raise ModelRejectedError("the model answers none of the rows that it is tried with")
    return trials


def _timing(engine: Engine, rows: FloatArray) -> Timing:
    one = rows[:1].copy()
    return Timing(
        one_row_us=median_us(lambda: engine.predict(one)),
        thousand_rows_us=median_us(lambda: engine.predict(rows)),
    )


def _archive(arrays: Mapping[str, Any]) -> bytes:
    """Return *arrays* as an uncompressed ``.npz``, the same bytes for the same arrays."""
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
