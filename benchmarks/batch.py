"""Measure batch scoring beside the speed of its engine: ``python -m benchmarks.batch``."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import ipc, parquet
from threadpoolctl import threadpool_limits

from app.domain.ports import Engine, FloatArray
from app.lifecycle.batch.run import Wishes, run_batch
from app.lifecycle.datasets import built_in
from app.lifecycle.train import train
from app.settings.overlay import load
from app.settings.schema import Settings
from app.wiring import open_compiled, reference_engine
from app.wiring.offline import open_version
from benchmarks import page, report
from benchmarks.cores import say
from benchmarks.report import markdown

_SEED: Final = 20_261_121
_GROUP_ROWS: Final = 2**20
_BLOCK_ROWS: Final = 2**14
_FOREST_SHARE: Final = 10  # a forest gets a tenth of the rows
FORMS: Final = ("Parquet", "Parquet, plain and not null", "Arrow")
_WAYS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (FORMS[0], {}),
    (FORMS[1], {}),
    (FORMS[2], {}),
    (FORMS[2], {"form": "arrow"}),
    (FORMS[0], {"engine": "ray"}),
)
NOTES: Final = """\
{rows:,} rows of 10 numbers for the linear engine and a tenth of them for the forest (100 trees);
{cores} cores, medians over {rounds} rounds in which all rows of the table take turns; 'of the
limit' is the median of the ratios within a round. The limit is the engine's `predict` on a float64
matrix in memory, in row order as a request has it, shared out among as many threads as there are
cores: each thread's share in one call, or in calls of {block:,} rows, whichever is faster. A batch
is timed from the opening of the model to the last part renamed on the disk, without the start of
Python; input and output pass through the page cache. Parquet is as pyarrow writes it unless told
otherwise: snappy, dictionaries, columns that may be null. Ray runs on a cluster of this machine
that is up before; its workers are not in the first round, and the first parts wait for them."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One way of scoring in one round; ``limit`` is that of the same round."""

    model: str
    way: str
    rows_per_second: float
    limit: float


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="default: 10000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page", action="store_true", help="put it into docs/performance.md")
    options = parser.parse_args(argv)
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        root = Path(folder)
        (root / "config.yaml").touch()
        (root / "configs").mkdir()
        (root / "configs/dev.yaml").touch()
        settings = load({"CONFIG_PATH": str(root / "config.yaml")})
        timed = _measured(settings, root, options.rows, options.rounds, cores)
    said = NOTES.format(rows=options.rows, cores=cores, rounds=options.rounds, block=_BLOCK_ROWS)
    text = "\n\n".join([table(timed), said, report.machine()])
    print(text)
    if options.page:
        page.put("batch", text)
    return 0


def _measured(
    settings: Settings, root: Path, n_rows: int, n_rounds: int, cores: int
) -> list[Timed]:
    import ray  # noqa: PLC0415  seconds of import

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        num_cpus=cores,
        include_dashboard=False,
        _node_ip_address="127.0.0.1",
        log_to_driver=False,
    )
    found: list[Timed] = []
    for name, share in (("linear", 1), ("forest", _FOREST_SHARE)):
        say(f"{name}: training, writing rows")
        _train(settings, name)
        matrix = _rows(n_rows // share)
        inputs = {form: _written(root, matrix, form) for form in FORMS}
        engine = open_version(settings, name, "1").engine
        for number in range(n_rounds):
            say(f"{name}: round {number + 1} of {n_rounds}")
            limit = _limit(engine, matrix, cores)
            found.append(Timed(name, "engine on an array in memory", limit, limit))
            for form, options in _WAYS:
                asked = partial(_wishes, cores, **options)
                rate = _rate(settings, name, inputs[form], len(matrix), asked)
                found.append(Timed(name, _named(form, **options), rate, limit))
    ray.shutdown()
    return found


def _named(source: str, *, form: str = "parquet", engine: str = "local") -> str:
    """Return what one way of scoring is called in the table."""
    return f"{engine.replace('ray', 'Ray')}, {source} to {form.capitalize()}"


def _train(settings: Settings, name: str) -> None:
    train(
        built_in("diabetes"),
        name=name,
        registry=settings.path(settings.model.registry_path),
        engine_of=reference_engine,
        open_compiled=open_compiled,
        estimator="ridge" if name == "linear" else "forest",
    )


def _rows(n_rows: int) -> FloatArray:
    """Return rows like those of the diabetes table, shape (n_rows, 10)."""
    return np.random.default_rng(_SEED).normal(scale=0.05, size=(n_rows, 10))


def _written(root: Path, matrix: FloatArray, form: str) -> Path:
    names = built_in("diabetes").feature_names
    is_plain = form == FORMS[1]
    schema = pa.schema([pa.field(name, pa.float64(), nullable=not is_plain) for name in names])
    file = root / f"in-{FORMS.index(form)}.{'arrow' if form == 'Arrow' else 'parquet'}"
    with _writer(file, schema, is_plain=is_plain) as writer:
        for start in range(0, len(matrix), _GROUP_ROWS):
            columns = [pa.array(it) for it in matrix[start : start + _GROUP_ROWS].T.copy()]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return file


def _writer(file: Path, schema: pa.Schema, *, is_plain: bool) -> Any:
    if file.suffix == ".arrow":
        return ipc.new_file(str(file), schema)
    if is_plain:
        return parquet.ParquetWriter(file, schema, compression="none", use_dictionary=False)
    return parquet.ParquetWriter(file, schema)


def _limit(engine: Engine, matrix: FloatArray, cores: int) -> float:
    """Return rows a second of the engine alone, the faster of two ways."""
    shares = np.array_split(matrix, cores)
    return max(_alone(engine, shares, len(shares[0])), _alone(engine, shares, _BLOCK_ROWS))


def _alone(engine: Engine, shares: Sequence[FloatArray], n_rows: int) -> float:
    def score(share: FloatArray) -> None:
        for start in range(0, len(share), n_rows):
            engine.predict(share[start : start + n_rows])

    with threadpool_limits(1), ThreadPoolExecutor(len(shares)) as threads:
        began = time.perf_counter()
        list(threads.map(score, shares))
        return sum(map(len, shares)) / (time.perf_counter() - began)


def _wishes(cores: int, source: Path, target: Path, **others: Any) -> Wishes:
    return Wishes(source=str(source), target=str(target), rules={}, n_workers=cores, **others)


def _rate(
    settings: Settings, name: str, source: Path, n_rows: int, asked: Callable[..., Wishes]
) -> float:
    """Return rows a second of a batch."""
    target = source.with_name("out")
    began = time.perf_counter()
    wishes, open_model = asked(source, target), partial(open_version, settings, name, "1")
    outcome = run_batch(wishes, open_model, datetime.now(UTC))
    seconds = time.perf_counter() - began
    assert (outcome.n_rows, outcome.n_rejected) == (n_rows, 0)
    shutil.rmtree(target)
    return n_rows / seconds


def table(timed: Sequence[Timed]) -> str:
    """Return one row for each model and way of scoring."""
    rows = []
    for model, way in dict.fromkeys((it.model, it.way) for it in timed):
        same = [it for it in timed if (it.model, it.way) == (model, way)]
        rate = median(it.rows_per_second for it in same)
        share = median(it.rows_per_second / it.limit for it in same)
        rows.append([model, way, f"{rate / 1e6:.2f}", f"{share:.0%}"])
    return markdown(["engine", "what", "million rows/s", "of the limit"], rows, words=2)


if __name__ == "__main__":
    raise SystemExit(main())
