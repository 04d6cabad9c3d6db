"""Reads the OpenAPI document as a caller's tools do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator


def document_of(client: FlaskClient) -> dict[str, Any]:
    """Return the document that the gateway shows."""
    found: Any = client.get("/apispec.json").json
    assert isinstance(found, dict)
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation of all that is described."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return what *part* refers to; *part* itself where it is no reference."""
    while "$ref" in part:
        root, *keys = part["$ref"].split("/")
        assert root == "#"
        part = document
        for key in keys:
            part = part[key]
    return part


def parts(value: object) -> Iterator[dict[str, Any]]:
    """Yield every object inside *value*, however deep."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from parts(member)


def conforms(document: dict[str, Any], schema: dict[str, Any], value: object) -> bool:
    """Say whether *value* is what *schema* promises."""
    components = _as_json_schema(document["components"])
    whole = {**_as_json_schema(schema), "components": components}
    return Draft202012Validator(whole).is_valid(value)


def _as_json_schema(value: Any) -> Any:
    """Return an OpenAPI 3.0 schema as a JSON schema, which has no ``nullable``.

    There a bound that is excluded is a number of its own, not a truth value beside it.
    """
    if isinstance(value, list):
        return [_as_json_schema(member) for member in value]
    if not isinstance(value, dict):
        return value
    schema = {key: _as_json_schema(member) for key, member in value.items() if key != "nullable"}
    for bound, excluded in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if schema.get(excluded) is True:
            schema[excluded] = schema.pop(bound)
    return schema | ({"type": [value["type"], "null"]} if value.get("nullable") is True else {})
