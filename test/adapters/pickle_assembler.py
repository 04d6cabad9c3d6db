"""Writes pickles instruction by instruction, as no pickler would."""

from __future__ import annotations

import io
import struct
from typing import Any

import joblib

STOP = b"."
ESTIMATOR = ("sklearn.linear_model._logistic", "LogisticRegression")


def text(value: str) -> bytes:
    content = value.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def raw(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def named_from_stack(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


def group(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def called(function: bytes, *arguments: bytes) -> bytes:
    return function + group(*arguments) + b"R"


def mapping(**values: bytes) -> bytes:
    return b"(" + b"".join(text(key) + value for key, value in values.items()) + b"d"


def instance(module: str, name: str) -> bytes:
    return named(module, name) + b")\x81"


def data_type(code: str, state: bytes = b"") -> bytes:
    return called(named("numpy", "dtype"), text(code), b"\x89", b"\x88") + state


def array(kind: bytes, shape: bytes, content: bytes, **more: bytes) -> bytes:
    """An array as joblib writes it, without alignment: the wrapper, then the raw bytes."""
    said = {
        "subclass": named("numpy", "ndarray"),
        "shape": shape,
        "order": text("C"),
        "dtype": kind,
        "allow_mmap": b"\x89",
    }
    wrapper = instance("joblib.numpy_pickle", "NumpyArrayWrapper")
    return wrapper + mapping(**(said | more)) + b"b" + content


def dumped(value: Any, *, protocol: int = 5, compress: Any = 0) -> bytes:
    """What joblib writes for *value*."""
    file = io.BytesIO()
    joblib.dump(value, file, protocol=protocol, compress=compress)
    return file.getvalue()


class Runs:
    """Runs *code* in whoever unpickles it."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> Any:
        return exec, (self.code,)
