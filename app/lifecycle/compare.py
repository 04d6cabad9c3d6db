"""Two contracts side by side: what differs, and whether callers would notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.domain.contract import Contract, Feature
from app.lifecycle.overview import answers, engine
from app.lifecycle.plain_tables import table


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of a comparison; ``left`` or ``right`` is None where that side has no such thing."""

    part: str
    name: str
    left: Any
    right: Any

    @property
    def is_same(self) -> bool:
        """Whether both sides say the same."""
        return bool(self.left == self.right)

    @property
    def change(self) -> str:
        """What a reader looks for: ``+0.01`` for numbers, or that the two differ."""
        if self.is_same:
            return ""
        if isinstance(self.left, float) and isinstance(self.right, float):
            return f"{self.right - self.left:+.4g}"
        if self.left is None:
            return "new"
        return "gone" if self.right is None else "differs"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions, line by line.

    Attributes:
        interchangeable: whether a caller of one can call the other unchanged: the same task, the
            same features in the same order, the same classes and outputs.
    """

    left: str
    right: str
    lines: tuple[Difference, ...]
    interchangeable: bool


def compare(left: Contract, right: Contract) -> Comparison:
    """Return how *right* differs from *left*, from what their contracts say."""
    lines = [
        _line("contract", "task", left, right, lambda it: it.task),
        _line("contract", "created", left, right, lambda it: f"{it.created_at:%Y-%m-%d %H:%M}"),
        _line("contract", "input", left, right, lambda it: it.input),
        _line("contract", "answers", left, right, answers),
        _line("contract", "engine", left, right, engine),
        _line("contract", "bytes", left, right, lambda it: it.artefact.size_bytes),
        _line("contract", "trained on", left, right, _trained_on),
        *_lines("library", left, right, lambda it: dict(it.libraries)),
        *_lines("metric", left, right, lambda it: it.training.metrics if it.training else {}),
        *_lines("feature", left, right, _features),
        *_lines("microseconds", left, right, _timings),
    ]
    return Comparison(
        left=f"{left.name}@{left.version}",
        right=f"{right.name}@{right.version}",
        lines=tuple(lines),
        interchangeable=_interface(left) == _interface(right),
    )


def side_by_side(found: Comparison, *, is_whole: bool) -> str:
    """Return *found* as a table of what differs and of all metrics; of everything if *is_whole*."""
    lines = [it for it in found.lines if is_whole or not it.is_same or it.part == "metric"]
    rows = [
        [it.part, it.name, _text(it.left), _text(it.right), it.change or "same"] for it in lines
    ]
    same = len(found.lines) - len(lines)
    callers = "can" if found.interchangeable else "cannot"
    return "\n".join(
        [
            table(rows, header=("", "", found.left, found.right, "difference")),
            *([f"and {same} more lines are the same; --all shows them"] if same else []),
            f"callers of {found.left} {callers} call {found.right} unchanged",
        ]
    )


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(
    part: str, name: str, left: Contract, right: Contract, value: Callable[[Contract], Any]
) -> Difference:
    return Difference(part, name, value(left), value(right))


def _lines(
    part: str, left: Contract, right: Contract, values: Callable[[Contract], dict[str, Any]]
) -> list[Difference]:
    one, other = values(left), values(right)
    return [Difference(part, key, one.get(key), other.get(key)) for key in {**one, **other}]


def _trained_on(contract: Contract) -> str | None:
    training = contract.training
    if training is None:
        return None
    return f"{training.dataset}, {training.n_rows:,} rows, {training.fingerprint_sha256[:12]}…"


def _features(contract: Contract) -> dict[str, Any]:
    return {it.name: f"{place}: {_described(it)}" for place, it in enumerate(contract.features, 1)}


def _described(feature: Feature) -> str:
    low, high = feature.trained_minimum, feature.trained_maximum
    seen = "" if low is None or high is None else f" {low:.4g} to {high:.4g}"
    bounds = ""
    if feature.minimum is not None or feature.maximum is not None:
        bounds = f" within {feature.minimum} and {feature.maximum}"
    known = f" of {len(feature.categories)}" if feature.categories else ""
    missing = f", missing: {feature.missing.policy}" if feature.missing else ""
    return f"{feature.kind}{known}{seen}{bounds}{missing}"


def _timings(contract: Contract) -> dict[str, Any]:
    timings = {it.engine: it.timing for it in contract.compiled}
    named = {str(name): timing for name, timing in timings.items()}
    if contract.reference_timing is not None:
        named["sklearn"] = contract.reference_timing
    found: dict[str, Any] = {}
    for name, timing in named.items():
        found[f"{name}, 1 row"] = timing.one_row_us
        found[f"{name}, 1,000 rows"] = timing.thousand_rows_us
    return found


def _interface(contract: Contract) -> tuple[Any, ...]:
    features = tuple(
        (it.name, it.kind, it.minimum, it.maximum, it.missing and it.missing.policy)
        for it in contract.features
    )
    return contract.task, contract.input, features, contract.outputs
