"""Streams that use listed names in ways that no pickler does, each with what is said of it."""

from __future__ import annotations

from test.adapters.hostile_arrays import ARRAYS, DATA_TYPES
from test.adapters.pickle_assembler import (
    ESTIMATOR,
    called,
    group,
    instance,
    mapping,
    named,
    named_from_stack,
    number,
    raw,
    text,
)

MEAN = named("numpy", "mean")
CHECK = named("sklearn.utils.validation", "check_array")
MODEL = instance(*ESTIMATOR)


def random_by(maker: str, *arguments: bytes) -> bytes:
    return called(named("numpy.random._pickle", maker), *arguments)


OTHER_INSTRUCTIONS = {
    "INST": b"(i" + b"\n".join(part.encode() for part in ESTIMATOR) + b"\n.",
    "OBJ": b"(" + named(*ESTIMATOR) + b"o.",
    "NEWOBJ_EX": named(*ESTIMATOR) + b")}\x92.",
    "EXT1": b"\x82\x01.",
    "EXT2": b"\x83\x01\x00.",
    "EXT4": b"\x84\x01\x00\x00\x00.",
    "PERSID": b"Psomewhere\n.",
    "BINPERSID": text("somewhere") + b"Q.",
    "NEXT_BUFFER": b"\x97.",
    "READONLY_BUFFER": raw(b"a") + b"\x98.",
    "STRING": b"S'of Python 2'\n.",
    "SHORT_BINSTRING": b"U\x01a.",
    "DUP": b"N2.",
    "none at all": b"\xff.",
}

CALLS = {
    "a class, which would run its __init__": (called(named(*ESTIMATOR)), "name but not call"),
    "a listed function": (called(MEAN, group(number(1))), "name but not call"),
    "a builtin type": (called(named("builtins", "list")), "name but not call"),
    "what a call gave": (called(called(named("builtins", "slice"), b"N"), b"N"), "without a name"),
    "an instance": (called(MODEL), "without a name"),
    "a text": (called(text("os.system")), "without a name"),
    "arguments in a list": (MEAN + b"]R", "a call without arguments"),
    "a base of another class": (
        called(named("copyreg", "_reconstructor"), named(*ESTIMATOR), MEAN, b"N"),
        "not its own",
    ),
    "a dictionary for a base": (
        called(
            named("copyreg", "_reconstructor"), named(*ESTIMATOR), named("builtins", "dict"), b"}"
        ),
        "not its own",
    ),
    "any class as a source of random numbers": (
        random_by("__bit_generator_ctor", named(*ESTIMATOR)),
        "source of random numbers",
    ),
    "any function as the maker of that source": (
        random_by("__generator_ctor", text("MT19937"), MEAN),
        "without their source",
    ),
    "another encoding": (
        called(named("_codecs", "encode"), text("a"), text("rot13")),
        "other than Latin-1",
    ),
    "room for a terabyte": (
        called(named("builtins", "bytearray"), b"\x8a\x06" + (1 << 40).to_bytes(6, "little")),
        "made of something else",
    ),
    "a partial of any function": (
        called(named("functools", "partial"), MEAN),
        "something else than check_array",
    ),
    "a set of lists": (called(named("builtins", "set"), b"](]e"), "no plain value"),
    "a complex number of an instance": (
        called(named("builtins", "complex"), MODEL),
        "made of something else",
    ),
    "a deque of much": (
        called(named("collections", "deque"), group(number(1)), b"N"),
        "made of something else",
    ),
}

INSTANCES = {
    "of a function": (MEAN + b")\x81", "no class"),
    "of a text": (text("os") + b")\x81", "no class"),
    "with arguments": (named(*ESTIMATOR) + group(number(1)) + b"\x81", "made in another way"),
    "of a compiled class": (instance("sklearn.tree._tree", "Tree"), "made in another way"),
    "of a builtin": (instance("builtins", "bytearray"), "made in another way"),
}

