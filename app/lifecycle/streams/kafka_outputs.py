"""What a Kafka consumer sends: an answer, or a dead letter, each with its source's coordinates."""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from app.domain.contract import Contract
from app.errors import StreamError
from app.lifecycle.streams.kafka_clients import reason_of
from app.lifecycle.streams.messages import Fault, Output
from app.settings.streaming import Kafka

_FULL_SECONDS: Final = 0.1
_LONGEST_REASON: Final = 500
Header = tuple[str, str | bytes | None]


class Taken(NamedTuple):
    """A message of the input topic, and where it stands there."""

    topic: str
    partition: int
    offset: int
    key: str | bytes | None
    value: bytes | None
    headers: tuple[Header, ...]


def taken(message: Message) -> Taken:
    """Return what *message*, which is no error, holds."""
    value = message.value()
    headers = message.headers() or ()
    return Taken(
        str(message.topic()),
        message.partition() or 0,
        message.offset() or 0,
        message.key(),
        value.encode() if isinstance(value, str) else value,
        (*(headers.items() if isinstance(headers, dict) else headers),),
    )


class Outputs:
    """Sends one output for each message, in a queue that is bounded.

    Args:
        producer: sends.
        settings: name the topics.
    """

    def __init__(self, producer: Producer, settings: Kafka) -> None:
        self._producer, self._settings = producer, settings
        self._undelivered: KafkaError | None = None

    def send(self, message: Taken, found: Output | Fault, contract: Contract) -> bool:
        """Send what was *found* of *message*; say whether it is an answer, not a dead letter."""
        model = f"{contract.name}@{contract.version}".encode()
        if isinstance(found, Fault):
            self._bury(message, found.reason, model)
            return False
        source = {
            "topic": message.topic,
            "partition": message.partition,
            "offset": message.offset,
        }
        value = orjson.dumps(found | {"source": source})
        topic = self._settings.output_topic
        if not self._sent(topic, message.key, value, [*_coordinates(message), ("model", model)]):
            self._bury(message, f"its answer has {len(value)} bytes, more than are sent", model)
            return False
        return True

    def acknowledged(self) -> None:
        """Wait until every output is acknowledged.

        Raises:
            StreamError: one never was; none of the batch may be committed.
        """
        while self._producer.flush(1.0):
            pass
        if self._undelivered is not None:
            raise StreamError(
                f"an output could not be delivered: {self._undelivered.str()}. Nothing is lost: "
                "its source is not committed. Fix: the brokers or the topic, then start again."
            )

    def _bury(self, message: Taken, reason: str, model: bytes) -> None:
        headers = [*message.headers]
        headers += [("reason", reason[:_LONGEST_REASON].encode(errors="replace"))]
        headers += [*_coordinates(message), ("model", model)]
        topic, value = self._settings.dead_letter_topic, message.value
        if not self._sent(topic, message.key, value, headers):
            # Its headers made it too large; the source still has the whole of it.
            headers.append(("left-out-bytes", str(len(value or b"")).encode()))
            self._sent(topic, None, None, headers)

    def _sent(
        self, topic: str, key: str | bytes | None, value: bytes | None, headers: list[Header]
    ) -> bool:
        """Put an output into the queue, as soon as there is room; False when it is too large."""
        while True:
            try:
                self._producer.produce(
                    topic, value=value, key=key, headers=headers, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(_FULL_SECONDS)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    return False
                raise StreamError(f"{topic}: {reason_of(error)}.") from error
            else:
                return True

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._undelivered = error


def _coordinates(message: Taken) -> list[Header]:
    return [
        ("source-topic", message.topic.encode()),
        ("source-partition", str(message.partition).encode()),
        ("source-offset", str(message.offset).encode()),
    ]
