"""Joins the admin API to the life cycle: which version of a model serves on this stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.domain.traffic import Serving, Split, Why
from app.errors import ChangeRefusedError, ModelUnknownError, NotPromotedError, OperatorError
from app.lifecycle import traffic
from app.lifecycle.promote import Change, promote
from app.lifecycle.registry import ARTEFACT, STAGES_FOLDER, Registry, registry_of
from app.lifecycle.rollback import rollback
from app.lifecycle.stages import place_of
from app.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class StageChanges:
    """Fulfils the port ``Changes`` for the stage of these settings."""

    settings: Settings

    def promote(self, name: str, version: str | None, why: Why) -> Serving:
        """Make *version* the champion; None promotes the candidate."""
        self._check_free(name, "version")
        with _told():
            try:
                before = traffic.serving(self._models, name, stage=self._stage)
            except NotPromotedError:
                before = None
            candidate = before.candidate if before is not None else None
            wanted = version or (candidate.version if candidate is not None else None)
            if wanted is None:
                raise ChangeRefusedError(f"{name} has no candidate. Name a 'version'.")
            is_new = before is None or before.version != wanted
            if is_new:
                change = Change(who=why.who, why=why.reason)
                promote(
                    self._models, self._registry, name, wanted, stage=self._stage, change=change
                )
            if candidate is not None and candidate.version == wanted:
                traffic.stop(self._models, name, stage=self._stage, who=why.who)
            after = traffic.serving(self._models, name, stage=self._stage)
        return after._replace(changed=is_new)

    def roll_back(self, name: str, replaces: str | None, why: Why) -> Serving:
        """Make the version before the champion the champion again, and let a candidate go."""
        self._check_free(name, "version")
        self._check_free(name, "candidate")
        with _told():
            before = traffic.serving(self._models, name, stage=self._stage)
            if replaces not in {None, before.version}:
                return before
            change = Change(who=why.who, why=why.reason, replaces=before.version)
            rollback(self._models, self._registry, name, stage=self._stage, change=change)
            after = traffic.stop(self._models, name, stage=self._stage, who=why.who)
        return after._replace(changed=True)

    def start(self, split: Split, why: Why) -> Serving:
        """Give a candidate its part of the requests."""
        self._check_free(split.model, "candidate")
        with _told():
            return traffic.start(
                self._models, self._registry, split, stage=self._stage, who=why.who
            )

    def stop(self, name: str, why: Why) -> Serving:
        """Let the candidate go; the champion answers everybody."""
        self._check_free(name, "candidate")
        with _told():
            return traffic.stop(self._models, name, stage=self._stage, who=why.who)

    @property
    def _models(self) -> Path:
        return self.settings.path(STAGES_FOLDER)

    @property
    def _registry(self) -> Registry:
        return registry_of(self.settings)

    @property
    def _stage(self) -> str:
        return self.settings.stage

    def _check_free(self, name: str, key: str) -> None:
        """Refuse what the settings have decided otherwise: it would change nothing here."""
        settings = self.settings
        found = settings.traffic.get(name)
        if found is not None and getattr(found, key) is not None:
            raise ChangeRefusedError(
                f"traffic.{name}.{key} of the settings decides. Change it there, and restart."
            )
        default = settings.path(settings.model.model_path)
        place, _ = place_of(self._models / self._stage, name)
        if place / ARTEFACT not in {default, default.parent / name / default.name}:
            raise ChangeRefusedError(
                f"model.model_path is {settings.model.model_path}, so what is promoted on "
                f"{self._stage} is not served here. Name {STAGES_FOLDER / self._stage / ARTEFACT}."
            )


@contextmanager
def _told() -> Iterator[None]:
    """Tell the caller what the life cycle refuses."""
    try:
        yield
    except NotPromotedError as error:
        raise ModelUnknownError(f"{error}.") from error
    except OperatorError as error:
        raise ChangeRefusedError(f"{error}.") from error
