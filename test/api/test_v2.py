"""The Open Inference Protocol, as a client of it sees the gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from flask.testing import FlaskClient
from sklearn.dummy import DummyClassifier
from werkzeug.test import TestResponse

from app import create_app
from app.errors import AuditDownError
from app.settings.schema import Settings
from app.wiring import build_services
from test.api.v2_bodies import LENGTH, a_request, a_section, a_tensor, in_binary
from test.builders import (
    a_classification_table,
    a_contract,
    a_promoted_model,
    a_token,
    bearer,
    some_settings,
)
from test.promoted import (
    a_model_of_two_targets,
    a_slope,
    a_table_model,
    a_text_model,
    an_outlier_detector,
    announce_canary,
    promote_estimator,
)

ROWS = np.array([[0.5, -1.0], [2.0, 1.0], [-3.0, -2.0]])
JSON = "application/json"
Outputs = dict[str, list[Any]]


def infer(client: FlaskClient, model: str, *tensors: dict[str, Any], **members: Any) -> Outputs:
    """Return the outputs by name, each with the shape that it says it has."""
    body = a_request(*tensors, **members)
    answer = client.post(f"/v2/models/{model}/infer", json=body, headers=bearer())
    assert answer.status_code == 200, answer.text
    return {it["name"]: _shaped(it) for it in answer.json["outputs"]}


def _shaped(output: dict[str, Any]) -> list[Any]:
    values: list[Any] = np.array(output["data"], object).reshape(output["shape"]).tolist()
    return values


def refused(answer: TestResponse, status: int) -> str:
    """Return the sentence of a refusal, whose shape must be the protocol's."""
    assert answer.status_code == status
    assert answer.content_type == JSON
    said: dict[str, str] = json.loads(answer.data)
    assert said.keys() == {"error"}
    return said["error"]


def of_rows(rows: Any = ROWS, **changes: Any) -> dict[str, Any]:
    rows = np.asarray(rows)
    return a_tensor(shape=[*rows.shape], data=rows.ravel().tolist(), **changes)


@pytest.fixture
def serving(tmp_path: Path) -> Callable[[Callable[[Settings], Any]], tuple[FlaskClient, Any]]:
    def serve(make: Callable[[Settings], Any]) -> tuple[FlaskClient, Any]:
        settings = some_settings(tmp_path)
        estimator = make(settings)
        return create_app(services=build_services(settings)).test_client(), estimator

    return serve


Serving = Callable[[Callable[[Settings], Any]], tuple[FlaskClient, Any]]


def a_classifier(settings: Settings) -> Any:
    a_promoted_model(settings, a_classification_table())
    return joblib.load(settings.path(settings.model.model_path))


