"""How the parallel run hands out tests: files that share servers stay together."""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# They ask the servers of test/e2e/conftest.py, which any other worker would start again.
SHARE_SERVERS: Final = frozenset(
    f"test/e2e/test_{name}.py"
    for name in (
        "access_log", "answers", "hostile_framing", "hostile_requests",
        "production", "prometheus", "slow_clients", "tls",
    )
)  # fmt: skip


class ByServer(LoadFileScheduling):  # type: ignore[misc]
    """Gives all tests of a file to one worker, and to one also all files that share servers."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "shared servers" if file in SHARE_SERVERS else file
