"""A gateway of the test's own words, on a real connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Seen:
    """One request."""

    method: str
    path: str
    token: str | None
    body: Any


@dataclass(frozen=True)
class Said:
    """One answer; a status of 0 cuts the connection."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Rule = Callable[[Seen], Said]


@dataclass(frozen=True)
class Gateway:
    """Where it listens, and what it was asked."""

    url: str
    seen: list[Seen]

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.seen]


@contextmanager
def a_gateway(rule: Rule) -> Iterator[Gateway]:
    """Answer every request by *rule* until the block ends."""
    seen: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            request = Seen(self.command, self.path, self.headers.get("Authorization"), body)
            seen.append(request)
            said = rule(request)
            if said.status == 0:
                self.close_connection = True
                return
            content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815  the names that the server looks for

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Gateway(f"http://127.0.0.1:{server.server_port}", seen)
        finally:
            server.shutdown()
            thread.join()


def a_card(**changes: Any) -> dict[str, Any]:
    """The page of a model of two numbers, called line."""
    model = {
        "name": "line",
        "version": "1",
        "task": "regression",
        "input": "numbers",
        "features": [{"name": "a", "kind": "float"}, {"name": "b", "kind": "float"}],
        "outputs": {"classes": None, "has_probabilities": False, "has_scores": False},
    }
    limits = {"max_rows": 2, "max_request_bytes": 1_000}
    return {"model": model | changes, "how_to_call": {"limits": limits}}


def a_problem(status: int, **members: Any) -> Said:
    """A refusal as the gateway words it."""
    said = {"status": status, "error": "Refused", "detail": "Because.", "request_id": "r"}
    return Said(said | members, status)


def sums(request: Seen, *, version: str = "1") -> Said:
    """The list of models, the page of line, and the sum of each row that is sent."""
    if request.path == "/api/v1/models":
        line = {"name": "line", "status": "ready", "default": True, "version": version}
        return Said({"models": [line]})
    if request.method == "GET":
        return Said(a_card(version=version))
    predictions = [sum(value or 0.0 for value in row) for row in request.body["data"]]
    model = {"name": "line", "version": version}
    return Said({"predictions": predictions, "model": model, "request_id": "r"})
