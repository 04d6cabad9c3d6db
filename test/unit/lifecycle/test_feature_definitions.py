from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import FeatureDefinitionsError
from app.lifecycle.feature_definitions import load_definitions

HEAD = "views: {v: {entity: who, source: orders, features: "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("views: [", "is not YAML"),
        ("", "the file: Input should be"),
        ("views: {}", "views: Dictionary should have at least 1 item"),
        (HEAD + "{}}}", "views.v.features: Dictionary should have at least 1 item"),
        (HEAD + "{x: {aggregate: median}}}}", "views.v.features.x.aggregate: Input should be"),
        (HEAD + "{x: {aggregate: sum}}}}", "'sum' needs 'of'"),
        (HEAD + "{x: {aggregate: days_since_last, of: a}}}}", "has no 'of'"),
        (HEAD + "{x: {aggregate: count, window: 30}}}}", "window"),
        (HEAD + "{x: {aggregate: count, window: 0d}}}}", "window"),
        (HEAD + "{x: {aggregate: count, kind: text}}}}", "'kind' cannot be 'text'"),
        (HEAD + "{x: {aggregate: max, of: a, kind: text, default: 1}}}}", "'default' does not fit"),
        (HEAD + "{x: {aggregate: count, default: '0'}}}}", "'default' does not fit"),
        (HEAD + "{'x y': {aggregate: count}}}}", "pattern"),
        (HEAD + "{x: {aggregate: count, windw: 1d}}}}", "windw"),
        (HEAD + "{who: {aggregate: count}}}}", "like a column of the records"),
        (HEAD + "{x: {aggregate: count}, X: {aggregate: count}}}}", "two features are called 'x'"),
        (HEAD + "{x: {aggregate: count}, x: {aggregate: count}}}}", "stands twice"),
        ("views: {v: {entity: who, source: ../up, features: {x: {aggregate: count}}}}", "source"),
    ],
)
def test_definitions_that_mean_nothing_are_refused_with_their_place(
    tmp_path: Path, text: str | None, said: str
) -> None:
    path = tmp_path / "features.yaml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(FeatureDefinitionsError, match=said) as refusal:
        load_definitions(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "Fix: " in str(refusal.value)
