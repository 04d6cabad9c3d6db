"""Whether one promoted model answers, and if not, why."""

from __future__ import annotations

from typing import Any

from app.gate.services import Models


def readiness(models: Models, name: str) -> dict[str, Any]:
    """Return name, status, version and problem; a model that is not loaded stays so."""
    served, problem = models.loaded(name), models.problem(name)
    known: dict[str, Any] = {"name": name, "status": "ready"}
    if served is None:
        known["status"] = "not loaded" if problem is None else "not ready"
    else:
        known["version"] = served.contract.version
    return known if problem is None else known | {"problem": problem}
