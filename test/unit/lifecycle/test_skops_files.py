from __future__ import annotations

import functools
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import skops.io
from numpy.testing import measure
from scipy import stats
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from app.errors import ModelRejectedError
from app.lifecycle.skops_files import pickled
from app.wiring import open_estimator
from app.wiring.names import name_finder

ROWS = np.random.default_rng(1).normal(size=(60, 3))
CLASSES = np.where(ROWS[:, 0] > 0, "x", "y")
HONEST = {
    "boosting": GradientBoostingClassifier(n_estimators=3),
    "columns": make_pipeline(
        ColumnTransformer([("scaled", StandardScaler(), [0])], remainder="passthrough"),
        LogisticRegression(),
    ),
    "forest": RandomForestClassifier(3, random_state=np.random.RandomState(1)),
    "histograms": HistGradientBoostingClassifier(max_iter=3),
    "neighbours": KNeighborsClassifier(algorithm="kd_tree"),
    "search": GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}),
    "ufunc": make_pipeline(FunctionTransformer(np.exp), LogisticRegression()),
    "voting": VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())], voting="soft"),
}


def written(content: bytes) -> bytes:
    return pickled(content, name_finder())


def changed(content: bytes, change: Callable[[str], str]) -> bytes:
    """Return the skops file with another schema."""
    new = BytesIO()
    with ZipFile(BytesIO(content)) as old, ZipFile(new, "w") as file:
        for name in old.namelist():
            kept = old.read(name)
            is_schema = name == "schema.json"
            file.writestr(name, change(kept.decode()).encode() if is_schema else kept)
    return new.getvalue()


def renamed(content: bytes, **names: str) -> bytes:
    """Return the skops file with other names for some attributes."""

    def change(schema: str) -> str:
        for old, new in names.items():
            schema = schema.replace(f'"{old}"', f'"{new}"')
        return schema

    return changed(content, change)


def a_line() -> Any:
    return LinearRegression().fit(ROWS, ROWS.sum(axis=1))


def with_a_partial(proof: Path) -> bytes:
    """A line whose pickler would be asked to run text."""
    line = a_line()
    line.hook = functools.partial(measure, f"open({str(proof)!r}, 'w')")
    return renamed(skops.io.dumps(line), hook="__reduce_ex__")


def with_a_bound_method(proof: Path) -> bytes:
    """The same through a method of a distribution, made of what skops does not ask about."""
    line, frozen, called = a_line(), stats.norm(), LinearRegression()
    called.mean = measure
    frozen.dist, frozen.args, frozen.kwds = called, (f"open({str(proof)!r}, 'w')",), {}
    frozen.a = frozen.b = 0
    line.hook_a, line.hook_b = None, frozen.mean
    return renamed(skops.io.dumps(line), hook_a="__reduce_ex__", hook_b="__reduce__")


@pytest.mark.parametrize("estimator", HONEST.values(), ids=HONEST)
def test_what_skops_wrote_predicts_the_same_behind_the_door(estimator: Any) -> None:
    estimator.fit(ROWS, CLASSES)

    opened = open_estimator(written(skops.io.dumps(estimator)))

    assert type(opened) is type(estimator)
    assert (opened.predict_proba(ROWS) == estimator.predict_proba(ROWS)).all()


@pytest.mark.parametrize("crafted", [with_a_partial, with_a_bound_method])
def test_nothing_of_a_crafted_file_runs(tmp_path: Path, crafted: Callable[[Path], bytes]) -> None:
    proof = tmp_path / "ran"

    with pytest.raises(ModelRejectedError, match=r"(PartialNode|MethodNode|frozen|numpy\.testing)"):
        written(crafted(proof))

    assert not proof.exists()


def test_a_method_of_python_in_a_state_is_refused() -> None:
    line = a_line()
    line.hook = np.exp

    with pytest.raises(ModelRejectedError, match="no plain set of attributes"):
        open_estimator(written(renamed(skops.io.dumps(line), hook="__reduce_ex__")))


@pytest.mark.parametrize("function", [np.load, np.mean, len, json.loads])
def test_a_function_is_refused(function: Any) -> None:
    transformer = FunctionTransformer(function)

    with pytest.raises(ModelRejectedError, match=function.__name__):
        written(skops.io.dumps(transformer))


def test_a_type_that_skops_trusts_is_looked_up_too() -> None:
    def change(schema: str) -> str:
        said = json.loads(schema)
        said["__module__"], said["__class__"] = "sklearn.datasets._base", "load_iris"
        return json.dumps(said)

    with pytest.raises(ModelRejectedError, match=r"sklearn\.datasets\._base\.load_iris"):
        written(changed(skops.io.dumps(a_line()), change))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        changed(skops.io.dumps(1), lambda _: "{}"),
        changed(skops.io.dumps(1), lambda _: "[]"),
        changed(skops.io.dumps(1), lambda _: '{"protocol": 2, "__loader__": []}'),
        changed(skops.io.dumps([1]), lambda it: it.replace('"protocol": 2', '"protocol": 99')),
        changed(skops.io.dumps(1), lambda _: "[" * 100_000),
    ],
    ids=["empty", "no zip", "no protocol", "a list", "no loader", "another protocol", "deep"],
)
def test_what_is_no_skops_file_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(ModelRejectedError, match="skops file"):
        written(content)
