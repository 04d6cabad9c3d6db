"""Whether texts mean what those of training did, as far as the model's own vectors tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from app.domain.contract import Contract
from app.domain.drift import Check
from app.domain.ports import Matrix
from app.lifecycle.current_rows import spread

Embed = Callable[[Sequence[str]], Any]
_MOST_TEXTS: Final = 1_000
_PERMUTATIONS: Final = 1_999
_SEED: Final = 20_260_101


def embed_of(contract: Contract, estimator: Any) -> Embed | None:
    """Return how *estimator*, a pipeline, makes vectors of texts; None where it does not.

    All its steps but the last: TF-IDF, as a rule.
    """
    if contract.input != "texts" or len(getattr(estimator, "steps", ())) <= 1:
        return None
    before = estimator[:-1]
    return before.transform if hasattr(before, "transform") else None


def embedding_check(embed: Embed, reference: Matrix, current: Matrix) -> Check:
    """Compare the mean vectors of two columns of texts, each of shape (n_rows, 1).

    The squared distance of the means is the maximum mean discrepancy under the linear kernel
    (Gretton et al. 2012). Its p-value is that of a permutation test: the share of 1,999 random
    divisions of all texts, with a fixed seed, that lie no closer together. At most 1,000 texts of
    each side, evenly spread.
    """
    left, right = (spread(it[:, 0], _MOST_TEXTS).tolist() for it in (reference, current))
    vectors = embed([it if isinstance(it, str) else "" for it in (*left, *right)])
    product = vectors @ vectors.T
    likeness = np.asarray(product.todense() if hasattr(product, "todense") else product)
    weights = np.concatenate(
        [np.full(len(left), 1 / len(left)), np.full(len(right), -1 / len(right))]
    )
    generator = np.random.default_rng(_SEED)
    divided = generator.permuted(np.tile(weights, (_PERMUTATIONS, 1)), axis=1)
    distances = np.einsum("ij,ij->i", divided @ likeness, divided)
    distance = float(weights @ likeness @ weights)
    n_further = int(np.count_nonzero(distances >= distance * (1 - 1e-12)))
    return Check(
        aspect="embedding",
        name="text",
        test="maximum mean discrepancy",
        p_value=(1 + n_further) / (1 + _PERMUTATIONS),
        index=None,
        is_large=True,
        n_reference=len(left),
        n_current=len(right),
        note=f"squared distance of the means {distance:.3g}",
    )
