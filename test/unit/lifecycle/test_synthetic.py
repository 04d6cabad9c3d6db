from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
import pytest

from app.domain.contract import Contract, Feature, Missing, Reference
from app.errors import RecordsError
from app.lifecycle.data_contract import contract_of_model, load_data_contract
from app.lifecycle.drawn_rows import DrawnRows, quantile_of
from app.lifecycle.records import RecordChecker
from app.lifecycle.synthetic import Synthetic, sales
from app.lifecycle.transactions import Transactions
from app.settings.overlay import PROJECT
from test.builders import a_contract

UNTIL = datetime(2026, 11, 21, tzinfo=UTC)
CONTRACT = load_data_contract(PROJECT / "data_contract.yaml")


def some_sales(
    n_rows: int = 12_000,
    *,
    seed: int = 7,
    n_customers: int = 100,
    days: int = 30,
    until: datetime = UNTIL,
    **options: Any,
) -> Synthetic:
    made = Transactions(n_rows=n_rows, n_customers=n_customers, days=days, until=until, seed=seed)
    return sales(CONTRACT, made, **options)


def columns(rows: Synthetic) -> dict[str, list[Any]]:
    blocks = list(rows.blocks())
    return {name: [*chain.from_iterable(it[name] for it in blocks)] for name in blocks[0]}


def reasons(rows: Synthetic) -> set[str]:
    checker = RecordChecker(rows.contract, "here")
    rejected = chain.from_iterable(checker.check(chunk).rejected for chunk in rows.chunks())
    return {reason for row in rejected for reason in row.reasons}


def test_the_same_seed_gives_the_same_rows_and_another_gives_others() -> None:
    assert columns(some_sales()) == columns(some_sales())
    assert columns(some_sales()) != columns(some_sales(seed=8))


def test_sales_keep_the_contract_and_lie_in_their_days_in_order() -> None:
    rows = some_sales()
    times = columns(rows)["event_time"]

    assert reasons(rows) == set()
    assert times == sorted(times)
    assert (UNTIL - times[0]).days == 29
    assert times[-1] < UNTIL


def test_what_customers_will_spend_can_be_learnt_from_a_sale_and_from_their_history() -> None:
    found = columns(some_sales())
    who, amount, spend = (np.array(found[it]) for it in ("customer_id", "amount", "spend_next_30d"))
    mean = {name: amount[who == name].mean() for name in set(who)}

    now = np.corrcoef(amount, spend)[0, 1]
    by_history = np.corrcoef([mean[name] for name in who], spend)[0, 1]

    assert 0.5 < min(now, by_history) < max(now, by_history) < 0.9


def test_drift_shifts_a_feature_by_its_deviations_and_no_other() -> None:
    before, after = columns(some_sales()), columns(some_sales(drift={"amount": 0.5}))

    shift = np.mean(after["amount"]) - np.mean(before["amount"])
    assert shift / np.std(before["amount"]) == pytest.approx(0.5, abs=0.03)
    assert after["discount"] == before["discount"]


def test_defects_are_of_all_kinds_in_about_that_share() -> None:
    rows = some_sales(defects=0.05)
    checker = RecordChecker(CONTRACT, "here")
    n_rejected = sum(len(checker.check(chunk).rejected) for chunk in rows.chunks())

    assert n_rejected / 12_000 == pytest.approx(0.05, abs=0.01)
    assert reasons(rows) == {
        "customer_id: may not be missing",
        "amount: should be a valid number, unable to parse string as a number",
        "amount: should be less than or equal to 1000000",
        "channel: should be one of web, store, phone",
        "customer_id, event_time: repeats an earlier record",
    }


@pytest.mark.parametrize("name", ["channel", "nothing"])
def test_drift_of_what_is_no_number_is_an_operators_mistake(name: str) -> None:
    with pytest.raises(RecordsError, match=rf"--drift {name}: is no number here.*amount, items"):
        some_sales(drift={name: 1.0})


def test_whatever_decides_about_the_rows_is_in_the_digest() -> None:
    variants = [
        some_sales(),
        some_sales(seed=8),
        some_sales(n_rows=11_999),
        some_sales(n_customers=99),
        some_sales(defects=0.1),
        some_sales(drift={"amount": 1.0}),
    ]

    assert len({it.content_sha256() for it in variants}) == len(variants)


