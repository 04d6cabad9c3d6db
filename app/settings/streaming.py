"""Settings of streams: rows that come one by one instead of in requests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PositiveInt, SecretStr, field_validator

from app.settings.section import Section

# What the promise "committed only after its outputs are acknowledged" stands on.
OWN_PROPERTIES: Final = frozenset(
    {
        "acks", "bootstrap.servers", "enable.auto.commit", "enable.auto.offset.store",
        "enable.idempotence", "enable.partition.eof", "group.id", "metadata.broker.list",
        "transactional.id",
    }
)  # fmt: skip


def _as_property(value: Any) -> Any:
    """Return a number or a truth value of YAML as librdkafka writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Property = Annotated[SecretStr, BeforeValidator(_as_property)]


class Kafka(Section):
    """Where the stream consumer reads and writes."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port, separated by commas")
    input_topic: str = Field("gatehouse.features", description="a topic")
    output_topic: str = Field("gatehouse.predictions", description="a topic")
    dead_letter_topic: str = Field("gatehouse.dead-letters", description="a topic")
    group_id: str = Field("gatehouse", description="a consumer group")
    batch_rows: PositiveInt = Field(500, description="most messages scored in one call, 1 or more")
    batch_ms: PositiveInt = Field(100, description="longest wait for a batch to fill, in ms")
    transactional: bool = Field(default=False, description="true or false")
    transactional_id: str | None = Field(
        None, min_length=1, description="a text of its own for each consumer, or nothing"
    )
    metrics_port: int = Field(0, ge=0, le=65535, description="a port for Prometheus; 0 is none")
    extra: dict[str, Property] = Field(
        default_factory=dict,
        description="properties of librdkafka, such as {security.protocol: SSL}, but for those "
        "that Gatehouse sets itself",
    )

    @field_validator("extra")
    @classmethod
    def _leaves_the_promise_alone(cls, extra: dict[str, SecretStr]) -> dict[str, SecretStr]:
        own = sorted(OWN_PROPERTIES & extra.keys())
        if own:
            raise ValueError(f"{own[0]} is set by Gatehouse itself")
        return extra


class Streaming(Section):
    """Streams of rows instead of requests."""

    input_path: Path = Field(Path("runtime/stream/input.jsonl"), description="a file or a pipe")
    output_path: Path = Field(Path("runtime/stream/output.jsonl"), description="a file")
    batch_rows: PositiveInt = Field(1_000, description="most lines scored in one call, 1 or more")
    max_line_bytes: PositiveInt = Field(1_048_576, description="bytes of one line, 1 or more")
    kafka: Kafka = Kafka()
