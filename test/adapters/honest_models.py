"""Models and what they hold, as people really store them."""

from __future__ import annotations

import datetime as dt
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
import scipy.special
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, DotProduct, WhiteKernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import (
    HuberRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.metrics import f1_score, make_scorer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import Bunch

_RANDOM = np.random.RandomState(5)
ROWS = _RANDOM.uniform(0.1, 2.0, size=(40, 4))
NUMBERS = ROWS @ [1.0, 2.0, 3.0, 4.0]
LABELS = (ROWS[:, 0] > ROWS[:, 1]).astype(int)
THREE = np.arange(40) % 3
WORDS = [f"apple pie number {n}" for n in range(40)]
FRAME = pd.DataFrame(ROWS, columns=["a", "b", "c", "d"])
MIXED = FRAME.assign(d=["x", "y"] * 20)


def classifiers() -> Iterator[Any]:
    logistic = LogisticRegression()
    yield logistic
    yield LogisticRegression(class_weight={np.int64(0): np.float64(1), np.int64(1): 2.0})
    yield make_pipeline(StandardScaler(), PolynomialFeatures(), PCA(3), logistic)
    yield make_pipeline(FunctionTransformer(np.log1p, inverse_func=np.expm1), logistic)
    yield make_pipeline(FunctionTransformer(scipy.special.expit), logistic)
    yield make_pipeline(SelectKBest(f_classif, k=2), logistic)
    yield make_pipeline(FeatureUnion([("p", PCA(2)), ("s", StandardScaler())]), logistic)
    yield make_pipeline(SplineTransformer(), QuantileTransformer(n_quantiles=9), logistic)
    yield make_pipeline(SimpleImputer(), KNNImputer(), GaussianNB())


def trees_and_more() -> Iterator[Any]:
    logistic = LogisticRegression()
    for loss in ("hinge", "log_loss", "modified_huber"):
        yield SGDClassifier(loss=loss, random_state=np.random.RandomState(1))
    yield DecisionTreeClassifier(max_depth=3)
    yield RandomForestClassifier(3, random_state=np.random.RandomState(np.random.PCG64(1)))
    yield ExtraTreesClassifier(3)
    yield AdaBoostClassifier(n_estimators=3)
    yield GradientBoostingClassifier(n_estimators=3)
    yield HistGradientBoostingClassifier(max_iter=3, early_stopping=True)
    yield HistGradientBoostingClassifier(max_iter=3, categorical_features=[0])
    yield VotingClassifier([("a", logistic), ("b", GaussianNB())])
    yield StackingClassifier([("a", logistic)], final_estimator=GaussianNB(), cv=2)
    yield CalibratedClassifierCV(LinearSVC(), cv=2)
    yield CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2)
    yield SVC(kernel="rbf")
    yield SVC(kernel=rbf_kernel)
    yield MLPClassifier((3,), max_iter=400, solver="lbfgs")
    for metric in ("euclidean", "manhattan", "chebyshev"):
        yield KNeighborsClassifier(algorithm="kd_tree", metric=metric)
        yield KNeighborsClassifier(algorithm="ball_tree", metric=metric)
    yield GridSearchCV(logistic, {"C": np.array([0.1, 1.0])}, cv=2, scoring="roc_auc")
    scorer, folds = make_scorer(f1_score, average="macro"), StratifiedKFold(2)
    yield GridSearchCV(logistic, {"C": [0.1], "tol": [1e-4, 1e-3]}, cv=folds, scoring=scorer)


def regressors() -> Iterator[Any]:
    yield from (LinearRegression(), Ridge(), HuberRegressor(max_iter=1_000))
    yield from (PoissonRegressor(), TweedieRegressor(power=1.5), DecisionTreeRegressor())
    yield TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1)
    yield RandomForestRegressor(3)
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        yield GradientBoostingRegressor(loss=loss, n_estimators=3)
    for loss in ("squared_error", "gamma", "poisson", "absolute_error"):
        yield HistGradientBoostingRegressor(loss=loss, max_iter=3)
    yield BaggingRegressor(KNeighborsRegressor(p=3), n_estimators=2)
    yield KNeighborsRegressor(weights=np.exp)
    yield GaussianProcessRegressor(RBF() + DotProduct() + WhiteKernel(), optimizer=None)


def unfitted() -> Iterator[tuple[Any, Any, Any]]:
    """Each model, rows that it takes, and what it learns of them."""
    for it in (*classifiers(), *trees_and_more()):
        yield it, ROWS, LABELS
    for it in regressors():
        yield it, ROWS, NUMBERS
    columns = ColumnTransformer(
        [
            ("n", StandardScaler(), make_column_selector(dtype_include=np.number)),
            ("c", OneHotEncoder(handle_unknown="ignore"), ["d"]),
        ]
    )
    texts = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), TruncatedSVD(2), LinearSVC())
    yield MultiOutputRegressor(Ridge()), ROWS, np.c_[NUMBERS, -NUMBERS]
    yield IsotonicRegression(out_of_bounds="clip"), ROWS[:, 0], NUMBERS
    yield HistGradientBoostingClassifier(max_iter=2), ROWS, THREE
    yield SVC(), scipy.sparse.csr_array(ROWS), LABELS
    yield LogisticRegression(), FRAME, np.array(["no", "yes"], dtype=object)[LABELS]
    yield texts, WORDS, LABELS
    yield make_pipeline(columns, LogisticRegression()), MIXED, LABELS
    yield make_pipeline(OrdinalEncoder(), Ridge()), MIXED[["d"]], NUMBERS


MODELS = {f"{n}: {type(it[0]).__name__}": it for n, it in enumerate(unfitted())}


@cache
def fitted(name: str) -> tuple[Any, Any]:
    """The model of that name, and rows that it takes."""
    model, rows, target = MODELS[name]
    return clone(model).fit(rows, target), rows


VALUES: dict[str, Any] = {
    "plain": [None, True, -1, 10**30, 1.5, float("inf"), "a", b"a", (1, (2,)), 1 + 2j],
    "collections": [{1, "a"}, frozenset("ab"), OrderedDict(a=1), Counter("aab"), deque([1], 3)],
    "a default": defaultdict(list, a=[1]),
    "a bunch": Bunch(a=1),
    "a range and a slice": [range(1, 9, 2), slice(0, 2)],
    "times": [
        dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC),
        dt.date(2026, 1, 2),
        dt.timedelta(hours=2),
        dt.timezone(dt.timedelta(hours=2)),
    ],
    "types": [float, str, np.float64, np.dtype("f4"), np.dtype([("a", "f4"), ("b", "O")])],
    "numbers": [
        np.float32(1),
        np.int8(1),
        np.bool_(True),
        np.str_("a"),
        np.datetime64("2026", "s"),
    ],
    "arrays": [
        np.zeros(3, kind) for kind in ("f2", ">f8", "c16", "?", "u1", "S3", "U2", "M8[ns]", "m8[D]")
    ],
    "shapes": [np.array(3.0), np.zeros((0, 3)), np.asfortranarray(ROWS), ROWS.T, ROWS[::2]],
    "records": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "a masked array": np.ma.masked_array(ROWS, ROWS > 1),
    "objects": np.array([1, "a", None, np.arange(3.0)], dtype=object),
    "sparse": [scipy.sparse.csr_array(ROWS), scipy.sparse.coo_matrix(ROWS)],
    "one thing twice": [ROWS.tolist()] * 2,
}
GENERATORS = {
    kind.__name__: np.random.Generator(kind(1))
    for kind in (np.random.MT19937, np.random.PCG64, np.random.Philox, np.random.SFC64)
}
