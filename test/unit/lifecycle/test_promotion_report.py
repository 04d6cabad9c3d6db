from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain import manifest
from app.domain.contract import Signature
from app.domain.flips import Flips, SegmentFlips
from app.domain.promotion import Decision, Gate, replay, skipped
from app.lifecycle.promotion_report import (
    Objection,
    Verdict,
    as_markdown,
    as_text,
    objection,
    write_report,
)
from test.builders import a_contract

DOCUMENT = a_contract(version="2").model_dump_json().encode()
DIGEST = manifest.digest(DOCUMENT)


def a_verdict(*gates: Gate, **changes: Any) -> Verdict:
    fields: dict[str, Any] = {
        "name": "line",
        "version": "2",
        "sha256": DIGEST,
        "stage": "dev",
        "champion": "1",
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "decision": Decision(gates),
    }
    return Verdict(**(fields | changes))


def test_a_long_reason_is_wrapped_under_itself() -> None:
    text = as_text(a_verdict(Gate("better", "failed", "word " * 30), skipped("replay", "none")))

    head, first, second, third, last = text.splitlines()
    assert head == "line 2 against 1 on dev"
    assert first.startswith("failed   better  word word")
    assert second.startswith(" " * 17 + "word")
    assert third == "skipped  replay  none"
    assert last == "refused by better"
    assert max(map(len, text.splitlines())) <= 100


def test_a_verdict_without_gates_says_why() -> None:
    verdict = a_verdict(unasked="it is there")

    assert as_text(verdict) == "line 2 against 1 on dev: it is there"
    assert "it is there" in as_markdown(verdict)


def test_the_page_has_the_segments_with_most_flips_first() -> None:
    parts = (SegmentFlips("town", "a|b", 10, 1), SegmentFlips("town", "c", 10, 5))
    flips = Flips(n_requests=2, n_rows=20, n_flips=6, by_segment=parts, changes=(("x", "y", 6),))

    page = as_markdown(a_verdict(replay(flips, 7, 0.5)))

    lines = page.splitlines()
    assert lines.index("| town: c | 10 | 5 | 50.00% |") < lines.index(
        r"| town: a\|b | 10 | 1 | 10.00% |"
    )
    assert "| x | y | 6 |" in lines


def test_what_the_gates_said_stays_when_they_are_not_asked_again(tmp_path: Path) -> None:
    refused = Gate("better", "failed", "it is worse")
    write_report(a_verdict(refused), tmp_path)

    again = write_report(a_verdict(unasked="it is there"), tmp_path)
    other = write_report(a_verdict(skipped("better", "none"), stage="production"), tmp_path)

    assert orjson.loads(again.read_bytes())["failed"] == ["better"]
    assert orjson.loads(other.read_bytes())["failed"] == []


WORSE = Gate("better", "failed", "it is worse")
ASKED_BESIDE_1 = a_verdict(skipped("better", "none"))


def the_objection(folder: Path, champion: str | None = "1") -> Objection | None:
    return objection(folder, DOCUMENT, stage="dev", champion=champion)


def test_a_report_that_lets_it_pass_is_no_objection(tmp_path: Path) -> None:
    write_report(ASKED_BESIDE_1, tmp_path)

    assert the_objection(tmp_path) is None


def test_a_report_counts_for_a_version_that_was_signed_since(tmp_path: Path) -> None:
    write_report(ASKED_BESIDE_1, tmp_path)
    signed = manifest.with_signature(DOCUMENT, Signature(key="0" * 16, value="A" * 86 + "=="))

    assert objection(tmp_path, signed, stage="dev", champion="1") is None


def test_a_report_without_a_champion_is_about_a_free_place(tmp_path: Path) -> None:
    write_report(a_verdict(champion=None), tmp_path)

    assert the_objection(tmp_path, None) is None
    beside = the_objection(tmp_path)
    assert beside is not None
    assert "against a free place, and not against 1 on dev" in beside.sentence


@pytest.mark.parametrize(
    ("verdict", "sentence", "failed"),
    [
        (None, "no gate was asked about line 2 against 1 on dev", "not asked"),
        (a_verdict(unasked="it is there"), "no gate was asked about line 2", "not asked"),
        (a_verdict(sha256="1" * 64), "no gate was asked about line 2", "not asked"),
        (a_verdict(stage="staging"), "no gate was asked about line 2", "not asked"),
        (a_verdict(champion="3"), "line 2 against 3, and not against 1 on dev", "not asked"),
        (a_verdict(WORSE), "line 2 against 1 on dev is refused by better", "better"),
    ],
    ids=["none", "unasked", "other files", "other stage", "other champion", "failed"],
)
def test_what_no_report_lets_pass_is_objected_to(
    tmp_path: Path, verdict: Verdict | None, sentence: str, failed: str
) -> None:
    if verdict is not None:
        write_report(verdict, tmp_path)

    found = the_objection(tmp_path)

    assert found is not None
    assert sentence in found.sentence
    assert found.failed == (failed,)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff"])
def test_a_damaged_report_lets_nothing_pass(tmp_path: Path, content: bytes) -> None:
    write_report(ASKED_BESIDE_1, tmp_path).write_bytes(content)

    assert the_objection(tmp_path) is not None
