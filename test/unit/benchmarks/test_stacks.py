from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.flames import flames
from benchmarks.stacks import folded, library_shares, shares, tidy

LINES = [
    "0x7f1 (libc.so.6);run (threading.py:9);answer (app/gate/answer.py:46);predict (base.py:3) 6",
    "0x7f1 (granian/_granian.so);0x7f2 (granian/_granian.so);answer (app/gate/answer.py:51) 3",
    "0x7f1 (granian/_granian.so) 1",
    "py-spy was late",
]


def test_lines_that_hold_no_stack_are_passed_over() -> None:
    assert sum(folded(LINES).values()) == 10


def test_stacks_lose_lines_addresses_repeats_and_what_starts_a_thread() -> None:
    assert tidy(folded(LINES)) == Counter(
        {
            ("answer (app/gate/answer.py)", "predict (base.py)"): 6,
            ("(granian/_granian.so)", "answer (app/gate/answer.py)"): 3,
            ("(granian/_granian.so)",): 1,
        }
    )


def test_time_belongs_to_the_innermost_function_of_the_project() -> None:
    found = shares(tidy(folded(LINES)))

    assert found == pytest.approx({"answer (app/gate/answer.py)": 0.9, "granian/_granian.so": 0.1})


def test_a_flame_graph_names_its_frames_and_leaves_out_what_nobody_could_see() -> None:
    stacks = Counter({("main (app/serve.py)", "work <b> (x.py)"): 9_999, ("rare (x.py)",): 1})

    svg = flames("Time", stacks)

    assert "<title>work &lt;b&gt; (x.py): 9999</title>" in svg
    assert "rare" not in svg


def test_shares_of_libraries_are_read_from_perf() -> None:
    report = (
        "# Overhead  Shared Object\n#\n    56.35%  libpython3.11.so.1.0     \n  1.20%  [vdso]\n"
    )

    found = dict(library_shares(report))

    assert found == pytest.approx({"libpython3.11.so.1.0": 0.5635, "[vdso]": 0.012})
