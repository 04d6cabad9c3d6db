"""What an administrator changes of a model: promote, roll back, try a candidate, let it go."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import Annotated, Any, Final, Self, TypeVar

import orjson
from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.api.access import View, requires
from app.api.edge import services
from app.domain.access import Action
from app.domain.compact import json_object
from app.domain.contract import NAME, Version
from app.domain.judge import Rules
from app.domain.reason import LONGEST_REASON, checked_reason, printable
from app.domain.traffic import SUBJECT, Mode, Serving, Share, Split, Sticky, Tolerance, Why
from app.errors import BodyMalformedError, ChangeInvalidError, ModelUnknownError
from app.gate.call import DETAIL, call_of
from app.gate.media import check_media_types

blueprint = Blueprint("changes", __name__, url_prefix="/api/v1/admin/models/<name>")
_MOST_BYTES: Final = 4_096
_ALIKE: Final = """
tags: [administration]
parameters:
  - {$ref: '#/components/parameters/ModelName'}
requestBody: {$ref: '#/components/requestBodies/BODY'}
responses:
  200: {$ref: '#/components/responses/Serving'}
  400: {$ref: '#/components/responses/400'}
  404: {$ref: '#/components/responses/404'}
  406: {$ref: '#/components/responses/406'}
  409: {$ref: '#/components/responses/409'}
  413: {$ref: '#/components/responses/413'}
  415: {$ref: '#/components/responses/415'}
"""
Asked = TypeVar("Asked", bound="_Change")


class _Change(BaseModel):
    """What every change may say: why."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reason: Annotated[str, Field(max_length=LONGEST_REASON), AfterValidator(checked_reason)] = ""


class _Promotion(_Change):
    version: Version | None = None
    force: bool = False

    @model_validator(mode="after")
    def _says_why_it_forces(self) -> Self:
        if self.force and not self.reason.strip():
            raise ValueError("'force' needs a 'reason': whoever reads the history wants to know")
        return self


class _Rollback(_Change):
    replaces: Version | None = None


class _Shadow(_Change):
    version: Version
    share: Share = 1.0
    tolerance: Tolerance = 1e-6


class _Canary(_Change):
    version: Version
    share: Share
    sticky: Sticky = SUBJECT
    tolerance: Tolerance = 1e-6
    judge: Rules | None = None


def _described(body: str) -> Callable[[View], View]:
    """Add what the document says alike of each change; *body* names the schema that it takes."""

    def describe(view: View) -> View:
        view.__doc__ = f"{cleandoc(view.__doc__ or '')}\n---\n{_ALIKE.replace('BODY', body)}"
        return view

    return describe


@blueprint.post("/promote")
@requires(Action.ADMIN)
@_described("Promotion")
def promote(name: str) -> ResponseReturnValue:
    """Make a registered version the one that serves; without `version`, the candidate.

    Every worker serves it within two seconds; requests in flight finish on the version before.

    The report of the gates must let it pass, beside the version that serves. `force`, which needs
    a `reason`, promotes it all the same, and the history says so.
    """
    asked = _asked(_Promotion, name, "promote")
    why = _why(asked)._replace(is_forced=asked.force)
    return _done(services().changes.promote(name, asked.version, why), name)


@blueprint.post("/rollback")
@requires(Action.ADMIN)
@_described("Rollback")
def roll_back(name: str) -> ResponseReturnValue:
    """Return to the version that served before, and let a candidate go.

    Done twice, it goes back twice, unless `replaces` names the version that is to go: where
    another one serves, nothing changes.
    """
    asked = _asked(_Rollback, name, "rollback")
    return _done(services().changes.roll_back(name, asked.replaces, _why(asked)), name)


@blueprint.post("/canary")
@requires(Action.ADMIN)
@_described("Canary")
def canary(name: str) -> ResponseReturnValue:
    """Let a candidate answer a share of the callers, each of them always or never.

    `sticky` says what a caller is: its `subject`, or `header:NAME`; without that header its
    subject counts. When the share grows, whoever was with the candidate stays with it.

    With `judge`, which may be empty, the candidate is promoted once it is proved to be no worse
    than tolerated in errors, latency and answers, and let go once it is proved to be worse.
    Another share begins the trial anew. The report of the gates must let it pass first.
    """
    asked = _asked(_Canary, name, "canary")
    rest = {"sticky": asked.sticky, "tolerance": asked.tolerance, "judge": asked.judge}
    return _done(_started(name, "canary", asked, **rest), name)


@blueprint.post("/shadow")
@requires(Action.ADMIN)
@_described("Shadow")
def shadow(name: str) -> ResponseReturnValue:
    """Send a candidate copies of a share of the requests; it answers nobody.

    Metrics and audit log say how far it agrees with the version that serves.
    """
    asked = _asked(_Shadow, name, "shadow")
    return _done(_started(name, "shadow", asked, tolerance=asked.tolerance), name)


@blueprint.delete("/candidate")
@requires(Action.ADMIN)
def stop(name: str) -> ResponseReturnValue:
    """Let the candidate go, if there is one; the version that serves answers everybody.
    ---
    tags: [administration]
    parameters:
      - {$ref: '#/components/parameters/ModelName'}
    responses:
      200: {$ref: '#/components/responses/Serving'}
      404: {$ref: '#/components/responses/404'}
      409: {$ref: '#/components/responses/409'}
    """  # noqa: D205
    _check_name(name)
    reason = printable(request.args.get("reason", ""))[:LONGEST_REASON]
    _note({"change": "stop", "model": name, "reason": reason})
    return _done(services().changes.stop(name, Why(g.principal.subject, reason)), name)


def _asked(kind: type[Asked], name: str, change: str) -> Asked:
    """Read the body, which may be empty, and note it for the audit log."""
    _check_name(name)
    call = call_of(request.environ)
    body = call.read_body(_MOST_BYTES)
    if body:
        check_media_types(call)
    try:
        asked = kind.model_validate(json_object(body) if body else {})
    except ValidationError as error:
        raise _invalid(error) from error
    except ValueError as error:
        raise BodyMalformedError(f"The body {error}.") from error
    _note({"change": change, "model": name, **asked.model_dump(exclude_none=True)})
    return asked


def _invalid(error: ValidationError) -> ChangeInvalidError:
    """Name the key that is wrong, where it is one."""
    wrong = error.errors(include_url=False)[0]
    where = ".".join(map(str, wrong["loc"]))
    said = wrong["msg"].removeprefix("Value error, ")
    return ChangeInvalidError(f"'{where}': {said}." if where else f"{said}.")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ModelUnknownError("No model of this name is served here.")


def _started(name: str, mode: Mode, asked: _Canary | _Shadow, **rest: Any) -> Serving:
    try:
        split = Split(model=name, version=asked.version, mode=mode, share=asked.share, **rest)
    except ValidationError as error:
        raise _invalid(error) from error
    return services().changes.start(split, _why(asked))


def _why(asked: _Change) -> Why:
    return Why(g.principal.subject, asked.reason)


def _note(asked: dict[str, Any]) -> None:
    request.environ[DETAIL] = orjson.dumps(asked).decode()


def _done(serving: Serving, name: str) -> ResponseReturnValue:
    split = serving.candidate
    return {
        "model": name,
        "version": serving.version,
        "candidate": split.document() if split is not None else None,
        "changed": serving.changed,
    }
