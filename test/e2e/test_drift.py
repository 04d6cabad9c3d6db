"""Drift that a running server with two workers sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from test.builders import a_promoted_model, a_regression_table
from test.e2e import exposition
from test.e2e.calls import predict, until
from test.e2e.server import Server, project, running_server

pytestmark = pytest.mark.e2e
NAME = "gatehouse_feature_drift_index"


def _index(server: Server, feature: str) -> float:
    """Return the largest index; 0 where there is none."""
    wanted = {"model": "line", "feature": feature}
    return exposition.total(server, NAME, lambda labels: labels == wanted)


def test_a_shifted_feature_has_a_large_index_when_its_rows_were_sent(tmp_path: Path) -> None:
    a_promoted_model(project(tmp_path), a_regression_table(n_rows=1_000))
    rows = np.random.default_rng(1).normal((0.0, 2.0), size=(4_000, 2))
    with running_server(
        tmp_path, WORKERS="2", GATEHOUSE_RATE_LIMIT="100000 per minute", SERVER="granian"
    ) as server:
        before = _index(server, "b")
        for part in np.array_split(rows, 40):
            assert predict(server, *part.tolist()).status == 200

        found = until(lambda: _index(server, "b"), "there is no index")

        assert before == 0
        assert found > 1.0
        assert _index(server, "a") < 0.1
