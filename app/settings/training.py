"""Settings of training."""

from __future__ import annotations

from pydantic import Field

from app.settings.section import Section


class Training(Section):
    """Where training tells what it did."""

    tracking_url: str = Field(
        "sqlite:///runtime/mlflow.db",
        min_length=1,
        description="of MLflow: sqlite:///FILE, http://… of a server, or none",
    )
