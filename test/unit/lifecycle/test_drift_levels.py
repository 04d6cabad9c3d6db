"""How often the verdict is wrong, with fixed seeds: no alarm without drift, and drift is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from app.domain.contract import Kind, Training
from app.domain.drift import Verdict
from app.domain.drift_rules import Threshold
from app.lifecycle.current_rows import Rows
from app.lifecycle.datasets import Table
from app.lifecycle.drift_reference import Baseline, baseline
from app.lifecycle.drift_report import drift_report
from app.lifecycle.references import features_of, references_of
from test.builders import a_contract

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Draw = Callable[[np.random.Generator, int], npt.NDArray[Any]]
Shape = tuple[tuple[Kind, Draw], ...]


def _gaps(generator: np.random.Generator, n_rows: int) -> npt.NDArray[np.float64]:
    values = generator.normal(size=n_rows)
    values[generator.random(n_rows) < 0.1] = np.nan
    return values


def _towns(generator: np.random.Generator, n_rows: int) -> npt.NDArray[Any]:
    """Names of which a few are common and most are rare."""
    towns = np.minimum(generator.zipf(1.5, n_rows), 500)
    return np.array([f"town-{it}" for it in towns], dtype=object)


def _texts(generator: np.random.Generator, n_rows: int) -> npt.NDArray[Any]:
    return np.array(["x" * it for it in generator.poisson(60, n_rows)], dtype=object)


NUMBERS: Shape = (
    ("float", lambda generator, n: generator.normal(size=n)),
    ("float", lambda generator, n: generator.lognormal(sigma=2.0, size=n)),
    ("float", lambda generator, n: generator.exponential(size=n)),
    ("float", lambda generator, n: np.round(generator.normal(size=n), 1)),
    (
        "float",
        lambda generator, n: np.where(generator.random(n) < 0.3, 0.0, generator.gamma(2, size=n)),
    ),
    ("float", lambda generator, n: generator.uniform(size=n)),
    ("float", _gaps),
    ("int", lambda generator, n: generator.poisson(3.0, size=n).astype(float)),
    ("bool", lambda generator, n: generator.integers(0, 2, size=n).astype(float)),
    ("float", lambda generator, n: generator.standard_t(3, size=n)),
)
NORMAL: Shape = (NUMBERS[0],) * 10
WORDS: Shape = (
    ("category", _towns),
    ("category", lambda generator, n: generator.choice(["a", "b", "c"], n).astype(object)),
    ("text", _texts),
    NUMBERS[0],
    NUMBERS[8],
)


def drawn(shape: Shape, generator: np.random.Generator, n_rows: int) -> Any:
    columns = [draw(generator, n_rows) for _, draw in shape]
    if any(column.dtype.hasobject for column in columns):
        matrix = np.empty((n_rows, len(columns)), dtype=object)
        for place, column in enumerate(columns):
            matrix[:, place] = column
        return matrix
    return np.column_stack(columns)


def expected(shape: Shape, matrix: Any) -> tuple[Any, Baseline]:
    """A contract made of a training set, and what is expected by it."""
    names = tuple(f"f{place}" for place in range(len(shape)))
    table = Table("drawn", names, matrix, None, False, tuple(kind for kind, _ in shape))
    training = Training(
        dataset="drawn",
        n_rows=len(matrix),
        fingerprint_sha256="0" * 64,
        metrics={},
        reference=references_of(table),
    )
    contract = a_contract(*features_of(table), training=training)
    return contract, baseline(contract, None, None)


def verdict_on(
    contract: Any, expectation: Baseline, matrix: Any, threshold: Threshold | None = None
) -> Verdict:
    rows = Rows("drawn", matrix, {})
    return drift_report(contract, rows, expectation, threshold or Threshold(), at=NOW).verdict


@pytest.mark.parametrize(
    ("shape", "n_rows", "threshold"),
    [
        (NORMAL, 1_000, Threshold()),
        (NUMBERS, 250, Threshold(least_index=0.0)),
        (NUMBERS, 1_000, Threshold(least_index=0.0)),
        (WORDS, 1_000, Threshold(least_index=0.0)),
    ],
    ids=["as-shipped", "few-rows", "skew-ties-gaps", "words"],
)
def test_of_200_undrifted_windows_hardly_any_raises_the_alarm(
    shape: Shape, n_rows: int, threshold: Threshold
) -> None:
    generator = np.random.default_rng(11)
    alarms = 0
    for _ in range(20):  # each with a training set of its own, whose sampling error counts too
        contract, expectation = expected(shape, drawn(shape, generator, 2_000))
        for _ in range(10):
            matrix = drawn(shape, generator, n_rows)
            verdict = verdict_on(contract, expectation, matrix, threshold)
            alarms += verdict.ruling == "drift"

    assert alarms <= 10


@pytest.mark.parametrize("shape", [NORMAL, NUMBERS], ids=["normal", "skew-ties-gaps"])
def test_half_a_standard_deviation_in_one_feature_of_ten_is_found_in_1000_rows(
    shape: Shape,
) -> None:
    generator = np.random.default_rng(12)
    found = 0
    for trial in range(100):
        contract, expectation = expected(shape, drawn(shape, generator, 2_000))
        matrix = drawn(shape, generator, 1_000)
        place = trial % 10
        matrix[:, place] += 0.5 * np.nanstd(matrix[:, place])
        verdict = verdict_on(contract, expectation, matrix)
        found += [check.name for check in verdict.drifted] == [f"f{place}"]

    assert found >= 95
