"""A candidate in the shadow: compared, counted, remembered, and never waited for."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from app.adapters import shadow as shadows
from app.adapters import shadow_work
from app.adapters.null import NullMetrics
from app.adapters.shadow import ShadowQueue
from app.adapters.shadow_work import Listeners
from app.domain.audit import Event
from app.domain.comparison import ShadowReport
from app.domain.ports import FloatArray, Matrix, Scores
from app.domain.prediction import ServedModel, Wish, predict
from app.domain.shadow import Answered
from app.domain.traffic import Split
from app.errors import AuditDownError
from app.wiring import build_services
from test.builders import a_classification_table, a_promoted_model, some_settings
from test.e2e.calls import until

ROWS = np.random.default_rng(3).normal(size=(20, 2))


class Heard(NullMetrics):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.reports: list[ShadowReport] = []

    def shadowed(self, report: ShadowReport) -> None:
        self.reports.append(report)

    def outcomes(self) -> list[str]:
        return [it.outcome for it in self.reports for _ in range(it.n_requests)]


class Remembered:
    """An audit log in memory, which may be down."""

    def __init__(self, *, is_down: bool = False) -> None:
        self.events: list[Event] = []
        self.is_down = is_down

    def record(self, event: Event) -> None:
        self.events.append(event)
        if self.is_down:
            raise AuditDownError("down")


class Engine:
    """Another model's engine, changed by a test."""

    def __init__(self, scored: Callable[[Matrix], Scores]) -> None:
        self.predict = scored


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    settings = some_settings(tmp_path_factory.mktemp("shadow"))
    a_promoted_model(settings, a_classification_table())
    return build_services(settings).models.current()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sum up at once, and not after seconds."""
    for module in (shadows, shadow_work):
        monkeypatch.setattr(module, "RECORD_SECONDS", 0.1)


def candidate_of(champion: ServedModel, scored: Callable[[Matrix], Scores]) -> ServedModel:
    contract = champion.contract.model_copy(update={"version": "2"})
    return replace(champion, contract=contract, engine=Engine(scored))


def answered(model: ServedModel, matrix: FloatArray = ROWS, request_id: str = "one") -> Answered:
    result = predict(model, matrix, Wish(), cache=None, metrics=NullMetrics())
    return Answered(model, matrix, result, 0.5, request_id, "alice", "127.0.0.1")


def a_split(**changes: Any) -> Split:
    fields = {"model": "sides", "version": "2", "mode": "shadow", "share": 1}
    return Split.model_validate(fields | changes)


def a_queue(
    candidate: ServedModel, heard: Heard, audit: Remembered | None = None, **changes: Any
) -> ShadowQueue:
    listeners = Listeners(metrics=heard, audit=audit or Remembered())
    return ShadowQueue(listeners, candidate, a_split(**changes))


def test_a_candidate_that_answers_alike_agrees_on_every_row(champion: ServedModel) -> None:
    heard = Heard()
    queue = a_queue(candidate_of(champion, champion.engine.predict), heard)

    queue.offer(answered(champion))
    [report] = until(lambda: heard.reports, "nothing was compared")

    assert (report.model, report.version, report.outcome) == ("sides", "2", "compared")
    assert report.comparison is not None
    assert (report.comparison.n_rows, report.comparison.n_agreeing) == (20, 20)
    assert report.comparison.largest == 0.0
    assert report.champion_seconds == (0.5,)
    assert 0 < (report.candidate_seconds or 0.0) < 5


def relabelled(champion: ServedModel, n_rows: int) -> Callable[[Matrix], Scores]:
    def scored(matrix: Matrix) -> Scores:
        scores = champion.engine.predict(matrix)
        labels = scores.predictions.copy()
        labels[:n_rows] = (labels[:n_rows] + 1) % 3
        return Scores(labels, scores.probabilities)

    return scored


def test_rows_on_which_the_labels_differ_are_counted(champion: ServedModel) -> None:
    heard = Heard()
    queue = a_queue(candidate_of(champion, relabelled(champion, 3)), heard)

    queue.offer(answered(champion))
    [report] = until(lambda: heard.reports, "nothing was compared")

    assert report.comparison is not None
    assert report.comparison.n_agreeing == 17


def test_an_answer_from_the_cache_is_compared_too(champion: ServedModel) -> None:
    heard = Heard()
    queue = a_queue(candidate_of(champion, relabelled(champion, 3)), heard)
    copy = answered(champion)

    queue.offer(copy._replace(result=copy.result._replace(cache="hit", scores=None)))
    [report] = until(lambda: heard.reports, "nothing was compared")

    assert report.comparison is not None
    assert report.comparison.n_agreeing == 17
    assert report.champion_seconds == (), "the time of the cache is not that of the model"


@pytest.mark.usefixtures("soon")
def test_what_was_found_is_remembered_with_the_request_that_differed_most(
    champion: ServedModel,
) -> None:
    audit, wrong = Remembered(), np.array([[9.0, 9.0]])

    def scored(matrix: Matrix) -> Scores:
        differs = matrix[0, 0] == 9.0
        return relabelled(champion, 1)(matrix) if differs else champion.engine.predict(matrix)

    queue = a_queue(candidate_of(champion, scored), Heard(), audit)
    for request_id, matrix in (("one", ROWS), ("two", wrong), ("three", ROWS)):
        queue.offer(answered(champion, matrix, request_id))
    [event] = until(lambda: audit.events, "nothing was remembered")

    assert (event.kind, event.route, event.status) == ("prediction", "shadow", 200)
    assert (event.request_id, event.subject) == ("two", "alice")
    assert event.evidence is not None
    assert event.evidence.contract.version == "2"
    assert event.evidence.matrix.tolist() == [[9.0, 9.0]]
    said = orjson.loads(event.detail or "")
    assert said.pop("median_candidate_us") > 0
    assert said == {
        "champion": champion.contract.version,
        "requests": 3,
        "failed": 0,
        "rows": 41,
        "agreeing_rows": 40,
        "largest_difference": 0.0,
        "median_champion_us": 500_000.0,
    }


def test_what_gathers_is_scored_in_one_call_and_counted_by_request(champion: ServedModel) -> None:
    heard, sizes = Heard(), list[int]()

    def scored(matrix: Matrix) -> Scores:
        sizes.append(len(matrix))
        return relabelled(champion, 1)(matrix)

    queue = a_queue(candidate_of(champion, scored), heard)
    for number in range(50):
        queue.offer(answered(champion, ROWS[number % 20 :], str(number)))
    until(lambda: len(heard.outcomes()) == 50, "not all were compared")

    assert len(sizes) < 50
    assert sum(sizes) == sum(len(ROWS[number % 20 :]) for number in range(50))
    assert sum(it.n_requests - it.n_alike for it in heard.reports) == len(sizes)


def test_a_request_that_breaks_the_candidate_fails_alone(champion: ServedModel) -> None:
    heard = Heard()

    def scored(matrix: Matrix) -> Scores:
        if (matrix == 9.0).any():
            raise RuntimeError("no nines")
        return champion.engine.predict(matrix)

    queue = a_queue(candidate_of(champion, scored), heard)
    for number in range(30):
        queue.offer(answered(champion, np.full((1, 2), 9.0) if number == 17 else ROWS[:1]))
    until(lambda: len(heard.outcomes()) == 30, "not all were compared")

    assert heard.outcomes().count("failed") == 1


def raising(_: Matrix) -> Scores:
    raise RuntimeError("no")


def of_another_shape(matrix: Matrix) -> Scores:
    return Scores(np.zeros(len(matrix) + 1), None)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("scored", [raising, of_another_shape])
def test_a_candidate_that_fails_is_counted_and_goes_on(
    champion: ServedModel, scored: Callable[[Matrix], Scores]
) -> None:
    heard, audit = Heard(), Remembered()
    queue = a_queue(candidate_of(champion, scored), heard, audit)

    for _ in range(2):
        queue.offer(answered(champion))
    [event] = until(lambda: audit.events, "the failures were not remembered")

    assert heard.outcomes() == ["failed", "failed"]
    assert (event.status, orjson.loads(event.detail or "")["failed"]) == (500, 2)
    assert event.problem in {"RuntimeError", "ValueError"}


@pytest.mark.usefixtures("soon")
def test_an_audit_log_that_is_down_does_not_end_the_comparing(champion: ServedModel) -> None:
    heard, audit = Heard(), Remembered(is_down=True)
    queue = a_queue(candidate_of(champion, champion.engine.predict), heard, audit)

    queue.offer(answered(champion))
    until(lambda: len(audit.events) == 1, "nothing was to be remembered")
    queue.offer(answered(champion))
    until(lambda: len(audit.events) == 2, "the comparing has ended")

    assert heard.outcomes() == ["compared", "compared"]


def test_what_was_found_is_remembered_when_the_shadow_ends(champion: ServedModel) -> None:
    heard, audit = Heard(), Remembered()
    queue = a_queue(candidate_of(champion, champion.engine.predict), heard, audit)
    queue.offer(answered(champion))
    until(lambda: heard.reports, "nothing was compared")

    del queue

    until(lambda: audit.events, "nothing was remembered")


def test_a_candidate_that_hangs_costs_copies_and_no_time(
    champion: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "MOST_COPIES", 3)
    heard, hangs, goes_on = Heard(), threading.Event(), threading.Event()

    def hanging(matrix: Matrix) -> Scores:
        hangs.set()
        goes_on.wait(30)
        return champion.engine.predict(matrix)

    queue = a_queue(candidate_of(champion, hanging), heard)
    copy = answered(champion)
    queue.offer(copy)
    assert hangs.wait(10)

    began = time.perf_counter()
    for _ in range(1_000):
        queue.offer(copy)
    took = time.perf_counter() - began
    dropped = heard.outcomes()
    goes_on.set()
    until(lambda: heard.outcomes().count("compared") == 4, "what waited was not compared")

    assert dropped == ["dropped"] * 997
    assert took < 10  # 1,000 waits for a candidate that hangs for 30 s


def test_copies_are_bounded_in_values_too(
    champion: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "MOST_VALUES", ROWS.size - 1)
    heard = Heard()
    queue = a_queue(candidate_of(champion, champion.engine.predict), heard)

    queue.offer(answered(champion))

    assert heard.outcomes() == ["dropped"]


def test_a_share_of_the_requests_is_copied(champion: ServedModel) -> None:
    heard = Heard()
    queue = a_queue(candidate_of(champion, champion.engine.predict), heard, share=0.5)
    split = a_split(share=0.5)
    requests = [f"request-{number}" for number in range(40)]
    expected = sum(map(split.covers, requests))

    for request_id in requests:
        queue.offer(answered(champion, ROWS[:1], request_id))
    until(lambda: len(heard.outcomes()) == expected, "another number was compared")

    assert 0 < expected < 40


def test_what_the_candidate_itself_has_answered_is_not_copied(champion: ServedModel) -> None:
    candidate, heard = candidate_of(champion, champion.engine.predict), Heard()
    queue = a_queue(candidate, heard)

    queue.offer(answered(candidate))
    queue.offer(answered(champion))
    until(lambda: heard.reports, "nothing was compared")

    assert heard.outcomes() == ["compared"]


def test_the_thread_ends_when_nobody_holds_the_shadow(champion: ServedModel) -> None:
    heard = Heard()
    queue = a_queue(candidate_of(champion, champion.engine.predict), heard)
    queue.offer(answered(champion))
    until(lambda: heard.reports, "nothing was compared")
    [thread] = [it for it in threading.enumerate() if it is queue._thread]
    gone = weakref.ref(queue)

    del queue

    until(lambda: gone() is None, "somebody holds the queue")
    thread.join(10)
    assert not thread.is_alive()


def test_a_running_gateway_shadows_what_it_answers(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    for _ in range(2):
        a_promoted_model(settings)
    settings = some_settings(
        tmp_path, traffic={"line": {"version": "1", "candidate": "2", "mode": "shadow", "share": 1}}
    )
    services = build_services(settings)
    model = services.models.current()
    found = services.models.shadow(None)

    assert found is not None
    found.offer(answered(model, ROWS))
    text = 'gatehouse_shadow_rows_total{model="line",outcome="agreed",version="2"} 20.0'
    until(lambda: text in services.metrics.exposition()[1].decode(), "no rows were compared")
