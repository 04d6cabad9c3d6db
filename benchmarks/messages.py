"""Requests as bytes, with a place for a number, so that no two that are sent are alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

Cells = Sequence[Sequence[str]]
Body = Callable[[Cells], str]


def templates(
    path: str, headers: Mapping[str, str], body: Body, inputs: Sequence[Sequence[Sequence[float]]]
) -> tuple[bytes, ...]:
    """Return one ``b"… %07d …"`` for each of *inputs*; the number goes into the first value."""
    return tuple(_template(path, headers, body, rows) for rows in inputs)


def data_body(cells: Cells) -> str:
    """Return ``{"data": [[…], …]}``."""
    return f'{{"data":{nested(cells)}}}'


def nested(cells: Cells) -> str:
    """Return the rows as a JSON list of lists."""
    rows = (f"[{','.join(row)}]" for row in cells)
    return f"[{','.join(rows)}]"


def flat(cells: Cells) -> str:
    """Return all values as one JSON list."""
    return f"[{','.join(','.join(row) for row in cells)}]"


def numbered_body(body: Body, rows: Sequence[Sequence[float]]) -> bytes:
    """Return a body whose first value ends in ``%07d``."""
    cells = [[json.dumps(value) for value in row] for row in rows]
    cells[0][0] = f"{int(rows[0][0])}.%07d"
    return body(cells).encode()


def _template(
    path: str, headers: Mapping[str, str], body: Body, rows: Sequence[Sequence[float]]
) -> bytes:
    payload = numbered_body(body, rows)
    told = {"Host": "127.0.0.1", "Content-Type": "application/json", **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(payload % 0)}", "", ""])
    return head.encode() + payload
