"""Kafka consumers as processes of one group, and what a test sends to them and reads."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from app.domain.prediction import ServedModel
from app.lifecycle.streams.current import CurrentModel
from app.lifecycle.streams.kafka import Counts, KafkaStream, Wanted
from app.lifecycle.streams.kafka_clients import connected
from app.lifecycle.streams.kafka_metrics import KafkaMetrics
from app.lifecycle.streams.kafka_outputs import taken
from app.settings.overlay import PROJECT
from app.settings.streaming import Kafka
from test.kafka_cluster import SESSION, Cluster
from test.unit.scripts.process import environment

N_PARTITIONS = 4
INPUT, OUTPUT, DEAD = "rows", "answers", "dead"
Coordinates = tuple[int, int]


class Group:
    """Consumers over topics of their own, with the settings of *root*."""

    def __init__(self, root: Path, cluster: Cluster, name: str) -> None:
        self.root, self.cluster, self.name = root, cluster, name
        self.brokers = cluster.addresses
        self.processes: list[subprocess.Popen[bytes]] = []

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Return streaming.kafka with *changes*."""
        return {
            "bootstrap_servers": self.brokers,
            "input_topic": self.topic(INPUT),
            "output_topic": self.topic(OUTPUT),
            "dead_letter_topic": self.topic(DEAD),
            "group_id": self.name,
            "batch_rows": 200,
            "extra": SESSION,
        } | changes

    def score(
        self,
        model: ServedModel,
        wanted: Wanted,
        metrics: KafkaMetrics | None = None,
        **changes: Any,
    ) -> Counts:
        """Run a consumer in this process to the end that is *wanted*."""
        settings = Kafka.model_validate(self.settings(**changes))
        current = CurrentModel(Path(), "sides", "1", lambda _name, _version: model)
        stream = KafkaStream(connected(settings), settings, current, metrics or KafkaMetrics())
        return stream.run(wanted, threading.Event(), lambda _: None)

    def start(self, *arguments: str, **changes: Any) -> subprocess.Popen[bytes]:
        """Start one more process, with *changes* of streaming.kafka."""
        variables = {
            f"GATEHOUSE_STREAMING__KAFKA__{key.upper()}": str(value)
            for key, value in self.settings(**changes).items()
        }
        environ = environment(self.root, **variables)
        command = [sys.executable, "scripts/run_kafka_consumer.py", *arguments]
        with self._log(len(self.processes)).open("wb") as log:
            process = subprocess.Popen(command, cwd=PROJECT, env=environ, stderr=log)
        self.processes.append(process)
        return process

    def partitions(self, number: int) -> list[int]:
        """Return the partitions that the consumer of that number has."""
        found: set[int] = set()
        for line in self.log(number).splitlines():
            if '"kind":"assigned"' in line:
                found |= {*json.loads(line)["partitions"]}
            elif '"kind":"' in line:
                found -= {*json.loads(line)["partitions"]}
        return sorted(found)

    def wait_until_shared(self, seconds: float = 40) -> None:
        """Wait until every consumer has partitions, and every partition one consumer."""
        end = time.monotonic() + seconds
        while True:
            shares = [self.partitions(it) for it in range(len(self.processes))]
            if all(shares) and sum(map(len, shares)) == N_PARTITIONS:
                return
            assert time.monotonic() < end, shares
            time.sleep(0.05)

    def log(self, number: int) -> str:
        return self._log(number).read_text()

    def topic(self, name: str) -> str:
        return f"{self.name}.{name}"

    def send(self, values: Sequence[bytes], first: int = 0) -> None:
        producer = Producer({"bootstrap.servers": self.brokers})
        for number, value in enumerate(values, first):
            while True:
                try:
                    producer.produce(self.topic(INPUT), key=str(number), value=value)
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
        assert producer.flush(30) == 0

    def committed(self) -> dict[int, tuple[int, int]]:
        """Return of each partition the committed offset and its end."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": self.name})
        try:
            places = [TopicPartition(self.topic(INPUT), it) for it in range(N_PARTITIONS)]
            return {
                it.partition: (it.offset, consumer.get_watermark_offsets(it, timeout=10)[1])
                for it in consumer.committed(places, timeout=10)
            }
        finally:
            consumer.close()

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _log(self, number: int) -> Path:
        return self.root / f"{self.name}.{number}.log"


class Topic:
    """Reads a topic from its start, in no group's name."""

    def __init__(self, group: Group, name: str, seconds: float) -> None:
        topic = group.topic(name)
        settings = {"bootstrap.servers": group.brokers, "group.id": f"test.{topic}"}
        self._consumer = Consumer(settings)
        partitions = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
        self._consumer.assign(
            [TopicPartition(topic, it, 0) for it in partitions or range(N_PARTITIONS)]
        )
        self._seconds = seconds
        self.messages: list[Message] = []

    def all(self, n_messages: int) -> list[Message]:
        """Read so many, and whatever else is there by then; then close."""
        self.wait(lambda found: len(found) >= n_messages)
        self.close()
        return self.messages

    def wait(self, is_enough: Callable[[list[Message]], bool]) -> list[Message]:
        """Read until what was read is enough."""
        end = time.monotonic() + self._seconds
        while not is_enough(self.messages) and time.monotonic() < end:
            self.messages += [it for it in self._consumer.consume(5000, 0.1) if not it.error()]
        assert is_enough(self.messages), f"{len(self.messages)} messages"
        return self.messages

    def close(self) -> None:
        self._consumer.close()


def headers_of(message: Message) -> dict[str, str]:
    found = taken(message).headers
    return {name: value.decode() for name, value in found if isinstance(value, bytes)}


def source_of(message: Message) -> Coordinates:
    """Return partition and offset of what *message* answers."""
    found = headers_of(message)
    return int(found["source-partition"]), int(found["source-offset"])
