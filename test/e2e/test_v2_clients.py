"""Triton's and MLServer's own clients, each in an environment of its own, against the gateway."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from app.settings.overlay import PROJECT
from benchmarks.peers.environments import NotInstalledError, python_of
from test.builders import a_classification_table, a_promoted_model, a_token
from test.e2e.calls import HOST
from test.e2e.server import Server, project, running_server
from test.promoted import a_table_model

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]  # the first run installs both
CACHE = PROJECT / ".cache" / "v2-clients"
HERE = Path(__file__).parent / "v2_clients"
ROWS = np.array([[0.5, -1.0], [2.0, 1.0], [-3.0, -2.0]])
PEOPLE = np.array([[0.5, 1.0, "Bern"], [0.0, 0.0, "Zürich"], [-1.0, 1.0, "Bern"]], dtype=object)
WAYS: dict[str, tuple[str, list[str]]] = {
    "1-json": ("1", []),
    "1-binary": ("1", ["--binary-data"]),
    "3-json": ("3", []),
    "3-binary": ("3", ["--binary-data"]),
}
Expected = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("v2")
    settings = project(root)
    a_promoted_model(settings, a_classification_table())
    a_table_model(settings)
    with running_server(root, RATE_LIMIT="100000 per minute") as running:
        yield running


@pytest.fixture(scope="module")
def expected(server: Server) -> Expected:
    """What the estimators answer in this process."""
    default = server.settings.path(server.settings.model.model_path)
    sides = joblib.load(default)
    people = joblib.load(default.parent / "people" / default.name)
    return {
        "labels": sides.predict(ROWS).tolist(),
        "shares": sides.predict_proba(ROWS),
        "rounded": sides.predict(np.rint(ROWS)).tolist(),
        "gap": sides.predict(np.where([[0, 0], [0, 1], [0, 0]], 0.0, ROWS)).tolist(),
        "people": people.predict(PEOPLE).tolist(),
    }


def environment(name: str) -> Path:
    """Return the interpreter beside client *name*; skip without it, or fail when ``CI=true``."""
    try:
        return python_of(CACHE, name, HERE / f"{name}.txt")
    except NotInstalledError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"{name} cannot be installed: {error}")


def printed(*command: str | Path) -> str:
    """Return what *command* writes to standard output; fail with what it complains of."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


def column(values: list[Any]) -> list[list[Any]]:
    return [[value] for value in values]


@pytest.fixture(scope="module")
def triton(server: Server) -> dict[str, Any]:
    """All that Triton's client heard."""
    python = environment("tritonclient")
    token = a_token(sub="triton")
    said = printed(python, HERE / "triton_calls.py", f"{HOST}:{server.port}", token)
    found: dict[str, Any] = json.loads(said)
    return found


def test_triton_learns_what_is_served(triton: dict[str, Any]) -> None:
    assert triton["live"]
    assert triton["ready"]
    assert triton["model ready"]
    assert not triton["no such model ready"]
    assert triton["server"]["name"] == "gatehouse"
    assert "binary_tensor_data" in triton["server"]["extensions"]
    assert {it["name"] for it in triton["index"]} == {"sides", "people"}
    described = {it["name"]: it["datatype"] for it in triton["metadata"]["inputs"]}
    assert described == {"age": "FP64", "member": "BOOL", "town": "BYTES"}


@pytest.mark.parametrize(
    "way", ["binary", "version", "json", "one tensor a feature", "later", "asynchronous"]
)
def test_triton_is_answered_as_the_estimator_does(
    triton: dict[str, Any], expected: Expected, way: str
) -> None:
    outputs = triton[way]["outputs"]

    assert outputs["predict"] == column(expected["labels"])
    assert np.allclose(outputs["probabilities"], expected["shares"], rtol=1e-6)
    assert triton[way]["model_name"] == "sides"
    assert triton[way]["model_version"] == "1"


@pytest.mark.parametrize("datatype", ["FP64", "FP32", "FP16", "INT32"])
def test_triton_may_send_any_datatype(
    triton: dict[str, Any], expected: Expected, datatype: str
) -> None:
    assert triton[datatype]["outputs"]["predict"] == column(expected["rounded"])


def test_triton_gets_the_outputs_that_it_asks_for(
    triton: dict[str, Any], expected: Expected
) -> None:
    assert [*triton["chosen"]["outputs"]] == ["probabilities", "predictions"]
    assert triton["chosen"]["outputs"]["predictions"] == column(expected["labels"])
    assert (triton["binary"]["id"], triton["later"]["id"]) == ("r-1", "later")
    assert triton["json"]["id"] is None


@pytest.mark.parametrize("way", ["table in binary", "table in JSON"])
def test_triton_sends_and_gets_texts(triton: dict[str, Any], expected: Expected, way: str) -> None:
    assert triton[way]["datatypes"]["predict"] == "BYTES"
    assert triton[way]["outputs"]["predict"] == column(expected["people"])


def test_triton_understands_a_refusal(triton: dict[str, Any]) -> None:
    assert triton["no token"][0] == "401"
    assert triton["other shape"][0] == "400"
    assert "[rows, 2]" in triton["other shape"][1]
    assert triton["packed"][0] == "415"


@pytest.fixture(scope="module")
def inferred(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where ``mlserver infer`` has written what it heard, a file for each way."""
    folder = tmp_path_factory.mktemp("inferred")
    lines = [
        {
            "id": str(number),
            "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": row}],
        }
        for number, row in enumerate(ROWS.tolist())
    ]
    requests, ways = folder / "requests.jsonl", folder / "ways.json"
    requests.write_text("\n".join(map(json.dumps, lines)) + "\n")
    told = [
        "--url", f"{HOST}:{server.port}", "--model-name", "sides",
        "--request-headers", f"Authorization: Bearer {a_token(sub='mlserver')}",
        "--input-data-path", str(requests),
    ]  # fmt: skip
    arguments = [
        [*told, "--output-data-path", str(folder / way), "--batch-size", at_once, *flags]
        for way, (at_once, flags) in WAYS.items()
    ]
    ways.write_text(json.dumps(arguments))
    printed(environment("mlserver"), HERE / "mlserver_infer.py", ways)
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_mlserver_infers_line_by_line(inferred: Path, expected: Expected, way: str) -> None:
    answers = (inferred / way).read_text().splitlines()

    found = {said["id"]: said for said in map(json.loads, answers)}
    assert found.keys() == {"0", "1", "2"}
    outputs = [{it["name"]: it["data"] for it in found[n]["outputs"]} for n in sorted(found)]
    assert [it["predict"] for it in outputs] == column(expected["labels"])
    assert np.allclose([it["probabilities"] for it in outputs], expected["shares"], rtol=1e-6)


def test_mlserver_codecs_understand_and_are_understood(server: Server, expected: Expected) -> None:
    python = environment("mlserver")

    said = printed(python, HERE / "mlserver_codecs.py", server.url, a_token(sub="codecs"))

    found = json.loads(said)
    assert found["numbers"] == column(expected["labels"])
    assert found["id"] == "mine"
    assert found["frame"] == {"predict": expected["gap"]}
    assert found["table"] == {"predict": expected["people"]}
    assert found["mixed"] == found["table"]
    assert found["labels"] == expected["people"]
