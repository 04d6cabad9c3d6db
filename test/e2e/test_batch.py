"""A batch that is killed again and again; ``BATCH_ROWS=10000000`` is the full size."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from app.lifecycle.datasets import built_in
from app.settings.overlay import PROJECT
from app.settings.schema import Settings
from test.builders import a_promoted_model, some_settings
from test.unit.scripts.process import environment

N_ROWS = int(os.environ.get("BATCH_ROWS", "200000"))
N_KILLS = 3 if "BATCH_ROWS" in os.environ else 1
LONGEST_WAIT_SECONDS = 0.5 * N_ROWS / 10_000_000
MOST_BYTES = 2**30
SCRIPT = PROJECT / "scripts/run_batch_scoring.py"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("batch")
    settings: Settings = some_settings(root)
    contract = a_promoted_model(settings, built_in("diabetes"))
    write_rows(root / "in.parquet", contract.feature_names)
    return root


def write_rows(path: Path, names: tuple[str, ...]) -> None:
    """Ten columns of numbers; one row in ten thousand is far out of bounds."""
    generator = np.random.default_rng(11)
    group_rows = min(2**20, N_ROWS // 10)
    schema = pa.schema([(name, pa.float64()) for name in names])
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, N_ROWS, group_rows):
            n_rows = min(group_rows, N_ROWS - start)
            columns = [generator.normal(scale=0.05, size=n_rows) for _ in names]
            columns[0][generator.random(n_rows) < 1e-4] = 1e9
            writer.write_table(pa.table(columns, schema=schema))


def begin(root: Path, target: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(SCRIPT), "in.parquet", target, *options]
    return subprocess.Popen(command, cwd=root, env=environment(root))


def run(root: Path, target: str, *options: str) -> int:
    """Run to the end; return the most memory that it had, in bytes."""
    process = begin(root, target, *options)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


def parts(folder: Path) -> int:
    return len([*folder.glob("part-*.parquet")])


def kill_some_time_after_a_part(root: Path, target: str, chance: random.Random) -> int:
    """Return how many parts were done when it was killed."""
    before = parts(root / target)
    with begin(root, target) as process:
        while parts(root / target) == before and process.poll() is None:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, LONGEST_WAIT_SECONDS))
        process.send_signal(signal.SIGKILL)
    return parts(root / target)


def test_a_run_that_was_killed_ends_as_one_that_was_not(root: Path) -> None:
    peak_bytes = run(root, "whole")
    chance = random.Random(5)  # noqa: S311  any moments do
    done = [kill_some_time_after_a_part(root, "killed", chance) for _ in range(N_KILLS)]
    peak_bytes = max(peak_bytes, run(root, "killed"))

    said = f"{N_ROWS:,} rows, killed after {done} parts, at most {peak_bytes / 2**20:.0f} MiB\n"
    sys.stdout.write(said)
    assert peak_bytes < MOST_BYTES
    assert n_rows_equal(root / "whole", root / "killed") == N_ROWS


@pytest.mark.skipif("BATCH_ROWS" not in os.environ, reason="slow: BATCH_ROWS=200000 asks for it")
def test_ray_goes_on_where_a_killed_run_of_this_machine_was(root: Path) -> None:
    run(root, "here")
    kill_some_time_after_a_part(root, "there", random.Random(6))  # noqa: S311  any moment does

    run(root, "there", "--engine", "ray")

    assert n_rows_equal(root / "here", root / "there") == N_ROWS


def n_rows_equal(whole: Path, killed: Path) -> int:
    """Return how many rows both have, answered or rejected, and pass when they are the same."""
    files = sorted(it.relative_to(whole) for it in whole.rglob("*.parquet"))
    assert files == sorted(it.relative_to(killed) for it in killed.rglob("*.parquet"))
    assert not [*killed.rglob(".*")]
    n_rows = 0
    for file in files:
        tables = [parquet.read_table(it / file) for it in (whole, killed)]
        left, right = (
            it.drop_columns([name for name in it.column_names if name == "scored_at"])
            for it in tables
        )
        assert left.equals(right)
        n_rows += left.num_rows
    return n_rows
