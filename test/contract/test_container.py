"""Dockerfile, compose file and Prometheus configuration, checked without a container engine."""

from __future__ import annotations

import importlib.util
import json
import re
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from flask import Flask

from app import supervisor
from app.settings.overlay import PREFIX, PROJECT, SHORT_NAMES
from test.contract.container import (
    bind_mounts,
    compose,
    dockerfile_stages,
    final,
    healthcheck_command,
    in_the_image,
    named_volumes,
    settings_in_the_image,
    variables_of_the_image,
)
from test.e2e.programs import require_program

TOOLS = Path(sys.executable).parent


def run(tool: str, *arguments: str) -> None:
    command = (str(TOOLS / tool), *arguments)
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_finds_nothing() -> None:
    run("hadolint", "--no-color", "Dockerfile")


def test_the_compose_file_fits_its_schema() -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


def test_prometheus_accepts_its_configuration() -> None:
    run(require_program("promtool", "prometheus"), "check", "config", "monitoring/prometheus.yml")


def test_the_build_gets_the_files_it_copies_and_no_others() -> None:
    copies = [argument.split() for name, argument in dockerfile_stages()[0] if name == "COPY"]
    copied = {source for sources in copies for source in sources[:-1]}
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()

    assert "*" in ignored
    assert {rule[1:] for rule in ignored if rule.startswith("!")} == copied
    assert [source for source in copied if not (PROJECT / source).exists()] == []


def test_the_image_takes_only_what_its_first_stage_made() -> None:
    build, image = dockerfile_stages()
    copies = [argument.split() for name, argument in image if name == "COPY"]
    steps = " ".join(argument for name, argument in build if name == "RUN")

    assert [copy[0] for copy in copies] == ["--from=build"] * 2
    assert {copy[1] for copy in copies} == {"/opt/venv", dict(build)["WORKDIR"], final("WORKDIR")}
    assert "-m venv --without-pip /opt/venv" in steps
    assert steps.count("--require-hashes") == 2
    assert variables_of_the_image()["PATH"].startswith("/opt/venv/bin:")


def test_the_image_starts_the_launcher_as_a_numbered_user() -> None:
    python, option, module = json.loads(final("CMD"))
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]

    assert (python, option) == ("python", "-m")
    assert importlib.util.find_spec(module) is not None
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", final("USER"))
    assert final("STOPSIGNAL") == "SIGTERM"
    assert ("ARG", f"VERSION={version}") in dockerfile_stages()[-1]


def test_the_settings_accept_the_environment_of_the_image() -> None:
    settings, known = settings_in_the_image(), {*SHORT_NAMES, "APP_ENV", "PATH"}

    assert settings.environment == "prod"
    assert settings.server.host == "0.0.0.0"  # noqa: S104  a container's own
    assert str(settings.server.port) == final("EXPOSE")
    assert {name for name in variables_of_the_image() if not name.startswith("PYTHON")} <= known


@contextmanager
def server_that_says(status: int) -> Iterator[int]:
    """A server whose ``/livez`` answers *status*; yields its port."""

    class Livez(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            self.send_response_only(status if self.path == "/livez" else 404)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Livez) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def health_exit_status(port: int) -> int:
    """Run the very command of the Dockerfile, with *port* for its PORT."""
    command, environment = healthcheck_command(), {"PATH": str(TOOLS), "PORT": str(port)}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (404, False), (503, False)])
def test_the_health_check_asks_livez(status: int, *, is_healthy: bool) -> None:
    with server_that_says(status) as port:
        assert (health_exit_status(port) == 0) is is_healthy


def test_the_health_check_fails_where_nothing_listens() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        assert health_exit_status(silent.getsockname()[1]) != 0


