"""Files that are damaged, endless or made to grow: one clean refusal, whatever the bytes are."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.adapters.joblib_models import unpickle
from app.adapters.pickles import scan as pickle_scan
from app.adapters.pickles.names import Names
from app.errors import ModelRejectedError
from test.adapters.pickle_assembler import (
    ESTIMATOR,
    called,
    dumped,
    group,
    instance,
    mapping,
    named,
    raw,
    text,
)

LISTED = Names()
ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 2.0]])
MODEL = make_pipeline(StandardScaler(), LinearRegression()).fit(ROWS, ROWS @ [2.0, 1.0])
HONEST = dumped([MODEL, np.array([1, "a"], dtype=object)])

PACKERS = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


@given(payload=st.binary(max_size=200))
@pytest.mark.parametrize("prefix", [b"", b"\x80\x05", b"(", b"x\x9c", b"cnumpy\n"])
def test_any_bytes_pass_or_are_refused(prefix: bytes, payload: bytes) -> None:
    passes_or_is_refused(prefix + payload)


@given(data=st.data())
def test_a_model_with_changed_bytes_passes_or_is_refused(data: st.DataObject) -> None:
    payload = bytearray(HONEST)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(payload) - 1))
        payload[place] = data.draw(st.integers(0, 255))

    passes_or_is_refused(bytes(payload))


@given(cut=st.integers(0, len(HONEST) - 1), again=st.integers(0, len(HONEST)))
def test_a_model_in_pieces_is_refused(cut: int, again: int) -> None:
    passes_or_is_refused(HONEST[:cut] + HONEST[again:])
    with pytest.raises(ModelRejectedError):
        unpickle(HONEST[:cut], LISTED)


def passes_or_is_refused(payload: bytes) -> None:
    refusal = ""
    try:
        unpickle(payload, LISTED)
    except ModelRejectedError as error:
        refusal = str(error)
    assert len(refusal) < 1_000
    assert refusal.isprintable()


def test_what_its_own_class_refuses_is_refused() -> None:
    without_arguments = called(named("sklearn.tree._tree", "Tree")) + b"."

    with pytest.raises(ModelRejectedError, match="cannot be loaded by joblib: TypeError"):
        unpickle(without_arguments, LISTED)


def test_a_warning_of_the_library_goes_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    version = mapping(_sklearn_version=text("0.1"))

    unpickle(instance(*ESTIMATOR) + version + b"b.", LISTED)

    (record,) = caplog.records
    assert record.message == "model loaded with a warning"
    assert "from version 0.1 when using version" in vars(record)["warning"]


@pytest.mark.parametrize("more", [b"\0", b".", HONEST], ids=["a byte", "STOP", "another model"])
@pytest.mark.parametrize("compress", [0, "zlib", "gzip", "bz2", "lzma", "xz"])
def test_a_model_with_more_after_its_end_is_refused(compress: Any, more: bytes) -> None:
    with pytest.raises(ModelRejectedError, match=r"more after|LZMAError|ends too early"):
        unpickle(dumped(MODEL, compress=compress) + more, LISTED)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_grows_beyond_all_measure_is_refused(pack: Any) -> None:
    bomb = pack(bytes(65 << 20))

    with pytest.raises(ModelRejectedError, match="grows to over 67,108,864 bytes"):
        unpickle(bomb, LISTED)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_is_packed_twice_is_refused(pack: Any) -> None:
    with pytest.raises(ModelRejectedError, match=r"the instruction 0x|cannot be loaded"):
        unpickle(pack(pack(HONEST)), LISTED)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_is_packed_and_cut_is_refused(pack: Any) -> None:
    with pytest.raises(ModelRejectedError, match="ends too early"):
        unpickle(pack(HONEST)[:-20], LISTED)


@pytest.mark.parametrize("mark", [b"ZF0x20", b"\x04\x22\x4d\x18"], ids=["old joblib", "lz4"])
def test_a_packing_that_is_not_read_is_named(mark: bytes) -> None:
    with pytest.raises(ModelRejectedError, match="old joblib or compressed with lz4"):
        unpickle(mark + HONEST, LISTED)


@pytest.mark.parametrize(
    "stream",
    [
        b"\x96" + struct.pack("<Q", 1 << 62) + b".",
        b"\x8e" + struct.pack("<Q", 1 << 62) + b".",
        b"\x8d" + struct.pack("<Q", 1 << 62) + b".",
        b"\x95" + struct.pack("<Q", 1 << 62) + b"N.",
        b"B\xff\xff\xff\xff.",
        b"\x8b\xff\xff\xff\x7f.",
        b"L" + b"9" * 5_000 + b"L\n.",
        b"I" + b"9" * 5_000 + b"\n.",
    ],
    ids=["BYTEARRAY8", "BINBYTES8", "BINUNICODE8", "FRAME", "BINBYTES", "LONG4", "LONG", "INT"],
)
def test_a_length_that_nobody_has_is_no_reason_to_make_room(stream: bytes) -> None:
    with pytest.raises(ModelRejectedError):
        unpickle(stream + b"\xff", LISTED)


BUSY = {
    "marks": b"(" * 2_000,
    "lists": b"]" * 2_000,
    "sets": b"\x8f" * 400,
    "one state for many": (
        mapping(**{f"a{n}": b"N" for n in range(100)})
        + b"p1\n0"
        + (instance("sklearn.base", "BaseEstimator") + b"g1\nb0") * 20
    ),
    "one text for many": (
        raw(bytes(20_000))
        + b"p1\n0"
        + (called(named("builtins", "bytearray"), b"g1\n") + b"0") * 20
    ),
    "one array for many trees": (
        called(
            named("numpy._core.numeric", "_frombuffer"),
            raw(bytes(8_000)),
            called(named("numpy", "dtype"), b"X\x02\0\0\0u1", b"\x89", b"\x88"),
            group(b"M\x40\x1f"),
            b"X\x01\0\0\0C",
        )
        + b"p1\n0"
        + (called(named("sklearn.tree._tree", "Tree"), b"g1\n") + b"0") * 20
    ),
}


@pytest.mark.parametrize("stream", BUSY.values(), ids=BUSY)
def test_work_beyond_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch, stream: bytes) -> None:
    monkeypatch.setattr(pickle_scan, "MOST_STEPS", 1_500)

    with pytest.raises(ModelRejectedError, match="instructions, or copies"):
        unpickle(stream + b"N.", LISTED)
