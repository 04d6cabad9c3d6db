"""Flask by hand: JSON in, predict, JSON out."""

import os
import sys
from pathlib import Path
from typing import Any

import joblib
from flask import Flask, jsonify, request

app = Flask(__name__)
model = joblib.load(os.environ["MODEL_FILE"])


@app.post("/predict")
def predict() -> Any:
    """Predict what is asked; nothing is looked at."""
    return jsonify(predictions=model.predict(request.get_json()["data"]).tolist())


if __name__ == "__main__":
    folder, port = str(Path(__file__).parent), os.environ["PORT"]
    gunicorn = [sys.executable, "-m", "gunicorn", "--chdir", folder, "--bind", f"127.0.0.1:{port}"]
    threads = ["--threads", "8"] if os.environ["VARIANT"] == "threads" else []
    os.execv(sys.executable, [*gunicorn, "--workers", "1", *threads, "server:app"])
