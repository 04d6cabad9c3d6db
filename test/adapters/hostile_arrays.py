"""Arrays and their types as no NumPy writes them, each with what is said of it.

Raw bytes that NumPy takes for the addresses of objects are as good as code.
"""

from __future__ import annotations

import struct

from test.adapters.pickle_assembler import (
    ESTIMATOR,
    array,
    called,
    data_type,
    group,
    instance,
    named,
    number,
    raw,
    text,
)

MEAN = named("numpy", "mean")
MODEL = instance(*ESTIMATOR)
OBJECTS = data_type("O8")
FLOATS = data_type("f8")
NAMELESS = b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"


def state_of(order: str, rest: bytes) -> bytes:
    return group(number(3), text(order), rest) + b"b"


def content(kind: bytes, what: bytes, *shape: int) -> bytes:
    """A plain array that is filled by its state."""
    numpy = named("numpy._core.multiarray", "_reconstruct")
    empty = called(numpy, named("numpy", "ndarray"), group(number(0)), raw(b"b"))
    return empty + group(number(1), group(*map(number, shape)), kind, b"\x89", what) + b"b"


DATA_TYPES = {
    "objects without their flag": (
        data_type("O8", state_of("|", NAMELESS + number(0))),
        "lies about itself",
    ),
    "numbers with the flag of objects": (
        data_type("f8", state_of("<", NAMELESS + number(63))),
        "lies about itself",
    ),
    "objects inside of raw bytes": (
        data_type(
            "V8",
            state_of(
                "|",
                b"N"
                + group(text("a"))
                + b"("
                + text("a")
                + OBJECTS
                + number(0)
                + b"\x86d"
                + number(8)
                + number(1)
                + number(0),
            ),
        ),
        "lies about itself",
    ),
    "a shape of its own": (
        data_type("V8", state_of("|", group(FLOATS, group(number(1))) + b"NN" + number(8) * 3)),
        "unknown form",
    ),
    "changed after its use": (
        b"0".join((FLOATS + b"p7\n", array(b"g7\n", group(number(0)), b"")))
        + b"0g7\n"
        + state_of("<", NAMELESS + number(0)),
        "that changes",
    ),
    "changed twice": (
        FLOATS + state_of("<", NAMELESS + number(0)) * 2,
        "that changes",
    ),
    "a text that is none": (data_type("f8,O8"), "that is none"),
    "from a class": (
        called(named("numpy", "dtype"), named(*ESTIMATOR), b"\x89", b"\x88"),
        "made in another way",
    ),
}


def masked(*state: bytes) -> bytes:
    """A masked array that is filled by *state*."""
    ndarray, kind = named("numpy", "ndarray"), named("numpy.ma", "MaskedArray")
    maker = named("numpy.ma.core", "_mareconstruct")
    return called(maker, kind, ndarray, group(number(0)), text("b")) + group(*state) + b"b"


ONE_FLOAT = (number(1), group(number(1)), FLOATS, b"\x89", raw(bytes(8)))
ARRAYS = {
    "with a mask and no value to fill in": (masked(*ONE_FLOAT, raw(b"\0")), "of an unknown form"),
    "with a mask of another length": (masked(*ONE_FLOAT, raw(b"\0\0"), b"N"), "mask does not fit"),
    "with a mask and half a number": (
        masked(*ONE_FLOAT[:4], raw(bytes(4)), raw(b"\0"), b"N"),
        "does not fit its shape",
    ),
    "with a mask, of another class": (
        called(named("numpy.ma.core", "_mareconstruct"), MODEL, MODEL, b")", text("b")),
        "a masked array of another class",
    ),
    "that is empty, of another class": (
        called(named("numpy._core.multiarray", "_reconstruct"), named(*ESTIMATOR), b")", raw(b"b")),
        "an array of another class",
    ),
    "with a method of its own": (
        array(FLOATS, group(number(0)), b"", read=MEAN),
        "joblib did not write",
    ),
    "of another class": (
        array(FLOATS, group(number(0)), b"", subclass=named(*ESTIMATOR)),
        "joblib did not write",
    ),
    "of no type": (array(text("f8"), group(number(0)), b""), "joblib did not write"),
    "in another order": (array(FLOATS, group(number(0)), b"", order=text("K")), "did not write"),
    "with a shape below nothing": (array(FLOATS, group(number(-8)), b""), "shape is none"),
    "with a shape of texts": (array(FLOATS, group(text("1")), b""), "shape is none"),
    "longer than the file": (array(FLOATS, group(number(2)), bytes(9)), "longer than the file"),
    "much longer than memory": (
        array(FLOATS, group(*[number(2**30)] * 9), bytes(9)),
        "longer than the file",
    ),
    "of nothing, without end": (
        array(data_type("V0"), group(number(2**30)), b""),
        "longer than the file",
    ),
    "of objects, but a model": (
        array(OBJECTS, group(number(1)), MODEL + b"."),
        "an array of objects that is none",
    ),
    "of objects, with an array as joblib writes it": (
        array(OBJECTS, group(number(1)), array(FLOATS, group(number(0)), b"") + b"."),
        "joblib did not write",
    ),
    "of objects, with more after its end": (
        array(OBJECTS, group(number(0)), b"\x95" + struct.pack("<Q", 3) + b"N.N"),
        "more after its end",
    ),
    "of objects from raw bytes": (content(OBJECTS, raw(bytes(8)), 1), "does not fit its shape"),
    "of more than its bytes": (content(FLOATS, raw(bytes(8)), 2), "does not fit its shape"),
    "of more than its objects": (content(OBJECTS, b"]", 2), "does not fit its shape"),
    "over bytes, of objects": (
        called(named("numpy._core.numeric", "_frombuffer"), raw(bytes(8)), OBJECTS,
               group(number(1)), text("C")),
        "does not fit its shape",
    ),
    "as one number, of objects": (
        called(named("numpy._core.multiarray", "scalar"), OBJECTS, raw(bytes(8))),
        "do not fit its type",
    ),
    "as one number, too short": (
        called(named("numpy._core.multiarray", "scalar"), FLOATS, raw(bytes(4))),
        "do not fit its type",
    ),
}  # fmt: skip
