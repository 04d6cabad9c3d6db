"""What a batch has done so far, and whether what is asked for now is the same batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, Final

from app.errors import OperatorError
from app.lifecycle.batch.folder import Folder
from app.lifecycle.batch.inputs import InputFile

JOB_FILE: Final = "_job.json"
_SHOWN: Final = {
    "input": "the input is another, or was changed",
    "model": "the model is another version, or answers on another engine",
    "rules": "the settings of what is refused and filled in are others",
    "keys": "other keys are asked for",
    "format": "another format is asked for",
    "parts": "it was cut into other parts",
}


def input_digest(files: Sequence[InputFile]) -> str:
    """Return what changes with the names, sizes or contents of *files*."""
    said = json.dumps([(it.name, it.mark) for it in files])
    return sha256(said.encode()).hexdigest()


def begun(folder: Folder, bound: dict[str, Any], now: datetime, *, anew: bool) -> datetime:
    """Begin the batch that *bound* describes in *folder*, or go on with it.

    Args:
        folder: for nothing but this batch.
        bound: everything that decides the output.
        now: when a batch that begins here began.
        anew: forget what was done.

    Returns:
        When it was begun.

    Raises:
        OperatorError: the folder holds another batch, or other files.
    """
    names = folder.names()
    document = folder.content(JOB_FILE) if JOB_FILE in names else None
    if document is None and names:
        raise OperatorError(
            f"{folder.url}: is not empty, and nothing says that a batch was begun there. Fix: "
            "another OUTPUT"
        )
    if document is not None and not anew:
        return _resumed(folder, json.loads(document), bound)
    # Without its file the folder is nobody's, so that goes last, and comes first.
    for name in sorted(names - {JOB_FILE}, key=lambda name: name.count("/"), reverse=True):
        if not _is_ours(name):
            raise OperatorError(
                f"{folder.url}/{name}: was not written by a batch. Fix: move it away"
            )
        folder.remove(name)
    state = {"format_version": 1, "scored_at": now.isoformat(), **bound}
    folder.write(JOB_FILE, json.dumps(state, indent=2).encode())
    return now


def _resumed(folder: Folder, state: dict[str, Any], bound: dict[str, Any]) -> datetime:
    for key, value in bound.items():
        if state.get(key) != value:
            raise OperatorError(
                f"{folder.url}: holds another batch: {_SHOWN[key]}. Fix: another OUTPUT, or "
                "--restart, which forgets what was done"
            )
    return datetime.fromisoformat(state["scored_at"])


def _is_ours(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parent.name in {"", "_rejects"} and path.name.startswith(("part-", ".", "_"))
