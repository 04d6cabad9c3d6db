"""Settings of limits beyond ``rate_limit``: where they are counted, and further policies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, SecretStr, StringConstraints, field_validator

from app.domain.rules import CONCURRENT
from app.settings.section import ModelPattern, RateText, Role, Section

PolicyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class LimitPolicy(Section):
    """A limit of each subject besides ``rate_limit``."""

    name: PolicyName = Field(description="lower-case letters, digits, '-' and '_'")
    rates: RateText = Field(description="as '10 per second; 10000 per day'")
    roles: tuple[Role, ...] = Field((), description="whom it limits: a list of roles; [] for all")
    models: tuple[ModelPattern, ...] = Field(
        ("*",), min_length=1, description="a list of model names; * and ? stand for any letters"
    )
    cost: Literal["requests", "rows"] = Field(
        "requests", description="what is counted: requests or rows"
    )
    replaces_default: bool = Field(
        default=False, description="true or false: whether rate_limit does not count for them"
    )


class Limits(Section):
    """Where limits and revocations are kept, and what else is limited."""

    storage: SecretStr | None = Field(
        None, description="redis://host:6379/0 for several machines, or nothing for one"
    )
    on_store_failure: Literal["refuse", "allow"] = Field("refuse", description="refuse or allow")
    concurrent_requests: NonNegativeInt = Field(
        0, le=10_000, description="of one subject at once; 0 turns it off"
    )
    policies: tuple[LimitPolicy, ...] = Field(
        (), description="a list of policies: name, rates, roles, models, cost, replaces_default"
    )

    @field_validator("policies")
    @classmethod
    def _are_told_apart(cls, policies: tuple[LimitPolicy, ...]) -> tuple[LimitPolicy, ...]:
        names = {policy.name for policy in policies}
        if len(names) < len(policies) or CONCURRENT in names:
            raise ValueError(f"needs different names, and none of them '{CONCURRENT}'")
        return policies
