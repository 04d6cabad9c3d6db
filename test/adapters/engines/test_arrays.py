from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from app.adapters.engines.arrays import read_arrays
from app.errors import ModelRejectedError


def stored(write: Callable[..., Any] = np.savez, **arrays: Any) -> bytes:
    buffer = BytesIO()
    write(buffer, **arrays)
    return buffer.getvalue()


def test_arrays_come_back_as_they_were_stored() -> None:
    coef, link = np.array([[1.0, -0.0], [np.inf, 5e-324]]), np.array("softmax")

    found = read_arrays(stored(coef=coef, link=link))

    assert found["coef"].tobytes() == coef.tobytes()
    assert found["link"] == "softmax"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"", "cannot be read", id="empty"),
        pytest.param(b"PK\x03\x04 no archive", "cannot be read", id="no archive"),
        pytest.param(stored(a=np.zeros(9))[:-30], "cannot be read", id="cut off"),
        pytest.param(
            stored(a=np.array([object()])), "Object arrays cannot be loaded", id="objects"
        ),
        pytest.param(
            stored(np.savez_compressed, a=np.zeros(10**6)), "are compressed", id="compressed"
        ),
    ],
)
def test_what_is_no_plain_archive_of_arrays_is_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(ModelRejectedError, match=reason):
        read_arrays(payload)
