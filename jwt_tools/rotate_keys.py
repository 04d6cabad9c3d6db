"""Rotate keys: make a new pair beside the old ones, and later ``--retire`` the old ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from app.command_line import run
from app.errors import OperatorError
from app.settings.key_files import PRIVATE, PUBLIC, key_id, look
from jwt_tools.make_keys import ALGORITHMS, FOLDER, make_pair

_OLDER = ""


def main(argv: Sequence[str] | None = None) -> int:
    """Change the keys of a folder, and print which of them verify and which one signs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"default: {FOLDER}")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--algorithm", choices=tuple(ALGORITHMS), help="default: that of the key that signs now"
    )
    what.add_argument(
        "--retire",
        nargs="?",
        const=_OLDER,
        metavar="KID",
        help="make none; remove this key, or every pair but the newest: its tokens fail at once",
    )
    options = parser.parse_args(argv)
    return run(lambda: _rotate(options))


def _rotate(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    pairs = _pairs(folder)
    if not pairs:
        raise OperatorError(f"--folder {folder}: holds no pair of keys. Fix: make_keys.py first.")
    if options.retire is None:
        make_pair(folder, options.algorithm or _algorithms(folder)[pairs[-1]])
    for kid in _retired(options.retire, pairs, folder):
        # First what verifies: from then on the key is worth nothing.
        (folder / f"{kid}{PUBLIC}").unlink()
        (folder / f"{kid}{PRIVATE}").unlink(missing_ok=True)
        print(f"retired  {kid}")
    newest = _pairs(folder)[-1:]
    for kid, algorithm in _algorithms(folder).items():
        print(f"valid    {kid}  {algorithm}{'  signs new tokens' if [kid] == newest else ''}")
    return 0


def _pairs(folder: Path) -> list[str]:
    """Return the kids whose private key is here too, oldest first."""
    kids = [key_id(file) for file in sorted(folder.glob(f"*{PRIVATE}"))]
    return [kid for kid in kids if (folder / f"{kid}{PUBLIC}").is_file()]


def _algorithms(folder: Path) -> dict[str, str]:
    found = look(folder)
    if found.problems:
        raise OperatorError(f"--folder {'; '.join(found.problems)}. Fix: mend or remove it.")
    return {str(key.kid): key.algorithm for key in found.keys}


def _retired(asked: str | None, pairs: list[str], folder: Path) -> list[str]:
    if asked is None:
        return []
    if asked == _OLDER:
        return pairs[:-1]
    valid = _algorithms(folder)
    if asked not in valid:
        raise OperatorError(f"--retire {asked}: there is no such key. Fix: one of {list(valid)}.")
    if pairs == [asked]:
        raise OperatorError(f"--retire {asked}: no other key signs. Fix: rotate once before.")
    return [asked]


if __name__ == "__main__":
    raise SystemExit(main())
