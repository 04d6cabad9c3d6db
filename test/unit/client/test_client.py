"""The client against a gateway of the test's own words."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from gatehouse_client import (
    ColumnsError,
    Gatehouse,
    InvalidRequestError,
    Patience,
    VersionChangedError,
)

from test.unit.client.gateways import Gateway, Said, Seen, a_card, a_gateway, a_problem, sums

QUICK = Patience(tries=3, first_seconds=0.001, most_seconds=1.0)
PREDICT = "/api/v1/predict"


@pytest.fixture
def line() -> Iterator[Gateway]:
    with a_gateway(sums) as gateway:
        yield gateway


def _client(gateway: Gateway, **options: Any) -> Gatehouse:
    return Gatehouse(gateway.url, "secret", patience=QUICK, **options)


def test_rows_come_back_in_order_however_many_requests_they_take(line: Gateway) -> None:
    with _client(line) as client:
        found = client.predict([[n, n] for n in range(7)])

    assert found.predictions == [0, 2, 4, 6, 8, 10, 12]
    assert (found.model, found.version, len(found)) == ("line", "1", 7)
    sent = [len(request.body["data"]) for request in line.seen if request.path == PREDICT]
    assert sent == [2, 2, 2, 1]
    assert len(found.request_ids) == len(sent)


def test_the_contract_is_read_once(line: Gateway) -> None:
    with _client(line) as client:
        for _ in range(3):
            client.predict([[1, 2]])

    assert line.paths == ["/api/v1/models", "/api/v1/models/line", *[PREDICT] * 3]


def test_columns_are_checked_before_anything_is_sent(line: Gateway) -> None:
    with _client(line) as client, pytest.raises(ColumnsError, match="missing: 'b'") as caught:
        client.predict([{"a": 1, "c": 2}], model="line")

    assert (caught.value.missing, caught.value.unknown) == (("b",), ("c",))
    assert line.paths == ["/api/v1/models/line"]


def test_wishes_and_the_version_are_sent(line: Gateway) -> None:
    with _client(line) as client:
        client.predict([[1, 2]], version="1", probabilities=True, scores=True)

    assert line.paths[-1] == "/api/v1/models/line/versions/1/predict"
    assert line.seen[-1].body == {"data": [[1, 2]], "probabilities": True, "scores": True}


def test_a_name_cannot_leave_its_place_in_the_path(line: Gateway) -> None:
    with _client(line) as client:
        client.model("../admin?x#y")

    assert line.paths == ["/api/v1/models/..%2Fadmin%3Fx%23y"]


def test_a_token_may_come_from_a_function(line: Gateway) -> None:
    tokens = map("token-{}".format, count(1))
    with Gatehouse(line.url, lambda: next(tokens)) as client:
        client.models()
        client.models()

    assert [request.token for request in line.seen] == ["Bearer token-1", "Bearer token-2"]


def test_faults_have_the_row_numbers_of_the_whole_input() -> None:
    def rule(request: Seen) -> Said:
        if request.body and [9, 9] in request.body["data"]:
            fault = {"row": request.body["data"].index([9, 9]), "feature": "a", "reason": "no"}
            return a_problem(400, errors=[fault, {"row": None, "feature": None, "reason": "x"}])
        return sums(request)

    with (
        a_gateway(rule) as gateway,
        _client(gateway) as client,
        pytest.raises(InvalidRequestError, match="row 3, 'a': no") as caught,
    ):
        client.predict([[0, 0], [1, 1], [2, 2], [9, 9]])

    assert [fault["row"] for fault in caught.value.faults] == [3, None]


def test_one_version_answers_all_parts() -> None:
    versions = iter("1122222")

    def rule(request: Seen) -> Said:
        return sums(request, version=next(versions) if request.method == "POST" else "1")

    with a_gateway(rule) as gateway, _client(gateway) as client:
        found = client.predict([[n, 0] for n in range(6)])

    assert (found.predictions, found.version) == ([0, 1, 2, 3, 4, 5], "2")


def test_a_model_that_never_rests_is_given_up() -> None:
    numbers = count(1)

    def rule(request: Seen) -> Said:
        return sums(request, version=str(next(numbers)))

    with (
        a_gateway(rule) as gateway,
        _client(gateway) as client,
        pytest.raises(VersionChangedError),
    ):
        client.predict([[n, 0] for n in range(6)])


def test_a_new_version_has_its_contract_read_anew() -> None:
    version = ["1"]
    with (
        a_gateway(lambda request: sums(request, version=version[0])) as gateway,
        _client(gateway) as client,
    ):
        client.predict([[1, 2]])
        version[0] = "2"
        client.predict([[1, 2]])
        client.predict([[1, 2]])

    assert gateway.paths.count("/api/v1/models/line") == 2


def test_a_canary_does_not_have_the_contract_read_each_time() -> None:
    def rule(request: Seen) -> Said:
        return sums(request, version="2" if request.method == "POST" else "1")

    with a_gateway(rule) as gateway, _client(gateway) as client:
        for _ in range(5):
            assert client.predict([[1, 2]]).version == "2"

    assert gateway.paths.count("/api/v1/models/line") == 2


def test_who_may_not_read_contracts_may_predict_still() -> None:
    def rule(request: Seen) -> Said:
        return a_problem(403) if request.method == "GET" else Said(
            {"predictions": [3], "model": {"name": "line", "version": "1"}, "request_id": "r"}
        )  # fmt: skip

    with a_gateway(rule) as gateway, _client(gateway) as client:
        found = [client.predict([{"b": float("nan"), "a": 1}], model="line") for _ in range(2)]

    assert [it.predictions for it in found] == [[3], [3]]
    assert gateway.seen[-1].body == {"data": {"b": [None], "a": [1]}}
    assert gateway.paths.count("/api/v1/models/line") == 1


def test_several_targets_are_joined_row_by_row() -> None:
    def rule(request: Seen) -> Said:
        if request.method == "GET":
            outputs = {"targets": [{"name": "x"}, {"name": "y"}], "has_probabilities": True}
            return Said(a_card(outputs=outputs))
        rows = request.body["data"]
        return Said(
            {
                "predictions": [[a, b] for a, b in rows],
                "targets": ["x", "y"],
                "probabilities": [[[a, 1 - a], [b, 1 - b, 0]] for a, b in rows],
                "classes": [[0, 1], [0, 1]],
                "scores": [a for a, _ in rows],
                "model": {"name": "line", "version": "1"},
                "request_id": "r",
            }
        )

    with a_gateway(rule) as gateway, _client(gateway) as client:
        found = client.predict([[0, 1], [1, 0], [1, 1]], model="line", probabilities=True)

    assert found.predictions == [[0, 1], [1, 0], [1, 1]]
    assert found.targets == ("x", "y")
    assert found.probabilities == [[[0, 1], [1, 0, 0]], [[1, 0], [0, 1, 0]], [[1, 0], [1, 0, 0]]]
    assert found.scores == [0, 1, 1]


def test_threads_share_a_client(line: Gateway) -> None:
    with _client(line) as client, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: client.predict([[n, n]] * 3).predictions, range(40)))

    assert found == [[2 * n] * 3 for n in range(40)]
