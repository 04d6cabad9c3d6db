"""Measure lookups while all features are materialised anew: ``python -m benchmarks.features``.

Every value of a generation is the generation's number, so a lookup that finds two different ones,
or another one than it was told, has seen a mixture.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from app.domain.entities import EntityStore, FeatureValue, Found
from app.errors import FeaturesUnavailableError
from app.lifecycle.partitions import place_of
from app.settings.overlay import PREFIX, PROJECT
from app.settings.schema import Settings
from app.wiring.entities import entity_features
from benchmarks.cores import say
from benchmarks.report import machine
from benchmarks.server import clean_environment, free_port

_SOURCE: Final = "orders"
_ENTITIES_A_LOOKUP: Final = 10
_AGGREGATES: Final = ("max", "min", "avg", "last")
_WINDOWS: Final = ("30d", None)
_QUIET_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of the lookups; p50, p99 and longest from the moment that each was due."""

    n_lookups: int
    n_failed: int
    n_mixed: int
    generations: list[int]
    p50_ms: float
    p99_ms: float
    longest_ms: float


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table; 1 when a lookup failed, saw a mixture, or one in a hundred took over 5 ms."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--generations", type=int, default=2, help="while lookups go on")
    parser.add_argument("--per-second", type=float, default=200.0)
    parser.add_argument("--look", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.look:
        return _look(json.loads(options.look), options.entities, options.per_second)
    rows: list[tuple[str, str, float, Looked]] = []
    with tempfile.TemporaryDirectory(prefix="features-") as folder:
        say(f"writing records of {options.entities:,} entities")
        _write_records(Path(folder), options.entities)
        for name, features in _stores(Path(folder)):
            say(name)
            rows += _measured(name, features, Path(folder), options)
    print(_table(rows))
    print(f"\n{options.entities:,} entities of {len(_features(1))} features; {machine()}")
    return int(any(it.n_failed or it.n_mixed or it.p99_ms > 5 for _, _, _, it in rows))  # noqa: PLR2004


def _features(number: int) -> dict[str, dict[str, object]]:
    return {
        f"{aggregate}_{window or 'ever'}": {
            "aggregate": aggregate,
            "of": f"amount * 0 + {number}",
            "window": window,
            "default": number,
        }
        for aggregate in _AGGREGATES
        for window in _WINDOWS
    }


def _write_records(folder: Path, n_entities: int) -> None:
    """Write two records of each entity, over sixty days."""
    days = place_of(folder / "records", _SOURCE, "all")
    days.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 'customer-' || i % {n_entities} AS customer_id, "  # noqa: S608
            "timestamptz '2026-01-01' + to_days(CAST(i % 60 AS INTEGER)) AS event_time, "
            "CAST(i AS DOUBLE) AS amount, strftime(event_time, '%Y-%m-%d') AS date "
            f"FROM range({2 * n_entities}) r(i)) TO '{days}' (FORMAT parquet, PARTITION_BY (date))"
        )


def _stores(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    yield "SQLite", {"online_path": str(folder / "online")}
    with _redis(folder) as url:
        yield "Redis", {"online_url": url}


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("needs redis-server: apt-get install redis-server")
    port = free_port()
    command = [
        program,
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        time.sleep(1.0)
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def _measured(
    name: str, features: dict[str, str], folder: Path, options: argparse.Namespace
) -> Iterator[tuple[str, str, float, Looked]]:
    """Yield what became of lookups while nothing else happens, and while generations are made."""
    _materialize(features, folder, 1)
    with _lookups(features, options) as looking:
        time.sleep(_QUIET_SECONDS)
    yield name, "nothing", _QUIET_SECONDS, looking[0]
    began = time.perf_counter()
    with _lookups(features, options) as looking:
        for number in range(2, options.generations + 2):
            _materialize(features, folder, number)
    seconds = (time.perf_counter() - began) / options.generations
    yield name, "materialisation", seconds, looking[0]


def _store(features: dict[str, str]) -> EntityStore:
    return entity_features(Settings.model_validate({"features": features}))


def _materialize(features: dict[str, str], folder: Path, number: int) -> None:
    """Make generation *number*, by the command line that an operator would use."""
    view = {"entity": "customer_id", "source": _SOURCE, "features": _features(number)}
    definitions = folder / "features.json"  # which is YAML too
    definitions.write_text(json.dumps({"views": {"customer": view}}), encoding="utf-8")
    settings = {f"{PREFIX}FEATURES__{key.upper()}": value for key, value in features.items()}
    script = PROJECT / "scripts" / "run_feature_materialization.py"
    subprocess.run(
        [sys.executable, script, "--definitions", definitions, "--records", folder / "records"],
        env=clean_environment() | settings,
        cwd=folder,
        check=True,
    )
    assert _store(features).current().number == number


@contextmanager
def _lookups(features: dict[str, str], options: argparse.Namespace) -> Iterator[list[Looked]]:
    """Have another process look up until the block ends; what it tells is there then."""
    command = [sys.executable, "-m", "benchmarks.features", "--look", json.dumps(features)]
    command += [f"--entities={options.entities}", f"--per-second={options.per_second}"]
    told: list[Looked] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield told
        out, _ = process.communicate()
    told.append(Looked(**json.loads(out)))


def _look(features: dict[str, str], n_entities: int, per_second: float) -> int:
    """Look up entities at a fixed rate until standard input ends; print what became of it."""
    store, names = _store(features), [*_features(1)]
    choose = random.Random(7)  # noqa: S311  no secret
    entities = [f"customer-{choose.randrange(n_entities)}" for _ in range(100_000)]
    waits: list[float] = []
    seen: list[Found | None] = []
    store.look_up(names, entities[:1])
    gc.disable()
    print("ready", flush=True)
    began = time.perf_counter()
    while not select.select([sys.stdin], [], [], 0)[0]:
        due = began + len(waits) / per_second
        time.sleep(max(0.0, due - time.perf_counter()))
        first = len(waits) * _ENTITIES_A_LOOKUP % len(entities)
        found = None
        with suppress(FeaturesUnavailableError):
            found = store.look_up(names, entities[first : first + _ENTITIES_A_LOOKUP])
        waits.append(time.perf_counter() - due)
        seen.append(found)
    print(json.dumps(asdict(_looked(waits, seen))))
    return 0


def _looked(waits: list[float], seen: list[Found | None]) -> Looked:
    found = [it for it in seen if it is not None and None not in it.rows]
    mixed = [it for it in found if _values(it) != {float(it.generation.number)}]
    p50, p99, longest = np.percentile(waits, [50, 99, 100]) * 1e3
    return Looked(
        n_lookups=len(seen),
        n_failed=len(seen) - len(found),
        n_mixed=len(mixed),
        generations=sorted({it.generation.number for it in found}),
        p50_ms=p50,
        p99_ms=p99,
        longest_ms=longest,
    )


def _values(found: Found) -> set[FeatureValue]:
    return {value for row in found.rows for value in row or ()}


def _table(rows: Sequence[tuple[str, str, float, Looked]]) -> str:
    names = ["store", "meanwhile", "seconds", "lookups", "failed", "mixed", "generations"]
    names += ["p50 ms", "p99 ms", "longest ms"]
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for store, meanwhile, seconds, it in rows:
        numbers = f"{it.n_lookups:,} | {it.n_failed} | {it.n_mixed} | {it.generations}"
        times = f"{it.p50_ms:.2f} | {it.p99_ms:.2f} | {it.longest_ms:.2f}"
        lines.append(f"| {store} | {meanwhile} | {seconds:.1f} | {numbers} | {times} |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
