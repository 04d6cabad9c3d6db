"""Models of every shape over HTTP: each row is answered as the estimator answers it in process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.wiring import build_services
from test.arrow_streams import ARROW, a_stream, table_of
from test.builders import a_promoted_model, bearer, some_settings
from test.shapes import Shape, all_shapes

NAMES = list(all_shapes())
OUTPUTS = {name: shape.contract.outputs for name, shape in all_shapes().items()}
WITH_PROBABILITIES = [name for name in NAMES if OUTPUTS[name].has_probabilities]
WITH_SCORES = [name for name in NAMES if OUTPUTS[name].has_scores]
COUNTER = 'gatehouse_values_outside_training_total{model="table"}'


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A gateway that serves all shapes beside its default model."""
    settings = some_settings(
        tmp_path_factory.mktemp("shapes"),
        rate_limit="100000 per minute",
        security={"allowed_modules": ["test.shapes"]},
    )
    a_promoted_model(settings)
    for shape in all_shapes().values():
        shape.store(settings.path(settings.model.model_path).parent / shape.name)
    return create_app(services=build_services(settings)).test_client()


def send(client: FlaskClient, name: str, data: Any, **members: Any) -> TestResponse:
    body = json.dumps({"data": data, **members})
    url = f"/api/v1/models/{name}/predict"
    return client.post(url, data=body, content_type="application/json", headers=bearer())


def answered(client: FlaskClient, name: str, data: Any, **members: Any) -> dict[str, Any]:
    answer = send(client, name, data, **members)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = json.loads(answer.data)
    return found


def in_process(shape: Shape) -> list[Any]:
    answers = np.asarray(shape.estimator.predict(shape.given))
    values: list[Any] = (
        answers[:, 0] if answers.ndim == 2 and answers.shape[1] == 1 else answers
    ).tolist()
    return values


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_answered_as_in_process(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]

    found = answered(gateway, name, shape.rows)

    assert found["predictions"] == in_process(shape)


@pytest.mark.parametrize("name", NAMES)
def test_rows_one_by_one_are_answered_as_all_of_them(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]

    found = [answered(gateway, name, [row])["predictions"] for row in shape.rows[:10]]

    expected = in_process(shape)[:10]
    alone = [prediction for [prediction] in found]
    if shape.contract.task == "regression":  # a product of one row is summed in another order
        assert np.allclose(alone, expected, rtol=1e-12)
    else:
        assert alone == expected


@pytest.mark.parametrize("name", NAMES)
def test_objects_and_columns_are_answered_as_arrays(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]
    names = shape.contract.feature_names
    objects = [dict(zip(names, row, strict=True)) for row in shape.rows]
    columns = dict(zip(names, zip(*shape.rows, strict=True), strict=True))

    found = [answered(gateway, name, data)["predictions"] for data in (objects, columns)]

    assert found == [in_process(shape)] * 2


@pytest.mark.parametrize("name", WITH_PROBABILITIES)
def test_probabilities_are_those_of_the_estimator(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]
    shares = shape.estimator.predict_proba(shape.given)
    if isinstance(shares, list):
        expected = [list(row) for row in zip(*(it.tolist() for it in shares), strict=True)]
    elif shape.contract.outputs.targets:  # each number is the share of yes
        expected = [[[1 - share, share] for share in row] for row in shares.tolist()]
    else:
        expected = shares.tolist()

    found = answered(gateway, name, shape.rows, probabilities=True)

    assert found["probabilities"] == expected


def test_several_targets_are_named_with_their_classes(gateway: FlaskClient) -> None:
    shape = all_shapes()["multi-output"]

    found = answered(gateway, "multi-output", shape.rows, probabilities=True)

    assert found["targets"] == ["target_0", "target_1"]
    assert found["classes"] == [["left", "middle", "right"], ["down", "up"]]
    assert [len(shares) for shares in found["probabilities"][0]] == [3, 2]


@pytest.mark.parametrize("name", WITH_SCORES)
def test_scores_are_those_of_the_decision_function(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]

    found = answered(gateway, name, shape.rows, scores=True)

    assert found["scores"] == shape.estimator.decision_function(shape.given).tolist()
    assert found["predictions"] == in_process(shape)
    assert "scores" not in answered(gateway, name, shape.rows)


@pytest.mark.parametrize(
    ("wish", "name"), [("scores", "regression"), ("probabilities", "outliers")]
)
def test_what_a_model_lacks_is_refused(gateway: FlaskClient, wish: str, name: str) -> None:
    answer = send(gateway, name, [[1, 2, 3]], **{wish: True})

    assert answer.status_code == 400
    assert f"'{wish}': this model has none" in answer.json["detail"]


