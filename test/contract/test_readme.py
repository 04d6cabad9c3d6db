"""README shows what a user types and what they see."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app.lifecycle.datasets import built_in
from app.wiring.offline import open_version
from test.builders import a_promoted_model, some_settings

README = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")


def test_the_first_model_answers_what_is_shown(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    a_promoted_model(settings, built_in("diabetes"))
    model = open_version(settings, None)
    [asked] = re.findall(r"-d '\{\"data\": (\[\[1, .*?\]\])\}'", README)
    [shown] = re.findall(r"\{\"predictions\":(\[.*?\])", README)

    answer = model.engine.predict(model.reader.matrix(json.loads(asked))).predictions.tolist()

    assert answer == pytest.approx(json.loads(shown), rel=1e-9)
    banner = re.findall(r"-d '\{\"data\": (\[\[\d+\.\d.*?\]\])\}'", README)
    assert [[list(model.contract.example_row)]] == [*map(json.loads, banner)]
