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
from app.domain.access import ADMIN_ROLE, Action, Principal
from app.errors import OperatorError
from app.settings.key_files import SigningKey, newest_signing_key
from app.settings.overlay import load
from app.settings.rules import rules_of
from app.settings.schema import STAGE_OF, Settings
from app.settings.secret import shared_secret
from app.settings.security import MOST_MINUTES


def main(argv: Sequence[str] | None = None) -> int:
    """Print the token alone on standard output, and on standard error whose it is until when."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sub", type=_name, default="developer", help="default: developer")
    parser.add_argument(
        "--role",
        type=_name,
        action="append",
        dest="roles",
        help="again for another one; default: admin, or none with --scope",
    )
    parser.add_argument("--scope", default="", help="scopes with spaces between them")
    parser.add_argument(
        "--minutes", type=_minutes, help="lifetime; default: security.token_expire_minutes"
    )
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    options = parser.parse_args(argv)
    if options.roles is None:
        options.roles = [] if options.scope else [ADMIN_ROLE]
    return run(lambda: _print_token(options))


def _name(text: str) -> str:
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
    key = _private_key(settings)
    print(_signed(claims, key, settings))
    scope = [f"scope {options.scope!r}"] if options.scope else []
    named = ", ".join([f"role {role!r}" for role in options.roles] + scope)
    print(
        f"{settings.environment} token for {options.sub!r} with {named}, "
        f"good until {claims['exp'].isoformat(timespec='seconds')}"
        + (f", signed with {key.public.kid}" if key else ""),
        file=sys.stderr,
    )
    if not _may_do_something(settings, options):
        lists = "no grant names" if settings.grants else "allowed_roles does not name"
        print(f"note: {lists} {named}: 403", file=sys.stderr)
    return 0


def _private_key(settings: Settings) -> SigningKey | None:
    path = settings.security.keys_path
    try:
        return newest_signing_key(settings.path(path)) if path else None
    except (OSError, ValueError) as error:
        raise OperatorError(f"security.keys_path: {error}. Fix: a pair of make_keys.py.") from error


def _signed(claims: dict[str, Any], key: SigningKey | None, settings: Settings) -> str:
    if key is not None:
        names = {"kid": key.public.kid}
        return jwt.encode(claims, key.private, algorithm=key.public.algorithm, headers=names)
    secret = shared_secret(settings)
    if secret is None:
        raise OperatorError(
            "there is nothing to sign with: security.keys_path holds no <kid>.private.pem beside "
            "its <kid>.pem, and there is no shared secret. Fix: run this where the private key is, "
            "or ask whoever keeps the keys in security.jwks for a token."
        )
    return jwt.encode(claims, secret, algorithm=settings.security.jwt_algorithm)


def _may_do_something(settings: Settings, options: argparse.Namespace) -> bool:
    whose = Principal(options.sub, frozenset(options.roles), frozenset(options.scope.split()))
    grants = rules_of(settings).grants
    return any(grant.covers(whose, action, None) for grant in grants for action in Action)


def _claims(settings: Settings, options: argparse.Namespace, now: datetime) -> dict[str, Any]:
    security = settings.security
    own = {"iss": security.issuer, "aud": security.audience, "scope": options.scope or None}
    return {
        "sub": options.sub,
        "roles": options.roles,
        "iat": now,
        "exp": now + timedelta(minutes=_lifetime(settings, options.minutes)),
        "jti": secrets.token_hex(16),
        **{name: value for name, value in own.items() if value is not None},
    }


def _lifetime(settings: Settings, minutes: int | None) -> int:
    longest = settings.security.max_token_minutes
    if minutes is not None and minutes > longest:
        raise OperatorError(
            f"--minutes {minutes}: the gateway refuses what lives longer than "
            f"security.max_token_minutes = {longest}. Fix: {longest} or less."
        )
    return minutes or min(settings.security.token_expire_minutes, longest)


if __name__ == "__main__":
    raise SystemExit(main())
