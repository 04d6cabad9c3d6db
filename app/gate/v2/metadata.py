"""What the protocol tells of the server, of a model, and of all models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from app.domain.contract import Contract, Kind
from app.gate.services import Models
from app.gate.v2.datatypes import BOOL, BYTES, FP64, INT64
from app.gate.v2.outputs import outputs_of

EXTENSIONS: Final = ("binary_tensor_data",)
_OF_KIND: Final[dict[Kind, str]] = {
    "float": FP64,
    "int": INT64,
    "bool": BOOL,
    "category": BYTES,
    "text": BYTES,
}
_PLATFORMS: Final = {
    "linear": "gatehouse_linear",
    "forest": "gatehouse_forest",
    "onnx": "onnxruntime_onnx",
    "sklearn": "sklearn_joblib",
}
_READY, _UNAVAILABLE = "READY", "UNAVAILABLE"


class Described(NamedTuple):
    """One tensor; a size of -1 is not fixed."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def inputs_of(contract: Contract) -> tuple[Described, ...]:
    """Return the input tensors: one of all numbers, or one for each column of a table.

    Numbers may come as one tensor a feature too, and under any name as one.
    """
    if contract.input == "numbers":
        return (Described("input", FP64, (-1, len(contract.features))),)
    return tuple(Described(it.name, _OF_KIND[it.kind], (-1, 1)) for it in contract.features)


def model_metadata(models: Models, name: str, version: str | None = None) -> dict[str, Any]:
    """Return ``$metadata_model_response`` of a model, or of one version of it.

    Raises:
        ModelUnknownError: no such model, or version of it, is served here.
        ModelNotReadyError: there is no good version of it.
    """
    served = models.find(name, version)
    contract = served.contract
    outputs = [Described(it.name, it.datatype, (-1, it.n_columns)) for it in outputs_of(contract)]
    return {
        "name": contract.name,
        "versions": sorted(_versions(models, name) | {contract.version}, key=int),
        "platform": _PLATFORMS.get(served.engine_name, served.engine_name),
        "inputs": [it._asdict() for it in inputs_of(contract)],
        "outputs": [it._asdict() for it in outputs],
    }


def _versions(models: Models, name: str) -> set[str]:
    """Return the versions that may be asked for: the champion's, and that of a candidate."""
    champion, split = models.loaded(name), models.split(name)
    found = set() if champion is None else {champion.contract.version}
    return found if split is None else found | {split.version}


def repository_index(
    models: Models, names: Iterable[str], *, only_ready: bool
) -> Iterator[dict[str, str]]:
    """Go through the models of those *names* as Triton's repository index lists them."""
    for name in names:
        served, problem = models.loaded(name), models.problem(name)
        if served is not None:
            version = served.contract.version
            yield {"name": name, "version": version, "state": _READY, "reason": problem or ""}
        elif not only_ready:
            reason = problem or "not loaded yet: the first request for it loads it"
            yield {"name": name, "state": _UNAVAILABLE, "reason": reason}
