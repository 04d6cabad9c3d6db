"""When it is time to train again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.contract import Contract
from app.errors import OperatorError
from app.lifecycle.retrain import Occasion, is_due
from test.builders import a_contract

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def an_occasion(when: Any, tmp_path: Path, *, days: float = 7.0) -> Occasion:
    return Occasion(when, tmp_path / "drift-line.json", timedelta(days=days))


def champion(age: timedelta) -> Contract:
    return a_contract(created_at=NOW - age)


@pytest.mark.parametrize(("days", "due"), [(6, False), (8, True)])
def test_on_schedule_the_age_decides(tmp_path: Path, *, days: int, due: bool) -> None:
    occasion = an_occasion("schedule", tmp_path)

    found, why = is_due(occasion, champion(timedelta(days=days)), NOW)

    assert found is due
    assert why == f"version 1 is {days}.0 days old, and the limit is 7"


@pytest.mark.parametrize(
    ("drifted", "hours", "due", "why"),
    [
        (True, 1, True, "says drift"),
        (False, 1, False, "says no drift"),
        (True, 24 * 9, False, "is older than version 1"),
    ],
    ids=["drift", "no drift", "old news"],
)
def test_a_drift_report_decides(
    tmp_path: Path, *, drifted: bool, hours: int, due: bool, why: str
) -> None:
    occasion = an_occasion("drift", tmp_path)
    verdict = "drift" if drifted else "no drift"
    report = {"created_at": NOW - timedelta(hours=hours), "drifted": drifted, "verdict": verdict}
    occasion.report.write_bytes(orjson.dumps(report))

    found = is_due(occasion, champion(timedelta(days=8)), NOW)

    assert found[0] is due
    assert why in found[1]


def test_without_a_report_nothing_is_due(tmp_path: Path) -> None:
    found, why = is_due(an_occasion("drift", tmp_path), champion(timedelta(days=8)), NOW)

    assert not found
    assert "scripts/run_drift_report.py writes it" in why


def test_a_damaged_report_is_a_mistake(tmp_path: Path) -> None:
    occasion = an_occasion("drift", tmp_path)
    occasion.report.write_text("{}")

    with pytest.raises(OperatorError, match=r"is no drift report\. Fix: "):
        is_due(occasion, champion(timedelta(days=8)), NOW)


@pytest.mark.parametrize("when", ["drift", "schedule", "always"])
def test_a_free_place_is_always_a_reason(tmp_path: Path, when: str) -> None:
    assert is_due(an_occasion(when, tmp_path), None, NOW) == (True, "nothing is promoted yet")
