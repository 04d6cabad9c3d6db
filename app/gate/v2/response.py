"""An inference response: a JSON object, and after it the tensors that go out in binary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from app.domain.contract import Contract
from app.domain.ports import Scores
from app.gate.v2.binary import pack_numbers, pack_texts
from app.gate.v2.datatypes import BOOL, BYTES, FP64, INT64, NUMERIC, datatype_of
from app.gate.v2.outputs import Output

_FEW_VALUES: Final = 8  # a list of them is written sooner than an array


class Response(NamedTuple):
    """A body; ``header_bytes`` is the length of its JSON, None where that is all of it."""

    body: bytes
    header_bytes: int | None


def write_response(
    contract: Contract,
    scores: Scores,
    outputs: Sequence[tuple[Output, bool]],
    request_id: str | None,
) -> Response:
    """Return the *outputs*, each with whether it goes out in binary."""
    tensors, sections = [], []
    for output, is_binary in outputs:
        described, section = _tensor(output, _values(output, scores), is_binary=is_binary)
        tensors.append(described)
        sections.append(section)
    members: dict[str, object] = {
        "model_name": contract.name,
        "model_version": contract.version,
        "outputs": tensors,
    }
    if request_id is not None:
        members["id"] = request_id
    text = orjson.dumps(members, option=orjson.OPT_SERIALIZE_NUMPY)
    if not any(is_binary for _, is_binary in outputs):
        return Response(text, None)
    return Response(text + b"".join(sections), len(text))


def _values(output: Output, scores: Scores) -> npt.NDArray[Any]:
    """Return the values of *output*, shape (n_rows, n_columns)."""
    found = _of_target(output, scores)
    return found.reshape(len(found), -1)


def _of_target(output: Output, scores: Scores) -> npt.NDArray[Any]:
    at = output.target
    if output.what == "predictions":
        return scores.predictions if at is None else scores.predictions[:, at]
    if output.what == "scores":
        assert scores.scores is not None  # noqa: S101  it was wished for
        return scores.scores
    shares = scores.probabilities
    assert shares is not None  # noqa: S101  it was wished for
    return shares[at or 0] if isinstance(shares, tuple) else shares


def _tensor(
    output: Output, values: npt.NDArray[Any], *, is_binary: bool
) -> tuple[dict[str, object], bytes]:
    """Return what the JSON says of *values*, and their binary section."""
    datatype = _datatype(output, values)
    parameters: dict[str, object] = {"content_type": "str" if datatype == BYTES else "np"}
    described: dict[str, object] = {
        "name": output.name,
        "shape": values.shape,
        "datatype": datatype,
        "parameters": parameters,
    }
    if datatype == BYTES:
        texts = [_text_of(value) for value in values.ravel().tolist()]
        section = pack_texts(texts) if is_binary else b""
        data: object = texts
    else:
        section = pack_numbers(values, datatype) if is_binary else b""
        data = None if is_binary else _for_json(values, datatype)
    if is_binary:
        parameters["binary_data_size"] = len(section)
    else:
        described["data"] = data
    return described, section


def _datatype(output: Output, values: npt.NDArray[Any]) -> str:
    """Return the datatype that was promised, unless the values would not fit into it."""
    own, promised = datatype_of(values.dtype), output.datatype
    if promised in {BYTES, own}:
        return promised
    if own == BYTES or (promised == BOOL and not np.isin(values, (0, 1)).all()):
        return own
    if promised == INT64 and own == FP64 and not (values == np.floor(values)).all():
        return own
    return promised


def _for_json(values: npt.NDArray[Any], datatype: str) -> object:
    """Return *values* in one list, row after row, each number as Python writes it."""
    flat = values.ravel()
    if flat.size <= _FEW_VALUES:
        return flat.astype(NUMERIC[datatype].dtype).tolist()
    return np.ascontiguousarray(flat, dtype=NUMERIC[datatype].dtype)


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
