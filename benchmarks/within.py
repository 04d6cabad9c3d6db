"""The gateway within this process: its WSGI application, asked without any server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import count, cycle
from statistics import median
from typing import Any, Final

from app.domain.revocation import Revocation
from app.factory import create_app
from app.settings.overlay import load
from app.wiring import build_services
from benchmarks.server import PATH, Workshop

_AN_HOUR_SECONDS: Final = 3_600.0
_BATCH_SECONDS: Final = 0.15
_BATCHES: Final = 5
_MOST_BYTES: Final = 2**26


class WrongStatusError(Exception):
    """The gateway did not answer 200, so what it cost says nothing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Calls that are asked over and over.

    Attributes:
        bodies: templates such as ``b"… %07d …"``.
        tokens: used in turns.
    """

    bodies: Sequence[bytes]
    tokens: Sequence[str]


class Gate:
    """One gateway with all its protections, on files of its own."""

    def __init__(
        self, workshop: Workshop, *, name: str, audit: str = "background", n_revoked: int = 0
    ) -> None:
        runtime = workshop.root / f"runtime-{name}"
        overrides = {
            "runtime_path": str(runtime),
            "audit": {"mode": audit},
            "server": {"max_request_bytes": _MOST_BYTES},
            "log": {"level": "warning"},
        }
        settings = load(workshop.environment(), overrides)
        settings.metrics_directory.mkdir(parents=True, mode=0o700)
        services = build_services(settings)
        for number in range(n_revoked):
            until = time.time() + _AN_HOUR_SECONDS
            services.revocations.revoke(Revocation.of_token(f"revoked-{number}", until))
        self._app = create_app(services=services).wsgi_app
        self._environs: Iterator[dict[str, Any]] = iter(())

    def prepare(self, asked: Asked) -> None:
        """Ask *asked* from now on, and each of its tokens once."""
        pairs = zip(cycle(asked.bodies), cycle(asked.tokens), count(1))
        self._environs = (_environ(body % number, token) for body, token, number in pairs)
        self._ask(max(len(asked.tokens), 1))

    def cpu_us(self) -> float:
        """Return CPU microseconds of this process for one call, over a short while."""
        n_calls, begun = 0, time.process_time()
        while time.process_time() - begun < _BATCH_SECONDS:
            self._ask(1)
            n_calls += 1
        return (time.process_time() - begun) / n_calls * 1e6

    def _ask(self, n_calls: int) -> None:
        for _ in range(n_calls):
            said: list[str] = []
            body = self._app(next(self._environs), lambda status, _, said=said: said.append(status))
            b"".join(body)
            if said[0][:3] != "200":
                raise WrongStatusError(said[0])


def in_turns(gates: dict[int, Gate]) -> dict[int, float]:
    """Return the median of each gate's ``cpu_us`` over some rounds, by size."""
    found: dict[int, list[float]] = {size: [] for size in gates}
    for _ in range(_BATCHES):
        for size, gate in gates.items():
            found[size].append(gate.cpu_us())
    return {size: median(costs) for size, costs in found.items()}


def _environ(body: bytes, token: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
