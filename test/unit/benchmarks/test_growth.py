from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import models
from benchmarks.growth import Grown, table
from benchmarks.messages import data_body, numbered_body
from benchmarks.server import Workshop
from benchmarks.within import Asked, Gate, WrongStatusError, in_turns


def test_growth_is_shown_with_its_exponents() -> None:
    row = table([Grown("rows", {1: 10.0, 10: 100.0, 100: 1_000.0})]).splitlines()[-1]

    assert "1: 10, 10: 100, 100: 1,000" in row
    assert row.count("1.00") == 2


def test_a_gate_within_this_process_answers_what_it_is_asked(tmp_path: Path) -> None:
    model = models.build(tmp_path)["logistic"]
    workshop = Workshop.build(tmp_path / "gateway", model)
    gate = Gate(workshop, name="asked", n_revoked=2)
    bodies = [numbered_body(data_body, [model.one])]

    gate.prepare(Asked(bodies, [workshop.token("alice"), workshop.token("bob")]))

    assert in_turns({1: gate})[1] > 0
    with pytest.raises(WrongStatusError, match="401"):
        gate.prepare(Asked(bodies, ["no token"]))
