"""FastAPI and uvicorn, one worker: in a thread, as the documentation teaches it, or in the loop."""

import os

import joblib
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(os.environ["MODEL_FILE"])


class Rows(BaseModel):
    """The body of a request."""

    data: list[list[float]]


class Predictions(BaseModel):
    """The body of an answer."""

    predictions: list[int]


def predict(rows: Rows) -> Predictions:
    """Predict in one of FastAPI's threads, so that the event loop is free meanwhile."""
    return Predictions(predictions=model.predict(rows.data).tolist())


async def predict_in_loop(rows: Rows) -> Predictions:
    """Predict in the event loop: nobody else is heard meanwhile, but no thread costs anything."""
    return predict(rows)


app.post("/predict")(predict_in_loop if os.environ["VARIANT"] == "loop" else predict)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False)