def test_strangers_learn_only_whether_the_server_is_well(client: FlaskClient) -> None:
    assert client.get("/v2/health/live").json == {"live": True}
    assert client.get("/v2/health/ready").json == {"live": True, "ready": True}
    assert client.get("/v2").json["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/").json == client.get("/v2").json
    for path in ("", "/ready", "/versions/1", "/versions/1/ready"):
        answer = client.get(f"/v2/models/line{path}")
        assert "token required" in refused(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_server_without_a_model_is_not_ready(settings: Settings) -> None:
    client = create_app(services=build_services(settings)).test_client()

    answer = client.get("/v2/health/ready")

    assert (answer.status_code, answer.json) == (503, {"live": True, "ready": False})
    assert client.get("/v2/health/live").status_code == 200


def test_a_draining_server_is_not_ready(settings: Settings) -> None:
    a_promoted_model(settings)
    services = replace(build_services(settings), is_draining=lambda: True)

    answer = create_app(services=services).test_client().get("/v2/health/ready")

    assert (answer.status_code, answer.json["ready"]) == (503, False)


def test_a_model_tells_its_tensors(serving: Serving) -> None:
    client, _ = serving(a_classifier)

    for path in ("/v2/models/sides", "/v2/models/sides/versions/1"):
        assert client.get(path, headers=bearer()).json == {
            "name": "sides",
            "versions": ["1"],
            "platform": "gatehouse_linear",
            "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 2]}],
            "outputs": [
                {"name": "predict", "datatype": "INT64", "shape": [-1, 1]},
                {"name": "probabilities", "datatype": "FP64", "shape": [-1, 3]},
            ],
        }
        assert client.get(f"{path}/ready", headers=bearer()).json == {
            "name": "sides",
            "ready": True,
        }


def test_a_model_that_is_not_served_is_not_found(client: FlaskClient) -> None:
    for path in ("nobody", "nobody/ready", "line/versions/2", "line/versions/2/ready"):
        said = refused(client.get(f"/v2/models/{path}", headers=bearer()), 404)
        assert "served here" in said


def test_an_inference_answers_as_the_native_route(serving: Serving) -> None:
    client, _ = serving(a_classifier)
    body = {"data": ROWS.tolist(), "probabilities": True}

    native = client.post("/api/v1/predict", json=body, headers=bearer()).json

    found = infer(client, "sides", of_rows())
    assert [value for (value,) in found["predict"]] == native["predictions"]
    assert found["probabilities"] == native["probabilities"]


def test_the_answer_names_model_version_and_request(client: FlaskClient) -> None:
    body = a_request(id="my 1")

    answer = client.post("/v2/models/line/versions/1/infer", json=body, headers=bearer())

    said = answer.json
    assert (said["model_name"], said["model_version"], said["id"]) == ("line", "1", "my 1")
    assert answer.headers["X-Model-Version"] == "1"
    assert answer.headers["RateLimit-Policy"]
    without = client.post("/v2/models/line/infer", json=a_request(), headers=bearer())
    assert "id" not in json.loads(without.data)


def test_one_tensor_a_feature_is_the_same_rows(serving: Serving) -> None:
    client, _ = serving(a_classifier)
    a = a_tensor("a", shape=[3, 1], data=[[0.5], [2.0], [-3.0]], datatype="FP32")
    b = a_tensor("b", shape=[3], data=[-1, 1, -2], datatype="INT8")

    assert infer(client, "sides", b, a) == infer(client, "sides", of_rows())


@pytest.mark.parametrize(
    "datatype",
    ["UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
     "FP16", "FP32", "FP64"],
)  # fmt: skip
def test_a_datatype_means_the_same_in_json_and_in_binary(serving: Serving, datatype: str) -> None:
    client, estimator = serving(a_classifier)
    codes = {"U": "u", "I": "i", "F": "f"}
    dtype = np.dtype(f"<{codes[datatype[0]]}{int(datatype.strip('UINTFP')) // 8}")
    rows = np.array([[1, 2], [3, 0]]).astype(dtype)
    if dtype.kind == "f":
        rows += dtype.type(0.1)
    body, headers = in_binary(
        rows.tobytes(), a_section("input", rows.nbytes, datatype=datatype), id="7"
    )

    binary = client.post("/v2/models/sides/infer", data=body, headers=bearer() | headers).json

    assert binary["outputs"][1]["data"] == pytest.approx(
        estimator.predict_proba(rows.astype(float)).ravel(), rel=1e-6
    )
    in_json = infer(client, "sides", of_rows(rows, datatype=datatype))
    assert in_json == {it["name"]: _shaped(it) for it in binary["outputs"]}


def test_a_null_and_a_nan_are_missing_values(client: FlaskClient) -> None:
    native = client.post(
        "/api/v1/predict", json={"data": [[None, 2], [3, None]]}, headers=bearer()
    ).json["predictions"]
    rows = np.array([[np.nan, 2.0], [3.0, np.nan]])
    body, headers = in_binary(rows.tobytes(), a_section("input", 32))

    found = infer(client, "line", a_tensor(data=[None, 2, 3, None]))["predict"]

    assert [value for (value,) in found] == native
    binary = client.post("/v2/models/line/infer", data=body, headers=bearer() | headers)
    assert binary.json["outputs"][0]["data"] == native


def test_outputs_come_as_asked_under_the_names_that_were_asked_for(serving: Serving) -> None:
    client, estimator = serving(a_classifier)
    names = ["predict_proba", "predictions"]

    found = infer(client, "sides", of_rows(), outputs=[{"name": name} for name in names])

    assert [*found] == names
    assert np.allclose(found["predict_proba"], estimator.predict_proba(ROWS), rtol=1e-6)


def test_outputs_in_binary_follow_the_json(serving: Serving) -> None:
    client, estimator = serving(a_classifier)
    wanted = [
        {"name": "predict"},
        {"name": "probabilities", "parameters": {"binary_data": False}},
        {"name": "predictions", "parameters": {"binary_data": True}},
    ]
    body = a_request(of_rows(), parameters={"binary_data_output": True}, outputs=wanted)

    answer = client.post("/v2/models/sides/infer", json=body, headers=bearer())

    assert answer.content_type == "application/octet-stream"
    length = int(answer.headers[LENGTH])
    said = json.loads(answer.data[:length])["outputs"]
    assert [it["parameters"].get("binary_data_size") for it in said] == [24, None, 24]
    assert ["data" in it for it in said] == [False, True, False]
    values = np.frombuffer(answer.data[length:], "<i8").reshape(2, 3)
    assert (values == estimator.predict(ROWS)).all()


def test_a_body_of_one_tensor_alone_is_answered_in_binary(serving: Serving) -> None:
    client, estimator = serving(a_classifier)

    answer = client.post(
        "/v2/models/sides/infer", data=ROWS.tobytes(), headers=bearer() | {LENGTH: "0"}
    )

    length = int(answer.headers[LENGTH])
    labels = np.frombuffer(answer.data[length : length + 24], "<i8")
    assert labels.tolist() == estimator.predict(ROWS).tolist()


def test_binary_rows_may_be_as_many_as_arrow_rows(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, model={"max_rows": 2, "max_arrow_rows": 3})
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()

    def ask(n_rows: int) -> TestResponse:
        body, headers = in_binary(
            bytes(16 * n_rows), a_section("input", 16 * n_rows, shape=[n_rows, 2])
        )
        return client.post("/v2/models/line/infer", data=body, headers=bearer() | headers)

    assert ask(3).status_code == 200
    assert "4 rows; at most 3" in refused(ask(4), 413)


def test_binary_rows_of_a_table_count_as_the_objects_they_become(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, server={"max_arrow_bytes": 600, "max_request_bytes": 999})
    a_table_model(settings)
    client = create_app(services=build_services(settings)).test_client()

    def ask(n_rows: int) -> TestResponse:
        town = b"\x04\0\0\0Bern" * n_rows
        sections = [
            a_section("town", len(town), shape=[n_rows], datatype="BYTES"),
            a_section("member", n_rows, shape=[n_rows], datatype="BOOL"),
            a_section("age", n_rows, shape=[n_rows], datatype="INT8"),
        ]
        body, headers = in_binary(town + bytes(2 * n_rows), *sections)
        return client.post("/v2/models/people/infer", data=body, headers=bearer() | headers)

    assert ask(2).status_code == 200
    assert "3 rows; at most 2 are taken: 3 values a row, 100 bytes" in refused(ask(3), 413)


def of_people(*, town: list[Any], **changes: Any) -> list[dict[str, Any]]:
    n_rows = len(town)
    return [
        a_tensor("town", shape=[n_rows], datatype="BYTES", data=town, **changes),
        a_tensor("member", shape=[n_rows, 1], datatype="BOOL", data=[True] * n_rows),
        a_tensor("age", shape=[n_rows], data=[0.5] * n_rows),
    ]


def test_a_table_takes_texts_and_answers_with_texts(serving: Serving) -> None:
    client, estimator = serving(a_table_model)
    rows = np.array([[0.5, 1.0, "Bern"], [0.5, 1.0, "Zürich"]], dtype=object)

    found = infer(client, "people", *of_people(town=["Bern", "Zürich"]))

    assert [value for (value,) in found["predict"]] == estimator.predict(rows).tolist()
    assert np.allclose(found["probabilities"], estimator.predict_proba(rows))
    inputs = client.get("/v2/models/people", headers=bearer()).json["inputs"]
    assert [it["datatype"] for it in inputs] == ["FP64", "BOOL", "BYTES"]


def test_a_table_in_binary_is_the_same_table(serving: Serving) -> None:
    client, _ = serving(a_table_model)
    town = b"\x04\0\0\0Bern" + b"\x07\0\0\0" + "Zürich".encode()
    sections = [
        a_section("town", len(town), shape=[2, 1], datatype="BYTES"),
        a_section("member", 2, shape=[2], datatype="BOOL"),
        a_section("age", 8, shape=[2], datatype="FP32"),
    ]
    ages = np.array([0.5, 0.5], "<f4").tobytes()
    body, headers = in_binary(
        town + b"\1\1" + ages, *sections, parameters={"binary_data_output": True}
    )

    answer = client.post("/v2/models/people/infer", data=body, headers=bearer() | headers)

    length = int(answer.headers[LENGTH])
    expected = infer(client, "people", *of_people(town=["Bern", "Zürich"]))["predict"]
    packed = b"".join(len(text).to_bytes(4, "little") + text.encode() for (text,) in expected)
    assert answer.data[length : length + len(packed)] == packed


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (of_people(town=["Bern", "Basel"]), "row 1: town: must be one of: Bern, Zürich"),
        (of_people(town=["Bern", None]), "row 1: town: may not be missing"),
        (of_people(town=[1.0, 2.0]), "row 0: town: must be a string or null"),
        ([a_tensor(shape=[1, 3], data=[1, 1, 1])], "town: must be a tensor of BYTES, not of FP64"),
    ],
    ids=["an unknown category", "a missing one", "numbers", "one tensor of numbers"],
)
def test_a_table_refuses_what_does_not_fit(
    serving: Serving, tensors: list[dict[str, Any]], said: str
) -> None:
    client, _ = serving(a_table_model)

    answer = client.post("/v2/models/people/infer", json=a_request(*tensors), headers=bearer())

    assert said in refused(answer, 400)


