from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)

from app.adapters.engines.forest import ForestHead
from app.lifecycle.compiling.forest import forest_arrays
from test.adapters.engines.forests import (
    ALL,
    DATA,
    PATIENT,
    Matrix,
    a_forest,
    beyond,
    fitted,
    on_the_edge,
    reference,
    with_gaps,
)

pytestmark = pytest.mark.skipif(
    not ForestHead.is_available(), reason="the forest kernel is not built: no C compiler"
)
Arrays = dict[str, Any]


def assert_agree(estimator: Any, head: ForestHead, rows: Matrix, *, is_exact: bool) -> None:
    """Numbers are equal, or within 1e-12 where a link is an exponential; labels always are."""
    found, wanted = head(rows), reference(estimator, rows)
    np.testing.assert_allclose(found, wanted, rtol=0 if is_exact else 1e-12, atol=0)
    if is_classifier(estimator):
        labels = estimator.classes_[found.argmax(axis=1)]
        np.testing.assert_array_equal(labels, estimator.predict(rows))


def is_exact(arrays: Arrays) -> bool:
    return str(arrays["link"]) in {"value", "share"}


@pytest.mark.parametrize("name", ALL)
def test_it_answers_as_scikit_learn_does(name: str) -> None:
    estimator, rows = fitted(name)
    arrays = forest_arrays(estimator)
    edge = on_the_edge(rows, arrays["feature"], arrays["threshold"])

    every = np.concatenate((rows, beyond(rows), edge))

    assert_agree(estimator, ForestHead(arrays), every, is_exact=is_exact(arrays))


@pytest.mark.parametrize("learns_from_gaps", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("name", PATIENT)
def test_it_treats_missing_values_as_scikit_learn_does(
    name: str, *, learns_from_gaps: bool
) -> None:
    estimator, rows = fitted(name)
    if learns_from_gaps:
        answers = DATA[PATIENT[name][0]](return_X_y=True)[1]
        estimator = clone(estimator).fit(with_gaps(rows, 3), answers)
    arrays = forest_arrays(estimator)
    edge = on_the_edge(rows, arrays["feature"], arrays["threshold"])

    every = np.concatenate((with_gaps(rows, 4), with_gaps(edge, 5), rows, rows[:1] * np.nan))

    assert_agree(estimator, ForestHead(arrays), every, is_exact=is_exact(arrays))


@pytest.mark.parametrize("n_rows", [0, 1, 2, 15, 16, 17, 63, 64, 65, 128, 130])
@pytest.mark.parametrize("name", ["forest-three", "boosting-three", "histogram-two", "tree-number"])
def test_a_row_gets_the_same_answer_in_any_company(name: str, n_rows: int) -> None:
    estimator, rows = fitted(name)
    head = ForestHead(forest_arrays(estimator))
    # Some of the rows that are walked side by side have gaps, the others none.
    rows = np.where(
        np.arange(n_rows)[:, np.newaxis] % 3, rows[:n_rows], with_gaps(rows, 6)[:n_rows]
    )

    together = head(rows)

    alone = [head(rows[i : i + 1]) for i in range(n_rows)]
    assert len(together) == n_rows
    np.testing.assert_array_equal(together, np.concatenate([together[:0], *alone]))


def test_long_work_lets_others_run_and_agrees() -> None:
    estimator, rows = fitted("forest-two")
    head = ForestHead(forest_arrays(estimator))
    many = np.resize(rows, (30_000, rows.shape[1]))
    found: list[Matrix] = []

    threads = [threading.Thread(target=lambda: found.append(head(many))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wanted = np.resize(reference(estimator, rows), (30_000, 2))
    for scores in found:
        np.testing.assert_array_equal(scores, wanted)
    assert len(found) == 3


@pytest.mark.parametrize(
    "estimator",
    [
        GradientBoostingClassifier(n_estimators=3),
        GradientBoostingClassifier(n_estimators=3, loss="exponential"),
        HistGradientBoostingClassifier(max_iter=3),
    ],
    ids=["boosting", "exponential", "histogram"],
)
def test_a_sum_of_zero_gets_the_label_that_scikit_learn_gives_it(estimator: Any) -> None:
    rows, answers = np.ones((40, 1)), np.tile(["no", "yes"], 20)
    estimator.fit(rows, answers)

    assert_agree(estimator, ForestHead(forest_arrays(estimator)), rows, is_exact=False)


def test_it_walks_as_the_arrays_say() -> None:
    rows = np.array([[0.5, 9], [np.nan, 9], [0.6, 0.25], [0.6, 0.26], [0.6, np.nan], [np.inf, 0]])

    found = ForestHead(a_forest())(rows)

    assert found.tolist() == [111, 111, 112, 113, 113, 112]


def test_it_keeps_what_it_has_checked() -> None:
    arrays = a_forest()
    head = ForestHead(arrays)

    arrays["left"][:] = 2**31 - 1
    arrays["values"][:] = np.nan

    assert head(np.zeros((1, 2))).tolist() == [111]


@pytest.mark.parametrize("link", ["logit", "half_logit"])
def test_a_label_follows_the_sum_when_rounding_hides_it(link: str) -> None:
    arrays = a_forest(link=np.array(link), start=np.array([1e-17]), values=np.zeros((4, 1)))

    first, second = ForestHead(arrays)(np.zeros((1, 2)))[0]

    assert (first, second) == (0.5, np.nextafter(0.5, 1))


def test_a_label_follows_the_largest_sum_when_rounding_hides_it() -> None:
    start = np.array([0.0, 1e-17, 0.0])
    arrays = a_forest(link=np.array("softmax"), start=start, values=np.zeros((4, 3)))

    shares = ForestHead(arrays)(np.zeros((1, 2)))

    assert shares.argmax() == 1
    np.testing.assert_allclose(shares, 1 / 3)


def test_a_class_that_no_tree_saw_keeps_its_place() -> None:
    estimator = RandomForestClassifier(3, random_state=0).fit([[0.0], [1.0], [2.0]], [0, 1, 2])

    rows = np.array([[0.0], [1.0], [2.0]])

    assert_agree(estimator, ForestHead(forest_arrays(estimator)), rows, is_exact=True)
