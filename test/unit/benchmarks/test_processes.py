from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.processes import NotUpError, Started, idle_seconds, started, tagged_cpu_seconds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
BUSY = "import time\nwhile time.process_time() < 0.3: pass"
AND_WAIT = "print('done', flush=True); time.sleep(60)"


@contextmanager
def running(code: str, folder: Path) -> Iterator[Started]:
    command = [sys.executable, "-c", code]
    said = folder / "said.log"
    with started(command, environment=os.environ, cwd=folder, said=said) as found:
        yield found


def has_said(one: Started, words: str) -> bool:
    return words in one.said.read_text()


def test_cpu_time_of_children_counts_when_they_have_ended_too(tmp_path: Path) -> None:
    child = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {BUSY!r}])"

    with running(f"{child}; {AND_WAIT}", tmp_path) as one:
        one.wait_until(lambda: has_said(one, "done"), at_most=60.0)

        assert one.cpu_seconds() >= 0.29


def test_what_a_server_has_started_counts_and_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.processes._TERM_SECONDS", 0.2)  # until it is killed
    child = f"{BUSY}\n{AND_WAIT}"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])"
    with running(f"{code}; import time; time.sleep(60)", tmp_path) as one:
        one.wait_until(lambda: has_said(one, "done"), at_most=60.0)
        used = one.cpu_seconds()

    assert used >= 0.29
    assert tagged_cpu_seconds(one.tag) == 0


def test_a_server_that_ends_tells_its_last_words(tmp_path: Path) -> None:
    with (
        running("raise SystemExit('no such model')", tmp_path) as one,
        pytest.raises(NotUpError, match="no such model"),
    ):
        one.wait_until(lambda: False, at_most=60.0)


def test_memory_and_the_busiest_process_are_those_of_the_server(tmp_path: Path) -> None:
    with running(
        "import time; held = bytearray(2**25); print('done', flush=True); time.sleep(60)", tmp_path
    ) as one:
        one.wait_until(lambda: has_said(one, "done"), at_most=60.0)

        assert one.pss_mib() > 32
        assert one.busiest() == one.process.pid


def test_a_server_that_does_nothing_is_quiet(tmp_path: Path) -> None:
    with running("print('done', flush=True); import time; time.sleep(60)", tmp_path) as one:
        one.wait_until(lambda: has_said(one, "done"), at_most=60.0)

        assert one.cpu_seconds_when_quiet() <= one.cpu_seconds()


def test_cores_have_been_idle_since_the_machine_was_started() -> None:
    allowed = sorted(os.sched_getaffinity(0))

    assert 0 < idle_seconds(allowed[:1]) <= idle_seconds(allowed)