def test_columns_of_mixed_kinds_come_as_json_in_text(serving: Serving) -> None:
    client, _ = serving(a_table_model)
    _, member, _ = of_people(town=["Bern", "Zürich"])
    mixed = {"datatype": "BYTES", "shape": [2], "parameters": {"content_type": "pd_json"}}
    town = a_tensor("town", data=['"Bern"', '"Zürich"'], **mixed)
    age = a_tensor("age", data=["0.5", "0.5"], **mixed)

    found = infer(client, "people", town, member, age, parameters={"content_type": "pd"})

    assert found == infer(client, "people", *of_people(town=["Bern", "Zürich"]))


def test_texts_are_one_tensor_of_any_name(serving: Serving) -> None:
    client, estimator = serving(a_text_model)
    texts = ["good", "bad night"]

    found = infer(client, "texts", a_tensor("x", shape=[2], datatype="BYTES", data=texts))

    assert [value for (value,) in found["predict"]] == estimator.predict(texts).tolist()
    alone = b"\x04\0\0\0good"
    answer = client.post("/v2/models/texts/infer", data=alone, headers=bearer() | {LENGTH: "0"})
    assert answer.status_code == 200, answer.text


def test_an_outlier_detector_tells_its_scores(serving: Serving) -> None:
    client, estimator = serving(an_outlier_detector)

    found = infer(client, "strange", of_rows())

    assert [value for (value,) in found["predict"]] == estimator.predict(ROWS).tolist()
    scores = [value for (value,) in found["scores"]]
    assert scores == pytest.approx(estimator.decision_function(ROWS))


