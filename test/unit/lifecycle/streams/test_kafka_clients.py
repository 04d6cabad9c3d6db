from __future__ import annotations

import pytest
from confluent_kafka import Producer
from pydantic import ValidationError

from app.errors import StreamError
from app.lifecycle.streams import kafka_clients
from app.lifecycle.streams.kafka_clients import connected
from app.lifecycle.streams.kafka_metrics import KafkaMetrics
from app.lifecycle.streams.kafka_outputs import Outputs, Taken
from app.lifecycle.streams.messages import Fault
from app.settings.streaming import Kafka
from test.builders import a_contract
from test.e2e.server import free_port

NOBODY = "127.0.0.1:1"


def test_brokers_that_do_not_answer_are_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kafka_clients, "_ANSWER_SECONDS", 0.5)

    with pytest.raises(StreamError, match=r"127\.0\.0\.1:1: no broker answers: .*refused"):
        connected(Kafka(bootstrap_servers=NOBODY))

    assert [it for it in caplog.records if it.name == kafka_clients.__name__] == []


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"no.such.property": "x"}, "No such configuration property"),
        ({"session.timeout.ms": "soon"}, "session.timeout.ms"),
        ({"security.protocol": "telepathy"}, "security.protocol"),
    ],
    ids=["unknown", "no number", "no choice"],
)
def test_a_property_that_is_wrong_is_told_of(extra: dict[str, str], expected: str) -> None:
    with pytest.raises(StreamError, match=r"streaming\.kafka\.extra: .*") as found:
        connected(Kafka(bootstrap_servers=NOBODY, extra=extra))

    assert expected in str(found.value)


def test_a_password_is_in_no_message() -> None:
    secret = {"sasl.password": "hunter2", "security.protocol": "telepathy"}
    settings = Kafka.model_validate({"extra": secret})

    with pytest.raises(StreamError) as found:
        connected(settings)

    assert "hunter2" not in f"{settings!r} {found.value}"


@pytest.mark.parametrize("name", ["enable.auto.commit", "group.id", "transactional.id", "acks"])
def test_what_the_promise_stands_on_cannot_be_changed(name: str) -> None:
    with pytest.raises(ValidationError, match="is set by Gatehouse itself"):
        Kafka(extra={name: "x"})


def test_yaml_has_numbers_and_truth_values() -> None:
    found = Kafka.model_validate({"extra": {"a": 6000, "b": True, "c": 0.5}}).extra

    assert [it.get_secret_value() for it in found.values()] == ["6000", "true", "0.5"]


def test_an_output_that_is_never_acknowledged_commits_nothing() -> None:
    producer = Producer({"bootstrap.servers": NOBODY, "message.timeout.ms": 100, "log_level": 0})
    outputs = Outputs(producer, Kafka())
    source = Taken("rows", 0, 0, None, b"{", ())

    with pytest.raises(StreamError, match=r"could not be delivered: .*timed out"):
        outputs.delivered_alone(outputs.of(source, Fault("is not JSON"), a_contract()))


def test_a_port_that_is_taken_is_told_of() -> None:
    port = free_port()
    metrics = KafkaMetrics()
    with (
        metrics.served("127.0.0.1", port),
        pytest.raises(StreamError, match=r"streaming\.kafka\.metrics_port"),
        KafkaMetrics().served("127.0.0.1", port),
    ):
        raise AssertionError
