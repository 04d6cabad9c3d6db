from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import RegistryError
from app.wiring.drift import estimator_of
from test.builders import a_promoted_model, a_regression_table, some_settings


def test_an_estimator_is_of_the_file_that_the_contract_names(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    first = a_promoted_model(settings, a_regression_table(slope=1.0))
    second = a_promoted_model(settings, a_regression_table(slope=2.0))
    other = first.model_copy(update={"version": second.version})

    assert estimator_of(settings, second).n_features_in_ == 2
    with pytest.raises(RegistryError, match="line 2: is not the file that its contract names"):
        estimator_of(settings, other)
