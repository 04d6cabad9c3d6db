"""A Kafka consumer in this process, in transactions, and messages that are not as others.

The brokers take transactions and give them no meaning: what is shown is that the calls are made
in their order and that messages come through, not that a reader sees all of them or none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Message, Producer

from app.domain.prediction import ServedModel
from app.lifecycle.streams.kafka import Counts, Wanted
from app.wiring.offline import open_version
from test.builders import a_classification_table, a_promoted_model, some_settings
from test.kafka_cluster import kafka_cluster
from test.kafka_group import DEAD, INPUT, OUTPUT, Group, Topic, headers_of

LARGEST = 1_000_000


class Sent(NamedTuple):
    key: str | None
    value: bytes | None
    headers: tuple[tuple[str, str | bytes | None], ...] = ()


def large(n_bytes: int) -> bytes:
    frame = b'{"features": [1, 2], "x": "%s"}'
    return frame % (b"x" * (n_bytes - len(frame) + 2))


SENT = [
    Sent("plain", b'{"features": [1, 2], "id": 1}'),
    Sent(None, b'{"features": [1, 2], "id": 2}'),
    Sent("tombstone", None),
    Sent("traced", b"{", (("traceparent", "00-1"),)),
    Sent("answer too large", large(LARGEST - 200)),
    Sent("letter too large", large(LARGEST - 80)),
    Sent("headers too large", b"{}", (("trace", b"x" * (LARGEST - 120)),)),
]


class Story(NamedTuple):
    counts: Counts
    answers: list[Message]
    dead: dict[str, Message]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    settings = some_settings(tmp_path_factory.mktemp("sides"))
    a_promoted_model(settings, a_classification_table())
    return open_version(settings, "sides")


@pytest.fixture(scope="module")
def story(sides: ServedModel) -> Iterator[Story]:
    with kafka_cluster() as cluster:
        yield told(Group(Path(), cluster, "unusual"), sides)


def told(group: Group, sides: ServedModel) -> Story:
    producer = Producer({"bootstrap.servers": group.brokers})
    for sent in SENT:
        producer.produce(
            group.topic(INPUT), key=sent.key, value=sent.value, headers=[*sent.headers]
        )
    assert producer.flush(30) == 0
    wanted = Wanted(with_probabilities=True, max_messages=len(SENT))
    counts = group.score(sides, wanted, transactional=True)
    answers = Topic(group, OUTPUT, 20).all(counts.scored)
    dead = Topic(group, DEAD, 20).all(counts.dead)
    letters = {headers_of(it)["reason"]: it for it in dead}
    return Story(counts, answers, letters)


def test_the_run_ends_after_the_messages_that_were_asked_for(story: Story) -> None:
    assert story.counts == Counts(scored=2, dead=5)


def test_answers_keep_the_key_of_their_message_or_have_none(story: Story) -> None:
    keys = {json.loads(it.value() or b"")["id"]: it.key() for it in story.answers}

    assert keys == {1: b"plain", 2: None}


def test_answers_have_the_probabilities_that_were_asked_for(story: Story) -> None:
    assert all(len(json.loads(it.value() or b"")["probabilities"]) == 3 for it in story.answers)


def test_a_message_without_a_value_is_a_dead_letter(story: Story) -> None:
    assert story.dead["has no value"].value() is None


def test_a_dead_letter_keeps_the_headers_of_its_message(story: Story) -> None:
    letter = story.dead["is not JSON: unexpected end of data at character 1"]

    assert headers_of(letter) | {"source-partition": "", "source-offset": ""} == {
        "traceparent": "00-1",
        "reason": "is not JSON: unexpected end of data at character 1",
        "source-topic": "unusual.rows",
        "source-partition": "",
        "source-offset": "",
        "model": "sides@1",
    }


def letters_with(story: Story, key: bytes | None) -> list[Message]:
    large = (it for reason, it in story.dead.items() if reason.endswith("MSG_SIZE_TOO_LARGE"))
    return [it for it in large if it.key() == key]


def test_an_answer_that_is_too_large_makes_its_message_a_dead_letter(story: Story) -> None:
    [letter] = letters_with(story, b"answer too large")

    assert letter.value() == large(LARGEST - 200)


def test_a_dead_letter_that_is_too_large_says_where_its_message_lies(story: Story) -> None:
    [letter] = letters_with(story, None)

    assert letter.value() is None
    assert headers_of(letter)["left-out-bytes"] == str(LARGEST - 80)
    assert headers_of(letter)["source-topic"] == "unusual.rows"


def test_a_dead_letter_whose_headers_are_too_large_has_only_its_own(story: Story) -> None:
    letter = story.dead["must be an object with 'features'"]

    assert letter.value() is None
    assert "trace" not in headers_of(letter)
    assert headers_of(letter)["left-out-bytes"] == "2"
