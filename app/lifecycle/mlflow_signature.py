"""An MLflow signature as the features of a contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.domain.contract import Contract, Feature, Kind, Missing
from app.errors import ModelRejectedError

_KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    "double": ("float",),
    "float": ("float",),
    "long": ("int",),
    "integer": ("int",),
    "boolean": ("bool",),
    "string": ("category", "text"),
}


def column_names(inputs: Sequence[dict[str, Any]] | None) -> list[str]:
    """Return the names of a signature's columns; none for a tensor, or without a signature.

    Raises:
        ModelRejectedError: a column is of a type that no feature can have.
    """
    columns = [it for it in inputs or () if it.get("type") != "tensor"]
    for place, it in enumerate(columns):
        if it.get("type") not in _KINDS:
            raise ModelRejectedError(
                f"the signature's column {it.get('name', place)!r} is a {it.get('type')}; "
                f"there is: {', '.join(_KINDS)}"
            )
    return [str(it.get("name", f"feature_{place}")) for place, it in enumerate(columns)]


def signed_contract(contract: Contract, inputs: Sequence[dict[str, Any]] | None) -> Contract:
    """Return *contract* with names and kinds as the signature has them.

    MLflow takes no missing value for a whole number or a boolean, so neither does the contract,
    unless the input example had one.

    Raises:
        ModelRejectedError: the signature does not belong to this estimator.
    """
    names = column_names(inputs)
    if not names:
        return _with_tensor(contract, inputs)
    known = contract.feature_names
    if len(names) != len(known):
        raise ModelRejectedError(
            f"the signature has {len(names)} columns, the estimator takes {len(known)}"
        )
    are_given = all(name == f"feature_{place}" for place, name in enumerate(known))
    if set(names) != set(known) and not are_given and contract.input != "texts":
        strange = min(set(names) - set(known))
        raise ModelRejectedError(
            f"the signature names the column {strange!r}, which the estimator was not fitted on; "
            f"it was on: {', '.join(known)}"
        )
    columns = dict(zip(names, inputs or (), strict=True))
    renamed = known if set(names) == set(known) else names
    features = tuple(
        _feature(feature.model_copy(update={"name": name}), str(columns[name]["type"]))
        for name, feature in zip(renamed, contract.features, strict=True)
    )
    return contract.model_copy(update={"features": features})


def _feature(feature: Feature, written: str) -> Feature:
    kinds = _KINDS[written]
    kind = feature.kind if feature.kind in kinds else kinds[0]
    if (kind in {"category", "text"}) != (feature.kind in {"category", "text"}):
        raise ModelRejectedError(
            f"the signature says that {feature.name!r} is a {written}, and the estimator reads it "
            f"as {feature.kind}"
        )
    missing = feature.missing
    if missing is None and kind in {"int", "bool"}:
        missing = Missing(policy="refuse")
    return feature.model_copy(update={"kind": kind, "missing": missing})


def _with_tensor(contract: Contract, inputs: Sequence[dict[str, Any]] | None) -> Contract:
    for it in inputs or ():
        shape = it.get("tensor-spec", {}).get("shape", [])
        if len(inputs or ()) > 1 or shape[1:] not in ([len(contract.features)], [-1]):
            raise ModelRejectedError(
                f"the signature takes tensors of shape {shape}, the estimator rows of "
                f"{len(contract.features)} features"
            )
    return contract
