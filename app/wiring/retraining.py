"""Joins a retraining to training, to the gates, and to a stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

import orjson

from app.domain.contract import Contract
from app.domain.judge import Rules
from app.domain.traffic import Split
from app.errors import RegistryError, TrackingError
from app.lifecycle import traffic
from app.lifecycle.datasets import Table
from app.lifecycle.params import Plan
from app.lifecycle.promote import Change
from app.lifecycle.promotion_report import as_text
from app.lifecycle.registry import STAGES_FOLDER, read_contract, registry_of, versions
from app.lifecycle.retrain import Steps
from app.lifecycle.stages import contract_on
from app.lifecycle.tracking import track, tracking_at
from app.lifecycle.train import Search, train
from app.settings.schema import Settings
from app.wiring.models import open_compiled, reference_engine
from app.wiring.promotion import promote_judged

Then = Literal["promote", "canary"]


@dataclass(frozen=True, slots=True)
class Retraining:
    """One model, to be trained again.

    Attributes:
        table: the rows to learn from.
        plan: how the best candidate is found; None for the usual estimator.
        stage: where it shall serve.
        then: what becomes of a version that no gate refuses.
        share: of the callers, for a canary.
        why: for the stage's history.
        tracking_url: of MLflow, ``none`` for nowhere; None for that of the settings.
        tell: is told what happens.
    """

    settings: Settings
    name: str
    table: Table
    plan: Plan | None
    stage: str
    then: Then
    share: float
    why: str
    tracking_url: str | None = None
    tell: Callable[[str], None] = print

    @property
    def key(self) -> str:
        """Digest of data, parameters and stage."""
        plan = None if self.plan is None else self.plan.model_dump(mode="json", exclude={"data"})
        parts = [self.name, self.table.fingerprint_sha256, plan, self.stage]
        return sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def champion(self) -> Contract | None:
        """Return what is promoted of the model; None for a free place."""
        return contract_on(self._models / self.stage, self.name)

    def steps(self) -> Steps:
        """Return the work, step by step."""
        return Steps(self._version, self._candidate, self._train, self._created_at, self._settle)

    @property
    def _models(self) -> Path:
        return self.settings.path(STAGES_FOLDER)

    def _version(self) -> str | None:
        champion = self.champion()
        return champion.version if champion is not None else None

    def _candidate(self) -> Split | None:
        if self.champion() is None:
            return None
        return traffic.serving(self._models, self.name, stage=self.stage).candidate

    def _train(self, began: datetime) -> str:
        contract, folder = train(
            self.table,
            name=self.name,
            registry=registry_of(self.settings),
            engine_of=reference_engine,
            open_compiled=open_compiled,
            search=None if self.plan is None else Search(self.plan),
            now=lambda: began,
        )
        self.tell(
            f"{contract.name} {contract.version} is trained on {len(self.table.features):,} rows"
        )
        if self.plan is not None:
            self._track(contract, folder)
        return contract.version

    def _track(self, contract: Contract, folder: Path) -> None:
        settings = self.settings
        url = self.tracking_url or settings.training.tracking_url
        tracking = tracking_at(url, settings.root, settings.path(settings.runtime_path))
        if tracking is None:
            return
        try:
            track(tracking, contract, folder)
        except TrackingError as error:
            self.tell(f"warning: MLflow was not told: {error}")

    def _created_at(self, began: datetime) -> str | None:
        registry = registry_of(self.settings)
        for version in reversed(versions(registry, self.name)):
            try:
                contract = read_contract(registry, self.name, str(version))
            except RegistryError:
                continue
            if contract.created_at == began:
                return contract.version
            if contract.created_at < began:
                return None
        return None

    def _settle(self, version: str) -> str | None:
        is_canary = self.then == "canary" and self.champion() is not None
        found = promote_judged(
            self.settings,
            self.name,
            version,
            stage=self.stage,
            change=Change(why=self.why),
            is_asked_only=is_canary,
        )
        self.tell(as_text(found.verdict))
        self.tell(f"report: {found.report}")
        if not found.verdict.decision.passes:
            return None
        if not is_canary:
            self.tell(f"{self.name} {version} is promoted on {self.stage}")
            return f"was promoted on {self.stage}"
        rules = Rules() if 0.0 < self.share < 1.0 else None
        split = Split(
            model=self.name,
            version=version,
            mode="canary",
            share=self.share,
            tolerance=self.settings.promotion.replay_tolerance,
            judge=rules,
        )
        registry = registry_of(self.settings)
        traffic.start(self._models, registry, split, stage=self.stage, why=self.why)
        judged = "; the gateway judges it" if rules is not None else ""
        self.tell(f"{self.name} {version} answers {self.share:.0%} of the callers{judged}")
        return f"became a canary on {self.stage}"
