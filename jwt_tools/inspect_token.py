"""Show what a token says, believing none of it: ``inspect_token.py < token.txt``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from app.command_line import run
from app.domain.compact import claims_of, header_of
from app.errors import OperatorError

_TIMES: Final = {"iat": "issued", "nbf": "not before", "exp": "expires"}
_MOST_LETTERS: Final = 65_536


def main(argv: Sequence[str] | None = None) -> int:
    """Print header, claims and times; 2 when it is no token. No key is asked for or used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "token", nargs="?", default="-", help="- or nothing reads it from standard input, unseen"
    )
    options = parser.parse_args(argv)
    return run(lambda: _inspect(options.token))


def _inspect(token: str) -> int:
    text = sys.stdin.buffer.read(_MOST_LETTERS).decode("latin-1") if token == "-" else token  # noqa: S105  the sign for standard input
    try:
        header, claims = header_of(text.strip()), claims_of(text.strip())
    except ValueError as error:
        raise OperatorError(f"this is no signed token: {error}.") from error
    print("NOT VERIFIED: anybody could have written this.")
    print(f"header {_shown(header)}")
    print(f"claims {_shown(claims)}")
    for line in _times(claims, datetime.now(UTC)):
        print(line)
    return 0


def _shown(value: dict[str, Any]) -> str:
    """Return JSON in ASCII: what a stranger wrote cannot move the terminal's cursor."""
    return json.dumps(value, indent=2)


def _times(claims: dict[str, Any], now: datetime) -> Iterator[str]:
    for name, meaning in _TIMES.items():
        if name not in claims:
            yield f"{meaning:<11}never said"
            continue
        try:
            moment = datetime.fromtimestamp(claims[name], UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            yield f"{meaning:<11}no date: {json.dumps(claims[name])[:60]}"
            continue
        past = "  EXPIRED" if name == "exp" and moment <= now else ""
        yield f"{meaning:<11}{moment.isoformat(sep=' ', timespec='seconds')}{past}"


if __name__ == "__main__":
    raise SystemExit(main())