def test_texts_may_be_sent_as_a_list(gateway: FlaskClient) -> None:
    shape = all_shapes()["texts"]

    found = answered(gateway, "texts", [text for [text] in shape.rows])

    assert found["predictions"] == in_process(shape)


def test_equal_addresses_never_answer_for_other_words(gateway: FlaskClient) -> None:
    for _ in range(3):
        for text, label in (("gut", "good"), ("late", "bad"), ("gut gut", "good")):
            assert answered(gateway, "texts", [[text]])["predictions"] == [label]


def test_the_same_words_come_from_the_cache(gateway: FlaskClient) -> None:
    answers = [send(gateway, "texts", [["seen before"]]) for _ in range(2)]

    assert [answer.headers["X-Cache"] for answer in answers] == ["miss", "hit"]


@pytest.mark.parametrize(
    ("name", "row", "fault"),
    [
        ("table", [1, "Bern", True, "9"], ("class", "must be one of: 1, 2")),
        ("table", [1, "Bern", True, None], ("class", "may not be missing")),
        ("table", [1, 5, True, "1"], ("town", "must be a string or null, not a number")),
        ("table", ["1", "Bern", True, "1"], ("age", "must be a number or null, not a string")),
        ("table", [1, "Bern", 2, "1"], ("ill", "must be true or false")),
        ("texts", [None], ("tweet", "may not be missing")),
        ("texts", [["a"]], ("tweet", "must be a string or null, not an array")),
        ("texts", ["x" * 65_537], ("tweet", "has 65537 characters; at most 65536 are taken")),
    ],
    ids=["category", "missing", "number", "string", "boolean", "no text", "nested", "long"],
)
def test_a_value_that_breaks_the_contract_is_named(
    gateway: FlaskClient, name: str, row: list[Any], fault: tuple[str, str]
) -> None:
    good = all_shapes()[name].rows[0]

    answer = send(gateway, name, [good, row])

    feature, reason = fault
    assert answer.status_code == 400
    assert answer.json["errors"] == [{"row": 1, "feature": feature, "reason": reason}]


def test_an_unknown_category_is_counted_where_the_contract_warns(gateway: FlaskClient) -> None:
    def counted() -> float:
        text = gateway.get("/api/v1/metrics").text
        lines = [line for line in text.splitlines() if line.startswith(COUNTER)]
        return float(lines[0].split()[-1]) if lines else 0.0

    before = counted()
    answered(gateway, "table", [[1, "Chur", True, "1"], [200, "Bern", True, "1"]])

    assert counted() == before + 2


@pytest.mark.parametrize("name", ["table", "texts", "multi-output", "outliers"])
def test_arrow_answers_as_json(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]
    columns = dict(
        zip(shape.contract.feature_names, map(list, zip(*shape.rows, strict=True)), strict=True)
    )

    answer = gateway.post(
        f"/api/v1/models/{name}/predict",
        data=a_stream(columns),
        content_type=ARROW,
        headers=bearer() | {"Accept": ARROW},
    )

    assert answer.status_code == 200, answer.json
    columns = table_of(answer.data).to_pydict()
    found = [*columns.values()]
    expected = in_process(shape)
    if shape.contract.outputs.targets:
        assert list(columns) == ["prediction_target_0", "prediction_target_1"]
        assert [list(row) for row in zip(*found, strict=True)] == expected
    else:
        assert found == [expected]


def test_a_model_is_described_with_an_example_that_it_takes(gateway: FlaskClient) -> None:
    for name in NAMES:
        row = all_shapes()[name].contract.example_row
        assert send(gateway, name, [row]).status_code == 200, name


def test_no_shape_serves_from_a_broken_file(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    a_promoted_model(settings)
    folder = settings.path(settings.model.model_path).parent / "texts"
    all_shapes()["texts"].store(folder)
    golden = json.loads((folder / "manifest.json").read_text())
    golden["golden"]["predictions"][0] = "neither"
    (folder / "manifest.json").write_text(json.dumps(golden))
    client = create_app(services=build_services(settings)).test_client()

    assert send(client, "texts", [["gut"]]).status_code == 503


@pytest.mark.parametrize("name", ["multi-output-numbers", "multi-output", "outliers"])
def test_a_bare_file_of_any_shape_of_numbers_is_served(tmp_path: Path, name: str) -> None:
    settings, shape = some_settings(tmp_path), all_shapes()[name]
    file = settings.path(settings.model.model_path)
    shape.store(file.parent)
    file.with_name("manifest.json").unlink()
    client = create_app(services=build_services(settings)).test_client()

    answer = client.post("/api/v1/predict", json={"data": shape.rows}, headers=bearer())

    assert answer.status_code == 200, answer.json
    found = json.loads(answer.data)
    assert found["predictions"] == in_process(shape)
    assert ("targets" in found) == bool(shape.contract.outputs.targets)
