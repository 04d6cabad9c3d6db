"""Rows as CSV, NDJSON and columns, and answers by ``Accept``: the same as in JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.gate.envelope import Envelope
from app.gate.media import CSV, NDJSON
from app.gate.targets import no_target
from app.wiring import build_services
from test.api.bodies import ASKED, CSV_BODY, NDJSON_BODY, answered, send
from test.api.test_two_doors import said
from test.builders import a_classification_table, a_promoted_model, bearer, some_settings
from test.shapes import Shape, all_shapes

NAMES = list(all_shapes())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A gateway that serves all shapes beside a classifier of ``a`` and ``b``."""
    settings = some_settings(
        tmp_path_factory.mktemp("bodies"),
        rate_limit="100000 per minute",
        security={"allowed_modules": ["test.shapes"]},
    )
    a_promoted_model(settings, a_classification_table())
    for shape in all_shapes().values():
        shape.store(settings.path(settings.model.model_path).parent / shape.name)
    return create_app(services=build_services(settings)).test_client()


def as_csv(shape: Shape) -> bytes:
    """The rows with their columns turned around, written by the standard library."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(shape.contract.feature_names[::-1])
    writer.writerows(row[::-1] for row in shape.rows)
    return out.getvalue().encode()


def lines_of(answer: TestResponse) -> list[Any]:
    return [json.loads(line) for line in answer.data.splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_rows_in_csv_are_answered_as_in_json(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]

    found = answered(gateway, as_csv(shape), CSV, name=name)

    assert found == answered(gateway, {"data": shape.rows}, name=name)


@pytest.mark.parametrize("name", NAMES)
def test_rows_in_csv_without_names_are_answered_as_in_json(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]
    out = io.StringIO(newline="")
    csv.writer(out).writerows(shape.rows)

    found = answered(gateway, out.getvalue().encode(), f"{CSV}; header=absent", name=name)

    assert found == answered(gateway, {"data": shape.rows}, name=name)


@pytest.mark.parametrize("name", NAMES)
def test_rows_in_ndjson_are_answered_as_in_json(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]
    body = "\n".join(map(json.dumps, shape.rows)).encode()

    found = answered(gateway, body, NDJSON, name=name)

    assert found == answered(gateway, {"data": shape.rows}, name=name)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_in_csv_holds_what_json_holds(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]
    outputs = shape.contract.outputs
    asked = {"probabilities": outputs.has_probabilities, "scores": outputs.has_scores}

    whole = answered(gateway, {"data": shape.rows, **asked}, name=name)
    answer = send(gateway, {"data": shape.rows, **asked}, name=name, accept=CSV)

    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    names, *rows = csv.reader(io.StringIO(answer.data.decode(), newline=""), strict=True)
    by_row = zip(*(whole[it] for it in ("predictions", *asked) if it in whole), strict=True)
    expected = [[*map(cell, flat(items))] for items in by_row]
    assert [[*map(number_or_text, row)] for row in rows] == expected
    assert len(set(names)) == len(names) == len(expected[0])


def flat(items: Any) -> list[Any]:
    return [leaf for item in items for leaf in (flat(item) if isinstance(item, list) else [item])]


def cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def number_or_text(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_in_ndjson_holds_what_json_holds(gateway: FlaskClient, name: str) -> None:
    shape = all_shapes()[name]
    outputs = shape.contract.outputs
    asked = {"probabilities": outputs.has_probabilities, "scores": outputs.has_scores}

    whole = answered(gateway, {"data": shape.rows, **asked}, name=name)
    answer = send(gateway, {"data": shape.rows, **asked}, name=name, accept=NDJSON)

    assert answer.content_type == NDJSON
    lines = lines_of(answer)
    assert [line["prediction"] for line in lines] == whole["predictions"]
    if outputs.has_probabilities:
        assert [line["probabilities"] for line in lines] == whole["probabilities"]
    if outputs.has_scores:
        assert [line["score"] for line in lines] == whole["scores"]


@pytest.mark.parametrize("accept", [CSV, NDJSON])
def test_what_json_says_beside_the_rows_is_in_the_headers(
    gateway: FlaskClient, accept: str
) -> None:
    answer = send(gateway, {"data": [[1, 2]]}, accept=accept)

    assert answer.headers["X-Model"] == "sides"
    assert answer.headers["X-Model-Version"] == "1"
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("accept", [CSV, NDJSON])
def test_an_answer_in_lines_comes_from_the_cache_too(gateway: FlaskClient, accept: str) -> None:
    body = {"data": [[0.125, len(accept)]]}

    answers = [send(gateway, body, accept=accept) for _ in range(2)]

    assert [answer.headers["X-Cache"] for answer in answers] == ["miss", "hit"]
    assert answers[0].data == answers[1].data


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Any, Any]]:
    """What sends one request through the short door, and then through Flask alone."""
    settings = some_settings(tmp_path_factory.mktemp("doors"), cache={"max_entries": 0})
    a_promoted_model(settings, a_classification_table())
    services = build_services(settings)
    app = create_app(services=services)
    flask_alone = Envelope(Flask.wsgi_app.__get__(app), services, no_target)
    return lambda **request: (said(app.wsgi_app, request), said(flask_alone, request))


@pytest.mark.parametrize("accept", [CSV, NDJSON])
@pytest.mark.parametrize(
    ("body", "media_type"),
    [(CSV_BODY, CSV), (b"1,2\n", f"{CSV};header=absent"), (NDJSON_BODY, NDJSON)],
    ids=["csv", "csv without names", "ndjson"],
)
def test_both_doors_give_one_answer(
    doors: Callable[..., tuple[Any, Any]], body: bytes, media_type: str, accept: str
) -> None:
    short, long = doors(
        data=body,
        content_type=media_type,
        query_string=ASKED,
        headers=bearer() | {"Accept": accept},
    )

    assert short[0] == "200 OK"
    assert short == long
