"""When a source counts as done: after its outputs are acknowledged, or together with them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from app.errors import StreamError
from app.lifecycle.streams.kafka_clients import Clients, reason_of
from app.lifecycle.streams.kafka_metrics import KafkaMetrics
from app.lifecycle.streams.kafka_outputs import Outputs, Taken

_INIT_SECONDS: Final = 30.0
_log = logging.getLogger(__name__)


class Commits(Protocol):
    """Delivers batches."""

    def deliver(self, send: Callable[[], None], messages: Sequence[Taken]) -> bool:
        """Call *send*, which sends the outputs of *messages*, and say whether they are done.

        Raises:
            StreamError: it cannot be done, now or by trying again.
        """
        ...

    def release(self, partitions: Sequence[TopicPartition], *, are_lost: bool) -> None:
        """Commit what is done of *partitions*, which go to somebody else."""
        ...


class Acknowledged:
    """At least once: commits when every output is acknowledged.

    A commit that fails is told of and comes again with the next one, which covers it; if there is
    none, the sources come again, and their outputs twice.
    """

    def __init__(self, consumer: Consumer, outputs: Outputs, metrics: KafkaMetrics) -> None:
        self._consumer, self._outputs, self._metrics = consumer, outputs, metrics
        self._done: dict[tuple[str, int], TopicPartition] = {}

    def deliver(self, send: Callable[[], None], messages: Sequence[Taken]) -> bool:
        """Send, wait, commit."""
        send()
        self._outputs.acknowledged()
        self._done |= {(it.topic, it.partition): it for it in _ends(messages)}
        self._commit()
        return True

    def release(self, partitions: Sequence[TopicPartition], *, are_lost: bool) -> None:
        """Commit what an earlier commit has failed for; what is lost can be committed no more."""
        if not are_lost:
            self._commit()
        for it in partitions:
            self._done.pop((it.topic, it.partition), None)

    def _commit(self) -> None:
        if not self._done:
            return
        try:
            found = self._consumer.commit(offsets=[*self._done.values()], asynchronous=False)
        except KafkaException as error:
            self._metrics.commit_failed()
            _log.warning("offsets not committed", extra={"problem": reason_of(error)})
            return
        for it in found or ():
            if it.error is None:
                del self._done[it.topic, it.partition]
            else:
                self._metrics.commit_failed()
                _log.warning("offset not committed", extra={"problem": it.error.str()})


class Transactional:
    """Outputs and offsets in one transaction: a reader of what is committed sees both or neither.

    ``transactional.id`` shuts out an earlier process of the same name that still lives, and the
    group's generation one that has lost its partitions.

    Raises:
        StreamError: the brokers do no transactions, or not for this consumer.
    """

    def __init__(self, clients: Clients, metrics: KafkaMetrics) -> None:
        self._consumer, self._producer = clients
        self._metrics = metrics
        try:
            self._producer.init_transactions(_INIT_SECONDS)
        except KafkaException as error:
            raise StreamError(
                f"no transaction can begin: {reason_of(error)}. "
                "Fix: streaming.kafka.transactional: false, or the rights of transactional_id."
            ) from error

    def deliver(self, send: Callable[[], None], messages: Sequence[Taken]) -> bool:
        """Send and commit as one; where that must be undone, go back to where *messages* began."""
        self._producer.begin_transaction()
        try:
            send()
            group = self._consumer.consumer_group_metadata()
            self._producer.send_offsets_to_transaction(_ends(messages), group)
            self._producer.commit_transaction()
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise StreamError(f"the transaction failed: {reason_of(error)}.") from error
            _log.warning("transaction aborted", extra={"problem": reason_of(error)})
            self._undo(messages)
            return False
        except StreamError:
            self._producer.abort_transaction()
            raise
        return True

    def release(self, partitions: Sequence[TopicPartition], *, are_lost: bool) -> None:
        """Do nothing: between two batches nothing is uncommitted."""

    def _undo(self, messages: Sequence[Taken]) -> None:
        self._metrics.commit_failed()
        self._producer.abort_transaction()
        owned = {(it.topic, it.partition) for it in self._consumer.assignment()}
        for it in _begins(messages):
            if (it.topic, it.partition) in owned:
                self._consumer.seek(it)


def commits_of(
    clients: Clients, outputs: Outputs, metrics: KafkaMetrics, *, transactional: bool
) -> Commits:
    """Return what the settings ask for.

    Raises:
        StreamError: no transaction can begin.
    """
    if transactional:
        return Transactional(clients, metrics)
    return Acknowledged(clients.consumer, outputs, metrics)


def _ends(messages: Sequence[Taken]) -> list[TopicPartition]:
    """Return of each partition what is to be read after *messages*, which are in order."""
    ends = {(it.topic, it.partition): it.offset + 1 for it in messages}
    return [TopicPartition(topic, partition, at) for (topic, partition), at in ends.items()]


def _begins(messages: Sequence[Taken]) -> list[TopicPartition]:
    """Return of each partition the first of *messages*."""
    begins = {(it.topic, it.partition): it.offset for it in reversed(messages)}
    return [TopicPartition(topic, partition, at) for (topic, partition), at in begins.items()]
