"""Arrays out of verified bytes: numbers and short text, never objects."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from app.errors import ModelRejectedError

Arrays = Mapping[str, npt.NDArray[Any]]


def read_arrays(payload: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays in an ``.npz`` whose bytes the caller has compared with a contract.

    Raises:
        ModelRejectedError: it is none, is compressed (so that nothing inflates), or holds objects.
    """
    try:
        with zipfile.ZipFile(BytesIO(payload)) as archive:
            is_plain = all(it.compress_type == zipfile.ZIP_STORED for it in archive.infolist())
        with np.load(BytesIO(payload), allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files} if is_plain else {}
    except Exception as error:
        message = f"the arrays cannot be read: {type(error).__name__}: {error}"
        raise ModelRejectedError(message) from error
    if not is_plain:
        raise ModelRejectedError("the arrays are compressed")
    return arrays
