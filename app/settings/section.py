"""What every group of settings is made of: a frozen base, and the texts that several groups use."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from app.domain.rates import parse_rates


def _rates(text: str) -> str:
    try:
        parse_rates(text)
    except ValueError:
        # Its message quotes the text, and somebody may have put a secret there.
        raise ValueError("is no list of rates with different windows of at most a year") from None
    return text


RateText = Annotated[str, AfterValidator(_rates)]
Role = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
ModelPattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_*?-]{1,64}$")]


class Section(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _is_what_it_seems(cls, value: Any, field: ValidationInfo) -> Any:
        """Refuse YAML's ``yes`` where pydantic would read 1, and bytes that are no UTF-8."""
        kind = cls.model_fields[str(field.field_name)].annotation
        if isinstance(value, bool) and kind is not bool:
            raise ValueError("is true or false")
        if isinstance(value, str) and not value.isascii():
            value.encode()
        return value
