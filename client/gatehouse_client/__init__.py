"""Asks a Gatehouse for predictions: rows, columns or a DataFrame in, a typed result out."""

from gatehouse_client.client import Gatehouse
from gatehouse_client.contract import Feature, Model, ModelSummary
from gatehouse_client.errors import (
    AnswerError,
    ClientError,
    ColumnsError,
    DataError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    ProblemError,
    RateLimitedError,
    TokenError,
    TokenRefusedError,
    UnavailableError,
    UnreachableError,
    VersionChangedError,
)
from gatehouse_client.patience import Patience
from gatehouse_client.prediction import Prediction

__all__ = [
    "AnswerError",
    "ClientError",
    "ColumnsError",
    "DataError",
    "Feature",
    "Gatehouse",
    "InvalidRequestError",
    "Model",
    "ModelNotFoundError",
    "ModelSummary",
    "Patience",
    "PermissionDeniedError",
    "Prediction",
    "ProblemError",
    "RateLimitedError",
    "TokenError",
    "TokenRefusedError",
    "UnavailableError",
    "UnreachableError",
    "VersionChangedError",
]
