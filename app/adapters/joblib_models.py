"""The one door for unpickling.

A joblib file may run whatever code it names. Three fences stand here: the caller compares size and
SHA-256 of the very bytes with the contract, ``pickle_scan`` reads them to their end without making
anything, and the unpickler itself finds no name that is not on the server's list.
"""

from __future__ import annotations

import logging
import warnings
from io import BytesIO
from typing import Any

from joblib.numpy_pickle import NumpyUnpickler

from app.adapters.pickles.compression import plain
from app.adapters.pickles.names import Names, shown
from app.adapters.pickles.scan import scan
from app.errors import ModelRejectedError

log = logging.getLogger("gatehouse.models")


def unpickle(payload: bytes, names: Names) -> Any:
    """Return the object in *payload*, whose bytes the caller has compared with a contract.

    The whole file is scanned before anything in it is made, and the names are held to the list
    once more while it is.

    Raises:
        ModelRejectedError: the bytes are no joblib file, name or do what is not listed, or lack
            a library.
    """
    content = plain(payload)
    scan(content, names)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            estimator = _Unpickler(content, names).load()
    except ModelRejectedError:
        raise
    except Exception as error:
        message = f"the file cannot be loaded by joblib: {type(error).__name__}: {shown(error)}"
        raise ModelRejectedError(message) from error
    for warning in said:
        log.warning("model loaded with a warning", extra={"warning": str(warning.message)})
    return estimator


class _Unpickler(NumpyUnpickler):  # type: ignore[misc]
    """joblib's own unpickler, which also opens arrays of objects with this ``find_class``."""

    def __init__(self, content: bytes, names: Names) -> None:
        super().__init__("", BytesIO(content), ensure_native_byte_order=True)
        self._names = names

    def find_class(self, module: str, name: str) -> Any:
        """Return what is listed under this name."""
        return self._names.find(module, name).target
