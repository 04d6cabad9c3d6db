from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

from app.settings.overlay import PROJECT
from test.e2e.calls import PREDICT, a_body, ask, json_headers, predict, until
from test.e2e.server import Server, variables

pytestmark = pytest.mark.e2e


def _printed_token(root: Path, environment: str, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, "jwt_tools/generate_token.py", "--env", environment],
        cwd=PROJECT,
        env=variables(root, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f"{environment} token for 'developer'" in done.stderr
    return done.stdout.strip()


def test_a_token_of_the_script_gets_what_the_file_says(production: Server) -> None:
    rows = np.random.default_rng(5).normal(size=(10, 2))
    model = joblib.load(production.root / "model" / "production" / "model.joblib")
    token = _printed_token(production.root, "prod")

    body = a_body(*rows.tolist(), probabilities=True)
    reply = ask(production, "POST", PREDICT, body=body, headers=json_headers(token))

    answer = reply.json()
    assert reply.status == 200
    assert answer["predictions"] == model.predict(rows).tolist()
    assert answer["probabilities"] == model.predict_proba(rows).tolist()
    assert answer["classes"] == [0, 1, 2]
    assert answer["model"] == {"name": "sides", "version": "1"}
    assert reply.headers["X-Model-Version"] == "1"
    until(lambda: "(prod, " in production.stdout(), "the launcher does not say where it is")


def test_a_token_of_dev_is_worth_nothing_in_production(production: Server) -> None:
    token = _printed_token(production.root, "dev", JWT_SECRET="")

    assert predict(production, token=token).status == 401
