"""Scripts one after the other, in a folder of their own that shares nothing with the project's."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from app.errors import DemoFailedError
from app.lifecycle.deployment import PROJECT

_SAID_LINES: Final = 30
Say = Callable[[str], None]


class Station(NamedTuple):
    """One station of the line, when it is done."""

    title: str
    seconds: float
    result: str


@dataclass(slots=True)
class Line:
    """Runs scripts with settings, models and files that all lie in ``root``.

    Attributes:
        root: emptied at the start.
        say: tells what is done, line by line.
        done: the stations so far.
    """

    root: Path
    say: Say
    done: list[Station] = field(default_factory=list)

    @classmethod
    def begin(cls, root: Path, say: Say) -> Line:
        """Empty *root* and put the project's own settings there."""
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        for name in ("config.yaml", "data_contract.yaml", "features.yaml", "params.yaml"):
            shutil.copy(PROJECT / name, root / name)
        shutil.copytree(PROJECT / "configs", root / "configs")
        return cls(root, say)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find this folder's settings and no other's."""
        return {"APP_ENV": "dev", "CONFIG_PATH": str(self.root / "config.yaml")}

    def run(self, title: str, script: str, *arguments: object, may_find: bool = False) -> str:
        """Run one script, and return what it printed.

        Args:
            title: of the station.
            script: in ``scripts/``.
            arguments: of its command line.
            may_find: whether status 1, which says that something was found, is fine too.

        Raises:
            DemoFailedError: it ended in another way.
        """
        words = [f"scripts/{script}", *map(str, arguments)]
        self.say(f"\n== {title}\n$ .venv/bin/python {shlex.join(words)}")
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, *words],
            cwd=PROJECT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said = done.stdout.strip()
        self.say("\n".join(said.splitlines()[-_SAID_LINES:]))
        if done.returncode not in ((0, 1) if may_find else (0,)):
            raise DemoFailedError(f"{title}: {words[0]} ended with status {done.returncode}")
        last = said.splitlines()[-1] if said else ""
        self.done.append(Station(title, time.monotonic() - began, last))
        return said

    @contextmanager
    def station(self, title: str) -> Iterator[Callable[[str], None]]:
        """Time what the block does itself; it is handed what to call with the result."""
        self.say(f"\n== {title}")
        began, results = time.monotonic(), list[str]()
        yield results.append
        self.say("\n".join(results))
        self.done.append(Station(title, time.monotonic() - began, results[-1] if results else ""))
