"""One inference request: the predict call, in the words of the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.domain.contract import Contract
from app.domain.prediction import Result, ServedModel
from app.errors import BodyMalformedError, BodyTooLargeError, MediaTypeUnsupportedError
from app.gate.answer import answer
from app.gate.call import Answer, Call
from app.gate.decode import PredictBody
from app.gate.formats import Reading, Writing
from app.gate.room import Room
from app.gate.services import Services
from app.gate.v2.json_body import read_object
from app.gate.v2.outputs import Output, chosen, outputs_of, wish_for
from app.gate.v2.raw import raw_request
from app.gate.v2.request import Asked, read_request
from app.gate.v2.response import write_response
from app.gate.v2.rows import check_shapes, rows_of
from app.gate.v2.tensors import read_tensors
from app.settings.schema import Settings

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
_JSON: Final = "application/json"
_BINARY: Final = "application/octet-stream"
_TAKEN: Final = {"", _JSON, _BINARY}
_MOST_DIGITS: Final = 12
_OK: Final = 200


def infer(call: Call, services: Services) -> Answer:
    """Answer one inference request, under the same rules as any prediction."""
    inference = _Inference()
    answered = answer(call, services, inference.formats_of)
    header_bytes = inference.header_bytes
    if answered.status != _OK or header_bytes is None:
        return answered
    others = [header for header in answered.headers if header[0] != "Content-Type"]
    own = (("Content-Type", _BINARY), (HEADER_LENGTH, str(header_bytes)))
    return answered._replace(headers=(*own, *others))


class _Inference:
    """What one request asks for, kept from its reading to its answer.

    Attributes:
        header_bytes: length of the JSON in the answer; None unless tensors in binary follow it.
    """

    def __init__(self) -> None:
        self.header_bytes: int | None = None
        self._request_id: str | None = None
        self._outputs: Sequence[tuple[Output, bool]] = ()

    def formats_of(self, call: Call) -> tuple[Reading, Writing]:
        """Return this request's ways in and out; ``Accept`` has no say, as in the protocol.

        Raises:
            MediaTypeUnsupportedError: the body is neither JSON nor tensors after it.
        """
        _check_media_type(call)
        is_binary = call.header(HEADER_LENGTH) is not None
        reading = Reading(_most_binary if is_binary else _most_json, self._read)
        return reading, Writing(_JSON, needs_scores=True, write=self._write)

    def _read(self, raw: bytes, call: Call, model: ServedModel, settings: Settings) -> PredictBody:
        contract = model.contract
        declared = call.header(HEADER_LENGTH)
        header_bytes = len(raw) if declared is None else _header_bytes(declared, len(raw))
        most_json = settings.server.max_request_bytes
        if header_bytes > most_json:
            raise BodyTooLargeError(f"{header_bytes} bytes of JSON; at most {most_json} are taken.")
        asked = _asked(raw, header_bytes, contract)
        if declared is None and any(it.n_bytes is not None for it in asked.inputs):
            raise BodyMalformedError(f"'binary_data_size' goes with the header {HEADER_LENGTH}.")
        most_rows = settings.model.max_rows
        if declared is not None:
            room = Room.of(settings, contract)
            room.check(asked.inputs[0].shape[0])
            most_rows = room.max_rows
        check_shapes(asked.inputs, contract, most_rows=most_rows)
        self._choose(asked, contract)
        tensors = read_tensors(asked.inputs, memoryview(raw)[header_bytes:])
        rows = rows_of(tensors, contract)
        wish = wish_for([output for output, _ in self._outputs])
        return PredictBody(rows, wish, is_in_order=not isinstance(rows, list))

    def _choose(self, asked: Asked, contract: Contract) -> None:
        self._request_id = asked.request_id
        if asked.outputs is None:
            self._outputs = [(it, asked.is_binary) for it in outputs_of(contract)]
            return
        in_binary = [it.is_binary for it in asked.outputs]
        self._outputs = [*zip(chosen(contract, asked.outputs), in_binary, strict=True)]

    def _write(
        self, contract: Contract, result: Result, _: PredictBody, _id: str, _now: datetime
    ) -> bytes:
        assert result.scores is not None  # noqa: S101  'needs_scores' sees to it
        written = write_response(contract, result.scores, self._outputs, self._request_id)
        self.header_bytes = written.header_bytes
        return written.body


def _most_json(settings: Settings) -> int:
    return settings.server.max_request_bytes


def _most_binary(settings: Settings) -> int:
    return settings.server.max_arrow_bytes


def _check_media_type(call: Call) -> None:
    """Pass JSON and binary; Triton's client names no type at all.

    Raises:
        MediaTypeUnsupportedError: it is another type, another charset, or packed.
    """
    if call.content_encoding is not None:
        raise MediaTypeUnsupportedError("Send the body without Content-Encoding.")
    kind, *parameters = (part.strip().lower() for part in (call.content_type or "").split(";"))
    charsets = {p.partition("=")[2].strip('" ') for p in parameters if p.startswith("charset")}
    if kind not in _TAKEN or not charsets <= {"utf-8", "utf8"}:
        raise MediaTypeUnsupportedError(
            f"Send 'Content-Type: {_JSON}', in UTF-8, or '{_BINARY}' with {HEADER_LENGTH}."
        )


def _header_bytes(declared: str, n_bytes: int) -> int:
    """Return how long the JSON at the beginning of a body of *n_bytes* is."""
    is_number = declared.isascii() and declared.isdecimal() and len(declared) <= _MOST_DIGITS
    if not is_number or int(declared) > n_bytes:
        raise BodyMalformedError(
            f"{HEADER_LENGTH} must be the bytes of the JSON, a number up to the body's {n_bytes}."
        )
    return int(declared)


def _asked(raw: bytes, header_bytes: int, contract: Contract) -> Asked:
    if raw and not header_bytes:
        return raw_request(len(raw), contract)
    return read_request(read_object(raw[:header_bytes]))
