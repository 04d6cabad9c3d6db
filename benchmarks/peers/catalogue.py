"""The servers that the gateway is compared with; each folder beside this file holds one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.messages import Body, Cells, data_body, flat, nested

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One way to run another server.

    Attributes:
        name: in the tables.
        folder: of its requirements.txt and its server.py, which is told PORT, MODEL_FILE, VARIANT.
        batches: whether it answers several waiting requests by one call.
    """

    name: str
    folder: str
    path: str = "/predict"
    body: Body = data_body
    variant: str = ""
    batches: bool = False


def instances(cells: Cells) -> str:
    """Return the body of KServe's V1 protocol."""
    return f'{{"instances":{nested(cells)}}}'


def tensor(cells: Cells) -> str:
    """Return the body of the Open Inference Protocol: one tensor of all rows."""
    shape = f"[{len(cells)},{len(cells[0])}]"
    about = f'"name":"predict","shape":{shape},"datatype":"FP64"'
    return f'{{"inputs":[{{{about},"data":{flat(cells)}}}]}}'


def predictions(answer: Any) -> list[int]:
    """Return the predictions in what any of the servers has answered.

    Raises:
        KeyError: they are not where any of them puts them.
    """
    found = answer
    if isinstance(answer, dict):
        found = answer["outputs"][0]["data"] if "outputs" in answer else answer["predictions"]
    return [int(value) for value in found]


PEERS: Final = (
    Peer(name="FastAPI, uvicorn", folder="fastapi"),
    Peer(name="FastAPI, uvicorn, in the loop", folder="fastapi", variant="loop"),
    Peer(name="Flask, gunicorn", folder="flask"),
    Peer(name="Flask, gunicorn, 8 threads", folder="flask", variant="threads"),
    Peer(name="MLServer", folder="mlserver", path="/v2/models/model/infer", body=tensor),
    Peer(
        name="MLServer, batching",
        folder="mlserver",
        path="/v2/models/model/infer",
        body=tensor,
        variant="batching",
        batches=True,
    ),
    Peer(name="LitServe", folder="litserve"),
    Peer(name="LitServe, batching", folder="litserve", variant="batching", batches=True),
    Peer(name="KServe", folder="kserve", path="/v1/models/model:predict", body=instances),
    Peer(name="BentoML, batching", folder="bentoml", batches=True),
)
