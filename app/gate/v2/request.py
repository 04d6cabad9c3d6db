"""What an inference request says of itself, before its tensors are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from app.errors import BodyMalformedError
from app.gate.v2.datatypes import NAMES

_CONTENT_TYPES: Final = (None, "np", "pd", "str", "pd_json")
_RANKS: Final = (1, 2)
_LONGEST_NAME: Final = 200


class Sent(NamedTuple):
    """One input tensor as it was described.

    Attributes:
        shape: one or two numbers; rows come first.
        data: flat or nested lists; None where the tensor is sent in binary.
        n_bytes: of its binary section; None where ``data`` holds it.
        is_json: whether each element of BYTES is JSON, as MLServer writes a mixed column.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | None
    n_bytes: int | None
    is_json: bool


class Wanted(NamedTuple):
    """One output tensor that is asked for, and whether in binary."""

    name: str
    is_binary: bool


class Asked(NamedTuple):
    """An inference request.

    Attributes:
        request_id: to be returned; None for none.
        inputs: one or more, no name twice.
        outputs: asked for, no name twice; None for all that the model has.
        is_binary: whether outputs that are not named come in binary.
    """

    request_id: str | None
    inputs: Sequence[Sent]
    outputs: Sequence[Wanted] | None
    is_binary: bool


def read_request(members: Mapping[str, Any]) -> Asked:
    """Return what *members*, the JSON object of a request, say. A null counts as absent.

    What is not known is passed over, as the protocol wants it, unless it would change the answer.

    Raises:
        BodyMalformedError: a member is absent, or of another kind.
    """
    request_id = members.get("id")
    if not isinstance(request_id, str | None):
        raise BodyMalformedError("'id' must be a string.")
    parameters = _parameters(members, "the request")
    _check_content_type(parameters, "the request")
    is_binary = _flag(parameters, "binary_data_output", "the request", default=False)
    inputs = [_sent(it) for it in _objects(members, "inputs")]
    if not inputs:
        raise BodyMalformedError("'inputs' must hold one tensor or more.")
    _refuse_twins("inputs", [it.name for it in inputs])
    outputs = None
    if members.get("outputs"):
        outputs = [_wanted(it, is_binary=is_binary) for it in _objects(members, "outputs")]
        _refuse_twins("outputs", [it.name for it in outputs])
    return Asked(request_id, inputs, outputs, is_binary)


def _sent(tensor: Mapping[str, Any]) -> Sent:
    name = _name(tensor, "inputs")
    where = f"input '{name}'"
    datatype = tensor.get("datatype")
    if datatype not in NAMES:
        raise BodyMalformedError(f"{where}: 'datatype' must be one of {', '.join(NAMES)}.")
    parameters = _parameters(tensor, where)
    if "shared_memory_region" in parameters:
        raise BodyMalformedError(f"{where}: this server shares no memory; send 'data'.")
    n_bytes, data = parameters.get("binary_data_size"), tensor.get("data")
    if n_bytes is not None and (type(n_bytes) is not int or n_bytes < 0):
        raise BodyMalformedError(f"{where}: 'binary_data_size' must be a number of bytes.")
    if (n_bytes is None) == (data is None):
        raise BodyMalformedError(f"{where}: send either 'data' or 'binary_data_size'.")
    if data is not None and type(data) is not list:
        raise BodyMalformedError(f"{where}: 'data' must be a list.")
    is_json = _check_content_type(parameters, where) == "pd_json"
    if is_json and datatype != "BYTES":
        raise BodyMalformedError(f"{where}: content_type 'pd_json' goes with BYTES.")
    return Sent(name, datatype, _shape(tensor, where), data, n_bytes, is_json)


def _shape(tensor: Mapping[str, Any], where: str) -> tuple[int, ...]:
    shape = tensor.get("shape")
    if (
        type(shape) is not list
        or len(shape) not in _RANKS
        or any(type(size) is not int or size < 1 for size in shape)
    ):
        raise BodyMalformedError(
            f"{where}: 'shape' must be [rows] or [rows, columns], whole numbers of 1 or more."
        )
    return tuple(shape)


def _wanted(tensor: Mapping[str, Any], *, is_binary: bool) -> Wanted:
    name = _name(tensor, "outputs")
    where = f"output '{name}'"
    parameters = _parameters(tensor, where)
    for extension in ("classification", "shared_memory_region"):
        if parameters.get(extension):
            raise BodyMalformedError(f"{where}: this server has no extension '{extension}'.")
    return Wanted(name, _flag(parameters, "binary_data", where, default=is_binary))


def _objects(members: Mapping[str, Any], member: str) -> Iterator[Mapping[str, Any]]:
    found = members.get(member)
    if type(found) is not list:
        raise BodyMalformedError(f"'{member}' must be a list of tensors.")
    for tensor in found:
        if type(tensor) is not dict:
            raise BodyMalformedError(f"'{member}' must hold objects, each with a 'name'.")
        yield tensor


def _name(tensor: Mapping[str, Any], member: str) -> str:
    name = tensor.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise BodyMalformedError(
            f"'{member}': each tensor needs a 'name' of 1 to {_LONGEST_NAME} characters."
        )
    return name


def _parameters(of: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    found = of.get("parameters")
    if found is None:
        return {}
    if type(found) is not dict:
        raise BodyMalformedError(f"{where}: 'parameters' must be an object.")
    return found


def _check_content_type(parameters: Mapping[str, Any], where: str) -> str | None:
    found = parameters.get("content_type")
    if found not in _CONTENT_TYPES:
        known = ", ".join(filter(None, _CONTENT_TYPES))
        raise BodyMalformedError(f"{where}: 'content_type' must be one of {known}.")
    return found


def _flag(parameters: Mapping[str, Any], name: str, where: str, *, default: bool) -> bool:
    found = parameters.get(name)
    if found is None:
        return default
    if not isinstance(found, bool):
        raise BodyMalformedError(f"{where}: '{name}' must be true or false.")
    return found


def _refuse_twins(member: str, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise BodyMalformedError(f"'{member}': '{twice}' stands twice.")
