"""What is remembered of a request."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy.typing as npt

from app.domain.contract import Contract

Kind = Literal["prediction", "refusal", "admin"]
# The columns of a record that say what happened: ``at_us`` to ``outputs``.
Fields = tuple[
    int, str, str, str, str, int, int, str,
    str | None, str | None, str | None, str | None, str | None, str | None, int | None,
    str | None, str | None,
]  # fmt: skip


class Evidence(NamedTuple):
    """A prediction as it was made.

    Attributes:
        contract: of the version that answered.
        matrix: the validated input, shape (n_rows, n_features), missing values filled in; numbers,
            or objects where there are texts and categories.
        fragment: the encoded results: the inside of a JSON object.
    """

    contract: Contract
    matrix: npt.NDArray[Any]
    fragment: bytes


class Event(NamedTuple):
    """One request that is worth remembering.

    Attributes:
        at: seconds since the epoch at its end.
        route: the pattern of the route, such as ``/api/v1/models/<name>``.
        seconds: how long it took.
        problem: why it was refused, from a closed set.
        detail: what an administrator asked for, as JSON.
        evidence: of a prediction.
    """

    kind: Kind
    at: float
    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    address: str
    subject: str | None = None
    problem: str | None = None
    detail: str | None = None
    evidence: Evidence | None = None


class Record(NamedTuple):
    """An event as it is kept: one row of integers and text, linked to the row before it.

    Nothing in it depends on the database: no float, no time, no JSON type. ``at_us`` are
    microseconds since the epoch, ``digest`` is the SHA-256 of the model's file, ``inputs`` (an
    object of lists, by feature) and ``outputs`` are JSON. ``hash`` covers every column before it.
    """

    writer: str
    seq: int
    previous: str
    at_us: int
    kind: str
    request_id: str
    method: str
    route: str
    status: int
    duration_us: int
    address: str
    subject: str | None
    problem: str | None
    detail: str | None
    model: str | None
    version: str | None
    digest: str | None
    n_rows: int | None
    inputs: str | None
    outputs: str | None
    hash: str
