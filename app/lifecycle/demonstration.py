"""The life of some models from raw records to drift, by the scripts that users type."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from app.domain.contract import Contract
from app.errors import DemoFailedError
from app.lifecycle.deployment import Gateway, faults, running_gateway
from app.lifecycle.line import Line, Say, Station
from app.lifecycle.stages import contract_on

_RECORDS: Final = 20_000
_LINES: Final = 2_000
_SALE: Final = (
    "customer_id", "event_time", "amount", "items", "channel", "is_member", "discount", "batch_id",
    "date", "days_since_last",
)  # fmt: skip
_NO_FEATURES: Final = ("PassengerId", "Name", "Ticket", "Cabin")
_CUSTOMERS: Final = "spend"


class Known(NamedTuple):
    """A model of the demonstration.

    Attributes:
        training: options of ``run_training.py`` that name its data.
        rows: a file of rows that it takes.
    """

    name: str
    training: tuple[str, ...]
    rows: Path


def demonstrate(root: Path, data: Path | None, say: Say) -> list[Station]:
    """Run the whole line in *root*, and return what was done at each station.

    Args:
        root: a folder for all that is made; what an earlier demonstration left there goes.
        data: a folder with housing.csv, titanic.csv and sentiment/; None for synthetic data alone.
        say: tells what is done, line by line.

    Raises:
        DemoFailedError: a station failed.
    """
    line = Line.begin(root, say)
    models = [_customers(line), *(_real(line, data) if data is not None else ())]
    for known in models:
        line.run(f"promote {known.name}", "promote_model.py", known.name, "--to", "dev")
    line.run("put features online", "run_feature_materialization.py")
    with running_gateway(line.environment) as gateway:
        _serve(line, gateway, [_promoted(line, known.name) for known in models])
    for known in models:
        _score(line, known)
    _watch(line)
    return line.done


def _customers(line: Line) -> Known:
    """Ingest synthetic sales, compute features of each customer, and train on them."""
    sales, training = line.root / "sales.csv", line.root / "training.parquet"
    options = ("--rows", _RECORDS, "--seed", 7, "--defects", 0.01)
    line.run("make sales", "generate_synthetic_features.py", sales, *options)
    line.run("ingest sales", "run_ingestion_validation.py", "--csv", sales)
    labels = line.root / "runtime" / "records" / "transactions" / "*" / "date=*" / "*.parquet"
    features = ("--training", training, "--spine", labels)
    line.run("compute features", "run_feature_materialization.py", *features)
    left_out = [it for name in _SALE for it in ("--leave-out", name)]
    data = ("--parquet", str(training), "--target", "spend_next_30d", *left_out)
    line.run(f"train {_CUSTOMERS}", "run_training.py", "--model", _CUSTOMERS, *data)
    return Known(_CUSTOMERS, data, training)


def _real(line: Line, folder: Path) -> Iterator[Known]:
    """Train on what is in *folder*, and hold its rows to the contract that came out."""
    housing, titanic = folder / "housing.csv", folder / "titanic.csv"
    tweets = line.root / "tweets.csv"
    n_tweets = _write_tweets(folder / "sentiment" / "text.txt", tweets)
    line.say(f"{n_tweets} tweets in {tweets.name}")
    left_out = [it for name in _NO_FEATURES for it in ("--leave-out", name)]
    for known in (
        Known("housing", ("--csv", str(housing), "--target", "median_house_value"), housing),
        Known("titanic", ("--csv", str(titanic), "--target", "Survived", *left_out), titanic),
        Known("tweets", ("--texts", str(folder / "sentiment")), tweets),
    ):
        line.run(f"train {known.name}", "run_training.py", "--model", known.name, *known.training)
        rows = ("--csv", known.rows, "--model", f"{known.name}@1")
        line.run(f"ingest {known.name}", "run_ingestion_validation.py", *rows)
        yield known


def _write_tweets(texts: Path, rows: Path) -> int:
    lines = texts.read_text(encoding="utf-8").splitlines()
    with rows.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([["text"], *([it] for it in lines)])
    return len(lines)


def _promoted(line: Line, name: str) -> Contract:
    contract = contract_on(line.root / "model" / "dev", name)
    if contract is None:
        raise DemoFailedError(f"{name} is not on the stage dev")
    return contract


def _serve(line: Line, gateway: Gateway, contracts: Sequence[Contract]) -> None:
    """Ask the gateway for each model's golden rows, and for customers by their names."""
    for contract in contracts:
        with line.station(f"serve {contract.name}") as result:
            found = faults(gateway, contract)
            if found:
                raise DemoFailedError(f"{contract.name}: {'; '.join(found)}")
            result(f"{len(contract.golden.inputs)} golden rows over HTTP, answered as in training")
    with line.station("serve by entity") as result:
        body: dict[str, Any] = {"entities": ["customer-7", "customer-11"]}
        status, answer = gateway.ask("POST", f"/api/v1/models/{_CUSTOMERS}/predict", body)
        if status != 200:  # noqa: PLR2004  OK
            raise DemoFailedError(f"entities got {status}: {answer}")
        result(f"{body['entities']}: {answer['predictions']}, features {answer['features']}")


def _score(line: Line, known: Known) -> None:
    """Score the file of rows as a batch, and made-up rows as a stream."""
    name = known.name
    batch = (known.rows, line.root / f"{name}-scored", "--model", name)
    line.run(f"score {name} in batch", "run_batch_scoring.py", *batch)
    rows, answers = line.root / f"{name}.jsonl", line.root / f"{name}-answers.jsonl"
    made = (rows, "--model", name, "--rows", _LINES, "--seed", 7)
    line.run(f"make rows for {name}", "generate_synthetic_features.py", *made)
    line.run(f"score {name} as a stream", "run_stream_consumer.py", rows, answers, "--model", name)


def _watch(line: Line) -> None:
    """Hold rows that have drifted against those of training."""
    drifted = line.root / "drifted.csv"
    made = (drifted, "--model", _CUSTOMERS, "--rows", _LINES, "--drift", "amount_avg_30d=0.5")
    line.run("make drifted rows", "generate_synthetic_features.py", *made)
    report = ("--model", _CUSTOMERS, "--current", drifted)
    said = line.run("watch drift", "run_drift_report.py", *report, may_find=True)
    if "amount_avg_30d" not in said:
        raise DemoFailedError("the drift of amount_avg_30d was not found")
