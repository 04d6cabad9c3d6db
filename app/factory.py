"""Settings -> services -> Flask. Reads like a contents page."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from app import log
from app.api import (
    access,
    admin,
    changes,
    docs,
    errors,
    health,
    index,
    metrics,
    models,
    predict,
    v2,
)
from app.api.edge import OrjsonProvider
from app.gate.envelope import Envelope
from app.gate.services import Services
from app.settings.overlay import load
from app.settings.schema import Settings
from app.wiring import build_services


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """Build the gateway. Tests pass their own *settings* or *services*.

    Raises:
        SettingsError: a setting is wrong.
        UndeclaredAccessError: a view says neither ``@requires`` nor ``@public``.
    """
    settings = settings or (services.settings if services else load())
    configure_log(settings)
    services = services or build_services(settings)

    app = Flask("gatehouse", root_path=str(Path(__file__).parent), static_folder=None)
    app.json = OrjsonProvider(app)
    app.extensions["gatehouse"] = services
    app.debug = settings.server.debug

    errors.install(app)
    for group in (index, health, predict, models, v2, admin, changes, metrics):
        app.register_blueprint(group.blueprint)
    docs.install(app)

    access.install(app)
    app.wsgi_app = Envelope(app.wsgi_app, services)  # type: ignore[method-assign]
    return app


def configure_log(settings: Settings) -> None:
    """Send log lines where *settings* say; what is built after this logs there too."""
    log.configure(
        level=settings.log.level,
        file=settings.path(settings.log.file) if settings.log.file else None,
        max_bytes=settings.log.max_bytes,
        backups=settings.log.backups,
    )
