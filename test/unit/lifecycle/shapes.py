"""Small tables of every shape, with something in them that can be learnt."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np

from app.domain.contract import Kind
from app.lifecycle.datasets import Table


def with_two_targets(table: Table) -> Table:
    """The same rows, with the target and its opposite to learn."""
    assert table.target is not None
    both = np.column_stack([table.target, table.target.max() - table.target])
    return replace(table, target=both, target_names=("it", "its_opposite"))


def a_mixed_table(*, with_text: bool = True) -> Table:
    """A number with gaps, a boolean, a category with gaps and a free text; the sum is the class."""
    draw = np.random.default_rng(9)
    rows = np.empty((120, 4), dtype=object)
    sizes, flags = draw.normal(size=120), draw.integers(0, 2, 120)
    colours = draw.choice(["red", "green", "blue"], 120)
    words = draw.choice(["a word about it", "nothing to say", ""], 120)
    target = (sizes + flags + (colours == "red") > 1).astype(int)
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = (
        [nan if n % 30 == 0 else size for n, size in enumerate(sizes.tolist())],
        flags.astype(float).tolist(),
        [nan if n % 40 == 0 else colour for n, colour in enumerate(colours.tolist())],
        words.tolist(),
    )
    names = ("size", "late", "colour", "note")
    kinds: tuple[Kind, ...] = ("float", "bool", "category", "text")
    table = Table("mixed", names, rows, target, True, kinds)
    if with_text:
        return table
    return replace(table, feature_names=names[:3], features=rows[:, :3], kinds=kinds[:3])


def a_table_of_texts() -> Table:
    """Texts whose last word is the class."""
    rows = np.empty((60, 1), dtype=object)
    rows[:, 0] = [f"number {n} is {'even' if n % 2 == 0 else 'odd'}" for n in range(60)]
    target = np.array(["even", "odd"] * 30)
    return Table("parity", ("text",), rows, target, True, ("text",))
