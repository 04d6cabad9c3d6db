"""Settings of the feature store: where features of entities lie, and how old they may be."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveInt, SecretStr

from app.settings.section import Section


class Features(Section):
    """Features that are looked up by entity instead of sent."""

    definitions_path: Path = Field(Path("features.yaml"), description="a YAML file of definitions")
    records_path: Path = Field(Path("runtime/records"), description="a folder of Parquet by date")
    online_path: Path = Field(Path("runtime/features"), description="a folder for SQLite")
    online_url: SecretStr | None = Field(
        None, min_length=1, description="redis://host:port/0 instead of SQLite, or nothing"
    )
    max_age_seconds: PositiveInt = Field(
        86_400, description="seconds after which features are too old to answer with, 1 or more"
    )
