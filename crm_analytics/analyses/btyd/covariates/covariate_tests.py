"""Whether covariates matter at all: likelihood-ratio tests against fits without them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from crm_analytics.analyses.btyd.covariates.covariate_cells import CovariateCells, shift_of
from crm_analytics.analyses.btyd.covariates.covariate_likelihood import CovariateLikelihood
from crm_analytics.analyses.btyd.fitting.optimise import Optimum, best_of, newton
from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel

Array = NDArray[np.float64]


def covariate_tests(
    kind: type[PurchaseModel],
    frame: pd.DataFrame,
    *,
    buying: Sequence[str] = (),
    leaving: Sequence[str] = (),
) -> pd.DataFrame:
    """Test each covariate by the likelihood that is lost without it.

    Parameters
    ----------
    kind, frame, buying, leaving : as in `fit_covariates`

    Returns
    -------
    frame: hypothesis (in words), process ("buying", "leaving", "both"), covariate, coefficients (how many
    are set), statistic (twice the log-likelihood lost), p_value (chi-square with as many degrees of freedom;
    where a fit ran to a limit it holds roughly at best). First row: no covariate matters. Then each
    covariate of each process; in Pareto/NBD also, where a covariate is in both, whether it moves the rate of
    buying and the hazard of leaving by the same factor.

    Source
    ------
    Wilks (1938), The large-sample distribution of the likelihood ratio, Annals of Mathematical Statistics 9.
    """
    cells = CovariateCells.of(kind, frame, buying, leaving)
    likelihood = cells.likelihood()
    whole = best_of(likelihood, cells.starts())
    names = cells.names
    size = len(names)
    rows = []
    everything = [i for i, name in enumerate(names) if ": " in name]
    if everything:
        rows.append(("no covariate matters", "both", "all", len(everything), _without(size, everything)))
    for process, coding in zip(("buying", "leaving"), cells.codings, strict=True):
        for column in coding.columns:
            out = [names.index(f"{process}: {label}") for label in column.labels]
            words = f"{column.name} does not matter for {process}"
            rows.append((words, process, column.name, len(out), _without(size, out)))
    if shift_of(kind) is None:
        for column in cells.codings[0].columns:
            if column in cells.codings[1].columns:
                pairs = [(names.index(f"buying: {v}"), names.index(f"leaving: {v}")) for v in column.labels]
                words = f"{column.name} moves buying and leaving by the same factor"
                rows.append((words, "both", column.name, len(pairs), _tied(size, pairs)))
    found = pd.DataFrame(
        [(*row[:4], _lost(likelihood, whole, row[4])) for row in rows],
        columns=["hypothesis", "process", "covariate", "coefficients", "statistic"],
    )
    found["p_value"] = chi2.sf(found["statistic"].to_numpy(float), found["coefficients"].to_numpy(float))
    return found


def _without(size: int, out: list[int]) -> Array:
    """From what is left to estimate to all, those of `out` being zero."""
    return np.delete(np.eye(size), out, axis=1)


def _tied(size: int, pairs: list[tuple[int, int]]) -> Array:
    """The second of each pair equal to the first."""
    found = np.eye(size)
    for first, second in pairs:
        found[second, first] = 1.0
    return np.delete(found, [second for _, second in pairs], axis=1)


def _lost(likelihood: CovariateLikelihood, whole: Optimum, into: Array) -> float:
    """Twice the log-likelihood that is lost where all that is estimated is `into` @ (what is left)."""

    def restricted(few: Array) -> tuple[float, Array, Array]:
        value, gradient, hessian = likelihood(into @ few)
        return value, into.T @ gradient, into.T @ hessian @ into

    start, *_ = np.linalg.lstsq(into, whole.at)
    best = newton(restricted, np.asarray(start, np.float64))
    return float(max(2 * likelihood.total * (best.value - whole.value), 0.0))
