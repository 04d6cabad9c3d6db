from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.rates import Rate, parse_rates


@pytest.mark.parametrize(
    ("text", "limit", "seconds"),
    [
        ("100 per minute", 100, 60),
        ("1 per second", 1, 1),
        ("5 per hour", 5, 3600),
        ("7 per day", 7, 86_400),
        ("10/minute", 10, 60),
        ("10 / 5 minutes", 10, 300),
        ("10 per 2 hours", 10, 7200),
        (" 10 PER Minute ", 10, 60),
    ],
)
def test_a_rate_is_a_number_per_stretch_of_time(text: str, limit: int, seconds: int) -> None:
    assert parse_rates(text) == (Rate(limit, seconds),)


@pytest.mark.parametrize(
    "text", ["9 per second; 99 per hour", "9/second,99/hour", "9/second;;99/hour;"]
)
def test_several_rates_keep_their_order(text: str) -> None:
    assert parse_rates(text) == (Rate(9, 1), Rate(99, 3600))


@pytest.mark.parametrize("text", ["", " ", ";", ","])
def test_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is empty"):
        parse_rates(text)


@pytest.mark.parametrize(
    "text",
    ["100", "per minute", "0 per minute", "-1 per minute", "1.5 per minute", "1 per week",
     "1 per 0 minutes", "100 a minute", "1 per minute 2 per hour", "1" * 12 + " per minute"],
)  # fmt: skip
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rates(text)


def test_a_window_of_more_than_a_year_is_refused() -> None:
    assert parse_rates("1 per 366 days")
    with pytest.raises(ValueError, match="longer than a year"):
        parse_rates("1 per 367 days")


def test_one_window_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="names one window twice"):
        parse_rates("1 per minute; 2 per 60 seconds")


def test_a_rate_is_named_after_its_window() -> None:
    assert Rate(100, 60).name == "60s"


@given(text=st.text(max_size=30))
def test_any_text_is_rates_or_a_value_error(text: str) -> None:
    try:
        rates = parse_rates(text)
    except ValueError:
        return
    assert all(rate.limit > 0 and rate.window_seconds > 0 for rate in rates)
