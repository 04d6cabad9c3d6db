"""What every command line shares: help with an example, and how an operator's mistake ends."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable

from app.errors import OperatorError


def parser_of(description: str | None, example: str) -> ArgumentParser:
    """Return a parser whose help says *description*, and at its end *example*, word for word."""
    return ArgumentParser(
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=RawDescriptionHelpFormatter,
    )


def run(command: Callable[[], int]) -> int:
    """Return the status of *command*; 2, with one message and no traceback, for a mistake."""
    try:
        return command()
    except OperatorError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
