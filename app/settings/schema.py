"""The settings as one frozen schema. Units are in the names; a description says what is right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    StringConstraints,
)

from app.domain.contract import Name as ModelName
from app.settings.audit import Audit
from app.settings.drift import Drift
from app.settings.features import Features
from app.settings.limits import Limits
from app.settings.promotion import Promotion
from app.settings.section import RateText, Role, Section
from app.settings.security import Grant, Security
from app.settings.streaming import Streaming
from app.settings.traffic import ModelTraffic
from app.settings.training import Training

Environment = Literal["dev", "staging", "prod"]
STAGE_OF: dict[Environment, str] = {"dev": "dev", "staging": "staging", "prod": "production"}
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s*]+$")]


class InputValidation(Section):
    """Bounds that refuse a value, whatever the model."""

    min_value: FiniteFloat = Field(-1e6, description="the least number a feature may have")
    max_value: FiniteFloat = Field(1e6, description="the greatest number a feature may have")


_PLACELESS = re.compile(r"[a-z][a-z0-9+.-]*:/+|(s3a?|gs|gcs):///.*", re.IGNORECASE)


def _registry(path: str) -> str:
    if _PLACELESS.fullmatch(path):
        raise ValueError("is a URL without a bucket or folder")
    return path


class Model(Section):
    """Which promoted model this environment serves, and how it is loaded."""

    model_path: Path = Field(
        Path("model/dev/model.joblib"),
        description="path of a .joblib file, with its manifest.json beside it",
    )
    sha256: Digest | None = Field(
        None, description="the 64 hexadecimal digits of the file, for a file without a contract"
    )
    n_features: PositiveInt | None = Field(
        None, description="the number of features in the model's contract, or nothing"
    )
    registry_path: Annotated[str, AfterValidator(_registry)] = Field(
        "model/registry",
        min_length=1,
        description="a folder, or a URL such as s3://bucket/models or gs://bucket/models",
    )
    retries: NonNegativeInt = Field(
        3, le=10, description="how often loading is tried again, 0 to 10"
    )
    retry_delay_seconds: NonNegativeFloat = Field(
        0.5, le=60, description="seconds before the first new try, 0 to 60; doubled each time"
    )
    max_rows: PositiveInt = Field(10_000, description="rows in one JSON request, 1 or more")
    max_arrow_rows: PositiveInt = Field(100_000, description="rows in one Arrow request, 1 or more")
    loads_at_start: bool = Field(default=False, description="true or false")
    max_loaded_bytes: NonNegativeInt = Field(
        4_294_967_296, description="bytes of the files of all loaded models but the default, or 0"
    )
    input_validation: InputValidation = InputValidation()


class Server(Section):
    """How the server listens and how much it takes in."""

    kind: Literal["granian", "gunicorn"] = Field("granian", description="granian or gunicorn")
    host: str = Field("127.0.0.1", description="an address of this machine")
    port: int = Field(5000, ge=1, le=65535, description="a port from 1 to 65535")
    workers: int = Field(1, ge=1, le=256, description="worker processes, 1 to 256")
    pin_workers: bool = Field(default=True, description="true or false")
    threads: int = Field(64, ge=1, le=512, description="threads of one worker, 1 to 512")
    max_queue_ms: PositiveInt = Field(
        250, le=60_000, description="milliseconds that a request may wait for its turn, 1 to 60000"
    )
    max_request_bytes: PositiveInt = Field(4_194_304, description="bytes of a body, 1 or more")
    max_arrow_bytes: PositiveInt = Field(
        33_554_432,
        description="bytes of an Arrow or binary body, and of its rows in memory, 1 or more",
    )
    max_header_bytes: int = Field(
        32_768, ge=8_192, le=417_792, description="bytes of request line and headers, 8192 or more"
    )
    trusted_proxies: NonNegativeInt = Field(
        0, le=10, description="how many proxies of your own stand in front, 0 to 10"
    )
    drain_seconds: NonNegativeFloat = Field(
        2.0, le=600, description="seconds that readiness fails before the server stops listening"
    )
    stop_seconds: PositiveInt = Field(30, le=600, description="seconds requests in flight may take")
    debug: bool = Field(default=False, description="true or false; never true in prod")


class Cache(Section):
    """Answers remembered in each worker."""

    max_entries: NonNegativeInt = Field(1024, description="answers remembered; 0 turns it off")


class Log(Section):
    """Where log lines go besides standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    access: bool = Field(default=True, description="true or false: a line for every request")
    file: Path | None = Field(None, description="a file to write as well, or nothing")
    max_bytes: PositiveInt = Field(10_485_760, description="bytes before the file is rotated")
    backups: NonNegativeInt = Field(5, description="rotated files kept")


