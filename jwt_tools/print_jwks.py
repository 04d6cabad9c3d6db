"""Print the public keys of a folder as a JWKS: ``python jwt_tools/print_jwks.py > jwks.json``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from app.command_line import run
from app.errors import OperatorError
from app.settings.key_files import look
from app.settings.keys import jwk_of
from jwt_tools.make_keys import FOLDER


def main(argv: Sequence[str] | None = None) -> int:
    """Print what may be published: every ``<kid>.pem``, and nothing private."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"default: {FOLDER}")
    options = parser.parse_args(argv)
    return run(lambda: _print_jwks(options.folder))


def _print_jwks(folder: Path) -> int:
    found = look(folder)
    if found.problems:
        raise OperatorError(f"--folder {'; '.join(found.problems)}. Fix: mend or remove it.")
    print(json.dumps({"keys": [jwk_of(key) for key in found.keys]}, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
