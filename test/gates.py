"""Reports of gates that were never asked, for tests of what depends on their verdict."""

from __future__ import annotations

from datetime import UTC, datetime

from app.domain import manifest
from app.domain.promotion import Decision, Gate
from app.lifecycle.promotion_report import FOLDER, Verdict, write_report
from app.lifecycle.registry import registry_of, store_of
from app.settings.schema import Settings


def let_pass(
    settings: Settings, name: str, *versions: str, champion: str | None, failed: str = ""
) -> None:
    """Report that the gates let *versions* pass beside *champion*, all but the one that failed."""
    gates = (Gate(failed, "failed", "it is worse"),) if failed else ()
    for version in versions:
        document = store_of(registry_of(settings)).document(name, version)
        verdict = Verdict(
            name=name,
            version=version,
            sha256=manifest.digest(document),
            stage=settings.stage,
            champion=champion,
            at=datetime.now(UTC),
            decision=Decision(gates),
        )
        write_report(verdict, settings.path(settings.runtime_path) / FOLDER)
