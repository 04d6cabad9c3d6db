"""One log format, JSON lines, and the list of what never goes into it."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

REDACTED: Final = frozenset(
    {"authorization", "token", "secret", "jwt_secret", "password", "cookie", "data", "features"}
)
# Letters that some readers take for the end of a line: a caller could forge the next one.
_LINE_ENDS: Final = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Format a record as one JSON object: time, level, logger, event, then its ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; values under a name in ``REDACTED`` are replaced by ``***``."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        for key, value in vars(record).items():
            if key not in _OWN:
                line[key] = "***" if key.lower() in REDACTED else value
        if record.exc_info:
            line["exception"] = _without_values(record.exc_info[1])
        text = orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        return text if text.isascii() else text.translate(_LINE_ENDS)


def _without_values(error: BaseException | None) -> str:
    """Name the error and its frames; its message may hold a caller's values, so it stays out."""
    frames = traceback.extract_tb(error.__traceback__ if error else None)
    where = " < ".join(f"{f.filename}:{f.lineno} {f.name}" for f in reversed(frames))
    return f"{type(error).__name__} at {where}"


def configure(
    *, level: str, file: Path | None = None, max_bytes: int = 0, backups: int = 0
) -> None:
    """Send every record to standard error and, when *file* is set, to a rotating file."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(_shared_rotating_file(file, max_bytes, backups))
    for handler in handlers:
        handler.setFormatter(JsonLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, JsonLines):
            root.removeHandler(old)
            old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level.upper())


def _shared_rotating_file(file: Path, max_bytes: int, backups: int) -> logging.Handler:
    """Return a handler whose rotation is locked between the workers that write one file."""
    from concurrent_log_handler import ConcurrentRotatingFileHandler  # noqa: PLC0415  only when set

    handler: logging.Handler = ConcurrentRotatingFileHandler(
        str(file), maxBytes=max_bytes, backupCount=backups, encoding="utf-8"
    )
    return handler
