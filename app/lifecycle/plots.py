"""Pictures of how a model answers held-out rows, as SVG: the same answers give the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.metrics import confusion_matrix

from app.lifecycle.measures import Answers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BINS: Final = 10
_MOST_POINTS: Final = 2_000  # of a scatter; more make a file of megabytes and show no more
_MOST_LABELS: Final = 20
_INCHES: Final = 4.5
_DARK: Final = "#1b1f24"
_MARK: Final = "#2f6f9f"
Draw = Callable[["Axes"], None]


def plots(answers: Answers, target_names: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return SVG files by name: confusion and calibration of classes, residuals of quantities.

    Nothing for outliers, and where matplotlib is not installed.

    Args:
        answers: to rows that were held out.
        target_names: of several targets, each of which gets a panel.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415  not installed where models are only served
    except ImportError:
        return {}
    panels = _panels(answers, target_names)
    # Ids inside the file are random without the salt.
    with mpl.rc_context({"svg.hashsalt": "gatehouse", "font.size": 9}):
        return {f"{name}.svg": _svg(drawn) for name, drawn in panels.items()}


def _panels(answers: Answers, names: tuple[str, ...]) -> dict[str, list[Draw]]:
    if answers.task == "outlier-detection":
        return {}
    several = [(name, answers.truth[:, it], answers.guess[:, it]) for it, name in enumerate(names)]
    pairs = several or [("", answers.truth, answers.guess)]
    if answers.task == "regression":
        return {"residuals": [_residuals(*pair) for pair in pairs]}
    drawn = {"confusion": [_confusion(*pair) for pair in pairs]}
    if answers.shares is not None:
        drawn["calibration"] = [_calibration(answers)]
    return drawn


def _svg(drawn: list[Draw]) -> bytes:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(_INCHES * len(drawn), _INCHES), layout="constrained")
    for axes, draw in zip(np.ravel(figure.subplots(1, len(drawn))), drawn, strict=True):
        draw(axes)
    buffer = BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _residuals(name: str, truth: Any, guess: Any) -> Draw:
    shown = slice(None, _MOST_POINTS)  # the rows come in the order of their digests: a fair sample

    def draw(axes: Axes) -> None:
        axes.scatter(guess[shown], (truth - guess)[shown], s=8, alpha=0.5, color=_MARK)
        axes.axhline(0, color=_DARK, linewidth=1)
        axes.set(title=f"Residuals {name}".strip(), xlabel="predicted", ylabel="true - predicted")

    return draw


def _confusion(name: str, truth: Any, guess: Any) -> Draw:
    labels = np.unique([truth, guess])
    counts = confusion_matrix(truth, guess, labels=labels)

    def draw(axes: Axes) -> None:
        axes.imshow(counts, cmap="Blues")
        axes.set(title=f"Confusion {name}".strip(), xlabel="predicted", ylabel="true")
        if len(labels) > _MOST_LABELS:
            return
        axes.set_xticks(range(len(labels)), labels, rotation=45)
        axes.set_yticks(range(len(labels)), labels)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if count > counts.max() / 2 else _DARK
            axes.text(column, row, str(count), ha="center", va="center", color=colour)

    return draw


def _calibration(answers: Answers) -> Draw:
    """Compare how sure the model was of what it answered with how often it was right."""
    shares = np.asarray(answers.shares).max(axis=1)
    is_right = answers.truth == answers.guess
    bins = np.minimum((shares * _BINS).astype(int), _BINS - 1)
    filled = [bins == it for it in range(_BINS) if (bins == it).any()]

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_DARK, linewidth=1, linestyle="--")
        sure = [shares[rows].mean() for rows in filled]
        right = [is_right[rows].mean() for rows in filled]
        sizes = [10 + 300 * rows.mean() for rows in filled]
        axes.plot(sure, right, color=_MARK, linewidth=1)
        axes.scatter(sure, right, s=sizes, color=_MARK)
        axes.set(
            title="Calibration", xlim=(0, 1.02), ylim=(-0.02, 1.02),
            xlabel="probability of the answer", ylabel="share that is right",
        )  # fmt: skip

    return draw
