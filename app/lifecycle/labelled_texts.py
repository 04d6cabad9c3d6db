"""A training table of texts: a folder of plain files, a text and its label on each line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.errors import TrainingDataError
from app.lifecycle.datasets import LEAST_ROWS, Table
from app.lifecycle.targets import checked_classes


def from_texts(folder: Path) -> Table:
    """Read ``text.txt`` and ``labels.txt``, one text and its label a line.

    ``mapping.txt`` may say what a label means: the label, a tab and a name on each line.

    Raises:
        TrainingDataError: a file cannot be read, or the lines do not belong together.
    """
    texts, labels = _lines(folder / "text.txt"), _lines(folder / "labels.txt")
    if len(texts) != len(labels):
        found = f"text.txt has {len(texts)} lines and labels.txt {len(labels)}"
        raise TrainingDataError(f"{folder}: {found}; each text needs its label")
    if len(texts) < LEAST_ROWS:
        raise TrainingDataError(f"{folder}: has {len(texts)} texts; {LEAST_ROWS} are needed")
    mapping = folder / "mapping.txt"
    names = _names(mapping) if mapping.is_file() else {label: label for label in labels}
    for line, label in enumerate(labels, start=1):
        if label not in names:
            problem = f"{label!r} is none of {', '.join(names)}"
            raise TrainingDataError(f"{folder}/labels.txt: line {line}: {problem}")
    features = np.empty((len(texts), 1), dtype=object)
    features[:, 0] = texts
    goal = checked_classes(f"{folder}/labels.txt", np.array([names[label] for label in labels]))
    name = folder.resolve().name.lower().replace(" ", "-")
    return Table(name, ("text",), features, goal, is_classification=True, kinds=("text",))


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingDataError(f"{file}: cannot be read: {error}") from error
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]


def _names(mapping: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    for number, line in enumerate(_lines(mapping), start=1):
        label, tab, name = line.partition("\t")
        if not tab or not name.strip():
            raise TrainingDataError(f"{mapping}: line {number}: needs a label, a tab and a name")
        names[label] = name.strip()
    return names
