"""librdkafka's mock cluster in its own process: the real protocol over TCP, nothing to install.

Its transactions succeed and mean nothing; groups, commits and takeovers are as a broker's. A group
needs a session timeout above the 3 seconds for which it collects members.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SESSION_MS = 4_000
_PROGRAM = """
import sys
from confluent_kafka import Producer
cluster = Producer({"test.mock.num.brokers": 3, "log_level": 0})  # it lives as long as this
brokers = cluster.list_topics(timeout=30).brokers
print(",".join(f"{it.host}:{it.port}" for it in brokers.values()), flush=True)
sys.stdin.read()
"""


@contextmanager
def kafka_cluster() -> Iterator[str]:
    """Run three brokers meanwhile; yields their addresses."""
    command = [sys.executable, "-c", _PROGRAM]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(timeout=10)
