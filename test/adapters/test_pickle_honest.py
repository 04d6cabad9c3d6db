"""What people really store passes, and answers as before."""

from __future__ import annotations

import pickle
from io import BytesIO
from typing import Any

import joblib
import numpy as np
import pytest

from app.adapters.joblib_models import unpickle
from app.adapters.pickles.names import Names
from test.adapters.honest_models import GENERATORS, MODELS, VALUES, fitted
from test.adapters.pickle_assembler import dumped

LISTED = Names()
LINEAR = next(iter(MODELS))
COMPRESSIONS = [0, 9, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("lzma", 1), ("xz", 1)]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_passes_and_answers_as_before(name: str, protocol: int) -> None:
    model, rows = fitted(name)

    loaded = unpickle(dumped(model, protocol=protocol), LISTED)

    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))


@pytest.mark.parametrize("compress", COMPRESSIONS, ids=str)
def test_each_compression_of_joblib_passes(compress: Any) -> None:
    model, rows = fitted(LINEAR)

    loaded = unpickle(dumped(model, compress=compress), LISTED)

    assert loaded.predict(rows).tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", VALUES)
def test_what_models_hold_passes_and_is_the_same(name: str, protocol: int) -> None:
    value = VALUES[name]

    payload = dumped(value, protocol=protocol)

    assert repr(unpickle(payload, LISTED)) == repr(joblib.load(BytesIO(payload)))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", GENERATORS)
def test_a_source_of_random_numbers_passes_and_goes_on(kind: str, protocol: int) -> None:
    generator = GENERATORS[kind]
    payload = dumped(generator, protocol=protocol)

    assert unpickle(payload, LISTED).random() == generator.random()


@pytest.mark.parametrize("protocol", range(6))
def test_a_model_that_was_stored_by_pickle_alone_passes(protocol: int) -> None:
    model, rows = fitted(LINEAR)

    loaded = unpickle(pickle.dumps(model, protocol=protocol), LISTED)

    assert loaded.predict(rows).tolist() == model.predict(rows).tolist()
