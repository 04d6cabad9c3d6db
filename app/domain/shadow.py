"""What a candidate's shadow, or its judge, is told of a request."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from app.domain.ports import Matrix
from app.domain.prediction import Result, ServedModel


class Answered(NamedTuple):
    """A prediction request that has its answer.

    Attributes:
        model: the version that answered.
        matrix: the validated input, shape (n_rows, n_features).
        seconds: that the version took for it.
        is_pinned: whether the caller named the version.
    """

    model: ServedModel
    matrix: Matrix
    result: Result
    seconds: float
    request_id: str
    subject: str
    address: str
    is_pinned: bool = False


class Shadow(Protocol):
    """Who wants to know how requests to a model with a candidate end."""

    def offer(self, answered: Answered) -> None:
        """Take an answered request, to score its rows later or to count it.

        Never waits, never raises.
        """
        ...

    def failed(self, version: str) -> None:
        """Hear that *version* took a request that names none, and could not answer it."""
        ...
