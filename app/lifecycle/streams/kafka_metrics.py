"""What a Kafka consumer tells Prometheus, on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from app.errors import StreamError

_ROWS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class KafkaMetrics:
    """Counts what becomes of messages; every label comes from a closed set."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._messages = Counter(
            "gatehouse_stream_messages_total",
            "Messages whose outcome is acknowledged and whose offset may be committed.",
            ("outcome",),
            registry=self.registry,
        )
        self._rows = Histogram(
            "gatehouse_stream_batch_rows",
            "Messages of one batch.",
            buckets=_ROWS,
            registry=self.registry,
        )
        self._seconds = Histogram(
            "gatehouse_stream_batch_seconds",
            "From a batch's arrival to the commit of its offsets.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._lag = Gauge(
            "gatehouse_stream_lag_messages",
            "Messages of a partition that wait for this consumer.",
            ("partition",),
            registry=self.registry,
        )
        self._rebalances = Counter(
            "gatehouse_stream_rebalances_total",
            "Changes of the partitions of this consumer.",
            ("kind",),
            registry=self.registry,
        )
        self._failed_commits = Counter(
            "gatehouse_stream_failed_commits_total",
            "Commits of offsets, or transactions, that failed and were tried again.",
            registry=self.registry,
        )
        for outcome in ("scored", "dead_letter"):
            self._messages.labels(outcome)

    def batch(self, *, scored: int, dead: int, seconds: float) -> None:
        """Count one batch that is done."""
        self._messages.labels("scored").inc(scored)
        self._messages.labels("dead_letter").inc(dead)
        self._rows.observe(scored + dead)
        self._seconds.observe(seconds)

    def lag(self, partition: int, messages: int) -> None:
        """Record how many messages of *partition* wait."""
        self._lag.labels(partition).set(messages)

    def rebalanced(self, kind: Literal["assigned", "revoked", "lost"]) -> None:
        """Count one change; what waits in a partition that went is somebody else's."""
        self._rebalances.labels(kind).inc()
        if kind != "assigned":
            self._lag.clear()

    def commit_failed(self) -> None:
        """Count one commit that did not succeed."""
        self._failed_commits.inc()

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[None]:
        """Answer Prometheus meanwhile; port 0 is nowhere.

        Raises:
            StreamError: the port is taken.
        """
        if not port:
            yield
            return
        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as error:
            raise StreamError(
                f"{host}:{port}: {error.strerror}. Fix: another streaming.kafka.metrics_port."
            ) from error
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
