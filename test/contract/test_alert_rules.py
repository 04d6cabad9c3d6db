"""The alerts that Prometheus raises: they are rules, say what the settings say, and fire."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from app.adapters.drift_metrics import NAME
from app.settings.drift import Drift
from app.settings.overlay import PROJECT
from test.e2e.programs import require_program

RULES = PROJECT / "monitoring/alerts.yml"
DRIFTED = {"model": "churn", "feature": "age"}


def drift_rule() -> dict[str, Any]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    found: dict[str, Any]
    (found,) = (rule for group in groups for rule in group["rules"] if NAME in rule["expr"])
    return found


def test_the_rule_says_what_the_settings_say() -> None:
    rule, drift = drift_rule(), Drift()

    assert rule["expr"].endswith(f"> {drift.alert_index}")
    assert rule["for"] == f"{drift.alert_seconds // 60}m"


def test_the_alert_is_raised_when_the_index_stays_high_and_not_before(tmp_path: Path) -> None:
    promtool = require_program("promtool", "prometheus")
    series = [
        {"series": f'{NAME}{{model="churn",feature="age"}}', "values": "0.4x40"},
        {"series": f'{NAME}{{model="churn",feature="town"}}', "values": "0.4x10 0.1x30"},
    ]
    wanted = {"exp_labels": DRIFTED | {"severity": "warning"}}
    looks: list[dict[str, Any]] = [
        {"eval_time": "14m", "alertname": "FeatureDrift", "exp_alerts": []},
        {"eval_time": "16m", "alertname": "FeatureDrift", "exp_alerts": [wanted]},
    ]
    annotations = drift_rule()["annotations"]
    for name, text in annotations.items():
        for label, value in DRIFTED.items():
            annotations[name] = annotations[name].replace(f"{{{{ $labels.{label} }}}}", value)
        assert text
    value = '{{ $value | printf "%.2f" }}'
    annotations["summary"] = annotations["summary"].replace(value, "0.40")
    wanted["exp_annotations"] = annotations
    test = {"interval": "1m", "input_series": series, "alert_rule_test": looks}
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": [test]}))

    done = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
