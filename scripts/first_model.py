"""Train and promote the default model where none is promoted yet: ``make run`` calls this."""

from __future__ import annotations

from app.command_line import run
from app.lifecycle.datasets import built_in
from app.lifecycle.promote import promote
from app.lifecycle.registry import STAGES_FOLDER, registry_of
from app.lifecycle.train import train
from app.settings.overlay import load
from app.wiring import open_compiled, reference_engine


def main() -> int:
    """Exit 0 when a model is there, promoted just now or before."""
    return run(_first_model)


def _first_model() -> int:
    settings = load()
    usual = STAGES_FOLDER / settings.stage / "model.joblib"
    if settings.model.model_path != usual or settings.path(usual).exists():
        return 0
    registry = registry_of(settings)
    table = built_in("diabetes")
    contract, _ = train(
        table,
        name=table.name,
        registry=registry,
        engine_of=reference_engine,
        open_compiled=open_compiled,
    )
    promote(
        settings.path(STAGES_FOLDER),
        registry,
        contract.name,
        contract.version,
        stage=settings.stage,
    )
    print(f"no model was promoted: trained {contract.name} and promoted it to {settings.stage}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
