"""What one batch is: everything that decides its output, and that a worker needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

import pyarrow as pa

from app.domain.contract import NUMBERS, Contract
from app.domain.prediction import ServedModel
from app.errors import ModelRejectedError
from app.lifecycle.batch.folder import Folder
from app.lifecycle.batch.inputs import Form, InputFile

Opener = Callable[[], ServedModel]


@dataclass(frozen=True, slots=True)
class Job:
    """Can be sent to another process.

    Attributes:
        open_model: opens the version, on whatever machine it is called.
        digest: of the model as it is to be.
        names: of all columns, for each file.
        keys: columns of the input that go into the output, with their types.
        folder: where parts are written.
        scored_at: when the job was begun; every row tells it.
    """

    open_model: Opener
    digest: str
    files: Sequence[InputFile]
    names: Sequence[Sequence[str]]
    keys: pa.Schema
    folder: Folder
    form: Form
    scored_at: datetime

    def opened(self) -> ServedModel:
        """Return the model.

        Raises:
            ModelRejectedError: it is another one by now, or answers on another engine here.
        """
        model = self.open_model()
        if digest_of(model) != self.digest:
            raise ModelRejectedError(
                f"{model.contract.name} is another model than when this run began. Fix: name its "
                "version, as NAME@VERSION, and begin anew with --restart"
            )
        return model


class Done(NamedTuple):
    """A part that is written."""

    number: int
    n_answered: int
    n_rejected: int


def digest_of(model: ServedModel) -> str:
    """Return what changes with anything that a model answers: its contract, and the engine."""
    said = f"{model.engine_name} {model.contract.model_dump_json()}"
    return sha256(said.encode()).hexdigest()


def number_kinds(contract: Contract) -> dict[str, str]:
    """Return the kind of each feature that is a number or a boolean, by name."""
    return {it.name: it.kind for it in contract.features if it.kind in NUMBERS}
