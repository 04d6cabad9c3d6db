"""Joins what models need: the promoted files, their signatures, the door for unpickling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from app.adapters.bench import Court
from app.adapters.canary_judge import CanaryJudge
from app.adapters.engines.opening import open_compiled
from app.adapters.engines.reference import SklearnEngine
from app.adapters.kept_models import KeptModels
from app.adapters.model_files import ARTEFACT, MANIFEST
from app.adapters.model_signatures import ModelSignatures
from app.adapters.null import NullMetrics
from app.adapters.promoted_models import PromotedModels
from app.adapters.shadow import ShadowQueue
from app.adapters.shadow_work import Listeners
from app.adapters.stage_folder import Placing
from app.adapters.stage_models import Loading, StageModels
from app.domain.contract import Contract, Input
from app.domain.ports import Audit, Engine, Metrics
from app.domain.rows import RowReader
from app.domain.traffic import Split
from app.errors import ModelRejectedError, RegistryError, SettingsError
from app.gate.services import Changes
from app.lifecycle.registry import Registry, read_version, registry_of
from app.lifecycle.retire import Retirement, described, retirement_of
from app.lifecycle.verdict_plot import verdict_plot
from app.settings.schema import Settings

__all__ = [
    "check_model",
    "open_compiled",
    "open_estimator",
    "promoted_models",
    "reference_engine",
    "registered",
    "row_reader",
    "stage_models",
]


def check_model(settings: Settings) -> None:
    """Verify and open the promoted model once, and keep it as the last good one.

    Raises:
        ModelRejectedError: it cannot be verified.
        SettingsError: ``security.model_keys`` names a file that is no key, ``audit.models`` a
            feature that the model lacks, or ``traffic`` a version that is not registered or is
            retired.
    """
    source = promoted_models(settings, NullMetrics())
    try:
        contract = source.load().contract
    except ModelRejectedError as error:
        message = f"{source.path.parent}/{error}"
        if "Fix:" not in message:
            script = ".venv/bin/python scripts/promote_model.py"
            message += f". Fix: {script} NAME VERSION --to {settings.stage}"
        raise ModelRejectedError(message) from error
    _placing(settings)
    _check_in_use(settings)
    audited = settings.audit.models.get(contract.name)
    unknown = sorted(set(audited.features if audited else ()) - set(contract.feature_names))
    if unknown:
        raise SettingsError(
            f"audit.models.{contract.name}.features: the model has no {unknown[0]!r}, so it would "
            f"be kept as it is. Fix: one of {', '.join(contract.feature_names)}."
        )


def stage_models(
    settings: Settings, metrics: Metrics, audit: Audit, changes: Changes
) -> StageModels:
    """Return all models that are promoted in this environment.

    *changes* are what the judge of a canary asks for.

    Raises:
        SettingsError: ``security.model_keys`` names a file that is no key, or ``traffic`` a version
            that is not registered.
    """
    model = settings.model
    listeners = Listeners(metrics=metrics, audit=audit)
    court = Court(
        folder=settings.path(settings.runtime_path),
        changes=changes,
        listeners=listeners,
        draw=verdict_plot,
        now=partial(datetime.now, UTC),
    )
    placing = replace(
        _placing(settings),
        shadow_of=partial(ShadowQueue, listeners),
        judge_of=partial(CanaryJudge, court),
    )
    return StageModels(
        partial(promoted_models, settings, metrics),
        settings.path(model.model_path),
        metrics=metrics,
        loading=Loading(at_start=model.loads_at_start, most_bytes=model.max_loaded_bytes),
        placing=placing,
    )


def _placing(settings: Settings) -> Placing:
    pinned: dict[str, Path] = {}
    candidates: dict[str, tuple[Path, Split]] = {}
    for name, traffic in settings.traffic.items():
        if traffic.version is not None:
            pinned[name] = _set(settings, name, "version", traffic.version)
        if traffic.candidate is not None:
            file = _set(settings, name, "candidate", traffic.candidate)
            split = Split(
                model=name,
                version=traffic.candidate,
                mode=traffic.mode,
                share=traffic.share,
                sticky=traffic.sticky,
                tolerance=traffic.tolerance,
            )
            candidates[name] = (file, split)
    return Placing(pinned=pinned, candidates=candidates)


def _set(settings: Settings, name: str, key: str, version: str) -> Path:
    """Return the joblib file of a version that the settings name."""
    try:
        return registered(settings, name, version)
    except RegistryError as error:
        raise SettingsError(f"traffic.{name}.{key}: {error}.") from error


def _check_in_use(settings: Settings) -> None:
    """Refuse a retired version that the settings name."""
    registry = registry_of(settings)
    for name, named in settings.traffic.items():
        for key, version in (("version", named.version), ("candidate", named.candidate)):
            found = None if version is None else _retirement(registry, name, version)
            if found is not None:
                raise SettingsError(
                    f"traffic.{name}.{key}: {name} {version} is retired: {described(found)}. "
                    "Fix: name another version, or none."
                )


def _retirement(registry: Registry, name: str, version: str) -> Retirement | None:
    try:
        return retirement_of(registry, name, version)
    except RegistryError:  # a registry that is down keeps nobody from serving
        return None


def registered(settings: Settings, name: str, version: str) -> Path:
    """Return the joblib file of a registered version, on this machine.

    Raises:
        RegistryError: there is no such version, or it is damaged.
    """
    registry = registry_of(settings)
    folder = registry if isinstance(registry, Path) else registry.copies
    file = folder / name / version / ARTEFACT
    if not file.with_name(MANIFEST).is_file():
        read_version(registry, name, version)  # a registry elsewhere leaves a copy here
    return file


def promoted_models(
    settings: Settings, metrics: Metrics, file: Path | None = None, name: str | None = None
) -> PromotedModels:
    """Return the source of the model at *file*, or of this environment's default.

    *name* is what its contract must say; None for the default, whatever it is called.

    What the settings say of one file (``model.sha256``, ``model.n_features``) is about the default.

    Raises:
        SettingsError: ``security.model_keys`` names a file that is no key.
    """
    model = settings.model
    default = settings.path(model.model_path)
    path = default if file is None else file
    is_default = path == default
    return PromotedModels(
        path=path,
        name=name,
        kept=KeptModels(settings.path(settings.runtime_path) / "models", path, MANIFEST),
        reader_of=partial(row_reader, settings),
        open_estimator=partial(open_estimator, allowed_modules=settings.security.allowed_modules),
        signatures=ModelSignatures(map(settings.path, settings.security.model_keys)),
        metrics=metrics,
        retries=model.retries,
        retry_delay_seconds=model.retry_delay_seconds,
        bare_sha256=model.sha256 if is_default else None,
        accepts_bare=is_default and settings.environment != "prod",
        n_features=model.n_features if is_default else None,
        max_wait_seconds=settings.server.max_queue_ms / 1e3,
    )


def open_estimator(payload: bytes, allowed_modules: Sequence[str] = ()) -> Any:
    """Unpickle *payload* through the one door for it, which gateway and command lines share.

    Raises:
        ModelRejectedError: it is no joblib file, names what is not listed, or lacks a library.
    """
    # A worker that serves a compiled engine needs neither joblib nor what its pickles name.
    from app.adapters.joblib_models import unpickle  # noqa: PLC0415
    from app.adapters.pickles.names import Names  # noqa: PLC0415

    return unpickle(payload, Names(allowed_modules))


def reference_engine(
    estimator: Any, *, has_probabilities: bool, takes: Input | None = None
) -> Engine:
    """Return the scikit-learn engine around *estimator*; without *takes* it asks the estimator."""
    return SklearnEngine(estimator, has_probabilities=has_probabilities, takes=takes)


def row_reader(settings: Settings, contract: Contract, max_rows: int | None = None) -> RowReader:
    """Return what reads rows for *contract*; None for as many as the settings allow."""
    bounds = settings.model.input_validation
    return RowReader(
        contract,
        min_value=bounds.min_value,
        max_value=bounds.max_value,
        nan_replacement=settings.nan_replacement,
        max_rows=max_rows or settings.model.max_rows,
    )
