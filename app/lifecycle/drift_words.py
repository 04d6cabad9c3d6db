"""A drift report for a person who reads it on a terminal."""

from __future__ import annotations

from typing import Final

from app.domain.drift import Check, Verdict
from app.domain.drift_rules import LEAST_ROWS
from app.lifecycle.drift_report import DriftReport
from app.lifecycle.plain_tables import table

_SHOWN: Final = 12


def described(report: DriftReport) -> str:
    """Return *report* for a person."""
    contract, verdict = report.contract, report.verdict
    lines = [
        f"{contract.name}@{contract.version}: {verdict.ruling}",
        f"current: {report.current}",
        f"reference: {report.baseline.source}",
        f"reference of the answers: {report.baseline.answers.source}",
    ]
    if verdict.ruling == "insufficient":
        lines.append(f"{verdict.n_rows} rows are too few to tell: {LEAST_ROWS} are needed")
    lines += [f"not compared: {it}" for it in report.not_compared]
    if verdict.checks:
        lines += ["", _as_table(verdict)]
    return "\n".join(lines)


def _as_table(verdict: Verdict) -> str:
    shown = verdict.checks[: max(_SHOWN, len(verdict.drifted))]
    header = ("", "what", "test", "p, corrected", "index", "rows")
    text = table([_cells(check) for check in shown], header=header)
    rest = len(verdict.checks) - len(shown)
    return text + (f"\n… and {rest} checks without drift" if rest else "")


def _cells(check: Check) -> tuple[str, ...]:
    index = "-" if check.index is None else f"{check.index:.3f}"
    what = f"{check.name}: {check.aspect}" if check.name != check.aspect else check.name
    mark = "drift" if check.has_drifted else ""
    return mark, what, check.test, f"{check.adjusted_p:.2g}", index, f"{check.n_current:,}"
