"""What the launcher looks at and makes ready before any server starts."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
from pathlib import Path

from app.errors import OperatorError, SettingsError
from app.files import write_atomically
from app.settings.schema import Settings
from app.settings.secret import shared_secret

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SERVER_LOG = {
    "formatters": {"json": {"()": "app.log.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {"_granian": {"handlers": ["stderr"], "propagate": False}},
}


def check_port(settings: Settings) -> None:
    """Raise an OperatorError when the port cannot be listened on."""
    host, port = settings.server.host, settings.server.port
    try:
        family, address = address_of(settings)
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        reason = error.strerror or "cannot be used"
        raise OperatorError(
            f"{host}:{port}: {reason.lower()}. Stop what listens there, or set HOST or PORT."
        ) from error


def address_of(settings: Settings) -> tuple[socket.AddressFamily, str]:
    """Look up the host: Granian takes no names."""
    server = settings.server
    found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)[0]
    return found[0], str(found[4][0])


def check_tls(settings: Settings) -> None:
    """Raise a SettingsError when certificate and key do not fit together, or the server."""
    if settings.ssl_cert is None or settings.ssl_key is None:
        return
    key = settings.path(settings.ssl_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.path(settings.ssl_cert), key, password=lambda: "")
        head = key.read_bytes()[:80]
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            "ssl_cert, ssl_key: are no certificate and its key. "
            "Fix: two PEM files that belong together, the key without a password."
        ) from error
    if b"BEGIN PRIVATE KEY" not in head and settings.server.kind == "granian":
        raise SettingsError(
            "ssl_key: is not PKCS#8. Fix: openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW_KEY"
        )


def check_log(settings: Settings) -> None:
    """Raise a SettingsError when the log file cannot be written."""
    if settings.log.file is None:
        return
    file = settings.path(settings.log.file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("ab").close()
    except OSError as error:
        message = f"log.file: {file}: {error.strerror}. Fix: a file to write to, or nothing."
        raise SettingsError(message) from error


def prepare(settings: Settings) -> None:
    """Make the folders that workers share, and the key that dev makes once."""
    runtime = settings.path(settings.runtime_path)
    metrics = settings.metrics_directory
    try:
        runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
        _close_to_others(runtime)
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(parents=True)
        settings.draining_file.unlink(missing_ok=True)
        _forget_another_boot(runtime)
        write_atomically(server_log(settings), json.dumps(_SERVER_LOG).encode())
    except OSError as error:
        raise SettingsError(
            f"runtime_path: {error.filename}: {error.strerror}. Fix: a folder to write to."
        ) from error
    shared_secret(settings)


def _forget_another_boot(runtime: Path) -> None:
    """Remove the limits that the machine's last boot has left: a crash may have damaged them."""
    try:
        boot = BOOT_ID.read_text()
    except OSError:  # no Linux, where the file is not written through memory either
        return
    known = runtime / "boot-id"
    if not known.exists() or known.read_text() != boot:
        for file in runtime.glob("limits.lmdb*"):
            file.unlink()
        write_atomically(known, boot.encode())


def server_log(settings: Settings) -> Path:
    """Return the file that tells Granian to log as everything else does."""
    return settings.metrics_directory.parent / "server-log.json"


def _close_to_others(runtime: Path) -> None:
    """Keep the folder private: what lies in it is trusted, models and the dev secret among it."""
    found = runtime.stat()
    if found.st_uid != os.geteuid():
        raise SettingsError(f"runtime_path: {runtime}: is another user's. Fix: a folder of yours.")
    if found.st_mode & 0o077:
        runtime.chmod(0o700)
