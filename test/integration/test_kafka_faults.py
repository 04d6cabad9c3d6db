"""What a Kafka consumer does when brokers refuse, forget or go away: no loss, no loop, a reason."""

from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from app.domain.prediction import ServedModel
from app.errors import StreamError
from app.lifecycle.streams import kafka_clients
from app.lifecycle.streams.kafka import Counts, Wanted
from app.lifecycle.streams.kafka_metrics import KafkaMetrics
from app.wiring.offline import open_version
from test.builders import a_classification_table, a_promoted_model, some_settings
from test.kafka_cluster import JOIN_GROUP, OFFSET_COMMIT, PRODUCE, Cluster, kafka_cluster
from test.kafka_group import DEAD, INPUT, N_PARTITIONS, OUTPUT, Group, Topic, headers_of

LARGE: Final = KafkaError.MSG_SIZE_TOO_LARGE
N_MESSAGES = 20
ALL = Wanted(max_messages=N_MESSAGES)
ONE = Wanted(max_messages=1)
NUMBERS = itertools.count()


def values(n_messages: int) -> list[bytes]:
    return [b'{"features": [1, 2], "id": %d}' % it for it in range(n_messages)]


def committed(group: Group) -> int:
    """Return the sources that are done."""
    return sum(max(offset, 0) for offset, _ in group.committed().values())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sides")


@pytest.fixture(scope="module")
def sides(root: Path) -> ServedModel:
    settings = some_settings(root)
    a_promoted_model(settings, a_classification_table())
    return open_version(settings, "sides")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with kafka_cluster() as cluster:
        yield cluster


@pytest.fixture
def group(root: Path, cluster: Cluster) -> Iterator[Group]:
    yield Group(root, cluster, f"faults{next(NUMBERS)}")
    for request in (PRODUCE, OFFSET_COMMIT, JOIN_GROUP):
        cluster.accept(request)


def test_commits_that_fail_for_a_while_are_made_up_for(group: Group, sides: ServedModel) -> None:
    group.send(values(N_MESSAGES))
    group.cluster.refuse(OFFSET_COMMIT, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, times=4)
    metrics = KafkaMetrics()

    assert group.score(sides, ALL, metrics, batch_rows=5) == Counts(scored=N_MESSAGES)
    assert metrics.registry.get_sample_value("gatehouse_stream_failed_commits_total")
    assert committed(group) == N_MESSAGES


@pytest.mark.parametrize(
    "error",
    [KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED],
    ids=["group", "topic"],
)
def test_a_commit_that_is_not_allowed_ends_the_stream(
    group: Group, sides: ServedModel, error: int
) -> None:
    group.send(values(N_MESSAGES))
    group.cluster.refuse(OFFSET_COMMIT, error)

    with pytest.raises(StreamError, match=r"authorization failed\. Fix: the rights"):
        group.score(sides, ALL)


def test_outputs_that_were_refused_with_another_are_sent_again(
    group: Group, sides: ServedModel
) -> None:
    group.send(values(N_MESSAGES))
    group.cluster.refuse(PRODUCE, LARGE, times=1)

    assert group.score(sides, ALL) == Counts(scored=N_MESSAGES)
    found = [json.loads(it.value() or b"")["id"] for it in Topic(group, OUTPUT, 20).all(N_MESSAGES)]
    assert sorted(found) == [*range(N_MESSAGES)]
    assert committed(group) == N_MESSAGES


@pytest.mark.parametrize(
    ("times", "value", "error"),
    [
        (2, values(1)[0], LARGE),
        (2, values(1)[0], KafkaError.INVALID_RECORD),
        (3, None, LARGE),
    ],
    ids=["too large", "invalid", "too large for a dead letter"],
)
def test_an_answer_that_is_refused_alone_makes_its_message_a_dead_letter(
    group: Group,
    sides: ServedModel,
    times: int,
    value: bytes | None,
    error: int,
) -> None:
    group.send(values(1))
    group.cluster.refuse(PRODUCE, error, times)

    assert group.score(sides, ONE) == Counts(dead=1)
    [letter] = Topic(group, DEAD, 20).all(1)
    assert letter.value() == value
    assert headers_of(letter)["reason"].startswith("its answer of ")
    assert headers_of(letter)["source-topic"] == group.topic(INPUT)
    assert committed(group) == 1


