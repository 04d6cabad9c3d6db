"""The gateway less some of its protections: only to measure what each of them costs.

``BENCH_WITHOUT`` names what is left out. Nothing outside ``benchmarks/`` can do this.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Final

from app.domain.access import Principal
from app.domain.rates import Admission, Charge, Rate
from app.domain.rules import Rules
from app.gate.readers import Readers
from app.gate.services import Services
from app.preflight import prepare
from app.serve import granian_command
from app.settings.overlay import load

PROTECTIONS: Final = ("token", "revocation", "rights", "limits", "reading places", "audit")
VARIABLE: Final = "BENCH_WITHOUT"
_ANYBODY: Final = Principal("benchmark", frozenset({"user"}))
_FREE: Final = Admission(allowed=True, rate=Rate(1, 1), remaining=1, reset_seconds=1)


class _NoTokens:
    def verify(self, token: str) -> Principal:  # noqa: ARG002  nobody looks at it
        return _ANYBODY


class _NoRevocations:
    def covers(self, principal: Principal) -> bool:  # noqa: ARG002
        return False


class _NoLimits:
    def admit(self, charges: Sequence[Charge]) -> Admission:  # noqa: ARG002
        return _FREE

    def give_back(self, charges: Sequence[Charge], at: float) -> None:
        pass


class _NoRights(Rules):
    def authorise(self, *_: Any) -> None:
        pass


class _SameRules:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def current(self) -> Rules:
        return self._rules


class _NoReaders(Readers):
    def reading(self, subject: str) -> Any:  # noqa: ARG002
        return nullcontext()


def stripped(services: Services, without: Sequence[str]) -> Services:
    """Return *services* with nothing behind what *without* names."""
    from app.adapters.null import NoAudit  # noqa: PLC0415  the workers alone need it

    rates = services.rules.current().rates
    nothing: dict[str, dict[str, Any]] = {
        "token": {"tokens": _NoTokens()},
        "revocation": {"revocations": _NoRevocations()},
        "rights": {"rules": _SameRules(_NoRights((), rates))},
        "limits": {"limits": _NoLimits()},
        "reading places": {"readers": _NoReaders(1)},
        "audit": {"audit": NoAudit()},
    }
    changes = {field: value for name in without for field, value in nothing[name].items()}
    return replace(services, **changes)


def application() -> Any:
    """Return the WSGI application that Granian serves here."""
    settings = load()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.metrics_directory)
    from app.factory import configure_log, create_app  # noqa: PLC0415  prometheus-client looks only once
    from app.wiring import build_services  # noqa: PLC0415

    without = [name for name in os.environ[VARIABLE].split(",") if name]
    configure_log(settings)
    services = build_services(settings, settings.metrics_directory)
    return create_app(services=stripped(services, without))


def main() -> None:
    """Become Granian with this application."""
    settings = load()
    prepare(settings)
    command = [
        part.replace("app.wsgi:app", "benchmarks.stripped:application")
        for part in granian_command(settings)
    ]
    os.execv(sys.executable, [*command, "--factory"])


if __name__ == "__main__":
    main()
