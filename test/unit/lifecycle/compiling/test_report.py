from __future__ import annotations

from app.lifecycle.compiling.report import report
from test.builders import a_contract

TIMING = {"one_row_us": 281.2, "thousand_rows_us": 1_960.4}
LINEAR = {
    "engine": "linear",
    "file": "linear.npz",
    "size_bytes": 9,
    "sha256": "0" * 64,
    "parity": {"rows": 3_242, "largest_difference": 1.1e-16},
    "timing": {"one_row_us": 3.4, "thousand_rows_us": 17.3},
}


def test_each_engine_is_told_with_its_comparison_and_its_speed() -> None:
    contract = a_contract(
        compiled=[LINEAR], not_compiled={"onnx": "3 answers differ"}, reference_timing=TIMING
    )

    assert list(report(contract)) == [
        (
            "engine linear: agrees on 3,242 rows, furthest off by 1.1e-16; "
            "3 us for a row, 17 for 1,000"
        ),
        "engine sklearn: 281 us for a row, 1,960 for 1,000",
    ]


def test_where_nothing_was_compiled_each_reason_is_told() -> None:
    reasons = {"linear": "a SVC is no linear model", "onnx": "3 of 4000 answers differ"}

    assert list(report(a_contract(not_compiled=reasons))) == [
        "not compiled for linear: a SVC is no linear model",
        "not compiled for onnx: 3 of 4000 answers differ",
    ]


def test_a_reason_that_all_share_is_told_once() -> None:
    reasons = dict.fromkeys(["linear", "forest", "onnx"], "it answers several targets at once")

    assert list(report(a_contract(not_compiled=reasons))) == [
        "not compiled: it answers several targets at once"
    ]
