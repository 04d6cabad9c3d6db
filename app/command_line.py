"""What every command line shares: help with an example, and how a mistake and Ctrl-C end."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import Final

from app.errors import OperatorError

INTERRUPTED: Final = 130  # the status that a shell gives to a command that Ctrl-C ended


def parser_of(description: str | None, example: str) -> ArgumentParser:
    """Return a parser whose help says *description*, and at its end *example*, word for word."""
    return ArgumentParser(
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=RawDescriptionHelpFormatter,
    )


def run(command: Callable[[], int], interrupted: str = "interrupted") -> int:
    """Return the status of *command*; 2 for a mistake, 130 for Ctrl-C, each told in one message.

    Args:
        command: to be run.
        interrupted: the message for Ctrl-C.
    """
    try:
        return command()
    except OperatorError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)  # noqa: T201
        return INTERRUPTED
