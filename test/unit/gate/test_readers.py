from __future__ import annotations

from contextlib import ExitStack

import pytest

from app.errors import OverloadedError
from app.gate.readers import Readers


def test_one_subject_holds_a_quarter_of_the_threads() -> None:
    readers = Readers(threads=8)
    with readers.reading("alice"), readers.reading("alice"):
        with pytest.raises(OverloadedError), readers.reading("alice"):
            pass
        with readers.reading("bob"):
            pass


def test_all_together_leave_a_quarter_free() -> None:
    readers = Readers(threads=8)
    with ExitStack() as stack:
        for number in range(6):
            stack.enter_context(readers.reading(f"guest-{number}"))
        with pytest.raises(OverloadedError), readers.reading("late"):
            pass


def test_a_place_is_free_again_after_a_body_that_failed() -> None:
    readers = Readers(threads=4)
    for _ in range(5):
        with pytest.raises(RuntimeError), readers.reading("alice"):
            raise RuntimeError
    with readers.reading("alice"):
        pass

    assert readers._by_subject.total() == 0
