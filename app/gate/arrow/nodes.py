"""FlatBuffers to be written, from the leaves to the root. ``tables.py`` tells the layout."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_UNIT: Final = 8  # bytes; every scalar stands at a multiple of its size


@dataclass(frozen=True, slots=True)
class Node:
    """Something written: its bytes, a multiple of 8, and at which of them a reference points."""

    data: bytes
    entry: int = 0


def scalar(code: str, value: int) -> bytes:
    """Return *value* as a field; ``struct`` calls it *code*."""
    return struct.pack(f"<{code}", value)


def table(*slots: bytes | Node | None) -> Node:
    """Return a table of scalars, of references, and of None for fields left out."""
    places = [0 if slot is None else _UNIT * (1 + at) for at, slot in enumerate(slots)]
    sizes = 4 + 2 * len(slots), _UNIT * (1 + len(slots))
    vtable = padded(struct.pack(f"<{2 + len(slots)}H", *sizes, *places))
    inline = [padded(struct.pack("<i", len(vtable)))]
    after = len(vtable) + sizes[1]
    children = []
    for place, slot in zip(places, slots, strict=True):
        if isinstance(slot, Node):
            inline.append(padded(struct.pack("<I", after + slot.entry - len(vtable) - place)))
            children.append(slot.data)
            after += len(slot.data)
        else:
            inline.append(padded(slot or bytes(_UNIT)))
    return Node(b"".join((vtable, *inline, *children)), len(vtable))


def text(value: str) -> Node:
    """Return a string."""
    coded = value.encode()
    return Node(padded(struct.pack("<I", len(coded)) + coded + b"\0"))


def vector(items: Sequence[Node]) -> Node:
    """Return a vector of references."""
    head = 4 + 4 * len(items)
    after = len(padded(bytes(head)))
    places = []
    for number, item in enumerate(items):
        places.append(after + item.entry - 4 - 4 * number)
        after += len(item.data)
    packed = padded(struct.pack(f"<{1 + len(items)}I", len(items), *places))
    return Node(packed + b"".join(item.data for item in items))


def pairs(items: Sequence[tuple[int, int]]) -> Node:
    """Return a vector of structs that hold two integers."""
    flat = [number for pair in items for number in pair]
    return Node(struct.pack(f"<II{len(flat)}q", 0, len(items), *flat), 4)


def buffer(root: Node) -> bytes:
    """Return a whole buffer around its outermost table."""
    return struct.pack("<II", _UNIT + root.entry, 0) + root.data


def padded(data: bytes) -> bytes:
    """Return *data* with zeros up to a multiple of 8 bytes."""
    return data + bytes(-len(data) % _UNIT)
