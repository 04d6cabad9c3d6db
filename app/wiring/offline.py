"""Joins what scores outside of the gateway: a version opened as a worker opens it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import TIMEOUT_MAX

from app.adapters.null import NullMetrics
from app.domain.prediction import ServedModel
from app.errors import NotPromotedError
from app.lifecycle.registry import ARTEFACT, STAGES_FOLDER, checked_name
from app.lifecycle.stages import contract_on, place_of
from app.settings.schema import Settings
from app.wiring.models import promoted_models, registered, row_reader

MOST_ROWS = 10_000_000


def open_version(settings: Settings, name: str | None, version: str | None = None) -> ServedModel:
    """Verify and open *version* of *name*, on the fastest engine that agrees with its reference.

    Args:
        settings: of this environment.
        name: a registered model; None for this environment's default.
        version: a registered version; None for the one that is promoted in this environment.

    Raises:
        NotPromotedError: none is promoted.
        RegistryError: there is no such version, or it is damaged.
        ModelRejectedError: it cannot be verified.
    """
    return _opened(settings, name, None if name is None else _file_of(settings, name, version))


def open_promoted(settings: Settings, name: str, stage: Path) -> ServedModel:
    """Like ``open_version``, of what is promoted of *name* in the folder *stage*.

    Raises:
        ModelRejectedError: it cannot be verified.
    """
    return _opened(settings, name, place_of(stage, name)[0] / ARTEFACT)


def _opened(settings: Settings, name: str | None, file: Path | None) -> ServedModel:
    source = promoted_models(settings, NullMetrics(), file, name)
    reader_of = partial(row_reader, settings, max_rows=MOST_ROWS)
    # Nobody waits for an answer here, so nobody has to be refused because it takes too long.
    return replace(source, reader_of=reader_of, max_wait_seconds=TIMEOUT_MAX).load()


def _file_of(settings: Settings, name: str, version: str | None) -> Path:
    checked_name(name)
    if version is None:
        stage = settings.path(STAGES_FOLDER) / settings.stage
        if contract_on(stage, name) is None:
            raise NotPromotedError(
                f"no version of {name} is promoted to {settings.stage}. Fix: name one, as "
                f"{name}@1, or promote it: scripts/promote_model.py {name}"
            )
        return place_of(stage, name)[0] / ARTEFACT
    return registered(settings, name, version)
