"""Takes a model file out of the compression that joblib gave it, up to a bound."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.adapters.pickles.names import shown
from app.errors import ModelRejectedError

# As joblib.compressor knows them, by the first bytes of the file.
_GZIP_WINDOW: Final = 31
_LZMA_BYTES: Final = 256 << 20
_OPENERS: Final[Mapping[bytes, Callable[[], Any]]] = {
    b"\x78": zlib.decompressobj,
    b"\x1f\x8b": lambda: zlib.decompressobj(_GZIP_WINDOW),
    b"BZ": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lambda: lzma.LZMADecompressor(memlimit=_LZMA_BYTES),
    b"\x5d\x00": lambda: lzma.LZMADecompressor(memlimit=_LZMA_BYTES),
}
_LEAST_BOUND: Final = 64 << 20
_MOST_GROWTH: Final = 100


def plain(payload: bytes) -> bytes:
    """Return the content of a joblib file.

    Raises:
        ModelRejectedError: it is compressed in another way, is damaged or goes on after its end,
            or grows to over 64 MiB and a hundred times its size.
    """
    if payload.startswith((b"ZF", b"\x04\x22\x4d\x18")):
        raise ModelRejectedError(
            "the file is of an old joblib or compressed with lz4. Fix: dump it again with another"
        )
    for mark, opener in _OPENERS.items():
        if payload.startswith(mark):
            return _decompressed(payload, opener())
    return payload


def _decompressed(payload: bytes, opened: Any) -> bytes:
    most = max(_LEAST_BOUND, _MOST_GROWTH * len(payload))
    try:
        content: bytes = opened.decompress(payload, most)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, MemoryError) as error:
        message = f"the file cannot be loaded by joblib: {type(error).__name__}: {shown(error)}"
        raise ModelRejectedError(message) from error
    if opened.unused_data:
        raise ModelRejectedError("the file holds more after the end of its compressed content")
    if not opened.eof:
        what = f"grows to over {most:,} bytes" if len(content) >= most else "ends too early"
        raise ModelRejectedError(f"the file's compressed content {what}")
    return content
