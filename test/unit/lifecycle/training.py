"""Trains as the command line does, and replays what was stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.domain.contract import Contract
from app.domain.golden import replay
from app.lifecycle.datasets import Table
from app.lifecycle.registry import read_version
from app.lifecycle.train import train
from app.wiring import open_compiled, open_estimator, reference_engine


def trained(registry: Path, table: Table, name: str | None = None, **options: Any) -> Contract:
    made = train(
        table,
        name=name or table.name,
        registry=registry,
        engine_of=reference_engine,
        open_compiled=open_compiled,
        **options,
    )
    return made[0]


def replayed(registry: Path, contract: Contract) -> None:
    stored = read_version(registry, contract.name, contract.version)
    estimator = open_estimator(stored.payload)
    probable = contract.outputs.has_probabilities
    replay(stored.contract, reference_engine(estimator, has_probabilities=probable))
