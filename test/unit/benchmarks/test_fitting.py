from __future__ import annotations

import pytest

from benchmarks.fitting import exponent, last_exponent


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(power: float) -> None:
    costs = {size: 3.0 * size**power for size in (1, 10, 100, 1_000)}

    assert exponent(costs) == pytest.approx(power, abs=1e-9)


def test_what_every_answer_costs_hides_the_growth_of_small_sizes_only() -> None:
    costs = {size: 1_000.0 + size for size in (1, 10, 100_000, 1_000_000)}

    assert exponent(costs) < 0.6
    assert last_exponent(costs) == pytest.approx(1.0, abs=0.01)
