"""Evidently's report, and the rows that stand for those of training where there are none."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.contract import Feature, Kind, Training
from app.domain.drift_rules import Threshold
from app.lifecycle.current_rows import Rows
from app.lifecycle.datasets import Table
from app.lifecycle.drift_html import drawn, write_html
from app.lifecycle.drift_reference import baseline
from app.lifecycle.drift_report import drift_report
from app.lifecycle.references import references_of
from test.builders import a_contract

NAMES = ("age", "town", "text")
KINDS: tuple[Kind, ...] = ("float", "category", "text")


def people(n_rows: int = 600, **options: float) -> Any:
    generator = np.random.default_rng(2)
    table = np.empty((n_rows, 3), dtype=object)
    table[:, 0] = generator.lognormal(sigma=1.5, size=n_rows) + options.get("older", 0.0)
    table[:, 1] = generator.choice(["Bern", "Chur", "Thun"], n_rows)
    table[:, 2] = ["x" * it for it in generator.poisson(40, n_rows)]
    table[: n_rows // 10, 0] = np.nan
    return table


def expected() -> Any:
    table = Table("people", NAMES, people(), None, False, KINDS)
    training = Training(
        dataset="people",
        n_rows=600,
        fingerprint_sha256="0" * 64,
        metrics={},
        reference=references_of(table),
    )
    features = [Feature(name=it, kind=kind) for it, kind in zip(NAMES, KINDS, strict=True)]
    contract = a_contract(*features, name="people", training=training)
    return contract, baseline(contract, None, None)


@pytest.mark.parametrize(("place", "kind"), [*enumerate(KINDS)], ids=KINDS)
def test_rows_that_are_drawn_are_distributed_as_the_contract_says(place: int, kind: Kind) -> None:
    contract, expectation = expected()
    feature = contract.features[place]
    matrix = people()
    values = drawn(feature, expectation.references[feature.name], 500)
    if kind == "text":
        values = np.array(["x" * round(it) for it in values.tolist()], dtype=object)
    matrix = matrix[:500]
    matrix[:, place] = values

    found = drift_report(
        contract,
        Rows("drawn", matrix, {}),
        expectation,
        Threshold(least_index=0.0),
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )

    assert found.verdict.ruling == "no drift"


@pytest.mark.skipif("SOAK_EVIDENTLY" not in os.environ, reason="takes its time: make soak")
@pytest.mark.filterwarnings("ignore")  # Evidently and what it imports use what others retire
def test_the_page_loads_nothing_and_says_what_was_compared(tmp_path: Path) -> None:
    contract, expectation = expected()
    matrix = people(400, older=3.0)
    matrix[:, 2] = ""

    words = write_html(
        contract, Rows("400 rows <of> now", matrix, {}), expectation, tmp_path / "d.html"
    )

    page = (tmp_path / "d.html").read_text()
    assert words == "600 rows drawn from the distributions in the contract: 600 rows of people"
    assert f"people@1: 400 rows &lt;of> now, against {words}" in page
    assert "<script src" not in page
    assert "<link" not in page
    assert "town" in page
