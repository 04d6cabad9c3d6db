from __future__ import annotations

import signal

import pytest

from app.lifecycle.streams.stopping import asked_to_stop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_first_signal_asks_and_the_second_ends(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with asked_to_stop() as stop:
        assert not stop.is_set()

        signal.raise_signal(number)

        assert stop.is_set()
        assert signal.getsignal(number) is signal.SIG_DFL
    assert signal.getsignal(number) is before
