"""Kafka consumers as processes of one group, and what a test sends to them and reads."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from app.lifecycle.streams.kafka_outputs import taken
from app.settings.overlay import PROJECT
from test.kafka_cluster import SESSION_MS
from test.unit.scripts.process import environment

INPUT, OUTPUT, DEAD = "rows", "answers", "dead"
Coordinates = tuple[int, int]


class Group:
    """Consumers over topics of their own, with the settings of *root*."""

    def __init__(self, root: Path, brokers: str, name: str) -> None:
        self.root, self.brokers, self.name = root, brokers, name
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, **changes: Any) -> subprocess.Popen[bytes]:
        """Start one more, with *changes* of streaming.kafka."""
        kafka = {
            "bootstrap_servers": self.brokers,
            "input_topic": self.topic(INPUT),
            "output_topic": self.topic(OUTPUT),
            "dead_letter_topic": self.topic(DEAD),
            "group_id": self.name,
            "batch_rows": 200,
            "extra": {"session.timeout.ms": SESSION_MS},
        }
        variables = {
            f"GATEHOUSE_STREAMING__KAFKA__{key.upper()}": str(value)
            for key, value in (kafka | changes).items()
        }
        environ = environment(self.root, **variables)
        command = [sys.executable, "scripts/run_kafka_consumer.py", *arguments]
        with self._log(len(self.processes)).open("wb") as log:
            process = subprocess.Popen(command, cwd=PROJECT, env=environ, stderr=log)
        self.processes.append(process)
        return process

    def partitions(self, number: int) -> list[int]:
        """Return the partitions that the consumer of that number was given last."""
        found: list[int] = []
        for line in self.log(number).splitlines():
            if '"kind":"assigned"' in line:
                found = json.loads(line)["partitions"]
        return found

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
            places = [TopicPartition(self.topic(INPUT), it) for it in range(4)]
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
        self._consumer.assign([TopicPartition(topic, it, 0) for it in partitions or range(4)])
        self._seconds = seconds
        self.messages: list[Message] = []

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
