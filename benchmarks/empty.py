"""A WSGI function that does nothing, behind the gateway's own server with the gateway's own flags.

What it costs is the floor: no gateway on that server can cost less.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

_BODY: Final = b'{"predictions":[0]}'
_HEADERS: Final = [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer every request alike, and look at none."""
    del environ
    start_response("200 OK", _HEADERS)
    return [_BODY]


def main() -> None:
    """Become the server that the settings name, with this application."""
    from app.preflight import prepare  # noqa: PLC0415  the workers need none of this
    from app.serve import granian_command, gunicorn_command  # noqa: PLC0415
    from app.settings.overlay import load  # noqa: PLC0415

    settings = load()
    prepare(settings)
    command = (
        gunicorn_command() if settings.server.kind == "gunicorn" else granian_command(settings)
    )
    ours = [part.replace("app.wsgi:app", "benchmarks.empty:application") for part in command]
    os.execv(sys.executable, ours)


if __name__ == "__main__":
    main()
