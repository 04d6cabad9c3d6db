"""Opens the audit log as the settings describe it, for the thread that writes and to read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from app.adapters.audit.database import check_version, postgresql, sqlite, told_without_values
from app.adapters.audit.key import AuditKey, given_key, judge, made_key, public_file, public_key
from app.adapters.audit.store import AuditReading, AuditStore, reading
from app.adapters.audit.writer import AuditWriter, Retention
from app.domain.audit_chain import Head
from app.domain.audit_privacy import ModelPrivacy, Privacy
from app.domain.audit_verification import Outcome
from app.errors import AuditStoreError
from app.settings.schema import Settings

log = logging.getLogger("gatehouse.audit")
_DAY_SECONDS: Final = 86_400


class AuditLog:
    """Where the log of these settings is, and who signs it. Nothing is opened before it is used."""

    def __init__(self, settings: Settings) -> None:
        self._audit = settings.audit
        runtime = settings.path(settings.runtime_path)
        given = settings.audit.signing_key
        self._file = runtime / "audit.sqlite"
        self._made_key = runtime / "audit-key.pem"
        self._given_key = settings.path(given) if given is not None else None

    def writer(self) -> AuditWriter:
        """Return what writes.

        Raises:
            SettingsError: the key cannot be read, or the url is none.
        """
        audit, key = self._audit, self._key()
        return AuditWriter(
            AuditStore(self._engine(writes=True), None if audit.url else self._file),
            key,
            self._privacy(key),
            head_seconds=audit.head_seconds,
            retention=Retention(seconds=audit.keep_days * _DAY_SECONDS, n_bytes=audit.keep_bytes),
        )

    def check(self) -> None:
        """Look at what only an operator can mend.

        A database that does not answer is no such thing: what is recorded waits for it.

        Raises:
            SettingsError: the key cannot be read, the url is none, or the schema is too new.
        """
        if self._audit.mode == "off":
            return
        self._key()
        engine = self._engine(writes=False)
        try:
            with told_without_values(), engine.connect() as connection:
                check_version(connection)
        except AuditStoreError as error:
            if self._audit.url is not None:
                log.warning("audit log does not answer", extra={"reason": str(error)})
        finally:
            engine.dispose()

    @contextmanager
    def opened(self) -> Iterator[AuditReading]:
        """Yield one state of the log.

        Raises:
            AuditStoreError: there is none, or it cannot be read.
            SettingsError: it belongs to a newer Gatehouse.
        """
        if self._audit.url is None and not self._file.exists():
            fix = "start the gateway, or set audit.url."
            raise AuditStoreError(f"{self._file}: there is no audit log. Fix: {fix}")
        with reading(self._engine(writes=False)) as state:
            yield state

    def outcomes(self, public_keys: Sequence[Path]) -> Callable[[Head], Outcome]:
        """Return what judges signatures: by the PEM files *public_keys*, else by its own key.

        Raises:
            OperatorError: a file is no public key.
        """
        if public_keys:
            return judge(map(public_key, public_keys))
        if self._given_key is not None:
            return judge([given_key(self._given_key).public])
        return judge([public_key(public_file(self._made_key))])

    def _key(self) -> AuditKey:
        given = self._given_key
        return given_key(given) if given is not None else made_key(self._made_key)

    def _privacy(self, key: AuditKey) -> Privacy:
        audit = self._audit
        models = {
            name: ModelPrivacy(
                own.inputs or audit.inputs, own.outputs or audit.outputs, own.features
            )
            for name, own in audit.models.items()
        }
        rest = ModelPrivacy(audit.inputs, audit.outputs)
        return Privacy(key.values_key(), rest, models, unknown=_tell_unknown)

    def _engine(self, *, writes: bool) -> Engine:
        url = self._audit.url
        if url is not None:
            return postgresql(url.get_secret_value())
        return sqlite(self._file, writes=writes)


def _tell_unknown(model: str, names: Sequence[str]) -> None:
    extra = {"model": model, "names": list(names)}
    log.warning("audit.models names features that the model lacks", extra=extra)
