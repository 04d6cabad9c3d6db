"""Which rows of numbers, categories and texts a contract takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from app.domain.contract import NUMBERS, Feature
from app.domain.kinds import check_types
from app.domain.ports import FloatArray, Matrix
from app.domain.values import Values
from app.domain.words import Words
from app.errors import FieldError, InputInvalidError


class Table:
    """Holds rows of any kind of value to *features*, and knows what fills a gap.

    A row in memory is what an estimator meets: a float for a number or a boolean, a str for a
    category or a text, and a float NaN for what is missing and passed on.

    Args:
        features: in the order of the model.
        numbers: of those features that are numbers or booleans.

    Raises:
        ModelRejectedError: the contract fills a text with a number.
    """

    def __init__(self, features: Sequence[Feature], numbers: Values) -> None:
        self._features: Final = features
        self._numbers: Final = numbers
        self._numeric: Final = [at for at, it in enumerate(features) if it.kind in NUMBERS]
        self._words: Final = [
            (at, Words(it)) for at, it in enumerate(features) if it.kind not in NUMBERS
        ]

    def matrix(self, columns: Sequence[list[Any]]) -> Matrix:
        """Return rows as objects when their values keep the contract, missing ones filled in.

        Args:
            columns: one for each feature, of one length, 1 or more; None or NaN for what is
                missing, and otherwise whatever was sent.

        Returns:
            dtype object, shape (n_rows, n_features).

        Raises:
            InputInvalidError: a value breaks the contract.
        """
        check_types(self._features, columns)
        faults: list[FieldError] = []
        matrix: Matrix = np.empty((len(columns[0]), len(columns)), dtype=object)
        if self._numeric:
            numbers = np.array([columns[at] for at in self._numeric], dtype=np.float64)
            try:
                checked = self._numbers.checked(np.ascontiguousarray(numbers.T))
                matrix[:, self._numeric] = checked
            except InputInvalidError as error:
                faults += error.faults
        for at, words in self._words:
            matrix[:, at], wrong = words.checked(columns[at])
            faults += wrong
        if faults:
            raise InputInvalidError(sorted(faults, key=lambda fault: fault.row or 0))
        return matrix

    def outside_training(self, matrix: Matrix) -> int:
        """Count numbers outside of the range seen in training, and categories never seen."""
        unknown = sum(words.unknown(matrix[:, at].tolist()) for at, words in self._words)
        if not self._numeric:
            return unknown
        numbers: FloatArray = matrix[:, self._numeric].astype(np.float64)
        return unknown + self._numbers.outside_training(numbers)
