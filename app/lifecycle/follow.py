"""Follows an alias of an MLflow registry: where it moves, a stage goes after it."""

from __future__ import annotations

from collections.abc import Callable

from app.errors import ModelRejectedError, OperatorError, TrainingDataError
from app.lifecycle.mlflow_source import Source


def follow(
    look: Callable[[], Source],
    take: Callable[[Source], None],
    *,
    wait: Callable[[], None],
    tell: Callable[[str], None],
) -> None:
    """Look, and take what is new; a version that cannot be served is told of once.

    It ends when *wait* raises. Between two moves of the alias the stage belongs to its operators:
    what they roll back stays so.

    Args:
        look: returns the version that the alias names now.
        take: imports and promotes it.
        wait: until the next look.
        tell: is told what went wrong, once for as long as it lasts.
    """
    taken: Source | None = None
    told: str | None = None
    while True:
        try:
            found = look()
            if found != taken:
                try:
                    take(found)
                except (ModelRejectedError, TrainingDataError):
                    taken = found  # it will not become better
                    raise
                taken = found
            told = None
        except OperatorError as error:
            if str(error) != told:
                told = str(error)
                tell(told)
        wait()
