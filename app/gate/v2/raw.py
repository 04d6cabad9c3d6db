"""A body of nothing but one tensor: Triton's raw binary request."""

from __future__ import annotations

from app.domain.contract import Contract
from app.errors import BodyMalformedError
from app.gate.v2.datatypes import BYTES, FP64
from app.gate.v2.metadata import inputs_of
from app.gate.v2.request import Asked, Sent

_ITEM_BYTES = 8


def raw_request(n_bytes: int, contract: Contract) -> Asked:
    """Return what such a body asks for: all outputs, in binary.

    Raises:
        BodyMalformedError: the model has several inputs, or the rows are not whole.
    """
    inputs = inputs_of(contract)
    if len(inputs) > 1:
        raise BodyMalformedError("A body without JSON goes with a model of one input tensor only.")
    [(name, datatype, shape)] = inputs
    if datatype == BYTES:
        return _asked(Sent(name, BYTES, (1,), None, n_bytes, is_json=False))
    row_bytes = _ITEM_BYTES * shape[1]
    if n_bytes % row_bytes:
        raise BodyMalformedError(
            f"A body without JSON holds rows of {shape[1]} {FP64}, {row_bytes} bytes each; "
            f"it has {n_bytes} bytes."
        )
    rows = (n_bytes // row_bytes, shape[1])
    return _asked(Sent(name, FP64, rows, None, n_bytes, is_json=False))


def _asked(sent: Sent) -> Asked:
    return Asked(None, [sent], None, is_binary=True)
