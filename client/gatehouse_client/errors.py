"""What can go wrong: before anything is sent, on the way, and in the gateway's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_MOST_FAULTS: Final = 3  # in the text; all of them are in ``faults``


class ClientError(Exception):
    """Root of all that this package raises on purpose."""


class DataError(ClientError):
    """Rows that cannot be sent; the text names row and column."""


class ColumnsError(DataError):
    """Columns that are not those of the model."""

    def __init__(self, missing: Sequence[str], unknown: Sequence[str]) -> None:
        parts = [
            f"{what}: {', '.join(map(repr, names))}"
            for what, names in (("missing", missing), ("unknown to the model", unknown))
            if names
        ]
        super().__init__(f"The columns do not fit the model. {'; '.join(parts)}.")
        self.missing = tuple(missing)
        self.unknown = tuple(unknown)


class TokenError(ClientError):
    """A token that no header can carry; the text does not repeat it."""


class UnreachableError(ClientError):
    """The gateway could not be reached, or the connection was lost."""


class AnswerError(ClientError):
    """What answered is no Gatehouse, or one that this package does not know."""


class VersionChangedError(ClientError):
    """The model was changed again and again while a large input was being answered."""


class ProblemError(ClientError):
    """The gateway refused, and said why (RFC 9457).

    Attributes:
        status: of HTTP.
        problem: the whole problem document; empty when there was none.
        retry_after_seconds: how long the gateway asked to wait; None when it did not.
    """

    def __init__(
        self, status: int, problem: Mapping[str, Any], retry_after_seconds: float | None = None
    ) -> None:
        self.status = status
        self.problem = dict(problem)
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self._text())

    @property
    def request_id(self) -> str | None:
        """The id under which the gateway's logs know the request."""
        found = self.problem.get("request_id")
        return str(found) if found is not None else None

    @property
    def faults(self) -> list[dict[str, Any]]:
        """What is wrong with which value: row, feature and reason; rows count from 0."""
        return [fault for fault in self.problem.get("errors", ()) if isinstance(fault, dict)]

    def _text(self) -> str:
        said = [str(self.status), str(self.problem.get("error", "no problem document"))]
        said += [
            f"row {fault.get('row')}, {fault.get('feature')!r}: {fault.get('reason')}"
            for fault in self.faults[:_MOST_FAULTS]
        ] or [str(self.problem.get("detail", ""))]
        return " | ".join(filter(None, said))


class InvalidRequestError(ProblemError):
    """400, 413 or 415: the rows are not what the model takes, or too many."""


class TokenRefusedError(ProblemError):
    """401: no token, or one that does not hold."""


class PermissionDeniedError(ProblemError):
    """403: the token's owner may not do that."""


class ModelNotFoundError(ProblemError):
    """404: no such model, or version of it, is served."""


class RateLimitedError(ProblemError):
    """429, still after the last try."""


class UnavailableError(ProblemError):
    """503, still after the last try."""


_BY_STATUS: Final[Mapping[int, type[ProblemError]]] = {
    400: InvalidRequestError,
    401: TokenRefusedError,
    403: PermissionDeniedError,
    404: ModelNotFoundError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    429: RateLimitedError,
    503: UnavailableError,
}


def problem_error(
    status: int, problem: Mapping[str, Any], retry_after_seconds: float | None = None
) -> ProblemError:
    """Return the error for *status*."""
    return _BY_STATUS.get(status, ProblemError)(status, problem, retry_after_seconds)
