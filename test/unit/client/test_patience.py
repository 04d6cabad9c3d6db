from __future__ import annotations

from datetime import datetime, timezone

import pytest
from gatehouse_client import Patience
from gatehouse_client.patience import seconds_of

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=timezone.utc)  # noqa: UP017  as the package, for 3.10


def test_the_wait_doubles_up_to_the_longest() -> None:
    patience = Patience(tries=100, first_seconds=1.0, most_seconds=5.0)

    assert [patience.seconds(tried, None, 1.0) for tried in (1, 2, 3, 4, 99)] == [1, 2, 4, 5, 5]


def test_chance_spreads_clients_over_half_of_the_wait() -> None:
    patience = Patience(first_seconds=8.0)

    assert (patience.seconds(1, None, 0.0), patience.seconds(1, None, 1.0)) == (4.0, 8.0)


def test_the_number_of_tries_is_bounded() -> None:
    patience = Patience(tries=3, first_seconds=1.0)

    assert [patience.seconds(tried, None, 1.0) for tried in (1, 2, 3)] == [1.0, 2.0, None]
    assert patience.seconds(3, 0.0, 1.0) is None


def test_what_the_gateway_asks_for_is_kept_and_never_undercut() -> None:
    patience = Patience(first_seconds=0.5, most_seconds=60.0)

    assert patience.seconds(1, 30.0, 0.0) == 30.0
    assert patience.seconds(1, 30.0, 1.0) == 30.5


def test_a_gateway_that_asks_for_too_much_is_not_waited_for() -> None:
    assert Patience(most_seconds=60.0).seconds(1, 61.0, 0.0) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("5", 5.0),
        (" 0 ", 0.0),
        ("-1", None),
        ("soon", None),
        ("1e3", None),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
    ],
    ids=str,
)
def test_both_forms_of_retry_after_are_read(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header, NOW) == seconds
