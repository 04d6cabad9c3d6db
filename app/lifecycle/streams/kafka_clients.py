"""The consumer and the producer of a stream, with the properties that its promise stands on."""

from __future__ import annotations

import logging
import socket
import time
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from app.errors import StreamError
from app.settings.streaming import Kafka

_ANSWER_SECONDS: Final = 10.0
_TOLD_SECONDS: Final = 60.0
_RECONNECT_MS: Final = 500
_WARNING: Final = 4  # of syslog
# Deliveries fail well before the group takes the partitions of a consumer that does not poll.
_DELIVERY_MS: Final = 120_000
_POLL_MS: Final = 300_000
_FETCHED_KBYTES: Final = 16_384
_SENT_KBYTES: Final = 65_536
# No waiting mends these.
_FINAL: Final = {
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.INVALID_GROUP_ID,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
}
RIGHTS: Final = "Fix: the rights of streaming.kafka.extra's user on topics and group."
_log = logging.getLogger(__name__)


class Clients(NamedTuple):
    """Both ends of a stream."""

    consumer: Consumer
    producer: Producer


def connected(settings: Kafka) -> Clients:
    """Return a consumer, not yet in its group, and a producer, once a broker has answered.

    Raises:
        StreamError: none does, or a property is wrong.
    """
    troubles = _Troubles()
    common: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "error_cb": troubles.add,
        "logger": _Words(),
        "log_level": _WARNING,
        "reconnect.backoff.ms": _RECONNECT_MS,
    }
    common |= {name: secret.get_secret_value() for name, secret in settings.extra.items()}
    try:
        consumer = Consumer(_consumer(settings) | common)
        producer = Producer(_producer(settings) | common)
    except (KafkaException, TypeError, ValueError) as error:
        problem = f"streaming.kafka.extra: {reason_of(error)}"
        raise StreamError(f"{problem}. Fix: properties that librdkafka knows.") from error
    try:
        topics = consumer.list_topics(settings.input_topic, timeout=_ANSWER_SECONDS).topics
    except KafkaException as error:
        consumer.close()
        reason = troubles.last or reason_of(error)
        raise StreamError(
            f"{settings.bootstrap_servers}: no broker answers: {reason}. "
            "Fix: streaming.kafka.bootstrap_servers and streaming.kafka.extra."
        ) from error
    missing = topics[settings.input_topic].error
    if missing is not None and missing.code() != KafkaError.LEADER_NOT_AVAILABLE:
        consumer.close()
        raise StreamError(
            f"{settings.input_topic}: {missing.str()}. Fix: create the topic or name another in "
            "streaming.kafka.input_topic, and let streaming.kafka.extra's user read it."
        )
    troubles.are_told = True
    return Clients(consumer, producer)


class _Words:
    """Passes on of librdkafka's log what nothing else tells: the rest comes to ``error_cb`` too."""

    def log(self, level: int, _form: str, facility: str, _client: str, text: str) -> None:
        if level >= logging.CRITICAL:
            _log.critical("kafka client", extra={"problem": text})
        elif facility == "OFFSET":
            _log.error(
                "offset not on the broker, messages missed or repeated", extra={"problem": text}
            )


class _Troubles:
    """Tells the log what a client could not do, each kind once a minute: it tries several a second.

    Attributes:
        last: what was said last of one broker.
        are_told: false until a broker has answered; until then one error says all.
    """

    def __init__(self) -> None:
        self.last = ""
        self.are_told = False
        self._told_at: dict[int, float] = {}

    def add(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  its public name
            self.last = error.str()
        now = time.monotonic()
        if self.are_told and now - self._told_at.get(error.code(), -_TOLD_SECONDS) >= _TOLD_SECONDS:
            self._told_at[error.code()] = now
            _log.warning("kafka client", extra={"problem": error.str()})


def _consumer(settings: Kafka) -> dict[str, Any]:
    return {
        "group.id": settings.group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "max.poll.interval.ms": _POLL_MS,
        "partition.assignment.strategy": "cooperative-sticky",
        "queued.max.messages.kbytes": _FETCHED_KBYTES,
    }


def _producer(settings: Kafka) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": _DELIVERY_MS,
        "queue.buffering.max.kbytes": _SENT_KBYTES,
    }
    if settings.transactional:
        name = settings.transactional_id or f"{settings.group_id}-{socket.gethostname()}"
        properties |= {"transactional.id": name, "transaction.timeout.ms": _DELIVERY_MS}
    return properties


def reason_of(error: Exception) -> str:
    """Return librdkafka's own words, without the object around them."""
    found = error.args[0] if error.args else error
    return found.str() if isinstance(found, KafkaError) else str(found)


def is_final(error: KafkaError) -> bool:
    """Say whether trying again cannot help."""
    return error.fatal() or error.code() in _FINAL
