from __future__ import annotations

import numpy as np
import pytest

from app.errors import NotCompilableError
from app.lifecycle.compiling import forest_nodes
from app.lifecycle.compiling.forest_nodes import Tree, joined


def a_tree() -> Tree:
    """In depth-first order: a root, an inner left child with two leaves, a leaf on the right."""
    return Tree(
        left=np.array([1, 2, -1, -1, -1]),
        right=np.array([4, 3, -1, -1, -1]),
        feature=np.array([7, 8, -2, -2, -2]),
        threshold=np.array([0.7, 0.8, -2.0, -2.0, -2.0]),
        missing_left=np.array([1, 0, 1, 0, 0], np.uint8),
        values=np.array([[0.0], [1.0], [2.0], [3.0], [4.0]]),
    )


def test_levels_follow_one_another_and_sisters_stand_together() -> None:
    arrays = joined([a_tree(), a_tree()])

    assert arrays["roots"].tolist() == [0, 5]
    assert arrays["left"].tolist() == [1, 3, -1, -1, -1, 6, 8, -1, -1, -1]
    assert arrays["feature"].tolist() == [7, 8, -1, -1, -1] * 2
    assert arrays["threshold"].tolist() == [0.7, 0.8, 0, 0, 0] * 2
    assert arrays["missing_left"].tolist() == [True, False, False, False, False] * 2
    assert arrays["values"].tolist() == [[4.0], [2.0], [3.0]] * 2


def test_too_many_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest_nodes, "_MOST_NODES", 9)

    with pytest.raises(NotCompilableError, match="nodes"):
        joined([a_tree(), a_tree()])