@pytest.mark.parametrize("transactional", [False, True], ids=["at least once", "transactional"])
def test_what_can_be_sent_in_no_form_ends_the_stream_uncommitted(
    group: Group, sides: ServedModel, *, transactional: bool
) -> None:
    group.send(values(1))
    group.cluster.refuse(PRODUCE, LARGE)

    with pytest.raises(StreamError, match=r"could not be delivered: .* Nothing is lost"):
        group.score(sides, ONE, transactional=transactional)

    assert committed(group) == 0


def test_a_consumer_goes_on_when_brokers_were_away(group: Group, sides: ServedModel) -> None:
    group.send(values(N_MESSAGES // 2))
    answers = Topic(group, OUTPUT, 40)

    def go_away_and_come_back() -> None:
        answers.wait(lambda found: len(found) >= N_MESSAGES // 2)
        group.cluster.stop()
        time.sleep(1)
        group.cluster.start()
        group.send(values(N_MESSAGES // 2))

    outage = threading.Thread(target=go_away_and_come_back)
    outage.start()
    counts = group.score(sides, ALL)
    outage.join()
    answers.close()

    assert counts == Counts(scored=N_MESSAGES)
    assert committed(group) == N_MESSAGES


@pytest.mark.parametrize(
    ("offset", "first"), [(10_000, 0), (0, 2)], ids=["beyond the end", "deleted"]
)
def test_an_offset_that_is_not_on_the_broker_is_told_of_and_the_rest_is_scored(
    group: Group,
    sides: ServedModel,
    caplog: pytest.LogCaptureFixture,
    offset: int,
    first: int,
) -> None:
    group.send(values(N_MESSAGES))
    commit_everywhere(group, offset)
    for partition in range(N_PARTITIONS):
        group.cluster.call("partition_delete_records", group.topic(INPUT), partition, first)
    n_left = N_MESSAGES - N_PARTITIONS * first

    with caplog.at_level(logging.ERROR):
        counts = group.score(sides, Wanted(max_messages=n_left))

    assert counts == Counts(scored=n_left)
    assert {it.getMessage() for it in caplog.records} == {
        "offset not on the broker, messages missed or repeated"
    }


def commit_everywhere(group: Group, offset: int) -> None:
    consumer = Consumer({"bootstrap.servers": group.brokers, "group.id": group.name})
    places = [TopicPartition(group.topic(INPUT), it, offset) for it in range(N_PARTITIONS)]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def test_a_topic_that_is_not_there_is_told_of_at_the_start(
    group: Group, sides: ServedModel
) -> None:
    with pytest.raises(StreamError, match=r"rows: .*Unknown topic.*Fix: .*input_topic"):
        group.score(sides, ALL)


@pytest.mark.usefixtures("sides")
def test_a_consumer_that_cannot_go_on_ends_with_status_2_and_one_message(group: Group) -> None:
    assert group.start().wait(timeout=40) == 2

    [message] = group.log(0).splitlines()
    assert message.startswith(f"error: {group.topic(INPUT)}: ")


def test_a_topic_that_may_not_be_read_is_told_of_at_the_start(
    group: Group, sides: ServedModel
) -> None:
    group.send(values(1))
    group.cluster.call("topic_set_error", group.topic(INPUT), KafkaError.TOPIC_AUTHORIZATION_FAILED)

    with pytest.raises(StreamError, match=r"rows: .*authorization failed.*Fix: "):
        group.score(sides, ALL)


def test_a_group_that_may_not_be_joined_ends_the_stream(group: Group, sides: ServedModel) -> None:
    group.send(values(1))
    group.cluster.refuse(JOIN_GROUP, KafkaError.GROUP_AUTHORIZATION_FAILED)

    with pytest.raises(StreamError, match=r"Group authorization failed\. Fix: the rights"):
        group.score(sides, ALL)


def test_a_log_in_that_fails_is_told_of_with_its_reason(
    group: Group, sides: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_clients, "_ANSWER_SECONDS", 1.0)
    login = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "gatehouse",
        "sasl.password": "hunter2",
    }

    with pytest.raises(StreamError, match=r"no broker answers: .*SASL.*Fix: ") as found:
        group.score(sides, ALL, extra=login)

    assert "hunter2" not in str(found.value)
