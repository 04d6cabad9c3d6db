"""What compiling came to, for whoever registers a model."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.contract import Contract


def report(contract: Contract) -> Iterator[str]:
    """Yield a line an engine: how it compared with scikit-learn, or why it cannot serve."""
    reference = contract.reference_timing
    for it in contract.compiled:
        yield (
            f"engine {it.engine}: agrees on {it.parity.rows:,} rows, furthest off by "
            f"{it.parity.largest_difference:.2g}; {it.timing.one_row_us:,.0f} us for a row, "
            f"{it.timing.thousand_rows_us:,.0f} for 1,000"
        )
    if reference is not None:
        yield (
            f"engine sklearn: {reference.one_row_us:,.0f} us for a row, "
            f"{reference.thousand_rows_us:,.0f} for 1,000"
        )
    if contract.compiled:
        return
    reasons = contract.not_compiled
    if len(reasons) > 1 and len(set(reasons.values())) == 1:
        yield f"not compiled: {next(iter(reasons.values()))}"
        return
    for kind, why in reasons.items():
        yield f"not compiled for {kind}: {why}"
