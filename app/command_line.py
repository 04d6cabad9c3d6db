"""How every command line ends: an operator's mistake is one message and exit status 2."""

from __future__ import annotations

import sys
from collections.abc import Callable

from app.errors import OperatorError


def run(command: Callable[[], int]) -> int:
    """Return the status of *command*; 2, with one message and no traceback, for a mistake."""
    try:
        return command()
    except OperatorError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
