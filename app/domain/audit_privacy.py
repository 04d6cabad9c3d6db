"""What the audit log keeps of a prediction: the values, keyed hashes of them, or nothing."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import orjson

from app.domain.audit import Event, Evidence, Fields
from app.domain.contract import Contract
from app.domain.ports import FloatArray, Matrix

Keep = Literal["whole", "hashed", "omitted"]
HASHED: Final = "hmac-sha256:"
PACKED: Final = "float64"  # names a column in base64, little-endian
LONG: Final = 128  # rows from which columns of numbers are packed
_NO_MODEL: Final = (None, None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class ModelPrivacy:
    """What is kept of one model's predictions; ``features`` differ from ``inputs``."""

    inputs: Keep = "whole"
    outputs: Keep = "whole"
    features: Mapping[str, Keep] = field(default_factory=dict)


@dataclass(slots=True)
class Privacy:
    """Turns an event into what is kept of it.

    A hash is an HMAC-SHA-256: whoever reads a plain hash of an age tries a hundred ages.

    Attributes:
        key: of the HMAC.
        rest: of models that are not named.
        models: by name.
        unknown: told once for each version whose contract lacks features that are named.
    """

    key: bytes
    rest: ModelPrivacy = ModelPrivacy()
    models: Mapping[str, ModelPrivacy] = field(default_factory=dict)
    unknown: Callable[[str, Sequence[str]], None] = lambda _model, _features: None
    _columns: dict[tuple[str, str], list[tuple[str, Keep]]] = field(default_factory=dict)

    def kept(self, event: Event) -> Fields:
        """Return the columns ``at_us`` to ``outputs`` of the event's record."""
        return (
            int(event.at * 1e6), event.kind, _storable(event.request_id),
            _storable(event.method), _storable(event.route),
            event.status, int(event.seconds * 1e6), _storable(event.address),
            _storable(event.subject) if event.subject is not None else None,
            event.problem,
            _storable(event.detail) if event.detail is not None else None,
            *(self._prediction(event.evidence) if event.evidence is not None else _NO_MODEL),
        )  # fmt: skip

    def _prediction(self, evidence: Evidence) -> tuple[str, str, str, int, str | None, str | None]:
        contract = evidence.contract
        return (
            contract.name,
            contract.version,
            contract.artefact.sha256,
            len(evidence.matrix),
            self._inputs(evidence),
            self._outputs(evidence),
        )

    def _inputs(self, evidence: Evidence) -> str | None:
        columns = self._columns_of(evidence.contract)
        matrix = evidence.matrix
        is_packed = len(matrix) >= LONG and not matrix.dtype.hasobject
        whole = _packed(matrix) if is_packed else matrix.T.tolist()
        kept = {
            name: whole[place] if keep == "whole" else self._hashes(name, matrix[:, place])
            for place, (name, keep) in enumerate(columns)
            if keep != "omitted"
        }
        return orjson.dumps(kept).decode() if kept else None

    def _hashes(self, name: str, column: Matrix) -> list[str]:
        return [self._hash([name, value]) for value in column.tolist()]

    def _outputs(self, evidence: Evidence) -> str | None:
        keep = self._of(evidence.contract.name).outputs
        if keep == "omitted":
            return None
        whole = f"{{{evidence.fragment.decode()}}}"
        return whole if keep == "whole" else orjson.dumps(self._hash(whole)).decode()

    def _hash(self, value: object) -> str:
        return HASHED + hmac.digest(self.key, orjson.dumps(value), "sha256").hex()

    def _of(self, model: str) -> ModelPrivacy:
        return self.models.get(model, self.rest)

    def _columns_of(self, contract: Contract) -> list[tuple[str, Keep]]:
        """Return each feature with what is kept of it; looked up once for each version."""
        version = (contract.name, contract.version)
        found = self._columns.get(version)
        if found is None:
            of_model, names = self._of(contract.name), contract.feature_names
            found = [(name, of_model.features.get(name, of_model.inputs)) for name in names]
            self._columns[version] = found
            unknown = sorted(set(of_model.features) - set(names))
            if unknown:
                self.unknown(contract.name, unknown)
        return found


def _packed(matrix: FloatArray) -> list[dict[str, str]]:
    """Return each column as base64: ten times faster than writing the numbers as decimals."""
    columns = np.ascontiguousarray(matrix.T, dtype="<f8")
    return [{PACKED: b64encode(column.data).decode()} for column in columns]


def unpacked(inputs: str) -> str:
    """Return the inputs of a record with every value as a number, however many rows it has.

    Raises:
        ValueError: it is not what was written here.
    """
    kept = orjson.loads(inputs)
    for name, column in kept.items():
        if isinstance(column, dict):
            values = np.frombuffer(b64decode(column[PACKED], validate=True), dtype="<f8")
            kept[name] = values.tolist()
    return orjson.dumps(kept).decode()


def _storable(text: str) -> str:
    """Return *text* as every database can keep it: a lone surrogate and NUL are written out."""
    if "\0" in text:
        text = text.replace("\0", r"\0")
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
