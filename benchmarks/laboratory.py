"""Where a measurement takes place: a folder, a core for the servers, another one for the load."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.cores import begin_loading, cores, use

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Everything that is started in it ends with it.

    Attributes:
        root: an empty folder.
        loader: the process that makes the load.
        server_core: None where there are no two cores to choose.
    """

    root: Path
    loader: ProcessPoolExecutor
    server_core: int | None
    load_core: int | None
    _stack: ExitStack

    def on_server_core(self, starting: AbstractContextManager[T]) -> T:
        """Start something on the servers' core, until the end."""
        use(self.server_core)
        try:
            return self._stack.enter_context(starting)
        finally:
            use(self.load_core)

    def keep(self, stack: ExitStack) -> None:
        """Close *stack* at the end."""
        self._stack.push(stack.pop_all())


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """Open a laboratory; until the end, this process stays on the core of the load."""
    server_core, load_core = cores()
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-bench-")))
        loader = stack.enter_context(ProcessPoolExecutor(1, None, begin_loading, (load_core,)))
        loader.submit(int).result()  # it starts now, while this process is small
        stack.callback(use, server_core, load_core)
        use(load_core)
        yield Laboratory(root, loader, server_core, load_core, stack)
