"""What the gateway says about its models, as far as a caller needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse_client.errors import AnswerError


@dataclass(frozen=True)
class Feature:
    """One column that a model takes.

    Attributes:
        kind: float, int, bool, category or text.
        categories: seen in training; empty for other kinds.
    """

    name: str
    kind: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelSummary:
    """One line of the list of models.

    Attributes:
        status: ready, not loaded or not ready.
        version: None while it is not loaded.
        problem: why the promoted version is not the one in service; None when it is.
    """

    name: str
    status: str
    is_default: bool
    version: str | None = None
    task: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Model:
    """The contract of the version in service.

    Attributes:
        task: classification, regression or outlier-detection.
        input: numbers, table or texts.
        features: in the order of the model.
        classes: of a model with one target; None where it predicts a quantity.
        targets: names of several targets; empty for one.
        max_rows: rows in one request.
        max_request_bytes: bytes of one request.
        contract: all that the gateway said.
    """

    name: str
    version: str
    task: str
    input: str
    features: tuple[Feature, ...]
    classes: tuple[Any, ...] | None
    targets: tuple[str, ...]
    has_probabilities: bool
    has_scores: bool
    max_rows: int
    max_request_bytes: int
    contract: Mapping[str, Any]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features in the order of the model."""
        return tuple(feature.name for feature in self.features)


def summaries_of(answer: Mapping[str, Any]) -> list[ModelSummary]:
    """Read the list of models."""
    try:
        return [
            ModelSummary(
                name=line["name"],
                status=line["status"],
                is_default=line["default"],
                version=line.get("version"),
                task=line.get("task"),
                problem=line.get("problem"),
            )
            for line in answer["models"]
        ]
    except (KeyError, TypeError) as error:
        raise AnswerError(f"The list of models cannot be read: {error!r}.") from error


def model_of(card: Mapping[str, Any]) -> Model:
    """Read the page of one model."""
    try:
        said, limits = card["model"], card["how_to_call"]["limits"]
        outputs = said["outputs"]
        classes = outputs.get("classes")
        return Model(
            name=said["name"],
            version=said["version"],
            task=said["task"],
            input=said.get("input", "numbers"),
            features=tuple(
                Feature(it["name"], it["kind"], tuple(it.get("categories", ())))
                for it in said["features"]
            ),
            classes=None if classes is None else tuple(classes),
            targets=tuple(target["name"] for target in outputs.get("targets", ())),
            has_probabilities=bool(outputs.get("has_probabilities")),
            has_scores=bool(outputs.get("has_scores")),
            max_rows=limits["max_rows"],
            max_request_bytes=limits["max_request_bytes"],
            contract=said,
        )
    except (KeyError, TypeError) as error:
        raise AnswerError(f"The page of the model cannot be read: {error!r}.") from error
