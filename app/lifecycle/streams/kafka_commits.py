"""When a source counts as done: after its outputs are acknowledged, or together with them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from app.errors import StreamError
from app.lifecycle.streams.kafka_clients import RIGHTS, Clients, is_final, reason_of
from app.lifecycle.streams.kafka_metrics import KafkaMetrics
from app.lifecycle.streams.kafka_outputs import Outputs, Record

_INIT_SECONDS: Final = 30.0
_log = logging.getLogger(__name__)


class Commits(Protocol):
    """Delivers batches."""

    def deliver(self, records: Sequence[Record]) -> Sequence[Record]:
        """Send *records* and commit their sources.

        Returns:
            What was delivered instead; nothing where the sources are to be read again.

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

    def deliver(self, records: Sequence[Record]) -> Sequence[Record]:
        """Send, wait, commit; what brokers refuse is sent again alone, to find who was to blame."""
        delivered = [self._outputs.send(it) for it in records]
        failed = self._outputs.flush()
        for it in failed:
            if not it.is_refused:
                raise it.as_error()
        if failed:
            told = {"problem": failed[0].error.str(), "outputs": len(failed)}
            _log.warning("outputs refused, each is sent alone", extra=told)
            refused = [it.record for it in failed]
            delivered = [it for it in delivered if it not in refused]
            delivered += [self._outputs.delivered_alone(it) for it in refused]
        self._done |= {(it.topic, it.partition): it for it in _ends(records)}
        self._commit()
        return delivered

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
            if is_final(error.args[0]):
                raise StreamError(f"kafka: {reason_of(error)}. {RIGHTS}") from error
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

    def __init__(self, clients: Clients, outputs: Outputs, metrics: KafkaMetrics) -> None:
        self._consumer, self._producer = clients
        self._outputs, self._metrics = outputs, metrics
        try:
            self._producer.init_transactions(_INIT_SECONDS)
        except KafkaException as error:
            raise StreamError(
                f"no transaction can begin: {reason_of(error)}. "
                "Fix: streaming.kafka.transactional: false, or the rights of transactional_id."
            ) from error

    def deliver(self, records: Sequence[Record]) -> Sequence[Record]:
        """Send and commit as one; where that must be undone, go back to where *records* began."""
        self._producer.begin_transaction()
        try:
            delivered = [self._outputs.send(it) for it in records]
            group = self._consumer.consumer_group_metadata()
            self._producer.send_offsets_to_transaction(_ends(records), group)
            self._producer.commit_transaction()
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise StreamError(f"the transaction failed: {reason_of(error)}.") from error
            _log.warning("transaction aborted", extra={"problem": reason_of(error)})
            self._undo(records)
            for it in self._outputs.flush():
                if it.is_refused:  # and would be again
                    raise it.as_error() from error
            return ()
        except StreamError:
            self._producer.abort_transaction()
            raise
        return delivered

    def release(self, partitions: Sequence[TopicPartition], *, are_lost: bool) -> None:
        """Do nothing: between two batches nothing is uncommitted."""

    def _undo(self, records: Sequence[Record]) -> None:
        self._metrics.commit_failed()
        self._producer.abort_transaction()
        owned = {(it.topic, it.partition) for it in self._consumer.assignment()}
        for it in _begins(records):
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
        return Transactional(clients, outputs, metrics)
    return Acknowledged(clients.consumer, outputs, metrics)


def _ends(records: Sequence[Record]) -> list[TopicPartition]:
    """Return of each partition what is to be read after the sources of *records*, in order."""
    ends = {it.message.place: it.message.offset + 1 for it in records}
    return [TopicPartition(topic, partition, at) for (topic, partition), at in ends.items()]


def _begins(records: Sequence[Record]) -> list[TopicPartition]:
    """Return of each partition the first source of *records*."""
    begins = {it.message.place: it.message.offset for it in reversed(records)}
    return [TopicPartition(topic, partition, at) for (topic, partition), at in begins.items()]
