"""The client: lists models, reads their contracts, asks for predictions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote

from gatehouse_client.contract import Model, ModelSummary, model_of, summaries_of
from gatehouse_client.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    VersionChangedError,
)
from gatehouse_client.patience import Patience
from gatehouse_client.prediction import Prediction, joined, version_of
from gatehouse_client.table import Part, Table, parts_of, table_of
from gatehouse_client.transport import Transport

_ROWS_WITHOUT_CONTRACT: Final = 1_000
_BYTES_WITHOUT_CONTRACT: Final = 1_000_000
_STARTS: Final = 3


class Gatehouse:
    """A gateway. Threads may share one; it keeps its connections until it is closed.

    Args:
        url: where it is, such as ``https://gatehouse.example.com``.
        token: the token, or a function that returns a fresh one; None where none is asked for.
        patience: how long 429, 503 and broken connections are waited out; nothing else is.
        timeout_seconds: to connect, and between two parts of an answer.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str] | None = None,
        *,
        patience: Patience | None = None,
        timeout_seconds: float = 30.0,
    ) -> None:
        self._transport: Final = Transport(
            url, token, patience=patience or Patience(), timeout_seconds=timeout_seconds
        )
        self._known: Final[dict[str | None, Model | None]] = {}
        self._compared: Final[set[tuple[str, str, str]]] = set()

    def models(self) -> list[ModelSummary]:
        """Return what is served and may be read, the default model first."""
        return summaries_of(self._transport.get("/api/v1/models"))

    def model(self, name: str | None = None) -> Model:
        """Return the contract of *name*, or of the default model, as of now.

        Raises:
            ModelNotFoundError: no such model is served; without a name, there is no default.
        """
        found = name or self._default_name()
        if found is None:
            raise ModelNotFoundError(HTTPStatus.NOT_FOUND, {"error": "There is no default model"})
        return model_of(self._transport.get(f"/api/v1/models/{quote(found, safe='')}"))

    def predict(
        self,
        rows: Any,
        *,
        model: str | None = None,
        version: str | None = None,
        probabilities: bool = False,
        scores: bool = False,
    ) -> Prediction:
        """Return the predictions of *rows*, which may be more than one request takes.

        Args:
            rows: a list of rows, each a sequence or a mapping; a mapping from names to columns; a
                DataFrame; an array, shape (n_rows, n_features); for a model of texts, strings.
            model: its name; None for the default.
            version: the only one that may answer; None for the one in service.
            probabilities: ask for the probability of each class too.
            scores: ask for the values of the decision function too.

        Raises:
            DataError: the rows do not fit the contract, or cannot be sent.
            ProblemError: the gateway refused.
            UnreachableError: it could not be reached.
            VersionChangedError: the model changed again and again in the middle of the input.
        """
        known = self._contract(model)
        contract = known if known is not None and version in {None, known.version} else None
        table = table_of(rows, contract)
        asked = {"probabilities": probabilities, "scores": scores}
        wishes = {name: True for name, is_wanted in asked.items() if is_wanted}
        if version is not None and model is None:
            model = known.name if known else self.model().name
        try:
            found = self._answered(_path(model, version), table, wishes, contract)
        except InvalidRequestError:
            self._known.clear()  # the model may have changed
            raise
        if contract is not None and found.version != contract.version:
            self._read_again(contract.name, contract.version, found.version)
        return found

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Gatehouse:  # noqa: PYI034  Self came with Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _contract(self, name: str | None) -> Model | None:
        """Return what is known of *name*; None where the token's owner may not read it.

        None as well while there is no default model: the gateway then asks to wait.
        """
        with suppress(KeyError):
            return self._known[name]
        try:
            actual = name or self._default_name()
            if actual is None:
                return None
            found = self.model(actual)
        except PermissionDeniedError:
            found = None
        self._known[name] = found
        return found

    def _read_again(self, name: str, version: str, answered: str) -> None:
        """Read the contracts anew as another version answers; once, for it may be a canary."""
        if (name, version, answered) not in self._compared:
            self._compared.add((name, version, answered))
            self._known.clear()

    def _default_name(self) -> str | None:
        return next((it.name for it in self.models() if it.is_default), None)

    def _answered(
        self, path: str, table: Table, wishes: dict[str, bool], contract: Model | None
    ) -> Prediction:
        """Send all parts; start again when a new version comes in between."""
        for _ in range(_STARTS):
            answers: list[dict[str, Any]] = []
            for part in parts_of(
                table,
                wishes,
                max_rows=contract.max_rows if contract else _ROWS_WITHOUT_CONTRACT,
                max_bytes=contract.max_request_bytes if contract else _BYTES_WITHOUT_CONTRACT,
            ):
                answers.append(self._ask(path, part))
                if version_of(answers[-1]) != version_of(answers[0]):
                    break
            else:
                return joined(answers)
        raise VersionChangedError(f"The model changed {_STARTS} times while it was asked.")

    def _ask(self, path: str, part: Part) -> dict[str, Any]:
        try:
            return self._transport.post(path, part.body)
        except InvalidRequestError as error:
            raise _renumbered(error, part.first_row) from None


def _path(model: str | None, version: str | None) -> str:
    if model is None:
        return "/api/v1/predict"
    pinned = f"/versions/{quote(str(version), safe='')}" if version is not None else ""
    return f"/api/v1/models/{quote(model, safe='')}{pinned}/predict"


def _renumbered(error: InvalidRequestError, first_row: int) -> InvalidRequestError:
    """Return *error* with the numbers that the rows have in the whole input."""
    if not (first_row and error.faults):
        return error
    faults = [
        fault | {"row": fault["row"] + first_row} if isinstance(fault.get("row"), int) else fault
        for fault in error.faults
    ]
    rest = {name: value for name, value in error.problem.items() if name != "detail"}
    return InvalidRequestError(error.status, rest | {"errors": faults})
