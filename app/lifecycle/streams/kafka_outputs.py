"""What a Kafka consumer sends: an answer, or a dead letter, each with its source's coordinates."""

from __future__ import annotations

from functools import partial
from typing import Final, Literal, NamedTuple

import orjson
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from app.domain.contract import Contract
from app.errors import StreamError
from app.lifecycle.streams.messages import Fault, Output
from app.settings.streaming import Kafka

_FULL_SECONDS: Final = 0.1
_LONGEST_REASON: Final = 500
# Said of a whole batch because of one record in it.
_REFUSALS: Final = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.INVALID_RECORD,
}
Header = tuple[str, str | bytes | None]


class Taken(NamedTuple):
    """A message of the input topic, and where it stands there."""

    topic: str
    partition: int
    offset: int
    key: str | bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition


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


class Record(NamedTuple):
    """What is sent for one message, in one of three forms, each smaller than the one before.

    Attributes:
        form: an answer, the message as a dead letter, or a note of where it lies.
        message: its source.
        model: name and version.
        topic: where it goes.
        key: as it is sent.
        value: as it is sent.
        headers: as they are sent.
    """

    form: Literal["answer", "letter", "note"]
    message: Taken
    model: bytes
    topic: str
    key: str | bytes | None
    value: bytes | None
    headers: list[Header]


class Failed(NamedTuple):
    """A record that was not delivered, and why."""

    record: Record
    error: KafkaError

    @property
    def is_refused(self) -> bool:
        """Whether it was refused for what it is, or for what another of its batch is."""
        return self.error.code() in _REFUSALS

    def as_error(self) -> StreamError:
        """Return what ends the stream."""
        fix = "the brokers or the topic, then start again."
        if self.is_refused:
            fix = (
                "a topic that takes it, or its limit as streaming.kafka.extra's message.max.bytes."
            )
        return StreamError(
            f"{self.record.topic}: an output could not be delivered: {self.error.str()}. Nothing "
            f"is lost: its source is not committed. Fix: {fix}"
        )


class Outputs:
    """Sends one record for each message, in a queue that is bounded.

    Args:
        producer: sends.
        settings: name the topics.
    """

    def __init__(self, producer: Producer, settings: Kafka) -> None:
        self._producer, self._settings = producer, settings
        self._failed: list[Failed] = []

    def of(self, message: Taken, found: Output | Fault, contract: Contract) -> Record:
        """Return what is to be sent for what was *found* of *message*."""
        model = f"{contract.name}@{contract.version}".encode()
        if isinstance(found, Fault):
            return self._letter(message, found.reason, model)
        source = {
            "topic": message.topic,
            "partition": message.partition,
            "offset": message.offset,
        }
        value = orjson.dumps(found | {"source": source})
        headers = [*_coordinates(message), ("model", model)]
        topic = self._settings.output_topic
        return Record("answer", message, model, topic, message.key, value, headers)

    def send(self, record: Record) -> Record:
        """Put *record*, or the first smaller form that fits, into the queue; return that.

        Raises:
            StreamError: no form of it can be sent.
        """
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=record.headers,
                    on_delivery=partial(self._reported, record),
                )
            except BufferError:
                self._producer.poll(_FULL_SECONDS)
            except KafkaException as error:
                record = self._smaller(Failed(record, error.args[0]))
            else:
                return record

    def flush(self) -> list[Failed]:
        """Wait until every record is acknowledged or has failed; return those that have."""
        while self._producer.flush(1.0):
            pass
        failed, self._failed = self._failed, []
        return failed

    def delivered_alone(self, record: Record) -> Record:
        """Send *record* with no other, then smaller forms, until one is acknowledged; return that.

        Raises:
            StreamError: none is.
        """
        while True:
            record = self.send(record)
            failed = self.flush()
            if not failed:
                return record
            record = self._smaller(failed[0])

    def _letter(self, message: Taken, reason: str, model: bytes) -> Record:
        shown = reason[:_LONGEST_REASON].encode(errors="replace")
        headers = [*message.headers, ("reason", shown), *_coordinates(message), ("model", model)]
        topic = self._settings.dead_letter_topic
        return Record("letter", message, model, topic, message.key, message.value, headers)

    def _smaller(self, failed: Failed) -> Record:
        record, error = failed
        if not failed.is_refused or record.form == "note":
            raise failed.as_error()
        n_bytes = len(record.value or b"")
        if record.form == "answer":
            reason = f"its answer of {n_bytes} bytes is refused: {error.name()}"
            return self._letter(record.message, reason, record.model)
        # The source still has the whole of it.
        own = record.headers[len(record.message.headers) :]
        headers = [*own, ("left-out-bytes", str(n_bytes).encode())]
        return record._replace(form="note", key=None, value=None, headers=headers)

    def _reported(self, record: Record, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(Failed(record, error))


def _coordinates(message: Taken) -> list[Header]:
    return [
        ("source-topic", message.topic.encode()),
        ("source-partition", str(message.partition).encode()),
        ("source-offset", str(message.offset).encode()),
    ]
