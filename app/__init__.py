"""Gatehouse: scikit-learn models behind a door that is locked, limited and watched.

Importing this package pulls in no Flask; ``create_app`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.gate.services import Services
    from app.settings.schema import Settings


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """Build the gateway; without arguments from ``config.yaml`` and the environment.

    Raises:
        SettingsError: a setting is wrong; the message names the file, the key and the fix.
    """
    from app.factory import create_app as build  # noqa: PLC0415  Flask only when it is asked for

    return build(settings, services)