def test_each_of_several_targets_is_an_output(serving: Serving) -> None:
    client, estimator = serving(a_model_of_two_targets)

    found = infer(client, "pair", of_rows())

    both = np.column_stack([found["sum"], found["gap"]]).astype(float)
    assert np.allclose(both, estimator.predict(ROWS))
    only = infer(client, "pair", of_rows(), outputs=[{"name": "gap"}])
    assert only == {"gap": found["gap"]}


def test_a_canary_answers_its_callers_here_too(settings: Settings) -> None:
    promote_estimator(settings, a_slope(1.0), a_contract())
    announce_canary(settings, a_slope(2.0), a_contract(version="2"))
    client = create_app(services=build_services(settings)).test_client()

    def slope(path: str) -> list[Any]:
        body = a_request(a_tensor(shape=[1, 2], data=[1, 0]))
        said = client.post(f"/v2/models/line{path}/infer", json=body, headers=bearer()).json
        return [said["model_version"], round(said["outputs"][0]["data"][0], 6)]

    assert slope("") == ["2", 2.0]
    assert slope("/versions/1") == ["1", 1.0]
    assert slope("/versions/2") == ["2", 2.0]
    for path in ("", "/versions/2"):
        known = client.get(f"/v2/models/line{path}", headers=bearer()).json
        assert known["versions"] == ["1", "2"]


