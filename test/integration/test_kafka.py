"""Two Kafka consumers, one of which is killed, on brokers that speak the real protocol.

The kill comes when outputs are in their topics and the brokers refuse the commits of their sources:
what lies there comes a second time. ``KAFKA_MESSAGES=100000`` makes it the whole proof, which takes
half a minute; ``-o log_cli_level=INFO`` says how many outputs came twice.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message

from test.builders import a_classification_table, a_promoted_model, some_settings
from test.e2e.server import free_port
from test.kafka_cluster import OFFSET_COMMIT, Cluster, kafka_cluster
from test.kafka_group import DEAD, OUTPUT, Coordinates, Group, Topic, headers_of, source_of

N_MESSAGES = int(os.environ.get("KAFKA_MESSAGES", "5000"))
_log = logging.getLogger(__name__)
SECONDS = 40 + N_MESSAGES / 500
POISON_EVERY = 100
REASONS = {
    b"not JSON": "is not JSON: invalid literal, expected 'null' at character 0",
    b'{"features": [1]}': "has 1 values; 2 are needed",
    b'{"features": [1, "x"]}': "b: must be a number or null, not a string",
    b"\xff": "is not JSON: str is not valid UTF-8: surrogates not allowed at character 0",
    b'{"rows": 1}': "must be an object with 'features'",
}


def a_value(number: int) -> bytes:
    if number % POISON_EVERY == 0:
        return [*REASONS][number // POISON_EVERY % len(REASONS)]
    return json.dumps({"features": [number / N_MESSAGES, 1.0], "id": number}).encode()


@dataclass
class Story:
    """What was there when all was over."""

    answers: list[Message]
    dead: list[Message]
    uncommitted_answers: set[Coordinates]
    uncommitted_dead: set[Coordinates]
    metrics: str
    victims: list[int]
    taken_over: list[int]
    exit_status: int
    committed: dict[int, tuple[int, int]]
    log: str


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with kafka_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kafka")
    a_promoted_model(some_settings(folder), a_classification_table())
    return folder


@pytest.fixture(scope="module")
def story(root: Path, cluster: Cluster) -> Iterator[Story]:
    group = Group(root, cluster, "killed")
    try:
        yield told(group)
    finally:
        group.end()


def send_slowly(group: Group, values: list[bytes], first: int) -> None:
    """Send in twenty parts, so that there is a middle."""
    size = (len(values) - first) // 20
    for start in range(first, len(values), size):
        group.send(values[start : start + size], start)
        time.sleep(0.05)


def told(group: Group) -> Story:
    """Send half, let both work, kill one while the rest comes, and wait for all."""
    values = [a_value(it) for it in range(N_MESSAGES)]
    half = N_MESSAGES // 2
    group.send(values[:half])
    port = free_port()
    survivor = group.start(metrics_port=port)
    group.start()
    answers, dead = Topic(group, OUTPUT, SECONDS), Topic(group, DEAD, SECONDS)
    group.wait_until_shared()
    victims = group.partitions(1)
    answers.wait(lambda found: len(found) > 0.4 * N_MESSAGES)
    rest = threading.Thread(target=send_slowly, args=(group, values, half))
    uncommitted = killed_before_a_commit(group, (answers, dead), rest)
    rest.join()

    n_poison = -(-N_MESSAGES // POISON_EVERY)
    answers.wait(lambda found: len(once(found)) >= N_MESSAGES - n_poison)
    dead.wait(lambda found: len(once(found)) >= n_poison)
    time.sleep(1.2)  # the lag is told every second
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        metrics = response.read().decode()
    taken_over = group.partitions(0)
    survivor.send_signal(signal.SIGTERM)
    status = survivor.wait(timeout=20)
    for topic in (answers, dead):
        topic.close()
    return Story(
        answers.messages,
        dead.messages,
        uncommitted_answers=uncommitted[0],
        uncommitted_dead=uncommitted[1],
        metrics=metrics,
        victims=victims,
        taken_over=taken_over,
        exit_status=status,
        committed=group.committed(),
        log=group.log(0),
    )


def killed_before_a_commit(
    group: Group, topics: tuple[Topic, Topic], rest: threading.Thread
) -> list[set[Coordinates]]:
    """Kill the second consumer; return which of its outputs lie in *topics* uncommitted."""
    victims = group.partitions(1)
    group.cluster.refuse(OFFSET_COMMIT, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
    committed = group.committed()
    rest.start()

    def uncommitted(found: list[Message]) -> set[Coordinates]:
        places = {source_of(it) for it in found}
        return {it for it in places if it[0] in victims and it[1] >= committed[it[0]][0]}

    for topic in topics:
        topic.wait(lambda found: bool(uncommitted(found)))
    group.processes[1].kill()
    group.processes[1].wait()
    group.cluster.accept(OFFSET_COMMIT)
    return [uncommitted(it.messages) for it in topics]


def once(messages: list[Message]) -> dict[Coordinates, Message]:
    """Drop what came twice, by the coordinates of the source."""
    return {source_of(it): it for it in reversed(messages)}


def test_every_message_is_scored_or_dead_exactly_once_after_dropping_duplicates(
    story: Story,
) -> None:
    answers, dead = once(story.answers), once(story.dead)
    n_twice = len(story.answers) + len(story.dead) - len(answers) - len(dead)
    _log.info("%d scored, %d dead, %d came twice", len(answers), len(dead), n_twice)
    keys = Counter(bytes(it.key() or b"") for it in [*answers.values(), *dead.values()])

    assert keys == Counter(str(it).encode() for it in range(N_MESSAGES))


@pytest.mark.parametrize("kind", ["answers", "dead"])
def test_what_was_sent_but_not_committed_before_the_kill_comes_twice_and_is_the_same(
    story: Story, kind: str
) -> None:
    uncommitted: set[Coordinates] = getattr(story, f"uncommitted_{kind}")
    by_source = defaultdict(list)
    for message in getattr(story, kind):
        by_source[source_of(message)].append(content_of(message))
    twice = {source for source, contents in by_source.items() if len(contents) > 1}

    assert uncommitted
    assert uncommitted <= twice
    assert all(it == contents[0] for contents in by_source.values() for it in contents)


def content_of(message: Message) -> tuple[object, ...]:
    """Return all of *message* but when it was scored."""
    value = message.value() or b""
    shown = json.loads(value) | {"time": ""} if "reason" not in headers_of(message) else value
    return message.key(), shown, headers_of(message)


def test_an_answer_and_its_source_belong_together(story: Story) -> None:
    for message in once(story.answers).values():
        value = json.loads(message.value() or b"")
        source = value["source"]

        assert value["id"] == int(message.key() or b"")
        assert (source["partition"], source["offset"]) == source_of(message)
        assert source["topic"] == headers_of(message)["source-topic"] == "killed.rows"


def test_a_poison_message_lies_in_the_dead_letter_topic_as_it_was_with_the_reason(
    story: Story,
) -> None:
    found = {
        int(it.key() or b""): (it.value(), headers_of(it)["reason"], headers_of(it)["model"])
        for it in story.dead
    }

    assert found == {
        number: (a_value(number), REASONS[a_value(number)], "sides@1")
        for number in range(0, N_MESSAGES, POISON_EVERY)
    }


def test_the_survivor_takes_the_partitions_over(story: Story) -> None:
    assert set(story.victims) <= set(story.taken_over)


def test_everything_is_committed_when_a_consumer_is_asked_to_stop(story: Story) -> None:
    assert story.exit_status == 0
    assert all(committed == end for committed, end in story.committed.values())


def test_metrics_tell_outcomes_and_that_nothing_waits(story: Story) -> None:
    values = dict(
        line.rsplit(" ", 1) for line in story.metrics.splitlines() if not line.startswith("#")
    )
    lags = {name: it for name, it in values.items() if name.startswith("gatehouse_stream_lag")}

    assert float(values['gatehouse_stream_messages_total{outcome="scored"}']) > N_MESSAGES / 3
    assert float(values['gatehouse_stream_messages_total{outcome="dead_letter"}']) > 0
    assert float(values['gatehouse_stream_rebalances_total{kind="assigned"}']) >= 2
    assert len(lags) == 4
    assert set(lags.values()) == {"0.0"}


def test_the_log_holds_no_values_and_no_traceback(story: Story) -> None:
    assert "Traceback" not in story.log
    assert "features" not in story.log
