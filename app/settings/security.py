"""Settings of trust: keys, tokens, grants, and which model files are opened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    StringConstraints,
    model_validator,
)

from app.settings.section import ModelPattern, RateText, Role, Section

MOST_MINUTES: Final = 525_600
ModuleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]


class Security(Section):
    """Which tokens hold, what failed ones cost, and which model files are opened."""

    jwt_secret: SecretStr | None = Field(
        None,
        min_length=1,
        description="32 random bytes or more, best from the environment: JWT_SECRET",
    )
    jwt_algorithm: Literal["HS256", "HS384", "HS512"] = Field(
        "HS256", description="HS256, HS384 or HS512"
    )
    keys_path: Path | None = Field(
        None, description="a PEM file, or a folder of <kid>.pem files, with public keys"
    )
    jwks: str | None = Field(
        None, min_length=1, description="a JWKS: the path of a file, or an https:// address"
    )
    jwks_max_age_seconds: PositiveInt = Field(
        300, le=86_400, description="seconds until the JWKS is fetched again, 1 to 86400"
    )
    jwks_cooldown_seconds: PositiveInt = Field(
        30, le=3_600, description="least seconds between two fetches, 1 to 3600"
    )
    token_expire_minutes: PositiveInt = Field(
        60, le=MOST_MINUTES, description="minutes a new token lives, 1 to 525600, a year"
    )
    max_token_minutes: PositiveInt = Field(
        MOST_MINUTES, le=MOST_MINUTES, description="longest accepted lifetime, 1 to 525600"
    )
    issuer: str | None = Field(None, description="the only accepted 'iss' claim, or nothing")
    audience: str | None = Field(None, description="the only accepted 'aud' claim, or nothing")
    leeway_seconds: NonNegativeInt = Field(0, le=300, description="clock difference, 0 to 300")
    failed_auth_limit: RateText = Field(
        "30 per minute", description="failed authentications of one address, as '30 per minute'"
    )
    model_keys: tuple[Path, ...] = Field(
        (), description="a list of PEM files with the Ed25519 public keys that sign models"
    )
    allowed_modules: tuple[ModuleName, ...] = Field(
        (), description="a list of modules, such as [my_features], that model files may name"
    )

    @property
    def longest_token_seconds(self) -> float:
        """How long after its issue a token can hold at the most."""
        return self.max_token_minutes * 60.0 + self.leeway_seconds


class Grant(Section):
    """Who, by any of these roles or scopes, may do what with which models."""

    roles: tuple[Role, ...] = Field((), description="a list of role names")
    scopes: tuple[Role, ...] = Field((), description="a list of scopes of the 'scope' claim")
    actions: tuple[Literal["predict", "read", "admin"], ...] = Field(
        min_length=1, description="a list of predict, read, admin"
    )
    models: tuple[ModelPattern, ...] = Field(
        ("*",), min_length=1, description="a list of model names; * and ? stand for any letters"
    )

    @model_validator(mode="after")
    def _is_somebodys(self) -> Grant:
        if not self.roles and not self.scopes:
            raise ValueError("names neither roles nor scopes, so it grants nothing")
        return self