class Alerts(Section):
    """Who is told about 5xx answers."""

    slack_webhook: SecretStr | None = Field(
        None, min_length=1, description="an https:// address, or nothing"
    )


class Metrics(Section):
    """Who may read the metrics."""

    scrape_token: SecretStr | None = Field(
        None, min_length=1, description="a bearer token Prometheus must send, or nothing for anyone"
    )


class Docs(Section):
    """Who may read the API description."""

    require_token: bool = Field(default=False, description="true or false")


class Cors(Section):
    """Which web pages of other origins may call."""

    allowed_origins: tuple[Origin, ...] = Field(
        (), description="a list of origins such as https://app.example.org, without '*'"
    )


class Settings(Section):
    """Everything that can be set. ``environment`` and ``root`` come from ``overlay.load``."""

    environment: Environment = Field("dev", description="dev, staging or prod, through APP_ENV")
    root: Path = Field(Path(), description="the folder of config.yaml; other paths start there")
    runtime_path: Path = Field(Path("runtime"), description="a folder that only this user reads")
    model: Model = Model()
    security: Security = Security()
    allowed_roles: tuple[Role, ...] = Field(
        ("admin", "user"), description="a list of role names, such as [admin, user]"
    )
    enable_auth: bool = Field(default=True, description="true or false; never false in prod")
    grants: tuple[Grant, ...] = Field(
        (), description="a list of grants: roles, scopes, actions, models; [] for allowed_roles"
    )
    rate_limit: RateText = Field(
        "100 per minute", description="as '100 per minute' or '10 per second; 1000 per hour'"
    )
    limits: Limits = Limits()
    audit: Audit = Audit()
    traffic: dict[ModelName, ModelTraffic] = Field(
        default_factory=dict,
        description="by model: version, candidate, mode, share, sticky, tolerance",
    )
    nan_replacement: FiniteFloat = Field(0.0, description="a number put in for a missing value")
    ssl_cert: Path | None = Field(None, description="a PEM file, together with ssl_key")
    ssl_key: Path | None = Field(None, description="a PKCS#8 PEM file, together with ssl_cert")
    server: Server = Server()
    cache: Cache = Cache()
    log: Log = Log()
    alerts: Alerts = Alerts()
    metrics: Metrics = Metrics()
    docs: Docs = Docs()
    cors: Cors = Cors()
    features: Features = Features()
    training: Training = Training()
    promotion: Promotion = Promotion()
    drift: Drift = Drift()
    streaming: Streaming = Streaming()

    @property
    def stage(self) -> str:
        """The stage of the model store that this environment serves."""
        return STAGE_OF[self.environment]

    @property
    def metrics_directory(self) -> Path:
        """The folder in which the workers of one server share their metrics."""
        return self.path(self.runtime_path) / f"server-{self.server.port}" / "metrics"

    @property
    def draining_file(self) -> Path:
        """The file that is there while the server on this port finishes its last requests."""
        return self.path(self.runtime_path) / f"server-{self.server.port}" / "draining"

    @property
    def reload_file(self) -> Path:
        """The file that changes when the workers of this server shall read the settings again."""
        return self.path(self.runtime_path) / f"server-{self.server.port}" / "reload"

    def path(self, path: Path | str) -> Path:
        """Return *path* as an absolute path that starts at ``root``."""
        return (self.root / path).absolute()
