"""One environment for each peer, kept between runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.cores import say
from benchmarks.server import clean_environment

CACHE: Final = Path(tempfile.gettempdir()) / "gatehouse-peers"
_STAMP: Final = "installed.txt"
_SECONDS: Final = 900.0
_VERSIONS: Final = """
import json
from importlib.metadata import distributions
print(json.dumps({one.metadata["Name"].lower(): one.version for one in distributions()}))
"""


class NotInstalledError(Exception):
    """An environment could not be made; what the installer said is in the message."""


def python_of(cache: Path, name: str, requirements: Path) -> Path:
    """Return the interpreter of environment *name*, which is made when it is not there yet.

    Raises:
        NotInstalledError: it cannot be made.
    """
    folder = cache / name
    python, stamp = folder / "bin" / "python", folder / _STAMP
    wanted = requirements.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    say(f"installing {name}")
    _uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder))
    into = ("--quiet", "--compile-bytecode", "--python", str(python))
    _uv("pip", "install", *into, "--requirements", str(requirements))
    stamp.write_text(wanted, encoding="utf-8")
    return python


def versions(python: Path) -> dict[str, str]:
    """Return the version of everything that is installed beside *python*."""
    said = subprocess.run(
        [python, "-c", _VERSIONS], capture_output=True, check=True, env=clean_environment()
    )
    found: dict[str, str] = json.loads(said.stdout)
    return found


def _uv(*arguments: str) -> None:
    uv = Path(sys.executable).parent / "uv"
    try:
        subprocess.run(
            [uv, *arguments],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stdout", None) or str(error)
        raise NotInstalledError(said[-2_000:]) from error
