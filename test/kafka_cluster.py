"""librdkafka's mock cluster in its own process: the real protocol over TCP, nothing to install.

Groups, commits, takeovers and errors are as a broker's; transactions succeed and mean nothing. A
test asks it for faults by the numbers of the protocol: https://kafka.apache.org/protocol.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Heartbeats are often, so that a busy machine does not lose a consumer.
SESSION: Final = {"session.timeout.ms": 3_000, "heartbeat.interval.ms": 500}
N_BROKERS: Final = 3
PRODUCE, OFFSET_COMMIT, JOIN_GROUP = 0, 8, 11
_MANY: Final = 1_000  # and no more: so many arguments a call by ctypes has
# The functions of rdkafka_mock.h: each line is a name without its prefix, and its arguments.
_PROGRAM = f"""
import ctypes, sys
from confluent_kafka import cimpl
library = ctypes.CDLL(cimpl.__file__)
library.rd_kafka_conf_new.restype = ctypes.c_void_p
library.rd_kafka_new.restype = library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
conf = ctypes.c_void_p(library.rd_kafka_conf_new())
library.rd_kafka_conf_set(conf, b"log_level", b"0", None, 0)
owner = ctypes.c_void_p(library.rd_kafka_new(0, conf, None, 0))
cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(owner, {N_BROKERS}))
print(library.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
for line in sys.stdin:
    name, *arguments = line.split()
    given = [int(it) if it.isdecimal() else it.encode() for it in arguments]
    getattr(library, "rd_kafka_mock_" + name)(cluster, *given)
    print("done", flush=True)
"""


class Cluster:
    """Three brokers, and what is wrong with them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked, self._said = process.stdin, process.stdout
        self.addresses = self._said.readline().strip()
        self.call("group_initial_rebalance_delay_ms", 200)

    def call(self, name: str, *arguments: int | str) -> None:
        """Call ``rd_kafka_mock_<name>`` with the cluster and *arguments*."""
        self._asked.write(" ".join(map(str, (name, *arguments))) + "\n")
        self._asked.flush()
        assert self._said.readline(), f"the cluster has no {name}"

    def refuse(self, request: int, error: int, times: int = _MANY) -> None:
        """Answer the next requests of that kind with *error*."""
        self.call("push_request_errors", request, times, *[error] * times)

    def accept(self, request: int) -> None:
        """Answer requests of that kind as before."""
        self.call("clear_request_errors", request)

    def stop(self) -> None:
        """Take every broker away, with its connections."""
        for number in range(1, N_BROKERS + 1):
            self.call("broker_set_down", number)

    def start(self) -> None:
        """Bring the brokers back, with all that they held."""
        for number in range(1, N_BROKERS + 1):
            self.call("broker_set_up", number)


@contextmanager
def kafka_cluster() -> Iterator[Cluster]:
    """Run three brokers meanwhile."""
    command = [sys.executable, "-c", _PROGRAM]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Cluster(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=10)
