from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BodyMalformedError, InputInvalidError
from app.gate.v2.binary import pack_numbers, pack_texts, unpack_numbers, unpack_texts
from app.gate.v2.datatypes import BOOL, NUMERIC

TEXTS = st.lists(st.text())


@given(TEXTS)
def test_texts_come_back_as_they_went(texts: list[str]) -> None:
    section = memoryview(pack_texts(texts))

    assert unpack_texts(section, len(texts), "x") == texts


@given(st.binary(max_size=40), st.integers(1, 12))
def test_any_bytes_are_texts_or_refused(section: bytes, count: int) -> None:
    try:
        texts = unpack_texts(memoryview(section), count, "x")
    except BodyMalformedError:
        return
    assert pack_texts([text or "" for text in texts]) == section


@pytest.mark.parametrize("datatype", sorted(NUMERIC))
def test_numbers_come_back_as_they_went(datatype: str) -> None:
    values = np.array([[0, 1], [1, 1]])

    section = memoryview(pack_numbers(values, datatype))

    assert len(section) == 4 * NUMERIC[datatype].dtype.itemsize
    found = unpack_numbers(section, 4, datatype, "x")
    assert found.dtype == np.float64
    assert found.tolist() == [0, 1, 1, 1]
    found[0] = 7  # the gaps are filled in place
    with pytest.raises(BodyMalformedError, match=r"are .* bytes, not"):
        unpack_numbers(section, 3, datatype, "x")


def test_any_nan_is_read_without_a_warning() -> None:
    signalling = np.array([0x7FA00001], "<u4").tobytes()

    assert np.isnan(unpack_numbers(memoryview(signalling), 1, "FP32", "x")).all()


def test_a_truth_value_is_a_byte_of_0_or_1() -> None:
    with pytest.raises(InputInvalidError, match="byte of 0 or 1"):
        unpack_numbers(memoryview(b"\0\xff"), 2, BOOL, "x")
