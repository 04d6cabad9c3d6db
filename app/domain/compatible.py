"""Can whoever calls one version call another unchanged, whatever they send?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.domain.contract import NUMBERS, Contract, Feature, Value

_SHOWN: Final = 3
_Labels = tuple[Value, ...] | None


def narrower(champion: Contract, candidate: Contract) -> list[str]:
    """Return what *candidate* refuses and *champion* takes; both have the same features."""
    pairs = zip(champion.features, candidate.features, strict=True)
    return [what for pair in pairs for what in _narrower(*pair)]


def relabelled(champion: Contract, candidate: Contract) -> list[str]:
    """Return where *candidate* answers labels of another type, as "1" for 1; both answer as much.

    Training reads labels as numbers until one of them is text, and then all of them as text.
    """
    pairs = zip(_labels(champion), _labels(candidate), strict=True)
    return [
        f"{new[0]!r}, and not {old[0]!r}"
        for old, new in pairs
        if old and new and not {type(it) for it in new} <= {type(it) for it in old}
    ]


def _labels(contract: Contract) -> list[_Labels]:
    outputs = contract.outputs
    return [it.classes for it in outputs.targets] if outputs.targets else [outputs.classes]


def _narrower(old: Feature, new: Feature) -> Iterator[str]:
    """Yield each way in which *new* refuses a value that *old* takes."""
    if new.minimum is not None and (old.minimum is None or new.minimum > old.minimum):
        yield f"{new.name} below {new.minimum:g}"
    if new.maximum is not None and (old.maximum is None or new.maximum < old.maximum):
        yield f"{new.name} above {new.maximum:g}"
    if _takes_missing(old) and not _takes_missing(new):
        yield f"{new.name} without a value"
    if new.categories and new.unknown == "refuse":
        is_open = not old.categories or old.unknown == "warn"
        gone = sorted(set(old.categories) - set(new.categories))
        if is_open or gone:
            yield f"{new.name} as {', '.join(gone[:_SHOWN]) or 'a new category'}"


def _takes_missing(feature: Feature) -> bool:
    if feature.missing is not None:
        return feature.missing.policy != "refuse"
    return feature.kind in NUMBERS  # nan_replacement of the settings is filled in
