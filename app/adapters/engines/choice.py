"""The fastest engine of a verified version that opens here and still answers as it did."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.adapters.engines.deciding import decider_of
from app.adapters.engines.opening import open_compiled
from app.domain.compiled import Compiled, Timing
from app.domain.contract import Contract
from app.domain.golden import COMPILED, replay
from app.domain.parity import check
from app.domain.ports import Decider, Engine
from app.errors import ModelRejectedError, NotCompilableError

log = logging.getLogger("gatehouse.models")
REFERENCE = "sklearn"


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine that passed the golden rows.

    Attributes:
        name: linear, forest, onnx or sklearn.
        timing: at registration, where it was measured.
        fallback: why no faster one was taken; None when this is the fastest.
        decider: has the scores; None where the contract promises none.
    """

    engine: Engine
    name: str
    timing: Timing | None
    fallback: str | None
    decider: Decider | None = None


def choose(
    contract: Contract, compiled: Mapping[str, bytes], open_reference: Callable[[], Engine]
) -> Choice:
    """Try the engines of *contract*, the fastest first, and at last the reference.

    Args:
        contract: verified.
        compiled: verified content of the engines' files, by name.
        open_reference: unpickles the estimator; only asked when no compiled engine serves, or when
            somebody wants scores that only the estimator has.

    Raises:
        ModelRejectedError: the reference does not answer as it did either, or cannot be opened.
    """
    problems: list[str] = []
    for it in contract.compiled:
        try:
            engine = _opened(it, contract, compiled[it.file])
        except (ModelRejectedError, NotCompilableError) as error:
            extra: dict[str, Any] = {"model": contract.name, "engine": it.engine}
            log.warning("engine refused", extra=extra | {"problem": str(error)})
            problems.append(f"{it.engine}: {error}")
        else:
            decider = decider_of(engine, open_reference) if contract.outputs.has_scores else None
            return Choice(engine, it.engine, it.timing, "; ".join(problems) or None, decider)
    engine = open_reference()
    replay(contract, engine)
    problems += [f"{kind}: {why}" for kind, why in contract.not_compiled.items()]
    fallback, timing = "; ".join(problems) or None, contract.reference_timing
    decider = decider_of(engine, open_reference) if contract.outputs.has_scores else None
    return Choice(engine, REFERENCE, timing, fallback, decider)


def _opened(it: Compiled, contract: Contract, payload: bytes) -> Engine:
    check(it.parity)
    if contract.passes_missing and not it.parity.rows_with_missing:
        raise NotCompilableError("it was never compared on rows with missing values")
    engine = open_compiled(it.engine, contract, payload)
    replay(contract, engine, COMPILED)
    return engine
