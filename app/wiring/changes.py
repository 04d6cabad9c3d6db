"""Joins the admin API to the life cycle: which version of a model serves on this stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.domain.traffic import Serving, Split, Why
from app.errors import ChangeRefusedError, ModelUnknownError, NotPromotedError, OperatorError
from app.lifecycle import traffic
from app.lifecycle.promote import NOTHING, Change, promote
from app.lifecycle.promotion_report import FOLDER, objection
from app.lifecycle.registry import (
    ARTEFACT,
    STAGES_FOLDER,
    Registry,
    read_contract,
    registry_of,
    store_of,
)
from app.lifecycle.rollback import rollback
from app.lifecycle.stages import place_of, version_on
from app.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class StageChanges:
    """Fulfils the port ``Changes`` for the stage of these settings."""

    settings: Settings

    def promote(
        self, name: str, version: str | None, why: Why, replaces: str | None = None
    ) -> Serving:
        """Make *version* the champion; None promotes the candidate."""
        self._check_free(name, "version")
        with _told():
            champion, split = self._there(name)
            if replaces not in {None, champion}:
                return traffic.serving(self._models, name, stage=self._stage)
            wanted = version or (split.version if split is not None else None)
            if wanted is None:
                raise ChangeRefusedError(f"{name} has no candidate. Name a 'version'.")
            candidate = split if split is not None and split.version == wanted else None
            is_new = wanted != champion
            if is_new:
                # The gates let a judged candidate pass before its trial began; its judge, and
                # nobody else, has compared it with this champion since.
                is_judged = replaces is not None and bool(candidate and candidate.judge)
                held = champion or version_on(self._models / self._stage, name)
                is_known = is_judged or wanted == held  # whose contract is damaged
                forced = () if is_known else self._check_gates(name, wanted, held, why)
                change = Change(why.who, why.reason, held or NOTHING, forced=forced)
                promote(
                    self._models, self._registry, name, wanted, stage=self._stage, change=change
                )
            after = traffic.serving(self._models, name, stage=self._stage)
        return after._replace(changed=is_new)

    def roll_back(self, name: str, replaces: str | None, why: Why) -> Serving:
        """Make the version before the champion the champion again, and let a candidate go."""
        self._check_free(name, "version")
        self._check_free(name, "candidate")
        with _told():
            held = version_on(self._models / self._stage, name)  # though its contract be damaged
            if held is None or replaces not in {None, held}:
                return traffic.serving(self._models, name, stage=self._stage)
            change = Change(who=why.who, why=why.reason, replaces=held)
            rollback(self._models, self._registry, name, stage=self._stage, change=change)
            after = traffic.serving(self._models, name, stage=self._stage)
        return after._replace(changed=True)

    def start(self, split: Split, why: Why) -> Serving:
        """Give a candidate its part of the requests; where it is judged, the gates come first."""
        self._check_free(split.model, "candidate")
        with _told():
            champion, _ = self._there(split.model)
            if split.judge is not None and champion not in {None, split.version}:
                self._check_gates(split.model, split.version, champion, why)
            return traffic.start(
                self._models,
                self._registry,
                split,
                stage=self._stage,
                who=why.who,
                why=why.reason,
            )

    def stop(self, name: str, why: Why) -> Serving:
        """Let the candidate go; the champion answers everybody."""
        self._check_free(name, "candidate")
        with _told():
            return traffic.stop(self._models, name, stage=self._stage, who=why.who, why=why.reason)

    def _there(self, name: str) -> tuple[str | None, Split | None]:
        """Return the champion, None for a free place, and what its candidate gets."""
        try:
            found = traffic.serving(self._models, name, stage=self._stage)
        except NotPromotedError:
            return None, None
        return found.version, found.candidate

    def _check_gates(
        self, name: str, version: str, champion: str | None, why: Why
    ) -> tuple[str, ...]:
        """Return the gates that *why* overrules; none where their report lets *version* pass.

        They are not asked here, for that takes seconds.

        Raises:
            ChangeRefusedError: there is no such report, and no force.
        """
        runtime = self.settings.path(self.settings.runtime_path)
        read_contract(self._registry, name, version)
        document = store_of(self._registry).document(name, version)
        found = objection(runtime / FOLDER, document, stage=self._stage, champion=champion)
        if found is None:
            return ()
        if why.is_forced:
            return found.failed
        ask = f"scripts/promote_model.py {name} {version} --to {self._stage} --dry-run"
        raise ChangeRefusedError(
            f"{found.sentence}. Fix: {ask} asks the gates; a promotion with 'force' and a 'reason' "
            "overrules them."
        )

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
