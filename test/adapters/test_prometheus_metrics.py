from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from app.adapters.prometheus_metrics import PrometheusMetrics
from app.domain.ports import Scores
from app.domain.prediction import _confidences

WORKER = """
import sys, time
from pathlib import Path
from app.adapters.prometheus_metrics import PrometheusMetrics
metrics = PrometheusMetrics(Path(sys.argv[1]))
for _ in range(10):
    metrics.request(method="GET", endpoint="/", status=200, seconds=0.001)
metrics.in_flight(1)
print("ready", flush=True)
time.sleep(60)
"""


def samples(metrics: PrometheusMetrics) -> dict[str, float]:
    _, text = metrics.exposition()
    return {
        sample.name + "".join(f"|{k}={v}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_confidences_of_many_rows_fall_into_the_same_buckets_as_one_by_one() -> None:
    confidences = [0.05, 0.1, 0.35, 0.5, 0.951, 0.99, 1.0, 1.0]
    together, apart = PrometheusMetrics(), PrometheusMetrics()
    together.predicted(seconds=0.1, confidences=confidences)
    for confidence in confidences:
        apart.predicted(seconds=0.1, confidences=[confidence])

    def shown(metrics: PrometheusMetrics) -> dict[str, float]:
        found = samples(metrics).items()
        wanted = ("prediction_confidence_bucket", "prediction_confidence_sum")
        return {name: round(value, 9) for name, value in found if name.startswith(wanted)}

    assert shown(together) == shown(apart)
    assert samples(together)["prediction_confidence_count"] == len(confidences)


def test_a_mean_of_nothing_is_left_out() -> None:
    metrics = PrometheusMetrics()
    metrics.features(model="m", names=("a", "b"), means=(2.5, float("nan")), outside=3)

    found = samples(metrics)

    assert found["feature_mean_value_sum|feature=a"] == 2.5
    assert found["feature_mean_value_count|feature=b"] == 0
    assert found["gatehouse_values_outside_training_total|model=m"] == 3


def test_counts_of_all_workers_add_up_and_those_of_a_killed_one_stay(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)], env=environment, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
    reader = PrometheusMetrics(tmp_path)
    counted = "http_requests_total|endpoint=/|method=GET|status=200"

    both = samples(reader)
    workers[0].kill()
    workers[0].communicate()
    one = samples(reader)
    workers[1].kill()
    workers[1].communicate()

    assert (both[counted], both["gatehouse_requests_in_flight"]) == (20, 2)
    assert (one[counted], one["gatehouse_requests_in_flight"]) == (20, 1)


def test_a_probability_that_is_none_is_left_out() -> None:
    rows = Scores(np.zeros(2), np.array([[0.25, 0.75], [np.nan, np.nan]]))

    assert _confidences(rows) == [0.75]


def test_a_method_that_is_none_has_one_label() -> None:
    metrics = PrometheusMetrics()
    for method in ("BREW", "X" * 999):
        metrics.request(method=method, endpoint="/", status=405, seconds=0.0)

    assert samples(metrics)["http_requests_total|endpoint=/|method=other|status=405"] == 2
