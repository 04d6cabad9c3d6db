from __future__ import annotations

from flask.testing import FlaskClient

from test.builders import ROW, bearer


def test_a_row_gives_a_prediction(client: FlaskClient) -> None:
    answer = client.post("/api/v1/predict", json={"data": [ROW]}, headers=bearer())

    assert answer.status_code == 200
    assert len(answer.json["predictions"]) == 1
