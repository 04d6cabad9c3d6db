"""Vouch for a version: ``python scripts/sign_model.py NAME [VERSION] --key PRIVATE.pem``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from app.command_line import parser_of, run
from app.lifecycle.registry import registry_of
from app.lifecycle.sign import sign
from app.settings.overlay import load


def main(argv: Sequence[str] | None = None) -> int:
    """Sign; exit 0 when it was done, 2 when there is no such version or the key is none."""
    parser = parser_of(__doc__, "scripts/sign_model.py churn 3 --key release.private.pem")
    parser.add_argument("name")
    parser.add_argument("version", nargs="?", help="default: the newest")
    parser.add_argument(
        "--key", required=True, type=Path, help="an Ed25519 private key in PEM, as make_keys writes"
    )
    options = parser.parse_args(argv)
    return run(lambda: _sign(options))


def _sign(options: argparse.Namespace) -> int:
    settings = load()
    done = sign(registry_of(settings), options.name, options.version, key_file=options.key)
    print(f"{done.name} {done.version} is signed by key {done.key}")
    print("gateways whose security.model_keys has its public key serve it once it is promoted")
    promote = f"scripts/promote_model.py {done.name} {done.version} --to {settings.stage}"
    print(f"next: .venv/bin/python {promote}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
