"""Settings of the audit log: where it is, what it keeps of a prediction, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, field_validator

from app.domain.contract import Name
from app.settings.section import Section

Keep = Literal["whole", "hashed", "omitted"]


class AuditedModel(Section):
    """What is kept of one model's predictions, where it differs from the rest."""

    inputs: Keep | None = Field(None, description="whole, hashed or omitted; nothing: as the rest")
    outputs: Keep | None = Field(None, description="whole, hashed or omitted; nothing: as the rest")
    features: dict[str, Keep] = Field(
        {}, description="feature names, each with whole, hashed or omitted"
    )


class Audit(Section):
    """What is remembered of every prediction, refusal and act of an administrator."""

    mode: Literal["background", "strict", "off"] = Field(
        "background", description="background, strict or off"
    )
    url: SecretStr | None = Field(
        None, min_length=1, description="postgresql://user:password@host/name, or nothing: SQLite"
    )
    flush_seconds: PositiveFloat = Field(
        1.0, le=60, description="seconds between two writes, up to 60"
    )
    queue_bytes: PositiveInt = Field(
        67_108_864, description="bytes that may wait for the next write, 1 or more"
    )
    head_seconds: PositiveInt = Field(
        60, le=86_400, description="seconds between two signed heads, 1 to 86400"
    )
    signing_key: Path | None = Field(
        None, description="a PEM file with an Ed25519 private key, or nothing: one is made"
    )
    keep_days: PositiveInt = Field(90, le=36_500, description="days, 1 to 36500")
    keep_bytes: PositiveInt = Field(10_737_418_240, description="bytes of the log, 1 or more")
    inputs: Keep = Field("whole", description="whole, hashed or omitted")
    outputs: Keep = Field("whole", description="whole, hashed or omitted")
    models: dict[Name, AuditedModel] = Field(
        {}, description="model names, each with inputs, outputs and features of its own"
    )

    @field_validator("mode", mode="before")
    @classmethod
    def _off_is_no_boolean(cls, mode: object) -> object:
        """Take ``mode: off`` as it is written: YAML reads it as false."""
        return "off" if mode is False else mode

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _names_database(url.get_secret_value()):
            raise ValueError("is no PostgreSQL url")
        return url


def _names_database(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or parse_qs(parts.query).get("host")
    except ValueError:
        return False
    return parts.scheme == "postgresql" and bool(host) and len(parts.path) > 1
