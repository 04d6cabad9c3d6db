from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.engines import forest
from app.adapters.engines.forest import ForestHead
from app.errors import ModelRejectedError
from test.adapters.engines.forests import Matrix, a_forest

needs_kernel = pytest.mark.skipif(
    not ForestHead.is_available(), reason="the forest kernel is not built: no C compiler"
)
Arrays = dict[str, Any]
KERNEL: Any = vars(forest)["_kernel"]

MALFORMED: dict[str, Arrays] = {
    "child-before-parent": {"left": np.array([1, -1, 1, -1, -1, -1], np.int32)},
    "child-of-itself": {"left": np.array([0, -1, 3, -1, -1, -1], np.int32)},
    "child-in-the-next-tree": {"left": np.array([1, -1, 4, -1, -1, -1], np.int32)},
    "child-beyond-the-last-tree": {"left": np.array([1, -1, 3, -1, -1, 6], np.int32)},
    "child-far-away": {"left": np.array([2**31 - 1, -1, 3, -1, -1, -1], np.int32)},
    "feature-too-large": {"feature": np.array([2, -1, 1, -1, -1, -1], np.int32)},
    "feature-negative": {"feature": np.array([-1, -1, 1, -1, -1, -1], np.int32)},
    "feature-short": {"feature": np.array([0], np.int32)},
    "threshold-nan": {"threshold": np.array([np.nan, 0, 0.25, 0, 0, 0])},
    "threshold-short": {"threshold": np.zeros(5)},
    "threshold-float32": {"threshold": np.zeros(6, np.float32)},
    "threshold-other-byte-order": {"threshold": np.zeros(6, ">f8")},
    "missing-short": {"missing_left": np.zeros(5, np.bool_)},
    "roots-empty": {"roots": np.zeros(0, np.int32)},
    "roots-late": {"roots": np.array([1, 5], np.int32)},
    "roots-falling": {"roots": np.array([0, -1], np.int32)},
    "roots-twice": {"roots": np.array([0, 0], np.int32)},
    "roots-beyond": {"roots": np.array([0, 7], np.int32)},
    "values-short": {"values": np.zeros((3, 1))},
    "values-long": {"values": np.zeros((5, 1))},
    "values-flat": {"values": np.zeros(4)},
    "values-infinite": {"values": np.full((4, 1), np.inf)},
    "values-of-two": {"values": np.zeros((4, 2))},
    "values-of-none": {"values": np.zeros((4, 0))},
    "start-empty": {"start": np.zeros(0)},
    "start-nan": {"start": np.array([np.nan])},
    "start-of-two": {"start": np.zeros(2)},
    "features-none": {"n_features": np.array(0, np.int64)},
    "features-negative": {"n_features": np.array(-2, np.int64)},
    "features-countless": {"n_features": np.array(2**40, np.int64)},
    "divisor-zero": {"divisor": np.array(0.0)},
    "divisor-nan": {"divisor": np.array(np.nan)},
    "zero-as-a-number": {"zero_is_second": np.array(1, np.int64)},
    "link-unknown": {"link": np.array("probit")},
    "link-number": {"link": np.array(1)},
    "two-sums-in-a-binary-model": {
        "link": np.array("logit"),
        "start": np.zeros(2),
        "values": np.zeros((4, 2)),
    },
    "unknown-member": {"extra": np.zeros(1)},
}


@needs_kernel
@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
def test_malformed_arrays_are_refused(changes: Arrays) -> None:
    with pytest.raises(ModelRejectedError):
        ForestHead(a_forest(**changes))


@needs_kernel
@pytest.mark.parametrize("name", a_forest())
def test_a_lacking_member_is_refused(name: str) -> None:
    arrays = a_forest()
    del arrays[name]

    with pytest.raises(ModelRejectedError, match="members"):
        ForestHead(arrays)


@needs_kernel
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_arrays_with_a_changed_number_are_refused_or_answer(data: st.DataObject) -> None:
    arrays = a_forest()
    name = data.draw(st.sampled_from(["left", "feature", "roots", "n_features", "threshold"]))
    array = arrays[name].copy().reshape(-1)
    place = data.draw(st.integers(0, len(array) - 1))
    near, far = st.integers(-3, 8), st.integers(-(2**31), 2**31 - 1)
    array[place] = data.draw(near | far)
    arrays[name] = array.reshape(arrays[name].shape)

    try:
        head = ForestHead(arrays)
    except ModelRejectedError:
        return
    n_features = int(arrays["n_features"])
    if n_features < 100:
        assert np.isfinite(head(np.ones((33, n_features)))).all()


def a_kernel_call(**changes: Any) -> list[Any]:
    arrays = a_forest()
    names = ["left", "feature", "threshold", "missing_left", "roots", "values", "start"]
    numbers = {"n_features": 2, "width": 1, "divisor": 1.0, "link": 0, "zero": 0, "rounds": 1}
    return list(({name: arrays[name] for name in names} | numbers | changes).values())


@needs_kernel
@pytest.mark.parametrize(
    "changes",
    [{"link": -1}, {"link": 5}, {"width": 0}, {"width": 2}, {"left": b"odd"}, {"start": b"odd"}],
    ids=["link-negative", "link-unknown", "no-width", "width", "odd-left", "odd-start"],
)
def test_the_kernel_itself_refuses_what_does_not_fit(changes: Arrays) -> None:
    with pytest.raises(ValueError, match="sizes"):
        KERNEL.open_forest(*a_kernel_call(**changes))


@needs_kernel
def test_the_kernel_refuses_an_odd_number_of_arguments() -> None:
    with pytest.raises(TypeError, match="expected"):
        KERNEL.score(object())


@needs_kernel
def test_the_kernel_refuses_a_forest_that_it_did_not_open() -> None:
    with pytest.raises(ValueError, match="PyCapsule"):
        KERNEL.score(object(), np.zeros((1, 2)), np.zeros(1))


@needs_kernel
@pytest.mark.parametrize(
    ("matrix", "error"),
    [
        (np.zeros((1, 3)), ValueError),
        (np.zeros((1, 1)), ValueError),
        (np.zeros(2), ValueError),
        (np.zeros((1, 2), np.float32), TypeError),
        (np.zeros((1, 2), ">f8"), TypeError),
        (np.zeros((4, 4))[::2, ::2], ValueError),
        (np.asfortranarray(np.zeros((2, 2))), ValueError),
    ],
    ids=["wide", "narrow", "flat", "float32", "byte-order", "steps", "fortran"],
)
def test_a_matrix_that_does_not_fit_is_refused(matrix: Matrix, error: type[Exception]) -> None:
    with pytest.raises(error):
        ForestHead(a_forest())(matrix)


@needs_kernel
@pytest.mark.parametrize("out", [np.zeros(2), np.zeros(0), np.zeros(1, np.int64)])
def test_the_kernel_writes_only_where_the_scores_fit(out: Matrix) -> None:
    opened = KERNEL.open_forest(*a_kernel_call())

    with pytest.raises((ValueError, TypeError)):
        KERNEL.score(opened, np.zeros((1, 2)), out)


@needs_kernel
def test_the_kernel_does_not_write_what_is_read_only() -> None:
    opened, out = KERNEL.open_forest(*a_kernel_call()), np.zeros(1)
    out.flags.writeable = False

    with pytest.raises(ValueError, match="read-only"):
        KERNEL.score(opened, np.zeros((1, 2)), out)


def test_a_machine_without_the_kernel_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest, "_kernel", None)

    assert not ForestHead.is_available()
    with pytest.raises(ModelRejectedError, match="kernel is not built"):
        ForestHead(a_forest())
