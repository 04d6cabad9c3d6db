"""What the API description promises, held against a running server by schemathesis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from test.builders import a_classification_table, a_promoted_model, a_token, bearer
from test.e2e import exposition
from test.e2e.server import Server, project, running_server

pytestmark = pytest.mark.e2e
REFUSALS = [400, 401, 403, 404, 405, 406, 413, 415]  # one of them for data that do not fit
CONFIG = {"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}
Operation = APIOperation[Any, Any, Any, Any]
EXAMPLES = 25
EXAMPLES_OF_A_STRANGER = 6  # whatever is sent, the answer is the same
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]
PREDICT = "POST /api/v1/predict"
REVOKE = "POST /api/v1/admin/revocations"
CANARY = "POST /api/v1/admin/models/{name}/canary"
# What fits depends on the clock, on the model that the path names, or on one member and another.
LOOSE = {
    REVOKE,
    CANARY,
    *(
        f"POST {root}/models/{{name}}{version}/{verb}"
        for root, verb in (("/api/v1", "predict"), ("/v2", "infer"))
        for version in ("", "/versions/{version}")
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("described")
    a_promoted_model(project(root), a_classification_table())
    with running_server(
        root,
        RATE_LIMIT="100000 per minute",
        GATEHOUSE_SECURITY__FAILED_AUTH_LIMIT="100000 per minute",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def operations(server: Server) -> list[Operation]:
    """What is described; schemathesis can read all of it."""
    url = f"{server.url}/apispec.json"
    schema = schemathesis.openapi.from_url(url, config=SchemathesisConfig.from_dict(CONFIG))
    found = list(schema.get_all_operations())
    readable = [operation.ok() for operation in found if isinstance(operation, Ok)]
    assert len(readable) == len(found)
    return readable


def hold(
    operation: Operation, mode: GenerationMode, headers: Mapping[str, str], examples: int
) -> Counter[int]:
    """Call *operation* with so many *examples*, and return how often each status came.

    Every answer must have a status, a type, headers and a body that the description names; data
    that fit it must be taken, and others refused.
    """
    seen: Counter[int] = Counter()

    @given(case=operation.as_strategy(mode))
    @effort(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def run(case: schemathesis.Case[Any]) -> None:
        if _is_beyond_words(case):
            return
        excluded: list[Any] = [positive_data_acceptance] if operation.label in LOOSE else []
        answer = case.call_and_validate(headers=dict(headers), excluded_checks=excluded)
        seen[answer.status_code] += 1

    with suppress(Unsatisfiable):  # nothing that could be wrong is sent to it
        run()
    return seen


def _is_beyond_words(case: schemathesis.Case[Any]) -> bool:
    """Say whether a body fits its schema and is wrong, or right and would end the calls."""
    if case.media_type in {"text/csv", "application/x-ndjson"}:
        return True  # to a schema one text is as good as another
    if not isinstance(case.body, dict):
        return False
    if not str(case.body.get("reason", "")).isprintable():
        return True  # which letters are printable, no pattern says
    if case.body.get("everyone") is True or case.body.get("on_error") == "skip":
        return True  # the token ends; rows that are wrong are answered too
    columns = case.body.get("data")
    if not isinstance(columns, dict):
        return False
    return len({len(column) for column in columns.values() if isinstance(column, list)}) > 1


def hold_all(
    operations: Sequence[Operation], headers: Mapping[str, str], examples: int = EXAMPLES
) -> dict[tuple[str, GenerationMode], set[int]]:
    """Return the statuses of each operation, by its name and whether the data fit."""
    return {
        (operation.label, mode): set(hold(operation, mode, headers, examples))
        for operation in operations
        for mode in GenerationMode
    }


def test_an_administrator_is_answered_as_it_is_described(
    server: Server, operations: list[Operation]
) -> None:
    token = a_token(sub="schemathesis", roles=["admin", "user"])

    found = hold_all(operations, bearer(token))

    assert exposition.server_errors(server) == 0
    assert found[PREDICT, GenerationMode.POSITIVE] == {200}
    assert 400 in found[PREDICT, GenerationMode.NEGATIVE]
    assert 201 in found[REVOKE, GenerationMode.POSITIVE]
    assert 400 in found[REVOKE, GenerationMode.NEGATIVE]
    assert all(found[operation.label, GenerationMode.POSITIVE] for operation in operations)


def test_a_stranger_is_answered_as_it_is_described(
    server: Server, operations: list[Operation]
) -> None:
    found = hold_all(operations, {}, EXAMPLES_OF_A_STRANGER)

    assert exposition.server_errors(server) == 0
    guarded = {op.label for op in operations if op.definition.raw.get("security") == BEARER}
    assert guarded >= {PREDICT, REVOKE}
    assert all(statuses <= {401} for (name, _), statuses in found.items() if name in guarded)
    assert {status for statuses in found.values() for status in statuses} == {200, 401}