def test_the_index_lists_what_the_caller_may_read(tmp_path: Path) -> None:
    settings = some_settings(
        tmp_path, grants=[{"roles": ["user"], "actions": ["read"], "models": ["line", "pair"]}]
    )
    a_promoted_model(settings)
    a_model_of_two_targets(settings)
    an_outlier_detector(settings)
    client = create_app(services=build_services(settings)).test_client()

    def index(**sent: Any) -> list[dict[str, str]]:
        answer = client.post("/v2/repository/index", headers=bearer(), **sent)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, str]] = json.loads(answer.data)
        return found

    states = {it["name"]: it["state"] for it in index()}
    assert states == {"line": "READY", "pair": "UNAVAILABLE"}
    assert [it["name"] for it in index(json={"ready": True})] == ["line"]
    assert client.get("/v2/models/pair/ready", headers=bearer()).status_code == 200
    assert {it["state"] for it in index(json={})} == {"READY"}


def test_a_spoilt_question_for_the_index_is_refused(client: FlaskClient) -> None:
    for body in (b"[]", b"{", b'{"ready": 1}'):
        refused(client.post("/v2/repository/index", data=body, headers=bearer()), 400)
    refused(client.post("/v2/repository/index", data=b" " * 70_000, headers=bearer()), 413)


def test_grants_and_limits_hold(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, rate_limit="1 per minute")
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()
    url = "/v2/models/line/infer"

    guest = client.post(url, json=a_request(), headers=bearer(a_token(sub="g", roles=["guest"])))
    assert "Insufficient permissions" in refused(guest, 403)
    assert client.post(url, json=a_request(), headers=bearer()).status_code == 200
    spent = client.post(url, json=a_request(), headers=bearer())
    assert "Too many requests" in refused(spent, 429)
    assert int(spent.headers["Retry-After"]) > 0
    assert spent.headers["RateLimit"].startswith('"60s";r=0')


def test_an_inference_is_counted_and_kept_like_any_prediction(settings: Settings) -> None:
    a_promoted_model(settings)
    services = build_services(settings)
    kept: list[Any] = []
    services = replace(services, audit=_Remembers(kept.append))
    client = create_app(services=services).test_client()

    infer(client, "line", of_rows())

    [event] = kept
    assert (event.kind, event.route) == ("prediction", "/v2/models/<name>/infer")
    assert event.evidence.matrix.tolist() == ROWS.tolist()
    assert b'"predictions"' in event.evidence.fragment
    assert 'endpoint="/v2/models/<name>/infer"' in client.get("/api/v1/metrics").text


class _Remembers:
    """An audit log that hands over what it is told."""

    def __init__(self, record: Callable[[Any], None]) -> None:
        self.record = record


def _fail(_: Any) -> None:
    raise AuditDownError("The audit log cannot be written now.")


def test_what_the_envelope_refuses_has_the_same_shape(settings: Settings) -> None:
    a_promoted_model(settings)
    services = replace(build_services(settings), audit=_Remembers(_fail))
    client = create_app(services=services).test_client()

    answer = client.post("/v2/models/line/infer", json=a_request(), headers=bearer())

    assert "audit log" in refused(answer, 503)
    assert answer.headers["Retry-After"]


def test_a_model_that_fails_says_nothing_of_itself(settings: Settings) -> None:
    a_promoted_model(settings)
    services = build_services(settings)
    client = create_app(services=services).test_client()
    broken = replace(services.models.current(), engine=_Broken())

    class _Models:
        def __getattr__(self, name: str) -> Any:
            return getattr(services.models, name)

        def find(self, *_: Any, **__: Any) -> Any:
            return broken

    failing = create_app(services=replace(services, models=_Models())).test_client()

    answer = failing.post("/v2/models/line/infer", json=a_request(), headers=bearer())

    assert refused(answer, 500) == "Internal server error"
    assert client.get("/v2/health/ready").status_code == 200


class _Broken:
    def predict(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("a secret of the model")


def test_an_answer_that_breaks_its_promise_still_goes_out(serving: Serving) -> None:
    def made(settings: Settings) -> Any:
        dummy = DummyClassifier(strategy="constant", constant="x").fit([[0.0, 0.0]], ["x"])
        return promote_estimator(settings, dummy, a_contract())

    client, _ = serving(made)

    assert infer(client, "line", of_rows())["predict"] == [["x"]] * 3
