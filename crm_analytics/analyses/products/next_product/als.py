"""Alternating least squares on purchase counts, by the package implicit (the extra `recommend`).

Source: Hu, Koren & Volinsky (2008), "Collaborative filtering for implicit feedback data
sets", ICDM 8, 263-272.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csr_array

from crm_analytics.analyses.products.next_product.histories import Histories
from crm_analytics.errors import ParameterError

BLOCK = 2_048  # customers scored at a time
LONG = 200  # items kept per customer


@dataclass(frozen=True)
class Als:
    """Factors of customers and items; scores are their products.

    Attributes
    ----------
    factors, regularisation, rounds : of the fit
    confidence : a purchase count n weighs 1 + confidence * n
    seed : of the start; the same seed gives the same factors
    """

    factors: int = 64
    regularisation: float = 0.05
    rounds: int = 15
    confidence: float = 10.0
    seed: int = 1

    def __call__(self, histories: Histories, horizon: int) -> csr_array:
        """csr_array of all customers, the best `LONG` each.

        Raises
        ------
        ParameterError : implicit is not installed.
        """
        try:
            from implicit.cpu.als import AlternatingLeastSquares
        except ImportError:
            raise ParameterError(
                "als needs the package implicit: pip install 'crm-analytics[recommend]'"
            ) from None
        from threadpoolctl import threadpool_limits

        counts = sparse.csr_matrix(histories.counts(), dtype=np.float32)
        with threadpool_limits(1, "blas"):  # one thread: the same factors on every machine
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularisation,
                iterations=self.rounds,
                alpha=self.confidence,
                random_state=self.seed,
                num_threads=1,
            )
            model.fit(counts, show_progress=False)
        items = np.asarray(model.item_factors)
        parts = [
            _block(np.asarray(model.user_factors[start : start + BLOCK]) @ items.T)
            for start in range(0, counts.shape[0], BLOCK)
        ]
        return csr_array(sparse.vstack(parts))


def _block(dense: np.ndarray) -> csr_array:
    count = min(LONG, dense.shape[1])
    kept = np.argpartition(-dense, count - 1, axis=1)[:, :count]
    rows = np.repeat(np.arange(len(dense)), count)
    values = np.take_along_axis(dense, kept, axis=1).ravel().astype(float)
    positive = values > 0
    return csr_array((values[positive], (rows[positive], kept.ravel()[positive])), shape=dense.shape)
