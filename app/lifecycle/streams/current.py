"""The model that scores a stream: a version that was named, or whatever is promoted now."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.domain.contract import Contract
from app.domain.prediction import ServedModel
from app.errors import NotPromotedError, OperatorError
from app.lifecycle.registry import STAGES_FOLDER
from app.lifecycle.scoring import model_named
from app.lifecycle.stages import contract_on, placed
from app.settings.schema import Settings

LOOK_SECONDS: Final = 2.0
Open = Callable[[str, str | None], ServedModel]
_log = logging.getLogger(__name__)


class CurrentModel:
    """Opens the model once, and again when another version was promoted.

    A promoted version that cannot be opened is told of in the log, and the one before scores on.

    Args:
        stage: the folder of the stage.
        name: the model's.
        version: a registered version, which stays; None for the promoted one.
        open_version: opens a version of a name, or, for None, what is promoted.

    Raises:
        OperatorError: the first one cannot be opened.
    """

    def __init__(self, stage: Path, name: str, version: str | None, open_version: Open) -> None:
        self._stage, self._name, self._open = stage, name, open_version
        self._follows: Final = version is None
        self._seen = self._on_stage()
        self._model = open_version(name, version)
        self._looked_at = time.monotonic()

    def get(self) -> ServedModel:
        """Return the model to score the next batch with; it looks at the stage every 2 seconds."""
        now = time.monotonic()
        if self._follows and now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            found = self._on_stage()
            if found is not None and found != self._seen:
                self._seen = found
                self._change()
        return self._model

    def _on_stage(self) -> tuple[str, str] | None:
        contract = contract_on(self._stage, self._name) if self._follows else None
        return (contract.version, contract.artefact.sha256) if contract is not None else None

    def _change(self) -> None:
        before = self._model.contract.version
        try:
            self._model = self._open(self._name, None)
        except OperatorError as error:
            _log.error("promoted version refused", extra={"problem": str(error), "serves": before})
            return
        told = {"model": self._name, "before": before, "version": self._model.contract.version}
        _log.info("promoted version changed", extra=told)


def current_model(settings: Settings, named: str | None, open_version: Open) -> CurrentModel:
    """Return the model that *named*, ``NAME[@VERSION]``, says; None for the stage's default.

    Raises:
        OperatorError: there is no such model, or it cannot be opened.
    """
    stage = settings.path(STAGES_FOLDER) / settings.stage
    name, version = (_default(stage).name, None) if named is None else model_named(named)
    return CurrentModel(stage, name, version, open_version)


def _default(stage: Path) -> Contract:
    for found in placed(stage):
        if found.is_default and not found.is_candidate:
            return found.contract
    raise NotPromotedError(
        f"{stage}: no model is promoted. Fix: scripts/first_model.py makes and promotes one, or "
        "name a registered version with --model NAME@VERSION."
    )
