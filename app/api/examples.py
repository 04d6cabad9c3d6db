"""A real row of a model, in every form that the gateway takes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Final

from app.api.schemas import takes_null
from app.domain.contract import Contract, Feature, Value

A_NAME: Final = "customer-7"


def example_row(contract: Contract) -> list[Value]:
    """Return the first golden row, each value as its kind writes it."""
    values = zip(contract.features, contract.example_row, strict=True)
    return [_as_kind(feature, value) for feature, value in values]


def example_body(contract: Contract) -> dict[str, Any]:
    """Return the plainest body: of an outlier detector its scores too, for they say how far."""
    row = example_row(contract)
    by_name = dict(zip(contract.feature_names, row, strict=True))
    body: dict[str, Any] = {"data": [by_name if contract.input == "table" else row]}
    if contract.task == "outlier-detection" and contract.outputs.has_scores:
        body["scores"] = True
    return body


def json_examples(contract: Contract | None, *, by_entity: bool = False) -> dict[str, Any]:
    """Return bodies that the model takes, the plainest first.

    *by_entity* says whether names of entities do instead of rows; the name is made up.
    """
    if contract is None:
        return {}
    row, outputs = example_row(contract), contract.outputs
    by_name = dict(zip(contract.feature_names, row, strict=True))
    rows = [_example("arrays", "Rows as arrays", {"data": [row]})]
    rows.append(_example("objects", "Rows as objects", {"data": [by_name]}))
    if contract.input == "table":
        rows.reverse()
    columns = {name: [value] for name, value in by_name.items()}
    rows.append(_example("columns", "Columns", {"data": columns}))
    if outputs.has_probabilities:
        body = {"data": [row], "probabilities": True}
        rows.append(_example("probabilities", "With probabilities", body))
    if outputs.has_scores:
        body = {"data": [row], "scores": True}
        rows.append(_example("scores", "With the decision function", body))
    if takes_null(contract.features[0]) and contract.input != "texts":
        gap = {"data": [row, [None, *row[1:]]]}
        rows.append(_example("missing", "Two rows, one with a missing value", gap))
    if by_entity:
        rows.append(_example("entities", "Names of entities", {"entities": [A_NAME]}))
    return dict(rows)


def csv_example(contract: Contract) -> str:
    """Return a table of one row, under its names."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(contract.feature_names)
    lines.writerow([_cell(value) for value in example_row(contract)])
    return text.getvalue()


def ndjson_example(contract: Contract) -> str:
    """Return one row a line."""
    by_name = dict(zip(contract.feature_names, example_row(contract), strict=True))
    return json.dumps(by_name, ensure_ascii=False) + "\n"


def _as_kind(feature: Feature, value: Value) -> Value:
    if isinstance(value, float) and feature.kind in {"bool", "int"} and value.is_integer():
        return bool(value) if feature.kind == "bool" else int(value)
    return value


def _cell(value: Value) -> Value:
    return str(value).lower() if isinstance(value, bool) else value


def _example(name: str, summary: str, value: object) -> tuple[str, dict[str, Any]]:
    return name, {"summary": summary, "value": value}
