"""Settings of which version of a model answers, where the stage alone shall not decide."""

from __future__ import annotations

from pydantic import Field, model_validator

from app.domain.contract import Version
from app.domain.traffic import SUBJECT, Mode, Share, Sticky, Tolerance
from app.settings.section import Section


class ModelTraffic(Section):
    """One model: the version that serves instead of the promoted one, and a candidate."""

    version: Version | None = Field(
        None, description="the registered version that serves, whatever is promoted; or nothing"
    )
    candidate: Version | None = Field(None, description="a registered version, or nothing")
    mode: Mode = Field("canary", description="canary or shadow: what the candidate does")
    share: Share = Field(0.05, description="of the callers, or of the copied requests: 0 to 1")
    sticky: Sticky = Field(SUBJECT, description="subject, or header:NAME")
    tolerance: Tolerance = Field(
        1e-6, description="relative difference up to which two numbers agree, 0 or more"
    )

    @model_validator(mode="after")
    def _names_two_versions(self) -> ModelTraffic:
        if self.candidate is not None and self.candidate == self.version:
            raise ValueError("'candidate' and 'version' name one version")
        return self