STATES = {
    "of a class, which would change it for all": (
        named(*ESTIMATOR) + mapping(predict=MEAN) + b"b",
        "for something that has one",
    ),
    "of a function": (MEAN + mapping(a=b"N") + b"b", "for something that has one"),
    "of a list": (b"]" + mapping(a=b"N") + b"b", "for something that has one"),
    "a second time": (MODEL + mapping(a=b"N") + b"b" + mapping(b=b"N") + b"b", "that has one"),
    "with a method to call next": (MODEL + mapping(__setstate__=MEAN) + b"b", "set of attributes"),
    "with slots": (MODEL + b"N" + mapping(a=b"N") + b"\x86b", "set of attributes"),
    "with keys that are no names": (
        MODEL + b"(" + number(1) + b"N" + b"d" + b"b",
        "set of attributes",
    ),
    "that gives a partial another function": (
        called(named("functools", "partial"), CHECK) + group(MEAN, b")", b"}", b"N") + b"b",
        "set of attributes",
    ),
    "that is an instance": (MODEL + MODEL + b"b", "set of attributes"),
    "of a compiled object, in a text": (
        called(named("sklearn._loss._loss", "CyHalfSquaredError")) + text("a" * 9) + b"b",
        "set of attributes",
    ),
}

ITEMS = {
    "into a class": (named(*ESTIMATOR) + b"(" + text("a") + b"Nu", "takes none"),
    "into an instance that is no dictionary": (MODEL + b"(" + text("a") + b"Nu", "takes none"),
    "onto an instance with its own extend": (
        MODEL + mapping(extend=MEAN) + b"b(Ne",
        "takes none",
    ),
    "onto a text": (text("a") + b"(Ne", "takes none"),
    "onto a function": (MEAN + b"Na", "takes none"),
    "into an instance that is no set": (MODEL + b"(N\x90", "takes none"),
    "under a list": (b"}" + b"]Ns", "no plain value"),
    "under nested groups": (b"}" + b")" + b"\x85" * 200_000 + b"Ns", "no plain value"),
    "under huge numbers, of one hash": (
        b"}\x8a\x09" + (2**61 - 1 << 8).to_bytes(9, "little") + b"Ns",
        "no plain value",
    ),
    "under an instance": (b"}" + MODEL + b"Ns", "no plain value"),
    "in a frozen set, a list": (b"(]\x91", "no plain value"),
}

MEMORIES = {
    "a name in two halves": (
        text("os") + b"p0\n0" + text("system") + b"p1\n0g0\ng1\n\x93",
        r"names os\.system",
    ),
    "a name of no text": (raw(b"os") + raw(b"system") + b"\x93", "STACK_GLOBAL requires str"),
    "a name that a call gives": (
        called(named("_codecs", "encode"), text("os"), text("latin1")) + text("system") + b"\x93",
        "STACK_GLOBAL requires str",
    ),
    "a name with a line break": (named_from_stack("os\nsystem", "x"), r"names os\\nsystem\.x"),
    "a name without end": (named_from_stack("a" * 10**6, "b"), "names a{120},"),
    "what was never remembered": (b"h\x09", "Memo value not found"),
    "under a number of a thousand digits": (b"Np" + b"9" * 1_000 + b"\n", "unlikely number"),
    "under a number below nothing": (b"Np-1\n", "unlikely number"),
    "in an empty stack": (b"q\x00", "IndexError"),
}

STREAMS = {
    f"{kind}: {name}": (stream + b".", said)
    for kind, streams in {
        "a call of": CALLS,
        "an instance": INSTANCES,
        "a state": STATES,
        "items": ITEMS,
        "a data type:": DATA_TYPES,
        "an array": ARRAYS,
        "memory:": MEMORIES,
    }.items()
    for name, (stream, said) in streams.items()
}
STREAMS |= {
    f"the instruction {name}": (stream, "the instruction 0x")
    for name, stream in OTHER_INSTRUCTIONS.items()
}