def test_the_compose_file_asks_for_the_secret_and_agrees_with_the_image() -> None:
    gateway = compose()["services"]["gateway"]
    variables = {name: str(value or "") for name, value in gateway["environment"].items()}

    assert "${JWT_SECRET:?" in (PROJECT / "docker-compose.yml").read_text()
    assert all(name in SHORT_NAMES or name.startswith(PREFIX) for name in variables)
    assert settings_in_the_image(**variables)
    assert gateway["healthcheck"]["test"] == ["CMD", *healthcheck_command()]


def test_every_service_is_locked_down() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        for mount in bind_mounts(service).values():
            assert (PROJECT / mount["source"]).exists(), mount
            assert mount["read_only"] is True, mount


def test_the_gateway_finds_its_model_and_may_write_where_it_must() -> None:
    gateway, settings = compose()["services"]["gateway"], settings_in_the_image()
    model = in_the_image(settings.path(settings.model.model_path))
    runtime = str(in_the_image(settings.path(settings.runtime_path)))
    made = [argument for name, argument in dockerfile_stages()[-1] if name == "RUN"]

    assert any(model.is_relative_to(target) for target in bind_mounts(gateway))
    assert json.loads(final("VOLUME")) == [runtime]
    assert named_volumes(gateway) == {"runtime": runtime}
    assert [entry.partition(":")[0] for entry in gateway["tmpfs"]] == ["/tmp"]  # noqa: S108
    # A new volume takes owner and mode of the folder in the image.
    owner = "--owner=gatehouse --group=gatehouse --mode=0700 runtime"
    assert any(owner in argument for argument in made)


def test_redis_shares_limits_and_keeps_revocations() -> None:
    services = compose()["services"]
    storage = services["gateway"]["environment"]["GATEHOUSE_LIMITS__STORAGE"]
    options = " ".join(services["redis"]["command"])

    assert storage == "redis://redis:6379/0"
    assert "--appendonly yes" in options
    assert "--maxmemory-policy noeviction" in options
    assert named_volumes(services["redis"]) == {"redis": "/data"}


def test_the_gateway_may_finish_before_it_is_killed() -> None:
    server = settings_in_the_image().server
    grace = compose()["services"]["gateway"]["stop_grace_period"].removesuffix("s")

    assert int(grace) > server.drain_seconds + server.stop_seconds + supervisor._GRACE_SECONDS


def test_prometheus_scrapes_the_gateway(app: Flask) -> None:
    watcher, gateway = (compose()["services"][name] for name in ("prometheus", "gateway"))
    content = yaml.safe_load((PROJECT / "monitoring/prometheus.yml").read_text())
    (job,) = (job for job in content["scrape_configs"] if job["job_name"] == "gatehouse")
    mounted, *rules = bind_mounts(watcher)

    assert {"/livez", job["metrics_path"]} <= {rule.rule for rule in app.url_map.iter_rules()}
    assert job["static_configs"] == [{"targets": [f"gateway:{final('EXPOSE')}"]}]
    assert f"--config.file={mounted}" in watcher["command"]
    assert rules == [f"/etc/prometheus/{name}" for name in content["rule_files"]]
    assert set(watcher["networks"]) & set(gateway["networks"])


def test_only_the_gateway_reaches_redis_and_only_this_machine_the_others() -> None:
    services = compose()["services"]
    (network,) = services["redis"]["networks"]
    published = [port for service in services.values() for port in service.get("ports", [])]

    assert compose()["networks"][network] == {"internal": True}
    assert {n for n, it in services.items() if network in it["networks"]} == {"gateway", "redis"}
    assert published == [f"127.0.0.1:5000:{final('EXPOSE')}", "127.0.0.1:9090:9090"]


def test_the_scripts_that_the_compose_file_tells_of_are_in_the_image() -> None:
    told = re.findall(r"\bpython (\S+\.py)", (PROJECT / "docker-compose.yml").read_text())
    copied = (PROJECT / "Dockerfile").read_text()

    assert told != []
    for script in map(Path, told):
        assert (PROJECT / script).is_file(), script
        assert f"COPY {script.parent} " in copied
