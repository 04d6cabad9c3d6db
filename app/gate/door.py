"""Two doors to one app: predictions are answered here, everything else by Flask (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from app.domain.access import Action
from app.gate.call import ACCESS, ENDPOINT, Answer, call_of
from app.gate.services import Services
from app.gate.targets import Target
from app.gate.v2.errors import speaks_v2, worded

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_OF_ITS_OWN: Final = frozenset({"cache-control", "content-security-policy"})


class Reply(NamedTuple):
    """What goes to the server, not sent yet: it can still be looked at as a whole.

    Attributes:
        is_plain: whether it leaves caching and content policy to the envelope.
    """

    status: str
    headers: Headers
    body: Iterable[bytes]
    is_plain: bool = True


class Doors:
    """Answers one request, through the short door or through *app*.

    Flask costs more than everything else that a small prediction needs together. Its view of the
    same route calls the same function, so both doors give one answer.

    Args:
        app: answers whatever is no prediction.
        services: for the short door.
        target_of: names the paths whose POST takes the short door.
    """

    def __init__(
        self, app: WsgiApp, services: Services, target_of: Callable[[str], Target | None]
    ) -> None:
        self._app = app
        self._services = services
        self._target_of = target_of

    def reply(self, environ: Environ) -> Reply:
        """Return the reply; nothing has gone to the server yet."""
        target = self._target_of(environ["PATH_INFO"])
        if target is not None and environ["REQUEST_METHOD"] == "POST":
            environ[ENDPOINT] = target.endpoint
            environ[ACCESS] = Action.PREDICT
            call = call_of(environ, target.model, target.version)
            return reply_of(target.answer(call, self._services), environ)
        begun: list[tuple[str, Headers]] = []

        def begin(status: str, headers: Headers, _exc_info: Any = None) -> Callable[[bytes], None]:
            begun.append((status, headers))
            return _no_write

        body = self._app(environ, begin)
        status, headers = begun[-1]
        is_plain = _OF_ITS_OWN.isdisjoint(name.lower() for name, _ in headers)
        return Reply(status, headers, body, is_plain)


def reply_of(answer: Answer, environ: Environ) -> Reply:
    """Return *answer* as a reply, its notes put where the envelope looks."""
    environ.update(answer.notes)
    if answer.status >= HTTPStatus.BAD_REQUEST and speaks_v2(environ.get("PATH_INFO", "")):
        answer = worded(answer)
    headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
    return Reply(_status_line(answer.status), headers, [answer.body])


@lru_cache
def _status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase.upper()}"


def _no_write(_: bytes) -> None:
    """Refuse the write callable of PEP 3333: an answer is looked at as a whole before it goes out.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError
