"""The model card: what a version is, how it was found, how well it does and where it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from app.domain.contract import Contract, Feature, Training
from app.lifecycle.measures import LESS_IS_BETTER, Interval
from app.lifecycle.study import LEAST_ROWS, Segment, Study

_SAME_TABLE: Final = (
    "The held-out rows come from the same table: of later data, and of other places, they say "
    "nothing. Watch the drift report."
)
_UNEXAMINED: Final = (
    "It was judged by the measures above and by nothing else: whether it is fair to use it for a "
    "decision about people was not examined."
)


def card(
    contract: Contract,
    study: Study,
    intervals: Mapping[str, Interval],
    segments: Sequence[Segment],
    pictures: Iterable[str],
) -> str:
    """Return the card as Markdown.

    Args:
        contract: of the version, as it is stored, with its training.
        study: how it was found.
        intervals: of each measure of the held-out rows.
        segments: of these rows.
        pictures: files beside the card.
    """
    assert contract.training is not None  # noqa: S101  whoever studies has trained
    parts = [
        _what(contract, study),
        _data(contract, contract.training, study),
        _search(study),
        _held_out(contract.training, study, intervals),
        _by_segment(segments, contract.training),
        "".join(f"![{it}]({it})\n" for it in pictures),
        _limits(contract, segments),
        _again(contract, study),
    ]
    return "\n".join(part for part in parts if part)


def _what(contract: Contract, study: Study) -> str:
    outputs = contract.outputs
    answers = ""
    if outputs.targets:
        answers = f"It answers {', '.join(it.name for it in outputs.targets)} for each row."
    elif outputs.classes:
        answers = f"It answers one of {len(outputs.classes)} classes: {_words(outputs.classes)}."
    engine = contract.compiled[0].engine if contract.compiled else "scikit-learn"
    text = f"""\
# {contract.name} {contract.version}

A {contract.task} model: {study.chosen.trial}, fitted on {len(contract.features)} features.
{answers}
Made on {contract.created_at:%Y-%m-%d} with scikit-learn {contract.libraries.get("scikit-learn")}; \
served by the engine {engine}.
"""
    return text.replace("\n\nMade", "\nMade")


def _data(contract: Contract, training: Training, study: Study) -> str:
    held_out = len(study.parts.held_out.features)
    rows = [
        [it.name, it.kind, _seen(it), f"{training.reference[it.name].missing_share:.1%}"]
        for it in contract.features
    ]
    return f"""\
## Data

{training.dataset}: {training.n_rows:,} rows, of which {held_out:,} were held out before anything \
was fitted.
SHA-256 of names and values: `{training.fingerprint_sha256}`

{_table(["feature", "kind", "seen", "missing"], rows)}"""


def _search(study: Study) -> str:
    metric, chosen = study.plan.metric, study.chosen
    names = list(chosen.folds[0])
    rows = [
        [str(it.trial) + (" **chosen**" if it is chosen else "")]
        + [f"{it.mean(name):.4g} ± {it.deviation(name):.2g}" for name in names]
        for it in study.outcomes
    ]
    way = "lowest" if metric in LESS_IS_BETTER else "highest"
    return f"""\
## How it was chosen

By the {way} mean {metric} over {study.plan.folds} folds of the rows that were not held out; of \
equals the first. Mean and standard deviation of the folds:

{_table(["candidate", *names], rows)}"""


def _held_out(training: Training, study: Study, intervals: Mapping[str, Interval]) -> str:
    rows = [
        [name, f"{training.metrics[name]:.4g}", f"{low:.4g} to {high:.4g}"]
        for name, (low, high) in intervals.items()
    ]
    return f"""\
## How well it does

On the {len(study.answers.truth):,} held-out rows, fitted again on all others:

{_table(["measure", "value", "95 % interval (bootstrap)"], rows)}"""


def _by_segment(segments: Sequence[Segment], training: Training) -> str:
    if not segments:
        return ""
    names = list(training.metrics)
    rows = [
        [it.feature, it.value, f"{it.n_rows:,}"]
        + [f"{it.measures[name]:.4g}" if it.measures else "too few" for name in names]
        for it in segments
    ]
    return f"## By segment\n\n{_table(['feature', 'value', 'rows', *names], rows)}"


def _limits(contract: Contract, segments: Sequence[Segment]) -> str:
    few = [f"{it.feature} = {it.value}" for it in segments if not it.measures]
    gaps = [it.name for it in contract.features if it.missing is not None]
    known = [it.name for it in contract.features if it.categories]
    lines = [
        _SAME_TABLE,
        "Outside of what was seen (the table above) its answers are extrapolated.",
        f"Other categories than those seen in {_words(known)} are taken, and count for nothing."
        if known
        else "",
        f"Missing values were seen in training only in {_words(gaps)}."
        if gaps
        else "No value was missing in training.",
        f"Fewer than {LEAST_ROWS} held-out rows, so no figure: {_words(few)}." if few else "",
        _UNEXAMINED,
    ]
    return "## Limits of use\n\n" + "".join(f"- {line}\n" for line in lines if line)


def _again(contract: Contract, study: Study) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in contract.libraries.items())
    return f"""\
## How to make it again

```
{study.command}
```

Seed {study.plan.seed}, code at commit `{contract.commit or "unknown"}`, with {libraries}. The \
same rows, in whatever order, give an artefact with the SHA-256 `{contract.artefact.sha256}`.
"""


def _seen(feature: Feature) -> str:
    if feature.categories:
        return _words(feature.categories)
    if feature.trained_minimum is None or feature.trained_maximum is None:
        return ""
    return f"{feature.trained_minimum:.4g} to {feature.trained_maximum:.4g}"


def _words(values: Sequence[Any], most: int = 8) -> str:
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return ", ".join(str(value) for value in values[:most]) + more


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    cells = ((cell.replace("|", "\\|").replace("\n", " ") for cell in line) for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)
