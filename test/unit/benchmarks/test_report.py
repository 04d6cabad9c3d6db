from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.report import FIRST_TOKEN, Slice, server_timing, step_medians, tables

A_SLICE = Slice(
    server="granian",
    case="cache hit",
    connections=1,
    requests_per_second=1900.0,
    answers_per_cpu_second=2000.0,
    p50_ms=0.5,
    p99_ms=1.25,
    errors=0,
    core_share=0.95,
    load_share=0.1,
    steps_us={FIRST_TOKEN: 100.0, "token": 12.0, "model": 88.0},
)


def a_head(timing: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nX-Cache: hit\r\nserver-timing: {timing}".encode()


def test_durations_are_microseconds_in_the_order_of_the_header() -> None:
    found = server_timing(a_head("token;dur=0.0125, limit;dur=1.5"))

    assert list(found) == ["token", "limit"]
    assert found == pytest.approx({"token": 12.5, "limit": 1500.0})


def test_other_parameters_and_metrics_without_a_duration_do_no_harm() -> None:
    found = server_timing(a_head('edge, miss;desc="not here", db;desc="a";dur="2"'))

    assert found == pytest.approx({"db": 2000.0})


def test_an_answer_without_the_header_has_no_steps() -> None:
    assert server_timing(b"HTTP/1.1 200 OK\r\nContent-Length: 0") == {}


def test_steps_are_medians_over_the_answers() -> None:
    found = step_medians([a_head(f"model;dur={span}") for span in (0.1, 0.2, 9.0)])

    assert found == pytest.approx({"model": 200.0})


def test_the_rest_is_what_the_steps_leave_of_the_cpu_time() -> None:
    last = tables([A_SLICE]).splitlines()[-1]

    cells = [cell.strip() for cell in last.strip("|").split("|")]
    assert cells == ["granian", "cache hit", "100.0", "12.0", "88.0", "400", "500"]


def test_figures_are_medians_and_errors_are_sums() -> None:
    slices = [
        replace(A_SLICE, answers_per_cpu_second=rate, errors=errors)
        for rate, errors in ((1000.0, 2), (2000.0, 0), (9000.0, 1))
    ]

    row = tables(slices).splitlines()[2]

    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["granian", "cache hit", "1", "1900", "2000", "100", "0.50", "1.25", "3"]


def test_a_server_that_never_answered_still_has_its_rows() -> None:
    nothing = replace(A_SLICE, answers_per_cpu_second=0.0, errors=16, steps_us={})

    shown = tables([nothing, nothing])

    assert "| 32 |" in " ".join(shown.split())
    assert "nan" in shown
