"""What is in the registry and where it is promoted, as rows and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.domain.contract import Contract, Feature
from app.domain.traffic import Split
from app.errors import RegistryError
from app.lifecycle import history
from app.lifecycle.history import Entry, Trial
from app.lifecycle.plain_tables import table
from app.lifecycle.registry import STAGES, Registry, names, read_contract, store_of, versions
from app.lifecycle.retire import Retirement, described, retirement_of
from app.lifecycle.stages import placed

_FIRST: Final = ("accuracy", "r2")
_LIST: Final = ("name", "version", "stages", "task", "engine", "created (UTC)", "metric")
_HISTORY: Final = ("when (UTC)", "stage", "what", "from", "to", "who", "why")


@dataclass(frozen=True, slots=True)
class Listed:
    """One version in the registry.

    Attributes:
        stages: that hold it; ``staging (candidate)`` where it is tried beside another.
        contract: None where it cannot be read; ``problem`` says why.
    """

    name: str
    version: str
    stages: tuple[str, ...]
    contract: Contract | None
    retirement: Retirement | None
    problem: str | None = None


def listed(models: Path, registry: Registry, name: str | None = None) -> list[Listed]:
    """Return every version of every model, or of *name*; the newest first.

    Raises:
        RegistryError: the registry cannot be read.
    """
    stages = _stages(models)
    return [
        _listed(registry, it, str(number), stages)
        for it in (names(registry) if name is None else [name])
        for number in reversed(versions(registry, it))
    ]


def _listed(
    registry: Registry, name: str, version: str, stages: dict[tuple[str, str], list[str]]
) -> Listed:
    contract, problem = None, None
    try:
        contract = read_contract(registry, name, version)
    except RegistryError as error:
        problem = str(error)
    held = tuple(stages.get((name, version), ()))
    return Listed(name, version, held, contract, retirement_of(registry, name, version), problem)


def _stages(models: Path) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for stage in STAGES:
        for it in placed(models / stage):
            said = f"{stage} (candidate)" if it.is_candidate else stage
            found.setdefault((it.contract.name, it.contract.version), []).append(said)
    return found


def entries(models: Path, name: str) -> list[tuple[str, Entry | Trial]]:
    """Return what happened to *name* on all stages of *models*, each with its stage, in order."""
    found = [
        (stage, it)
        for stage in STAGES
        for read in (history.read, history.read_trials)
        for it in read(models / stage, name)
    ]
    return sorted(found, key=lambda it: it[1].at)


def key_metric(contract: Contract) -> tuple[str, float] | None:
    """Return the metric that a model is first asked about; None without a training record."""
    metrics = contract.training.metrics if contract.training else {}
    for name in (*_FIRST, *metrics):
        if name in metrics:
            return name, metrics[name]
    return None


def engine(contract: Contract) -> str:
    """Return the engine that is tried first."""
    return contract.compiled[0].engine if contract.compiled else contract.artefact.engine


def as_table(found: Sequence[Listed]) -> str:
    """Return a line for each version, under a header."""
    return table([cells(it) for it in found], header=_LIST)


def card(it: Listed, registry: Registry, happened: Sequence[tuple[str, Entry | Trial]]) -> str:
    """Return what the contract of a version says, and what happened to its model."""
    parts = [f"{it.name} {it.version}", table(summary(it, registry))]
    if happened:
        rows = [
            [f"{one.at:%Y-%m-%d %H:%M:%S}", stage, *_change(one), one.who, one.why or "-"]
            for stage, one in happened
        ]
        parts += [f"history of {it.name}", table(rows, header=_HISTORY)]
    return "\n\n".join(parts)


def _change(it: Entry | Trial) -> tuple[str, str, str]:
    """Return what was done, from what, and to what."""
    if isinstance(it, Trial):
        return it.action, _gets(it.before), _gets(it.after)
    forced = f" (forced: {', '.join(it.forced)})" if it.forced else ""
    return f"{it.action}{forced}", it.before or "none", it.to


def _gets(split: Split | None) -> str:
    if split is None:
        return "none"
    judged = ", judged" if split.judge is not None else ""
    return f"{split.version} ({split.mode}, {100 * split.share:g}%{judged})"


def cells(it: Listed) -> list[str]:
    """Return the cells of a version in the list."""
    stages = ", ".join(it.stages) or "-"
    if it.retirement is not None:
        stages = "retired"
    if it.contract is None:
        return [it.name, it.version, stages, "cannot be read", "-", "-", "-"]
    metric = key_metric(it.contract)
    return [
        it.name,
        it.version,
        stages,
        it.contract.task,
        engine(it.contract),
        f"{it.contract.created_at:%Y-%m-%d %H:%M}",
        f"{metric[0]} {metric[1]:.4g}" if metric else "-",
    ]


def summary(it: Listed, registry: Registry) -> list[tuple[str, str]]:
    """Return what a contract says, in pairs of name and value."""
    contract = it.contract
    if contract is None:
        return [("problem", it.problem or "")]
    training = contract.training
    pairs = [
        ("stages", ", ".join(it.stages) or "-"),
        ("retired", described(it.retirement) if it.retirement else ""),
        ("task", contract.task),
        ("created", f"{contract.created_at:%Y-%m-%d %H:%M} UTC"),
        ("commit", contract.commit or ""),
        ("stored", store_of(registry).location(it.name, it.version)),
        ("features", ", ".join(map(feature_text, contract.features))),
        ("answers", answers(contract)),
        ("engines", ", ".join([*(part.engine for part in contract.compiled), "sklearn"])),
        ("trained on", f"{training.dataset}, {training.n_rows:,} rows" if training else ""),
        ("metrics", number_text(training.metrics) if training else ""),
        ("libraries", ", ".join(f"{k} {v}" for k, v in contract.libraries.items())),
        ("golden rows", str(len(contract.golden.inputs))),
        ("signed by", contract.signature.key if contract.signature else ""),
        ("artefact", f"{contract.artefact.size_bytes:,} bytes, {contract.artefact.sha256[:12]}…"),
    ]
    return [(name, value) for name, value in pairs if value]


def feature_text(feature: Feature) -> str:
    """Return name and kind of a feature, and the kind only where it is no float."""
    return feature.name if feature.kind == "float" else f"{feature.name} ({feature.kind})"


def answers(contract: Contract) -> str:
    """Say what the model answers."""
    outputs = contract.outputs
    parts: list[str] = [f"targets {', '.join(it.name for it in outputs.targets)}"]
    if not outputs.targets:
        classes = outputs.classes
        parts = ["a number" if classes is None else f"one of {', '.join(map(str, classes))}"]
    parts += ["probabilities"] if outputs.has_probabilities else []
    parts += ["scores"] if outputs.has_scores else []
    return ", ".join(parts)


def number_text(numbers: dict[str, float]) -> str:
    """Return names and numbers in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())


def as_data(it: Listed) -> dict[str, Any]:
    """Return a version as plain data, for JSON."""
    contract = it.contract
    metric = key_metric(contract) if contract else None
    created: datetime | None = contract.created_at if contract else None
    return {
        "name": it.name,
        "version": it.version,
        "stages": list(it.stages),
        "task": contract.task if contract else None,
        "engine": engine(contract) if contract else None,
        "created_at": created,
        "metric": {"name": metric[0], "value": metric[1]} if metric else None,
        "retired": it.retirement.model_dump() if it.retirement else None,
        "problem": it.problem,
    }
