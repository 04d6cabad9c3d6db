from __future__ import annotations

import sys
from typing import Any

import pytest
from sklearn.ensemble import RandomForestClassifier

from app.adapters.engines.choice import Choice, choose
from app.adapters.engines.forest import ForestHead
from app.adapters.engines.reference import SklearnEngine
from app.domain.contract import Contract
from app.domain.golden import record
from app.domain.ports import Engine
from app.errors import ModelRejectedError
from app.lifecycle.compiling.engines import with_engines
from app.wiring import open_compiled
from test.builders import a_classification_table, a_contract

pytest.importorskip("skl2onnx", reason="needs `make setup-pipeline`")
SIDES = a_classification_table()
FOREST = RandomForestClassifier(5, random_state=0).fit(SIDES.features, SIDES.target)
REFERENCE = SklearnEngine(FOREST, has_probabilities=True)
if not ForestHead.is_available():
    pytest.skip("needs the forest kernel: a C compiler", allow_module_level=True)


@pytest.fixture(scope="module")
def compiled() -> tuple[Contract, dict[str, bytes]]:
    """A forest that two engines can serve."""
    contract = a_contract(
        task="classification",
        outputs={"classes": (0, 1, 2), "has_probabilities": True},
        golden=record(SIDES.features, REFERENCE),
    )
    return with_engines(
        contract,
        FOREST,
        reference=REFERENCE,
        known=SIDES.features,
        open_compiled=open_compiled,
    )


def unneeded() -> Engine:
    raise AssertionError("the pickle was opened")


def chosen(of: tuple[Contract, dict[str, bytes]], **changes: Any) -> Choice:
    contract, files = of
    return choose(contract.model_copy(update=changes), files, lambda: REFERENCE)


def test_the_fastest_engine_serves_and_nothing_is_unpickled(
    compiled: tuple[Contract, dict[str, bytes]],
) -> None:
    contract, files = compiled

    found = choose(contract, files, unneeded)

    assert found.name == contract.compiled[0].engine == "forest"
    assert found.timing == contract.compiled[0].timing
    assert found.fallback is None


def test_without_the_kernel_the_next_engine_serves_and_says_why(
    compiled: tuple[Contract, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.engines.forest._kernel", None)

    found = chosen(compiled)

    assert found.name == "onnx"
    assert found.fallback is not None
    assert found.fallback.startswith("forest: the forest kernel is not built here")


def test_where_nothing_compiled_opens_scikit_learn_serves_and_says_why(
    compiled: tuple[Contract, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.engines.forest._kernel", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    found = chosen(compiled)

    assert (found.engine, found.name) == (REFERENCE, "sklearn")
    assert found.timing == compiled[0].reference_timing
    assert found.fallback is not None
    assert "onnx: onnxruntime is not installed" in found.fallback


def test_a_report_that_tells_of_a_failure_is_not_served(
    compiled: tuple[Contract, dict[str, bytes]],
) -> None:
    failed = compiled[0].compiled[0].parity.model_copy(update={"label_disagreements": 1})
    first = compiled[0].compiled[0].model_copy(update={"parity": failed})

    found = chosen(compiled, compiled=(first, *compiled[0].compiled[1:]))

    assert found.name == "onnx"
    assert found.fallback is not None
    assert "answer differs" in found.fallback


def test_golden_rows_that_an_engine_answers_otherwise_keep_it_out(
    compiled: tuple[Contract, dict[str, bytes]],
) -> None:
    golden = compiled[0].golden
    assert golden.probabilities is not None
    moved = tuple(tuple(float(it) + 1e-4 for it in row) for row in golden.probabilities)  # type: ignore[arg-type]  # one target
    changed = golden.model_copy(update={"probabilities": moved})

    with pytest.raises(ModelRejectedError, match="golden rows are answered differently"):
        chosen(compiled, golden=changed)


def test_gaps_are_not_left_to_an_engine_that_was_never_asked_about_them(
    compiled: tuple[Contract, dict[str, bytes]],
) -> None:
    features = compiled[0].features
    passing = features[0].model_validate({"name": "a", "missing": {"policy": "pass"}})

    found = chosen(compiled, features=(passing, *features[1:]))

    assert found.name == "sklearn"
    assert found.fallback is not None
    assert "never compared on rows with missing values" in found.fallback


def test_what_could_not_be_compiled_says_why_scikit_learn_serves() -> None:
    contract = a_contract(not_compiled={"onnx": "3 of 4000 answers differ"})

    found = choose(contract, {}, lambda: REFERENCE)

    assert (found.name, found.fallback) == ("sklearn", "onnx: 3 of 4000 answers differ")


def test_a_model_that_nobody_compiled_falls_back_from_nothing() -> None:
    assert choose(a_contract(), {}, lambda: REFERENCE).fallback is None
