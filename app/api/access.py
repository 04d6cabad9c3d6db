"""Access is declared above each view; a view that declares nothing stops the start-up."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request

from app.api.edge import services, to_flask
from app.domain.access import Action
from app.errors import GatehouseError
from app.gate.admission import Ticket, admit, authenticate
from app.gate.answer import answer
from app.gate.call import ACCESS, ENDPOINT, SUBJECT, Call, call_of
from app.gate.events import PUBLIC

View = TypeVar("View", bound=Callable[..., Any])
_MARK = "access"


class UndeclaredAccessError(GatehouseError):
    """Views say neither ``@requires`` nor ``@public``."""


def public(view: View) -> View:
    """Let anybody in."""
    return _marked(view, PUBLIC)


def requires(action: Action) -> Callable[[View], View]:
    """Let in who has a grant of *action*, on the model that the route names, if it names one."""

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            _let_in(action, kwargs.get("name"))
            return view(*args, **kwargs)

        return _marked(cast("View", guarded), action)

    return declare


def answered_by_gate(view: Callable[..., Call]) -> Callable[..., Response]:
    """Let ``app.gate.answer`` do all of it, admission included; the view names the call.

    The same function stands behind every door that answers predictions, with Flask or without.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Response:
        return to_flask(answer(view(*args, **kwargs), services()))

    return _marked(guarded, Action.PREDICT)


def install(app: Flask) -> None:
    """Check every view's declaration and let the envelope know the route.

    Raises:
        UndeclaredAccessError: a view says neither ``@requires`` nor ``@public``.
    """
    silent = sorted(n for n, view in app.view_functions.items() if not hasattr(view, _MARK))
    if silent:
        raise UndeclaredAccessError(f"no @requires or @public above: {', '.join(silent)}")
    app.before_request(_name_endpoint)
    app.after_request(_say_what_is_left)


def _let_in(action: Action, model: str | None) -> None:
    call = call_of(request.environ)
    principal = authenticate(call, services())
    request.environ[SUBJECT] = principal.subject
    g.principal = principal
    g.ticket = admit(services(), principal, None)
    services().rules.current().authorise(principal, action, model)


def _name_endpoint() -> None:
    rule = request.url_rule
    if rule is not None:
        request.environ[ENDPOINT] = rule.rule
        request.environ[ACCESS] = vars(current_app.view_functions[rule.endpoint])[_MARK]


def _say_what_is_left(response: Response) -> Response:
    ticket: Ticket | None = g.get("ticket")
    if ticket is not None:
        ticket.release(services())
        response.headers.extend(ticket.headers)
    return response


def _marked(view: View, access: str) -> View:
    setattr(view, _MARK, access)
    return view
