"""A model version in an MLflow registry: found by number or alias, and brought to this machine."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import yaml

from app.errors import GatehouseError, RegistryError

_MODEL: Final = re.compile(r"(models:/)?(?P<name>[^/@:]+)(@(?P<alias>[^/@]+)|/(?P<version>\d+))")
_PASSWORD: Final = re.compile(r"//[^/\n]*@")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which version is meant: that of an ``alias``, or one by its number."""

    name: str
    alias: str | None
    version: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """A version in an MLflow registry, and the run that made it."""

    name: str
    version: str
    run_id: str | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What MLflow stores of a scikit-learn model.

    Attributes:
        file: the model itself.
        format: how the file was written: skops, cloudpickle or pickle.
        inputs: the signature's inputs, as MLflow writes them; None without a signature.
        example: the input example as it was written, or None.
    """

    file: Path
    format: str
    inputs: list[dict[str, Any]] | None
    example: Any


def wanted(text: str) -> Wanted:
    """Return what ``models:/NAME@alias``, ``models:/NAME/3`` or either without scheme means.

    Raises:
        RegistryError: it is none of these.
    """
    found = _MODEL.fullmatch(text)
    if found is None:
        raise RegistryError(
            f"{text!r} names no version of an MLflow model. Fix: models:/NAME@ALIAS or NAME/3."
        )
    return Wanted(found["name"], found["alias"], found["version"])


class MlflowRegistry:
    """The MLflow registry at *uri*; None for the one that MLflow's own settings name."""

    def __init__(self, uri: str | None) -> None:
        with _mlflow():
            import mlflow  # noqa: PLC0415  takes seconds

            self._uri = uri or str(mlflow.get_tracking_uri())
            self._check_database()
            # Downloads look at what is set for the process, whatever they are told.
            mlflow.set_tracking_uri(self._uri)
            mlflow.set_registry_uri(self._uri)
            self._client = mlflow.MlflowClient()

    def find(self, want: Wanted) -> Source:
        """Return the version that *want* means now.

        Raises:
            RegistryError: there is no such model, alias or version, or MLflow does not answer.
        """
        with _mlflow():
            if want.alias is not None:
                found = self._client.get_model_version_by_alias(want.name, want.alias)
            else:
                found = self._client.get_model_version(want.name, str(want.version))
        return Source(want.name, str(found.version), found.run_id or None)

    def fetch(self, source: Source, folder: Path) -> Fetched:
        """Download *source* into *folder*, and return what is there.

        Raises:
            RegistryError: it cannot be downloaded, or holds no scikit-learn flavour.
        """
        with _mlflow():
            from mlflow.artifacts import download_artifacts  # noqa: PLC0415

            got = download_artifacts(
                artifact_uri=f"models:/{source.name}/{source.version}",
                dst_path=str(folder),
            )
        return read_model(Path(got), f"MLflow's {source.name} {source.version}")

    def _check_database(self) -> None:
        """Refuse a database that is not there: MLflow would make an empty one."""
        url = urlsplit(self._uri)
        file = Path(unquote(url.path).removeprefix("/"))
        if url.scheme.startswith("sqlite") and url.path and not file.exists():
            raise RegistryError(
                f"{file}: there is no such MLflow database. Fix: --tracking-uri sqlite:///PATH, or "
                "the address of an MLflow server."
            )


@contextmanager
def _mlflow() -> Iterator[None]:
    """Give MLflow's errors in one line, and keep its warnings about other libraries to itself.

    Raises:
        RegistryError: for whatever it raises.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except GatehouseError:
        raise
    except ImportError as error:
        raise RegistryError(f"{error}. Fix: make setup-pipeline, which installs MLflow.") from error
    except Exception as error:
        lines = _PASSWORD.sub("//***@", str(error)).splitlines() or [type(error).__name__]
        raise RegistryError(f"MLflow: {lines[0]}") from error


def read_model(folder: Path, what: str) -> Fetched:
    """Return what the folder of an MLflow model holds.

    Raises:
        RegistryError: it holds no scikit-learn flavour, or cannot be read.
    """
    try:
        said = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
        flavours = said["flavors"]
        if "sklearn" not in flavours:
            there = ", ".join(sorted(flavours))
            raise RegistryError(f"{what}: is no scikit-learn model; its flavours are: {there}")
        own = flavours["sklearn"]
        inputs = (said.get("signature") or {}).get("inputs")
        return Fetched(
            file=_inside(folder, own["pickled_model"]),
            format=str(own.get("serialization_format") or "pickle"),
            inputs=json.loads(inputs) if inputs else None,
            example=_example(folder, said.get("saved_input_example_info")),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise RegistryError(f"{what}: its MLmodel file cannot be read: {error}") from error


def _example(folder: Path, info: dict[str, Any] | None) -> Any:
    if not info:
        return None
    return json.loads(_inside(folder, info["artifact_path"]).read_text(encoding="utf-8"))


def _inside(folder: Path, name: str) -> Path:
    """Return the file *name* of *folder*; links and ``..`` may not lead out of it."""
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise RegistryError(f"its MLmodel file names {name!r}, which is outside of the model")
    return file
