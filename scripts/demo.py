"""Show the whole line: ingest, features, train, promote, serve, batch, stream, drift."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from app.command_line import parser_of, run
from app.lifecycle.demonstration import demonstrate
from app.settings.overlay import load

_EXAMPLE = "scripts/demo.py --data data/    # a folder with housing.csv, titanic.csv and sentiment/"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the line; exit 0 when every station did what it should, 2 when one did not."""
    parser = parser_of(__doc__, _EXAMPLE)
    help_of = "real data besides synthetic sales; left out where the folder is not there"
    parser.add_argument("--data", type=Path, metavar="FOLDER", help=help_of)
    options = parser.parse_args(argv)
    return run(lambda: _demonstrate(options.data))


def _demonstrate(data: Path | None) -> int:
    settings = load()
    root = settings.path(settings.runtime_path) / "demo"
    there = data.resolve() if data is not None and data.is_dir() else None
    print(f"everything is made in {root}" + ("" if there else "; synthetic data alone"))
    began = time.monotonic()
    stations = demonstrate(root, there, lambda text: print(text, flush=True))
    print("\n== what was done")
    for station in stations:
        print(f"{station.seconds:6.1f} s  {station.title:<24} {station.result}"[:150])
    print(f"{time.monotonic() - began:6.1f} s  in all; what was made is in {root}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
