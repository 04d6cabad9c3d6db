from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.server import tree_cpu_seconds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True); input()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}], check=True)"


def test_cpu_time_of_children_counts() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()

        found = tree_cpu_seconds(process.pid)

        process.communicate(b"\n")
    assert found >= 0.29


def test_a_process_that_is_gone_has_used_nothing() -> None:
    process = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )

    assert tree_cpu_seconds(int(process.stdout)) == 0
