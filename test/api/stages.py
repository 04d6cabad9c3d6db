"""A stage with one model of each shape, for tests of what callers are told about them."""

from __future__ import annotations

from functools import cache
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from app.domain.contract import Feature, Missing
from app.settings.schema import Settings
from test.shapes import Shape, a_shape, all_shapes, objects

DEFAULT = "multi-class"
NAMES = (
    DEFAULT, "regression", "no-probabilities", "multi-label-forest", "multi-output",
    "multi-output-numbers", "outliers", "table", "texts", "quoted",
)  # fmt: skip
TOWNS = ("Ålesund", "O'Hare", 'say "hi"; $(exit 1) `id` \\')


@cache
def shapes() -> dict[str, Shape]:
    """One model of each of NAMES."""
    known = {**all_shapes(), "quoted": _quoted()}
    return {name: known[name] for name in NAMES}


def promote(settings: Settings, *names: str) -> None:
    """Put models onto the stage of *settings*; DEFAULT is its default."""
    stage = settings.path(settings.model.model_path).parent
    for name in names:
        shapes()[name].store(stage if name == DEFAULT else stage / name)


def inputs(name: str, n_rows: int) -> Any:
    """The first rows of a model as its estimator takes them."""
    return shapes()[name].given[:n_rows]


def _quoted() -> Shape:
    """A table whose names and categories mean something to shells and to Python."""
    refused = Missing(policy="refuse")
    features = (
        Feature(name='the town\'s "name"', kind="category", categories=TOWNS),
        Feature(name="$HOME", missing=refused),
        Feature(name="alone\\", kind="bool", missing=refused),
    )
    rows: list[list[Any]] = [[TOWNS[(n + 2) % 3], n + 0.5, n % 2 == 0] for n in range(24)]
    labels = ["lives" if row[1] > 9 or row[0] == TOWNS[0] else "dies" for row in rows]
    steps = ColumnTransformer([("towns", OneHotEncoder(), [0])], remainder="passthrough")
    given = objects(rows)
    fitted = make_pipeline(steps, RandomForestClassifier(5, random_state=1)).fit(given, labels)
    return a_shape("quoted", fitted, features, rows, given, takes="table")
