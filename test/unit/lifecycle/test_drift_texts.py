"""Texts: their length, their labels and the mean of their vectors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from app.domain.contract import Feature
from app.lifecycle.drift_texts import embed_of, embedding_check
from test.builders import a_contract

WORDS = np.array([f"word{it}" for it in range(40)])
CONTRACT = a_contract(Feature(name="text", kind="text"), input="texts", task="classification")


def texts(n_rows: int, *, first: int = 0, seed: int = 1) -> np.typing.NDArray[np.object_]:
    """Six words each, of which a tenth are the *first* ones."""
    generator = np.random.default_rng(seed)
    column = np.empty((n_rows, 1), dtype=object)
    for row in range(n_rows):
        n_words = 3 if generator.random() < 0.1 and first else len(WORDS)
        column[row, 0] = " ".join(WORDS[generator.integers(0, n_words, 6)])
    return column


@pytest.mark.parametrize("first", [0, 3], ids=["same", "other"])
def test_texts_of_other_words_have_another_mean_vector(first: int) -> None:
    known = texts(500)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model.fit(known[:, 0], np.arange(500) % 2)
    embed = embed_of(CONTRACT, model)
    assert embed is not None

    found = embedding_check(embed, known, texts(400, first=first, seed=2))

    assert (found.p_value < 0.002) == bool(first)
    assert (found.n_reference, found.n_current) == (500, 400)


def test_a_model_without_vectors_has_no_such_check() -> None:
    assert embed_of(CONTRACT, LogisticRegression()) is None
    assert embed_of(a_contract(), make_pipeline(TfidfVectorizer(), LogisticRegression())) is None
