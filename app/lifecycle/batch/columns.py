"""Which columns of a file are features and which are keys, and whether they are all there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from app.domain.contract import NUMBERS, Contract
from app.errors import OperatorError
from app.lifecycle.batch.inputs import Form, InputFile
from app.lifecycle.batch.outputs import reserved, writer_to

_SHOWN = 5


def keys_of(
    contract: Contract,
    files: Sequence[InputFile],
    schemas: Sequence[pa.Schema],
    wanted: Sequence[str],
    form: Form,
) -> pa.Schema:
    """Return the columns that go from the input into the output, with their types there.

    Args:
        contract: of the model.
        files: of the input.
        schemas: of each of them.
        wanted: names of keys; none for every column that is no feature.
        form: of the output.

    Raises:
        OperatorError: a column is missing or of the wrong type, or a key has a name of the output
            or a type that the output cannot hold.
    """
    first = schemas[0]
    names = [*wanted] or [it for it in first.names if it not in contract.feature_names]
    for file, schema in zip(files, schemas, strict=True):
        _check_there(file, schema, contract.feature_names, f"{contract.name} needs")
        _check_there(file, schema, names, "is a key")
        _check_kinds(file, schema, contract)
        for name in names:
            if _type_of(schema.field(name), form) != _type_of(first.field(name), form):
                raise OperatorError(
                    f"{file.shown}: {name} is {schema.field(name).type}, and "
                    f"{first.field(name).type} in {files[0].shown}. Fix: one type in all files"
                )
    _check_free(files[0], names, contract)
    keys = pa.schema([it.with_type(_type_of(it, form)) for it in map(first.field, names)])
    _check_held(files[0], keys, form)
    return keys


def _type_of(key: pa.Field, form: Form) -> Any:
    """Return the type of *key* in the output, which has one dictionary for all rows at most."""
    types = pa.types
    kind = key.type.value_type if types.is_dictionary(key.type) else key.type
    is_text_in_csv = (
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
        or types.is_string_view(kind)
    )
    return pa.string() if form == "csv" and is_text_in_csv else kind


def _check_held(file: InputFile, keys: pa.Schema, form: Form) -> None:
    """Try each type; rejects, and parts of what becomes one file, are always Parquet."""
    forms: tuple[Form, ...] = ("parquet", "csv") if form == "csv" else ("parquet",)
    for key in keys:
        for each in forms:
            try:
                with writer_to(Path(os.devnull), pa.schema([key]), each):
                    pass
            except pa.ArrowException:
                raise OperatorError(
                    f"{file.shown}: the key {key.name!r} is {key.type}, which {each} cannot hold. "
                    "Fix: name the keys with --key, or another format"
                ) from None


def _check_free(file: InputFile, names: Sequence[str], contract: Contract) -> None:
    clash = sorted(set(names) & reserved(contract))
    if clash:
        raise OperatorError(
            f"{file.shown}: the column {clash[0]!r} would stand beside one of that name in the "
            "output. Fix: name the keys with --key, or rename it"
        )


def _check_there(file: InputFile, schema: pa.Schema, names: Sequence[str], why: str) -> None:
    missing = [it for it in names if it not in schema.names]
    if missing:
        there = ", ".join(schema.names[: 4 * _SHOWN])
        lacking = ", ".join(map(repr, missing[:_SHOWN])) + (" …" if missing[_SHOWN:] else "")
        raise OperatorError(
            f"{file.shown}: has no column {lacking}, which {why}. Fix: name the columns as the "
            f"contract does; there is: {there}"
        )
    twice = next((it for it in names if schema.names.count(it) > 1), None)
    if twice is not None:
        raise OperatorError(f"{file.shown}: two columns are called {twice!r}. Fix: rename one")


def _check_kinds(file: InputFile, schema: pa.Schema, contract: Contract) -> None:
    if file.form == "csv":
        return
    for feature in contract.features:
        kind = schema.field(feature.name).type
        is_number = feature.kind in NUMBERS
        if not (_holds_numbers(kind) if is_number else _holds_words(kind)):
            wanted = "numbers" if is_number else "text"
            raise OperatorError(
                f"{file.shown}: {feature.name} is {kind}, and the model needs {wanted}. Fix: cast "
                "the column"
            )


def _holds_numbers(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
        or types.is_null(kind)
    )


def _holds_words(kind: Any) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _holds_words(kind.value_type)
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_null(kind)
    )
