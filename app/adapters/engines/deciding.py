"""Where ``decision_function`` comes from: the engine that serves, or the reference behind it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import cast

from app.domain.ports import Decider, FloatArray, Matrix
from app.errors import ModelNotReadyError, OperatorError

log = logging.getLogger("gatehouse.models")


def decider_of(engine: object, open_reference: Callable[[], object]) -> Decider:
    """Return *engine* when it decides by itself, or else the reference, opened when it is asked."""
    if hasattr(engine, "decide"):
        return cast("Decider", engine)
    return LateDecider(open_reference)


class LateDecider:
    """The reference of a model that a compiled engine serves.

    Most callers ask for no scores, so it is unpickled with the first who does.

    Args:
        open_reference: unpickles the estimator.
    """

    def __init__(self, open_reference: Callable[[], object]) -> None:
        self._open_reference = open_reference
        self._reference: Decider | None = None
        self._lock = threading.Lock()

    def decide(self, matrix: Matrix) -> FloatArray:
        """Return ``decision_function`` of every row, shape (n_rows,) or (n_rows, n_scores).

        Raises:
            ModelNotReadyError: the reference cannot be opened here.
        """
        with self._lock:
            if self._reference is None:
                self._reference = self._opened()
        return self._reference.decide(matrix)

    def _opened(self) -> Decider:
        try:
            return cast("Decider", self._open_reference())
        except OperatorError as error:
            log.warning("reference not opened", extra={"problem": str(error)})
            raise ModelNotReadyError("The scores of this model cannot be computed here.") from error
