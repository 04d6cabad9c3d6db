"""Everything that takes part in a comparison: how it is started and what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.messages import templates
from benchmarks.models import MANY, Model
from benchmarks.peers.catalogue import FOLDER, Peer
from benchmarks.processes import Started, started
from benchmarks.server import Workshop, clean_environment, free_port

OURS: Final = "Gatehouse, Granian"
OURS_GUNICORN: Final = "Gatehouse, gunicorn"
OURS_TWICE: Final = "Gatehouse, Granian, 2 workers"
EMPTY: Final = "empty function, Granian"
EMPTY_GUNICORN: Final = "empty function, gunicorn"
_OUR_STARTS: Final = 3
_ALONE: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Running = AbstractContextManager[tuple[int, Started]]


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked at once, and by how many."""

    name: str
    model: str
    n_rows: int
    connections: int


ONE_LOGISTIC: Final = Workload("one row, logistic", "logistic", 1, 16)
ONE_FOREST: Final = Workload("one row, forest", "forest", 1, 16)
MANY_LOGISTIC: Final = Workload("1,000 rows, logistic", "logistic", MANY, 16)
MANY_FOREST: Final = Workload("1,000 rows, forest", "forest", MANY, 16)
ALONE: Final = Workload("one row, logistic, one connection", "logistic", 1, 1)
TWO_CORES: Final = Workload("one row, logistic, two cores", "logistic", 1, 32)
THROUGHPUT: Final = (ONE_LOGISTIC, ONE_FOREST, MANY_LOGISTIC, MANY_FOREST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One server with one model.

    Attributes:
        start: starts it on a free port.
        messages: for a number of rows, the templates of its requests.
        predicts: whether its answers hold predictions that can be looked at.
        workers: several may use the load generator's core too.
        starts: how often it is started; the last time, it stays.
    """

    name: str
    model: Model
    start: Callable[[], Running]
    messages: Callable[[int], tuple[bytes, ...]]
    workloads: tuple[Workload, ...]
    predicts: bool = True
    workers: int = 1
    starts: int = 1


def peer_entries(
    peer: Peer, python: Path, models: Mapping[str, Model], folder: Path
) -> Iterator[Entry]:
    """Yield *peer* with each of the models; *folder* is for what it writes."""
    for model in models.values():
        where = folder / f"{peer.folder}{peer.variant}-{model.name}"
        yield Entry(
            name=peer.name,
            model=model,
            start=partial(_peer, peer, python, model, where),
            messages=partial(_peer_messages, peer, model),
            workloads=_workloads(model, (*THROUGHPUT, ALONE)),
        )


def gateway_entries(workshops: Sequence[Workshop], *, two_cores: bool) -> Iterator[Entry]:
    """Yield the gateway on both servers with each model, then the empty functions."""
    for workshop in workshops:
        workloads = _workloads(workshop.model, (*THROUGHPUT, ALONE))
        for name, kind in ((OURS, "granian"), (OURS_GUNICORN, "gunicorn")):
            yield gateway(name, workshop, workloads, kind)
    logistic = next(one for one in workshops if one.model.name == ONE_LOGISTIC.model)
    if two_cores:
        yield gateway(OURS_TWICE, logistic, (TWO_CORES,), "granian", workers=2)
    for name, kind in ((EMPTY, "granian"), (EMPTY_GUNICORN, "gunicorn")):
        entry = gateway(name, logistic, (ONE_LOGISTIC,), kind, module="benchmarks.empty")
        yield replace(entry, predicts=False, starts=1)


def gateway(  # noqa: PLR0913  one argument a thing it needs
    name: str,
    workshop: Workshop,
    workloads: tuple[Workload, ...],
    kind: str,
    *,
    workers: int = 1,
    module: str = "app.serve",
) -> Entry:
    """Return a gateway of *workshop*; *kind* is granian or gunicorn."""
    return Entry(
        name=name,
        model=workshop.model,
        start=partial(_started_gateway, workshop, kind, workers, module),
        messages=partial(workshop.messages, workshop.token()),
        workloads=workloads,
        workers=workers,
        starts=_OUR_STARTS,
    )


@contextmanager
def _started_gateway(
    workshop: Workshop, kind: str, workers: int, module: str
) -> Iterator[tuple[int, Started]]:
    with workshop.server(kind, workers=workers, module=module) as server:
        yield server.port, server.running


@contextmanager
def _peer(peer: Peer, python: Path, model: Model, folder: Path) -> Iterator[tuple[int, Started]]:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = (
        clean_environment()
        | dict.fromkeys(_ALONE, "1")
        | {
            "PORT": str(port),
            "MODEL_FILE": str(model.file),
            "VARIANT": peer.variant,
        }
    )
    environment.pop("PYTHONPATH", None)
    command = [str(python), str(FOLDER / peer.folder / "server.py")]
    said = folder / "said.log"
    with started(command, environment=environment, cwd=folder, said=said) as running:
        yield port, running


def _peer_messages(peer: Peer, model: Model, n_rows: int) -> tuple[bytes, ...]:
    return templates(peer.path, {}, peer.body, model.rows(n_rows))


def _workloads(model: Model, workloads: Sequence[Workload]) -> tuple[Workload, ...]:
    return tuple(one for one in workloads if one.model == model.name)
