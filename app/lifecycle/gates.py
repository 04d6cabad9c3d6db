"""Puts a candidate through the gates: measures what they ask for, and returns what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.domain import gains, promotion
from app.domain.contract import NUMBERS, Contract
from app.domain.flips import Flips
from app.domain.gains import Contest
from app.domain.ports import Matrix
from app.domain.prediction import ServedModel
from app.domain.promotion import Bar, Budget, Decision, Gate, skipped
from app.domain.segments import segments
from app.lifecycle.answers import answers, columns_of, labels
from app.lifecycle.heldout import HeldOut
from app.lifecycle.latency import measure
from app.settings.promotion import Promotion

_OF_TWO: Final = ("schema", "better", "segments", "replay")


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate and the one whose place it wants.

    Attributes:
        champion: None where the place is free, or where it cannot be opened.
        absent: why there is none, in words.
    """

    candidate: ServedModel
    champion: ServedModel | None
    absent: str = "nothing is promoted there yet"


def decide(
    match: Match, held_out: HeldOut | None, flips: Flips | str, rules: Promotion
) -> Decision:
    """Return what every gate says of the candidate.

    Args:
        match: who against whom.
        held_out: rows that the candidate was not fitted on; None where none are stored.
        flips: what a replay has found, or why there was none.
        rules: the settings of the gates.
    """
    candidate, champion = match.candidate, match.champion
    times = None if champion is None else measure(champion)
    budget = Budget(rules.max_one_row_us, rules.max_thousand_rows_us, rules.max_slowdown)
    alone = [
        promotion.parity(candidate.contract, candidate.engine_name),
        promotion.latency(measure(candidate), times, budget),
    ]
    if champion is None:
        schema, *rest = (skipped(it, match.absent) for it in _OF_TWO)
        return Decision((schema, *alone, *rest))
    if isinstance(flips, str):
        replay = skipped("replay", flips)
    else:
        replay = promotion.replay(flips, rules.replay_days, rules.max_flips)
    schema = promotion.schema(champion.contract, candidate.contract)
    return Decision((schema, *alone, *_by_truth(champion, candidate, held_out, rules), replay))


def _by_truth(
    champion: ServedModel, candidate: ServedModel, held_out: HeldOut | None, rules: Promotion
) -> tuple[Gate, Gate]:
    """Return the gates that hold both against the truth: on all rows, and by segment."""
    bar = Bar(rules.wanted, rules.minimum_gain, rules.segment_loss, rules.least_rows)
    if held_out is None:
        recorded = promotion.recorded(champion.contract, candidate.contract, bar)
        return recorded, skipped("segments", "no held-out rows are stored")
    if champion.contract.task != candidate.contract.task:
        said = "the two have different tasks"
        return skipped("better", said), skipped("segments", said)
    columns = columns_of(held_out.rows, candidate.contract.feature_names)
    ours, theirs = answers(candidate, columns), answers(champion, columns)
    both = sorted(set(ours) & set(theirs))
    if not both:
        said = "the champion answers none of its held-out rows"
        return promotion.unproved(bar, said), skipped("segments", said)
    found = gains.contest(
        candidate.contract.task,
        held_out.truth[both],
        labels([theirs[it] for it in both]),
        labels([ours[it] for it in both]),
    )
    all_rows = gains.gain(found, rules.confidence)
    rows = held_out.rows[both]
    return promotion.better(all_rows, bar), _segments(found, rows, candidate.contract, bar, rules)


def _segments(found: Contest, rows: Matrix, contract: Contract, bar: Bar, rules: Promotion) -> Gate:
    """Return the gate of the segments that the settings name and the model has."""
    places = {it.name: place for place, it in enumerate(contract.features)}
    named = [name for name in rules.segments if name in places]
    if not named:
        said = "is a feature of it" if rules.segments else "is named"
        return skipped("segments", f"none of promotion.segments {said}")
    parts = [
        part
        for name in named
        for part in segments(
            name, rows[:, places[name]], is_number=contract.features[places[name]].kind in NUMBERS
        )
    ]
    # Of twenty segments one is worse by chance: the level is shared among them (Bonferroni).
    confidence = 1 - (1 - rules.confidence) / len(parts)
    judged = [gains.gain_within(found, it.is_in, it.name, confidence) for it in parts]
    return promotion.segments(judged, bar)
