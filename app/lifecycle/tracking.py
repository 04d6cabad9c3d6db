"""Tells MLflow of a version that was trained: what was tried, what came of it, and its files."""

from __future__ import annotations

import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any, Final

import numpy as np

from app.domain.contract import Contract
from app.errors import TrackingError
from app.lifecycle.heldout import HELD_OUT
from app.lifecycle.registry import MANIFEST
from app.lifecycle.report import CARD, REPORT
from app.lifecycle.stored import digests

_LONGEST: Final = 200
NOWHERE: Final = "none"
_SQLITE: Final = "sqlite:///"
_PASSWORD: Final = re.compile(r"//[^/\s]*@")
# Read by MLflow alone: it would tell its makers what is done with it, ask a server that is down for
# minutes, and print what the command line says in its own words.
_DEFAULTS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True, slots=True)
class Tracking:
    """An MLflow store: a URL, and the folder for artefacts where the URL is a database."""

    url: str
    artefacts: Path

    @property
    def shown(self) -> str:
        """The URL without a password."""
        return without_passwords(self.url)


def without_passwords(text: str) -> str:
    """Return *text* with no name and password in the URLs that it holds."""
    return _PASSWORD.sub("//***@", text)


def tracking_at(url: str, root: Path, runtime: Path) -> Tracking | None:
    """Return the store at *url*; a database's relative path starts at *root*.

    None where *url* is ``none``.
    """
    if url == NOWHERE:
        return None
    if url.startswith(_SQLITE):
        file = root / url.removeprefix(_SQLITE)
        url = f"{_SQLITE}{file.absolute()}"
    return Tracking(url, runtime / "mlflow")


def track(tracking: Tracking, contract: Contract, folder: Path) -> str:
    """Log the version that lies in *folder* as a finished run; return the run's id.

    The experiment has the model's name. Parameters are those of the chosen candidate, metrics those
    of its cross-validation (by fold, mean and deviation) and of the held-out rows; the artefacts
    are the card, the plots, the report and the contract.

    Raises:
        TrackingError: MLflow is not installed, or cannot be told. The version stays as it is.
    """
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    with _mlflow() as client_of:
        client = client_of(tracking.url)
        run_id: str = client.create_run(
            _experiment(client, tracking, contract.name),
            run_name=f"{contract.name} {contract.version}",
            tags=_tags(contract),
        ).info.run_id
        _log(client, run_id, report)
        for file in _files(contract, folder):
            client.log_artifact(run_id, str(file))
        client.set_terminated(run_id)
    return run_id


def _experiment(client: Any, tracking: Tracking, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    is_database = not re.match("https?:", tracking.url)
    place = (tracking.artefacts / name).absolute().as_uri() if is_database else None
    return str(client.create_experiment(name, artifact_location=place))


def _tags(contract: Contract) -> dict[str, str]:
    training = contract.training
    tags = {
        "gatehouse.name": contract.name,
        "gatehouse.version": contract.version,
        "gatehouse.sha256": contract.artefact.sha256,
        "gatehouse.task": contract.task,
        "gatehouse.data_sha256": training.fingerprint_sha256 if training else "",
        "mlflow.source.git.commit": contract.commit or "",
    }
    return {name: value for name, value in tags.items() if value}


def _log(client: Any, run_id: str, report: dict[str, Any]) -> None:
    from mlflow.entities import Metric, Param  # noqa: PLC0415

    chosen = report["chosen"]
    params = {name: report[name] for name in ("metric", "folds", "seed", "held_out_share")}
    params |= {"estimator": chosen["estimator"], "candidates": len(report["cross_validation"])}
    params |= chosen["settings"]
    folds = next(it["folds"] for it in report["cross_validation"] if it["is_chosen"])
    metrics = [
        Metric(f"cv_{name}", value, 0, step)
        for step, fold in enumerate(folds)
        for name, value in fold.items()
    ]
    for name in folds[0]:
        values = [fold[name] for fold in folds]
        metrics.append(Metric(f"cv_{name}_mean", float(np.mean(values)), 0, 0))
        metrics.append(Metric(f"cv_{name}_deviation", float(np.std(values, ddof=1)), 0, 0))
    for name, it in report["held_out"].items():
        metrics.append(Metric(f"held_out_{name}", it["value"], 0, 0))
        metrics.append(Metric(f"held_out_{name}_low", it["low"], 0, 0))
        metrics.append(Metric(f"held_out_{name}_high", it["high"], 0, 0))
    logged = [Param(name, str(value)) for name, value in params.items()]
    client.log_batch(run_id, metrics=metrics, params=logged)


def _files(contract: Contract, folder: Path) -> list[Path]:
    """Return what is logged of a version: not the model, which the registry has, nor its data."""
    left_out = {*digests(contract), HELD_OUT}
    files = [it for it in sorted(folder.iterdir()) if it.name not in left_out]
    return [it for it in files if it.suffix == ".svg" or it.name in {CARD, REPORT, MANIFEST}]


@contextmanager
def _mlflow() -> Iterator[Any]:
    """Give MLflow's client class; its errors come in one line, and its advice goes nowhere.

    Raises:
        TrackingError: for whatever it raises.
    """
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [it.level for it in loggers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, value in _DEFAULTS.items():
                os.environ.setdefault(name, value)
            from mlflow import MlflowClient  # noqa: PLC0415  takes seconds

            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield MlflowClient
    except ImportError as error:
        raise TrackingError(f"{error}. Fix: make setup-pipeline, which installs MLflow") from error
    except Exception as error:
        lines = without_passwords(str(error)).splitlines() or [type(error).__name__]
        raise TrackingError(shorten(lines[0], _LONGEST, placeholder=" …")) from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
