"""Kafka in, Kafka out: batches of messages, scored in one call, committed once they are answered.

At least once: the offsets of a batch are committed when every output of it is acknowledged. Who is
killed in between leaves outputs behind whose sources come again; both name the same coordinates.
One batch is on its way at a time: so nothing of a partition is in hand when it is taken away in
good order, and no more is fetched than is delivered.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Literal, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from app.errors import StreamError
from app.lifecycle.progress import Advance
from app.lifecycle.streams.current import CurrentModel
from app.lifecycle.streams.kafka_clients import RIGHTS, Clients, is_final, reason_of
from app.lifecycle.streams.kafka_commits import commits_of
from app.lifecycle.streams.kafka_metrics import KafkaMetrics
from app.lifecycle.streams.kafka_outputs import Outputs, Taken, taken
from app.lifecycle.streams.messages import answered
from app.settings.streaming import Kafka

_LAG_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)
_Change = Literal["assigned", "revoked", "lost"]


class Wanted(NamedTuple):
    """How a run scores, and when it ends by itself.

    Attributes:
        with_probabilities: whether each class gets its probability.
        max_messages: the end, after so many; None for never.
        idle_seconds: the end, when none came for so long; None for never.
    """

    with_probabilities: bool = False
    max_messages: int | None = None
    idle_seconds: float | None = None


class Counts(NamedTuple):
    """How many messages became what in this run."""

    scored: int = 0
    dead: int = 0


class KafkaStream:
    """One member of a consumer group.

    Args:
        clients: connected; the consumer is closed when ``run`` ends.
        settings: topics and sizes.
        model: scores.
        metrics: are told.

    Raises:
        StreamError: transactions are wanted, and none can begin.
    """

    def __init__(
        self, clients: Clients, settings: Kafka, model: CurrentModel, metrics: KafkaMetrics
    ) -> None:
        self._consumer = clients.consumer
        self._settings, self._model, self._metrics = settings, model, metrics
        self._outputs = Outputs(clients.producer, settings)
        self._commits = commits_of(
            clients, self._outputs, metrics, transactional=settings.transactional
        )
        self._owned: set[tuple[str, int]] = set()
        self._came_at: float | None = None
        self._lag_told_at = 0.0
        self._counts = Counts()

    def run(self, wanted: Wanted, stop: threading.Event, advance: Advance) -> Counts:
        """Score what comes until *stop* is set or *wanted* ends it; then leave the group.

        Raises:
            StreamError: outputs cannot be delivered, or the group is closed to this consumer.
        """
        try:
            self._consumer.subscribe(
                [self._settings.input_topic],
                on_assign=partial(self._changed, "assigned"),
                on_revoke=partial(self._changed, "revoked"),
                on_lost=partial(self._changed, "lost"),
            )
            while not stop.is_set() and (most := self._most(wanted)) > 0:
                messages = self._taken(most)
                if messages and self._delivered(messages, wanted):
                    advance(len(messages))
                self._tell_lag()
        except KafkaException as error:
            raise StreamError(f"kafka: {reason_of(error)}.") from error
        finally:
            self._consumer.close()
        return self._counts

    def _most(self, wanted: Wanted) -> int:
        """Return how many messages the next batch may have; 0 is the end."""
        waited = 0.0 if self._came_at is None else time.monotonic() - self._came_at
        if wanted.idle_seconds is not None and waited >= wanted.idle_seconds:
            return 0
        if wanted.max_messages is None:
            return self._settings.batch_rows
        return min(self._settings.batch_rows, wanted.max_messages - sum(self._counts))

    def _taken(self, most: int) -> list[Taken]:
        """Return the next messages, of the partitions that are still this consumer's."""
        messages = []
        for message in self._consumer.consume(most, self._settings.batch_ms / 1e3):
            error = message.error()
            if error is None:
                found = taken(message)
                if found.place in self._owned:
                    messages.append(found)
            elif is_final(error):
                raise StreamError(f"kafka: {error.str()}. {RIGHTS}")
            else:
                _log.warning("kafka consumer", extra={"problem": error.str()})
        if messages:
            self._came_at = time.monotonic()
        return messages

    def _delivered(self, messages: Sequence[Taken], wanted: Wanted) -> bool:
        """Score *messages* and send what comes out; False when they are to be read again."""
        began = time.perf_counter()
        model = self._model.get()
        texts = [it.value for it in messages]
        found = answered(model, texts, with_probabilities=wanted.with_probabilities)
        of = self._outputs.of
        records = [of(*pair, model.contract) for pair in zip(messages, found, strict=True)]
        delivered = self._commits.deliver(records)
        if not delivered:
            return False
        n_scored = sum(it.form == "answer" for it in delivered)
        n_dead = len(messages) - n_scored
        self._counts = Counts(self._counts.scored + n_scored, self._counts.dead + n_dead)
        seconds = time.perf_counter() - began
        self._metrics.batch(scored=n_scored, dead=n_dead, seconds=seconds)
        return True

    def _tell_lag(self) -> None:
        now = time.monotonic()
        if now - self._lag_told_at < _LAG_SECONDS:
            return
        self._lag_told_at = now
        with suppress(KafkaException):  # a number to look at ends no stream
            for it in self._consumer.position([TopicPartition(*key) for key in self._owned]):
                _, end = self._consumer.get_watermark_offsets(it, cached=True)
                if it.offset >= 0 and end >= 0:
                    self._metrics.lag(it.partition, max(end - it.offset, 0))

    def _changed(
        self, kind: _Change, _consumer: Consumer, partitions: Sequence[TopicPartition]
    ) -> None:
        """Take part in a rebalance; it is called while messages are waited for, or at the end."""
        if self._came_at is None:
            self._came_at = time.monotonic()
        keys = {(it.topic, it.partition) for it in partitions}
        if kind == "assigned":
            self._owned |= keys
        else:
            self._commits.release(partitions, are_lost=kind == "lost")
            self._owned -= keys
        self._metrics.rebalanced(kind)
        told = {"kind": kind, "partitions": sorted(it.partition for it in partitions)}
        _log.info("partitions changed", extra=told)
