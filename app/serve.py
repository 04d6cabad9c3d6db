"""The launcher behind ``make run``: checks everything once, then keeps a server running."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import signal
import ssl
import sys
from pathlib import Path

from app import log
from app.command_line import run
from app.domain.contract import Contract, Value
from app.errors import OperatorError
from app.preflight import address_of, check_log, check_port, check_tls, prepare, server_log
from app.settings.overlay import PROJECT, load
from app.settings.schema import Settings
from app.supervisor import Supervisor

# An idle connection costs 10 KB. Those beyond wait unread until one of these has been closed.
_CONNECTIONS = 4_096
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> int:
    """Serve until SIGTERM or SIGINT; 2, with one message, when something must be mended first."""
    return run(_serve)


def _serve() -> int:
    settings = load()
    log.configure(level=settings.log.level)
    check_port(settings)
    check_tls(settings)
    check_log(settings)
    prepare(settings)
    if not _model_holds(settings):
        return 2
    server = settings.server
    return Supervisor(
        command=gunicorn_command() if server.kind == "gunicorn" else granian_command(settings),
        environment=_environment(settings),
        draining=settings.draining_file,
        drain_seconds=server.drain_seconds,
        stop_seconds=server.stop_seconds,
        is_up=lambda: _answers(settings),
        when_up=lambda: _say_what_is_next(settings),
    ).run()


def _model_holds(settings: Settings) -> bool:
    """Verify and open the model in a process of its own: the launcher itself stays small."""
    fork = multiprocessing.get_context("fork")
    check = fork.Process(target=_check_model, args=(settings,), daemon=True)
    check.start()
    check.join()
    if check.exitcode not in {0, 2}:
        path, status = settings.path(settings.model.model_path), check.exitcode
        raise OperatorError(f"{path}: loading it ended the process (exit status {status}).")
    return check.exitcode == 0


def _check_model(settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the launcher, which ends this
    from app.wiring import audit_log, check_model  # noqa: PLC0415  pulls in scikit-learn

    def check() -> int:
        audit_log(settings).check()
        check_model(settings)
        return 0

    raise SystemExit(run(check))


def _environment(settings: Settings) -> dict[str, str]:
    """Return the server's environment; workers share the cores, so each computes on one."""
    alone = dict.fromkeys(_ONE_THREAD, "1")
    return alone | dict(os.environ) | {"APP_ENV": settings.environment}


def gunicorn_command() -> list[str]:
    """Return the command that becomes gunicorn, which reads the settings itself."""
    config = str(PROJECT / "gunicorn.conf.py")
    return [sys.executable, "-m", "gunicorn", "--config", config, "app.wsgi:app"]


def granian_command(settings: Settings) -> list[str]:
    """Return the command that becomes Granian as the settings want it."""
    server = settings.server
    command = [
        sys.executable, "-m", "granian", "app.wsgi:app",
        "--interface", "wsgi", "--http", "1", "--no-ws",
        "--host", address_of(settings)[1], "--port", str(server.port),
        "--workers", str(server.workers),
        "--blocking-threads", str(server.threads),
        "--backpressure", str(_CONNECTIONS),
        "--http1-buffer-size", str(server.max_header_bytes),
        "--http1-header-read-timeout", "10000",
        "--respawn-failed-workers", "--respawn-interval", "0.1",
        "--workers-kill-timeout", str(server.stop_seconds),
        "--log-level", "error", "--log-config", str(server_log(settings)),
    ]  # fmt: skip
    if settings.ssl_cert and settings.ssl_key:
        command += [
            "--ssl-certificate", str(settings.path(settings.ssl_cert)),
            "--ssl-keyfile", str(settings.path(settings.ssl_key)),
            "--ssl-protocol-min", "tls1.2",
        ]  # fmt: skip
    return command


def _answers(settings: Settings) -> bool:
    """Ask for ``/livez``: the port is open some time before a worker stands behind it."""
    server = settings.server
    host = _reachable(server.host)
    connection = http.client.HTTPConnection(host, server.port, timeout=1.0)
    if settings.ssl_cert:
        own = ssl._create_unverified_context()  # noqa: S323, SLF001  asks itself
        connection = http.client.HTTPSConnection(host, server.port, timeout=1.0, context=own)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _say_what_is_next(settings: Settings) -> None:
    server = settings.server
    scheme = "https" if settings.ssl_cert else "http"
    host = _reachable(server.host)
    host = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{host}:{server.port}"
    many = f"{server.workers} worker{'s' if server.workers > 1 else ''}"
    print(
        f"""
Gatehouse listens on {url} ({settings.environment}, {server.kind}, {many}).
Type in another terminal:

  TOKEN=$({_python()} jwt_tools/generate_token.py)

  curl {url}/api/v1/predict -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{json.dumps({"data": [_example_row(settings)]})}'

and open {url}/apidocs/
""",
        flush=True,
    )


def _reachable(host: str) -> str:
    """Return an address at which this machine reaches a server that listens on *host*."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _python() -> str:
    """Return the interpreter as somebody types it in the project's folder."""
    used = Path(sys.executable)
    return str(used.relative_to(PROJECT)) if used.is_relative_to(PROJECT) else "python"


def _example_row(settings: Settings) -> tuple[Value, ...]:
    manifest = settings.path(settings.model.model_path).parent / "manifest.json"
    try:
        return Contract.model_validate_json(manifest.read_bytes()).example_row
    except (OSError, ValueError):
        return (0,)


if __name__ == "__main__":
    raise SystemExit(main())
