"""Measure how the cost of an answer grows: ``make bench-growth``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import models, page, report
from benchmarks.cores import cores, say, use
from benchmarks.drawing import shown
from benchmarks.fitting import exponent, last_exponent
from benchmarks.messages import data_body, numbered_body
from benchmarks.models import Model
from benchmarks.report import markdown
from benchmarks.server import Workshop
from benchmarks.within import Asked, Gate, in_turns

AUDIT_MODES: Final = ("off", "background", "strict")
_ROWS: Final = (1, 10, 100, 1_000, 10_000)
_FEATURES: Final = (4, 16, 64, 256)
_FEATURE_ROWS: Final = 100
_TREES: Final = (1, 10, 100, 1_000)
_SUBJECTS: Final = (1, 10, 100, 1_000, 10_000)
_REVOKED: Final = (1, 10, 100, 1_000)
NOTES: Final = """\
CPU microseconds of one call of the WSGI application in a process of its own, without any server:
all protections on, the writing of the audit log included, every input new; medians over batches
that take turns. 'exponent': b of the power law a·n^b through all sizes; 'at the end': the same
between the two largest, where what every answer costs weighs least. 0: it does not grow. 1: twice
as much costs twice as much. Subjects: as many tokens, each seen before, in turns. Revoked: tokens
that the store holds. Models loaded: a gateway serves one model, so there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Grown:
    """CPU microseconds of an answer, by size."""

    what: str
    costs: dict[int, float]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables, and put them into the page where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="put it into docs/performance.md")
    options = parser.parse_args(argv)
    use(cores()[0])
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        root = Path(folder)
        say("training")
        trained = models.build(root)
        made = {name: Workshop.build(root / name, model) for name, model in trained.items()}
        found = [
            _by_rows("rows, logistic regression", made["logistic"]),
            _by_rows("rows, forest of 100 trees", made["forest"]),
            _by_features(root),
            _by_trees(root),
            _by_subjects(made["logistic"]),
            _by_revoked(made["logistic"]),
        ]
        audited = _by_audit(made["logistic"])
    text = "\n\n".join([table(found), _audit_table(audited), NOTES, report.machine()])
    print(text)
    if options.page:
        page.put("growth", text)
    return 0


def table(found: Sequence[Grown]) -> str:
    """Return one row for each thing that grows."""
    rows = [
        [
            grown.what,
            ", ".join(f"{size:,}: {shown(cost)}" for size, cost in grown.costs.items()),
            f"{exponent(grown.costs):.2f}",
            f"{last_exponent(grown.costs):.2f}",
        ]
        for grown in found
    ]
    return markdown(["what grows", "size: CPU µs", "exponent", "at the end"], rows, words=2)


def _audit_table(costs: dict[str, float]) -> str:
    rows = [[mode, shown(cost), shown(cost - costs["off"])] for mode, cost in costs.items()]
    return markdown(["audit log, one row", "CPU µs", "more than off"], rows)


def _by_rows(what: str, workshop: Workshop) -> Grown:
    rows = [row for rows in workshop.model.many for row in rows]
    gates: dict[int, Gate] = {}
    for size in _ROWS:
        gates[size] = Gate(workshop, name=f"rows-{size}")
        gates[size].prepare(_asked(workshop, rows[:size]))
    return _measured(what, gates)


def _by_features(root: Path) -> Grown:
    def model(size: int) -> Model:
        rows, target = make_classification(
            n_samples=500,
            n_features=size,
            n_informative=3,
            n_redundant=0,
            random_state=models.SEED,
        )
        linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
        return models.fitted(root, f"features-{size}", rows, target, linear)

    what = f"features, logistic regression, {_FEATURE_ROWS} rows"
    return _by_model(what, root, _FEATURES, model, n_rows=_FEATURE_ROWS)


def _by_trees(root: Path) -> Grown:
    cancer = load_breast_cancer()

    def model(size: int) -> Model:
        forest = models.forest_of(size)
        return models.fitted(root, f"trees-{size}", cancer.data, cancer.target, forest)

    return _by_model("trees of a forest, one row", root, _TREES, model, n_rows=1)


def _by_model(
    what: str, root: Path, sizes: Sequence[int], model: Callable[[int], Model], *, n_rows: int
) -> Grown:
    gates: dict[int, Gate] = {}
    for size in sizes:
        made = model(size)
        workshop = Workshop.build(root / f"gate-{made.name}", made)
        gates[size] = Gate(workshop, name="grown")
        gates[size].prepare(_asked(workshop, made.many[0][:n_rows]))
    return _measured(what, gates)


def _by_subjects(workshop: Workshop) -> Grown:
    gates: dict[int, Gate] = {}
    for size in _SUBJECTS:
        tokens = [workshop.token(f"subject-{number}") for number in range(size)]
        gates[size] = Gate(workshop, name=f"subjects-{size}")
        gates[size].prepare(Asked(_asked(workshop, [workshop.model.one]).bodies, tokens))
    return _measured("subjects that are limited", gates)


def _by_revoked(workshop: Workshop) -> Grown:
    gates: dict[int, Gate] = {}
    for size in _REVOKED:
        gates[size] = Gate(workshop, name=f"revoked-{size}", n_revoked=size)
        gates[size].prepare(_asked(workshop, [workshop.model.one]))
    return _measured("tokens that are revoked", gates)


def _by_audit(workshop: Workshop) -> dict[str, float]:
    gates: dict[int, Gate] = {}
    for place, mode in enumerate(AUDIT_MODES):
        gates[place] = Gate(workshop, name=f"audit-{mode}", audit=mode)
        gates[place].prepare(_asked(workshop, [workshop.model.one]))
    return {AUDIT_MODES[place]: cost for place, cost in in_turns(gates).items()}


def _asked(workshop: Workshop, rows: Sequence[Sequence[float]]) -> Asked:
    return Asked([numbered_body(data_body, rows)], [workshop.token()])


def _measured(what: str, gates: dict[int, Gate]) -> Grown:
    say(what)
    return Grown(what, in_turns(gates))


if __name__ == "__main__":
    raise SystemExit(main())