def test_rows_of_another_day_are_the_same_batch() -> None:
    a_day_later = some_sales(until=UNTIL + timedelta(days=1))

    assert a_day_later.content_sha256() != some_sales().content_sha256()
    assert a_day_later.default_batch_id(None) == some_sales().default_batch_id(None)


@pytest.mark.parametrize(
    ("days", "until"),
    [
        (100_000_000, UNTIL),
        (10**10, UNTIL),
        (1, datetime(1, 1, 1, tzinfo=UTC)),
        (1, datetime.fromisoformat("9999-12-31T23:00-05:00")),
    ],
    ids=["many days", "more than any calendar", "the first day", "the last day"],
)
def test_sales_outside_of_the_calendar_are_refused(days: int, until: datetime) -> None:
    with pytest.raises(RecordsError, match=r"not all in the years 1 to 9999\. Fix: fewer --days"):
        some_sales(days=days, until=until)


def a_model(seed: int = 0) -> tuple[Contract, np.ndarray[Any, Any]]:
    """A model whose first feature was exponential in training, and what was seen of it."""
    seen = np.random.default_rng(seed).exponential(size=20_000)
    counts, edges = np.histogram(seen, bins=10)
    known = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
    number = Reference(
        quantiles={f"{q:g}": float(np.quantile(seen, q)) for q in known},
        histogram_edges=tuple(edges.tolist()),
        histogram_counts=tuple(counts.tolist()),
        missing_share=0.2,
    )
    flags = Reference(
        quantiles={"0": 0.0, "0.5": 0.0, "0.75": 1.0, "1": 1.0},
        histogram_edges=tuple(np.linspace(0, 1, 11).tolist()),
        histogram_counts=(70, *[0] * 8, 30),
        missing_share=0.0,
    )
    words = Reference(shares={"x": 0.25, "y": 0.75}, missing_share=0.0)
    contract = a_contract(
        Feature(name="size", missing=Missing(policy="pass")),
        Feature(name="is_in", kind="bool"),
        Feature(name="color", kind="category", categories=("x", "y")),
        Feature(name="note", kind="text"),
        golden={"inputs": [[1.0, True, "x", "good day"]], "predictions": [1.0]},
        training={
            "dataset": "made",
            "n_rows": 1,
            "fingerprint_sha256": "",
            "metrics": {},
            "reference": {
                "size": number,
                "is_in": flags,
                "color": words,
                "note": Reference(missing_share=0.0),
            },
        },
    )
    return contract, seen


def rows_of(model: Contract, **options: Any) -> Synthetic:
    contract = contract_of_model(model, min_value=-1e6, max_value=1e6)
    shape = DrawnRows(model, seed=7)
    return Synthetic(shape=shape, contract=contract, n_rows=20_000, seed=7, **options)


def test_rows_of_a_model_are_distributed_as_in_training() -> None:
    model, seen = a_model()
    found = columns(rows_of(model))
    sizes = np.array([it for it in found["size"] if it is not None])

    assert [*found] == ["size", "is_in", "color", "note"]
    assert len(sizes) / 20_000 == pytest.approx(0.8, abs=0.02)
    shares = [np.mean(sizes < np.quantile(seen, q)) for q in (0.05, 0.3, 0.5, 0.75, 0.9, 0.99)]
    assert shares == pytest.approx([0.05, 0.3, 0.5, 0.75, 0.9, 0.99], abs=0.02)
    assert np.mean(found["is_in"]) == pytest.approx(0.3, abs=0.02)
    assert found["color"].count("x") / 20_000 == pytest.approx(0.25, abs=0.02)
    assert set(found["note"]) == {"good day"}


def test_rows_of_a_model_keep_its_contract_and_drift_in_one_feature() -> None:
    model, seen = a_model()
    rows = rows_of(model, drift={"size": 0.5})
    sizes = [it for it in columns(rows)["size"] if it is not None]

    assert reasons(rows) == set()
    assert (np.mean(sizes) - seen.mean()) / seen.std() == pytest.approx(0.5, abs=0.05)


def test_a_model_that_does_not_say_how_it_was_trained_is_an_operators_mistake() -> None:
    with pytest.raises(RecordsError, match="line 1: its contract does not say how its features"):
        DrawnRows(a_contract(), seed=7)


def test_of_a_feature_that_was_never_there_nothing_is_known() -> None:
    assert quantile_of(Reference(missing_share=1.0), np.array([0.5])).tolist() == [0.0]
