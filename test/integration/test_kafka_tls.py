"""A Kafka consumer whose brokers speak TLS alone, set by properties of librdkafka."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import StreamError
from app.lifecycle.streams import kafka_clients
from app.lifecycle.streams.kafka import Counts, Wanted
from app.lifecycle.streams.kafka_clients import connected
from app.settings.streaming import Kafka
from app.wiring.offline import open_version
from test.builders import a_classification_table, a_promoted_model, some_settings
from test.e2e.certificates import a_certificate
from test.kafka_cluster import SESSION, kafka_cluster
from test.kafka_group import Group
from test.kafka_tls import encrypted

N_MESSAGES = 20


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("brokers", "strangers"):
        a_certificate(folder / name)
    return folder


@pytest.fixture(scope="module")
def group(certificates: Path) -> Iterator[Group]:
    """Messages in a topic, whose brokers then are behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own = certificates / "brokers"
    context.load_cert_chain(own / "cert.pem", own / "key.pem")
    with kafka_cluster() as cluster:
        group = Group(Path(), cluster, "encrypted")
        group.send([b'{"features": [1, 2]}'] * N_MESSAGES)
        with encrypted(cluster, context) as group.brokers:
            yield group


def tls(certificates: Path, issuer: str) -> dict[str, object]:
    return SESSION | {
        "security.protocol": "SSL",
        "ssl.ca.location": str(certificates / issuer / "cert.pem"),
    }


def test_a_consumer_scores_over_tls(group: Group, certificates: Path, tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    a_promoted_model(settings, a_classification_table())
    sides = open_version(settings, "sides")

    counts = group.score(sides, Wanted(max_messages=N_MESSAGES), extra=tls(certificates, "brokers"))

    assert counts == Counts(scored=N_MESSAGES)


def test_brokers_with_a_certificate_of_somebody_else_are_refused(
    group: Group, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_clients, "_ANSWER_SECONDS", 2.0)
    settings = Kafka.model_validate(group.settings(extra=tls(certificates, "strangers")))

    with pytest.raises(StreamError, match=r"certificate verify failed"):
        connected(settings)
