"""Binary trees in the order that a walk likes: level by level, a left child before its sister."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.errors import NotCompilableError

Array = npt.NDArray[Any]
_MOST_NODES = 2**31 - 2


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree as its library keeps it; node 0 is the root.

    ``left`` and ``right`` are children, -1 in a leaf; ``values`` has shape (n_nodes, width) and
    counts in leaves, the other members, shape (n_nodes,), everywhere else.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    missing_left: Array
    values: Array


def joined(trees: Sequence[Tree]) -> dict[str, Array]:
    """Return nodes and leaves of all *trees*, one tree after the other.

    Raises:
        NotCompilableError: too many nodes to count in 31 bits.
    """
    sizes = np.array([len(tree.left) for tree in trees])
    if sizes.sum() > _MOST_NODES:
        raise NotCompilableError("the trees have more than 2,147,483,646 nodes")
    roots = np.cumsum(sizes) - sizes
    parts = [_sorted(tree, int(root)) for tree, root in zip(trees, roots, strict=True)]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return arrays | {"roots": roots.astype(np.int32)}


def _sorted(tree: Tree, root: int) -> dict[str, Array]:
    """Return the members of *tree* whose first node is number *root* of all."""
    order = _by_levels(tree)
    position = np.empty(len(tree.left), np.int64)
    position[order] = np.arange(len(order))
    left = tree.left[order]
    is_leaf = left < 0
    return {
        "left": np.where(is_leaf, -1, position[left] + root).astype(np.int32),
        "feature": np.where(is_leaf, -1, tree.feature[order]).astype(np.int32),
        "threshold": np.where(is_leaf, 0.0, tree.threshold[order]),
        "missing_left": ~is_leaf & (tree.missing_left[order] != 0),
        "values": tree.values[order][is_leaf],
    }


def _by_levels(tree: Tree) -> Array:
    """Return the numbers of the nodes: the root, its children, their children and so on."""
    levels = [np.zeros(1, np.int64)]
    while levels[-1].size:
        inner = levels[-1][tree.left[levels[-1]] >= 0]
        levels.append(np.column_stack((tree.left[inner], tree.right[inner])).ravel())
    return np.concatenate(levels)
