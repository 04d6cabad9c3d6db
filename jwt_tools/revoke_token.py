"""Revoke tokens on this machine: ``python jwt_tools/revoke_token.py --subject alice``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import jwt

from app.command_line import run
from app.domain.revocation import Revocation
from app.errors import LimitStoreDownError, OperatorError
from app.settings.overlay import load
from app.settings.schema import STAGE_OF
from app.wiring import revocations


def main(argv: Sequence[str] | None = None) -> int:
    """Revoke; exit 0 when every worker will know within a second, 2 when nothing was revoked."""
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--token", help="the token itself, or - to read it from standard input")
    what.add_argument("--jti", help="the token with this id")
    what.add_argument("--subject", help="all that this subject was issued until now")
    what.add_argument("--everyone", action="store_true", help="all that was issued until now")
    what.add_argument("--list", action="store_true", help="show what is revoked")
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    options = parser.parse_args(argv)
    return run(lambda: _revoke(options))


def _revoke(options: argparse.Namespace) -> int:
    settings = load(environment=options.env)
    store = revocations(settings)
    try:
        if options.list:
            for found in store.all():
                print(_shown(found))
            return 0
        revocation = _revocation(options, time.time(), settings.security.longest_token_seconds)
        store.revoke(revocation)
    except LimitStoreDownError as error:
        raise OperatorError(f"limits.storage: it does not answer: {error.__cause__}") from error
    print(f"revoked: {_shown(revocation)}", file=sys.stderr)
    return 0


def _revocation(options: argparse.Namespace, now: float, longest_seconds: float) -> Revocation:
    if options.subject:
        return Revocation.of_subject(options.subject, now, longest_seconds)
    if options.everyone:
        return Revocation.of_everyone(now, longest_seconds)
    if options.jti:
        return Revocation.of_token(options.jti, now + longest_seconds)
    sent = options.token
    try:
        text = sys.stdin.read(65_536).strip() if sent == "-" else sent
        claims = jwt.decode(text, options={"verify_signature": False})
        return Revocation.of_token(str(claims["jti"]), float(claims["exp"]))
    except Exception as error:
        raise OperatorError(
            "the token cannot be read, or has no 'jti' and 'exp'. Fix: --subject"
        ) from error


def _shown(revocation: Revocation) -> str:
    until = datetime.fromtimestamp(revocation.until, UTC).isoformat(timespec="seconds")
    before = datetime.fromtimestamp(revocation.issued_before, UTC).isoformat(timespec="seconds")
    issued = "" if revocation.kind == "token" else f", issued until {before}"
    return f"{revocation.kind} {revocation.value}".rstrip() + f"{issued}; forgotten after {until}"


if __name__ == "__main__":
    raise SystemExit(main())
