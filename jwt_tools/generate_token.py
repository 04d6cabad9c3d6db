"""Print a token: ``TOKEN=$(python jwt_tools/generate_token.py)``."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from app.command_line import run
from app.domain.access import ADMIN_ROLE
from app.settings.overlay import load
from app.settings.schema import MOST_MINUTES, STAGE_OF, Settings
from app.settings.secret import signing_key


def main(argv: Sequence[str] | None = None) -> int:
    """Print the token alone on standard output, and on standard error whose it is until when."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sub", type=_subject, default="developer", help="subject; default: developer"
    )
    parser.add_argument("--role", default=ADMIN_ROLE, help="default: admin")
    parser.add_argument(
        "--minutes", type=_minutes, help="lifetime; default: security.token_expire_minutes"
    )
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    options = parser.parse_args(argv)
    return run(lambda: _print_token(options))


def _subject(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("names nobody; the gateway would refuse the token")
    return text


def _minutes(text: str) -> int:
    minutes = int(text)
    if not 1 <= minutes <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"from 1 to {MOST_MINUTES}, a year")
    return minutes


def _print_token(options: argparse.Namespace) -> int:
    settings = load(environment=options.env)
    claims = _claims(settings, options, datetime.now(UTC))
    algorithm = settings.security.jwt_algorithm
    print(jwt.encode(claims, signing_key(settings), algorithm=algorithm))
    print(
        f"{settings.environment} token for {options.sub!r} with role {options.role!r}, "
        f"good until {claims['exp'].isoformat(timespec='seconds')}",
        file=sys.stderr,
    )
    if options.role not in settings.allowed_roles:
        print(f"note: allowed_roles does not name {options.role!r}: 403", file=sys.stderr)
    return 0


def _claims(settings: Settings, options: argparse.Namespace, now: datetime) -> dict[str, Any]:
    security = settings.security
    minutes = options.minutes or security.token_expire_minutes
    own = {"iss": security.issuer, "aud": security.audience}
    return {
        "sub": options.sub,
        "roles": [options.role],
        "iat": now,
        "exp": now + timedelta(minutes=minutes),
        "jti": secrets.token_hex(16),
        **{name: value for name, value in own.items() if value is not None},
    }


if __name__ == "__main__":
    raise SystemExit(main())
