"""Small real parts, valid by default; a test changes the one thing that it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jwt
import numpy as np

from app.domain.contract import Contract, Feature
from app.lifecycle.datasets import Table
from app.lifecycle.promote import promote
from app.lifecycle.registry import ARTEFACT, MANIFEST, STAGES_FOLDER, add_version
from app.lifecycle.train import train
from app.settings.overlay import load
from app.settings.schema import Settings
from app.wiring import open_compiled, reference_engine

SECRET = "f3a9c1e7b5d2480694ab7e6cd01f8325f3a9c1e7b5d2480694ab7e6cd01f8325"
ROW = [1.0, 2.0]
_trained: dict[tuple[object, ...], tuple[Contract, dict[str, bytes]]] = {}


def a_regression_table(*, slope: float = 2.0, n_rows: int = 80) -> Table:
    """A table whose target is ``slope * a + b``."""
    generator = np.random.default_rng(7)
    features = generator.normal(size=(n_rows, 2))
    return Table("line", ("a", "b"), features, features @ np.array([slope, 1.0]), False)


def a_classification_table(n_rows: int = 90) -> Table:
    """A table with three classes that follow the sum of two features."""
    generator = np.random.default_rng(8)
    features = generator.normal(size=(n_rows, 2))
    target = np.digitize(features.sum(axis=1), [-0.7, 0.7])
    return Table("sides", ("a", "b"), features, target, True)


def some_settings(root: Path, environ: dict[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings whose files all lie below *root*, with a secret and no waiting."""
    (root / "configs").mkdir(parents=True, exist_ok=True)
    for name in ("dev", "staging", "prod"):
        stage = {"prod": "production"}.get(name, name)
        text = f"model: {{model_path: model/{stage}/model.joblib}}\n"
        (root / "configs" / f"{name}.yaml").write_text(text)
    if not (root / "config.yaml").exists():
        (root / "config.yaml").write_text("model: {retries: 0}\n")
    variables = {"CONFIG_PATH": str(root / "config.yaml"), "JWT_SECRET": SECRET}
    return load(variables | (environ or {}), overrides)


def a_promoted_model(
    settings: Settings, table: Table | None = None, *, name: str | None = None
) -> Contract:
    """Train on *table* and promote onto the stage of *settings*."""
    table = table or a_regression_table()
    registry = settings.path(settings.model.registry_path)
    contract, files = _trained_once(table, name or table.name)
    compiled = {it: content for it, content in files.items() if it not in {ARTEFACT, MANIFEST}}
    contract, _ = add_version(registry, files[ARTEFACT], contract, compiled)
    promote(
        settings.path(STAGES_FOLDER),
        registry,
        contract.name,
        contract.version,
        stage=settings.stage,
    )
    return contract


def _trained_once(table: Table, name: str) -> tuple[Contract, dict[str, bytes]]:
    """Train on *table* the first time that this process asks; hundreds of tests need the same."""
    key = (name, table.task, table.kinds, table.fingerprint_sha256)
    if key not in _trained:
        with TemporaryDirectory() as folder:
            contract, version = train(
                table,
                name=name,
                registry=Path(folder),
                engine_of=reference_engine,
                open_compiled=open_compiled,
            )
            _trained[key] = contract, {it.name: it.read_bytes() for it in version.iterdir()}
    return _trained[key]


def a_contract(*features: Feature, **changes: Any) -> Contract:
    """A contract of *features*, by default two floats called a and b."""
    fields: dict[str, Any] = {
        "name": "line",
        "version": "1",
        "task": "regression",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "features": features or (Feature(name="a"), Feature(name="b")),
        "outputs": {},
        "artefact": {"size_bytes": 1, "sha256": "0" * 64},
    }
    if any(feature.kind in {"category", "text"} for feature in features):
        fields["input"] = "table"
    return Contract.model_validate(fields | changes)


def some_claims(**changes: Any) -> dict[str, Any]:
    """Claims of a good token; a change to None leaves the claim out."""
    now = datetime.now(UTC)
    # Some are made while tests are collected, and asked with at the end of a long run.
    claims = {"sub": "alice", "roles": ["user"], "iat": now, "exp": now + timedelta(hours=6)}
    return {name: value for name, value in (claims | changes).items() if value is not None}


def a_token(secret: str = SECRET, *, algorithm: str = "HS256", **changes: Any) -> str:
    """A token that holds, unless a change to its claims spoils it."""
    return jwt.encode(some_claims(**changes), secret, algorithm=algorithm)


def bearer(token: str | None = None) -> dict[str, str]:
    """The header that carries *token*."""
    return {"Authorization": f"Bearer {token or a_token()}"}
