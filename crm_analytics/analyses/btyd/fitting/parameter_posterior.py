"""The full posterior of the parameters of a fit: importance sampling around the mode, with a diagnosis.

The prior is weak and stated: the logarithm of each parameter is normal about 0 with deviation `PRIOR`, times
measured in the mean T, money in the mean spend. With it the posterior exists also where the likelihood has no
best point. Draws come from a t distribution about the mode. Its axes, and the scales on both sides of each,
are learnt twice from its own weights (split t: Geweke 1989, Econometrica 57(6)). What the largest weights
look like says whether to believe them: the shape k of a Pareto tail (Vehtari, Simpson, Gelman, Yao & Gabry
2024, Journal of Machine Learning Research 25).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import chi2, qmc

from crm_analytics.analyses.btyd.fitting.fitted import FittedModel, Likelihood
from crm_analytics.analyses.btyd.fitting.optimise import LOOSE_LOG_ERROR, newton
from crm_analytics.analyses.btyd.fitting.parameter_draws import log_covariance_of
from crm_analytics.analyses.btyd.fitting.summary import Summary
from crm_analytics.errors import ParameterError
from crm_analytics.tables.kept_results import digest_of
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
PRIOR = 3.0  # 95 % of the prior lie within a factor of 360 each way
RELIABLE_K = 0.7  # above, a few draws carry everything
_FREEDOM = 5  # of the t distribution: its tails are heavier than those of a likelihood
_WEIGHT = "weight of the draw"
_FIRST = 512  # draws that tell the moments
_FOR_TOTALS = 1_024
_INSIDE = 0.999  # region of parameters that fit
_MANY_CELLS = 20_000  # above, they are merged on a grid: so many customers leave little open


@dataclass(frozen=True, eq=False)
class ParameterPosterior(ObjectCard):
    """What data and a weak prior say of the parameters.

    Attributes
    ----------
    draws : one column per parameter, in the model's unit
    weights : of the draws, sum to 1
    k : shape of the Pareto tail of the weights; reliable under 0.7
    effective : independent draws that these are worth
    holds_model : whether the model's own parameters are among those that fit; parameters that somebody gave
        in place of a fit may lie far off
    """

    draws: pd.DataFrame
    weights: Array
    k: float
    effective: float
    holds_model: bool = True

    said_as = "posterior"

    @property
    def is_reliable(self) -> bool:
        """Whether no few draws carry everything."""
        return self.k < RELIABLE_K

    def quantiles(self, at: tuple[float, ...] = (0.05, 0.5, 0.95)) -> pd.DataFrame:
        """One row per parameter, one column per probability."""
        found = {
            name: _weighted_quantiles(self.draws[name].to_numpy(), self.weights, at) for name in self.draws
        }
        return pd.DataFrame.from_dict(found, orient="index", columns=list(at))

    def resampled(self, draws: int, rng: np.random.Generator) -> Array:
        """Draws of equal weight, one row each, in no order."""
        steps = (np.arange(draws) + rng.random()) / draws
        rows = np.searchsorted(np.cumsum(self.weights), steps).clip(max=len(self.weights) - 1)
        return self.draws.to_numpy()[rng.permutation(rows)]


def parameter_posterior(
    model: FittedModel, source: Any, draws: int = 4_096, seed: int = 1
) -> ParameterPosterior:
    """Draw the parameters of a model from their posterior.

    Parameters
    ----------
    model : fitted; its fit need not have converged
    source : what it was fitted on: a summary or a frame
    draws : a power of 2, at least 256
    seed : whole number; equal seeds give equal draws

    Returns
    -------
    draws and weights, in the model's unit, with their diagnosis

    Raises
    ------
    ParameterError : a model without one likelihood of all its parameters, or draws no power of 2.

    Examples
    --------
    >>> from crm_analytics.analyses.btyd import BetaGeo
    >>> frame = pd.DataFrame({"frequency": [0, 1, 2, 5, 8], "recency": [0.0, 8.0, 14.0, 25.0, 28.0],
    ...                       "T": [30.0] * 5, "customers": [60, 40, 30, 20, 9]})
    >>> found = parameter_posterior(BetaGeo.fit(frame, unit="W"), frame)
    >>> found.is_reliable, list(found.draws)
    (True, ['r', 'alpha', 'a', 'b'])
    """
    if draws < 256 or draws & (draws - 1):
        raise ParameterError(f"draws must be a power of 2 and at least 256, got {draws}")
    if not isinstance(model, FittedModel):
        raise ParameterError(f"a {type(model).__name__} has no posterior of its parameters")
    likelihood, unit = model.objective(source)
    coarse = getattr(likelihood, "coarse", None)
    if coarse is not None and len(getattr(likelihood, "x", ())) > _MANY_CELLS:
        likelihood = coarse(64)
    log_posterior = _log_posterior(likelihood)
    proposal = _at_mode(likelihood, np.log(model.values / unit))
    for _ in range(2):
        proposal = proposal.learnt(*proposal.drawn(log_posterior, min(_FIRST, draws), seed))
    points, log_weights = proposal.drawn(log_posterior, draws, seed + 1)
    weights, k = smoothed_weights(log_weights)
    frame = pd.DataFrame(np.exp(points) * unit, columns=list(model.NAMES))
    behind = log_posterior(weights @ points) - log_posterior(np.log(model.values / unit))
    holds = bool(behind < chi2.ppf(_INSIDE, len(unit)) / 2)
    return ParameterPosterior(frame, weights, k, float(1 / (weights @ weights)), holds)


def is_loose(model: Any) -> bool:
    """Whether a normal distribution of log parameters says too little: no best point, or a factor of four."""
    if not isinstance(model, FittedModel) or model.covariance.empty:
        return False
    loosest = float(np.sqrt(np.diag(log_covariance_of(model)).max()))
    return not model.diagnosis.converged or loosest > LOOSE_LOG_ERROR


def left_open(model: Any, source: Any, draws: int, rng: np.random.Generator) -> tuple[list[Any], bool]:
    """Models at parameters as data leave them open, and whether the fit's own doubt is in them.

    By the posterior where the fit is loose and the posterior reliable, else by the fit's normal distribution.
    Of a part of the customers it is that of all: they are what the model was fitted on.
    """
    if is_loose(model):
        found = _posterior_once(model, getattr(source, "whole", None) or source, int(rng.integers(1 << 31)))
        if found.is_reliable and found.holds_model:
            return model.at_each(found.resampled(draws, rng)), True
    return model.drawn(draws, rng), model.diagnosis.converged


def _posterior_once(model: FittedModel, source: Any, seed: int) -> ParameterPosterior:
    """The posterior of a summary: drawn by the first total that wants it, kept for the others."""
    if not isinstance(source, Summary) or source.base is None:
        return parameter_posterior(model, source, _FOR_TOTALS, seed)
    key = digest_of((model, source.cells, _FOR_TOTALS, seed))
    if key not in source.kept:
        source.kept[key] = source.base.remember(
            ("posterior", key),
            lambda: parameter_posterior(model, source, _FOR_TOTALS, seed),
            lambda made: {
                "draws": made.draws.assign(**{_WEIGHT: made.weights}),
                "facts": [made.k, made.effective, made.holds_model],
            },
            lambda kept: ParameterPosterior(
                kept["draws"].drop(columns=_WEIGHT), kept["draws"][_WEIGHT].to_numpy(), *kept["facts"]
            ),
        )
    found: ParameterPosterior = source.kept[key]
    return found


def _log_posterior(likelihood: Likelihood) -> Callable[[Array], float]:
    """Up to a constant, at log parameters."""
    value = getattr(likelihood, "value", None) or (lambda at: likelihood(at)[0])

    def log_posterior(at: Array) -> float:
        with np.errstate(all="ignore"):  # of a point far from all that fit nothing may be left but NaN
            return float(-value(at) * likelihood.total - at @ at / (2 * PRIOR**2))

    return log_posterior


@dataclass(frozen=True)
class _Proposal:
    """A t distribution with scales of its own on each side of each axis."""

    centre: Array
    axes: Array  # (size, size), a column each
    scales: Array  # (2, size): below, above

    def drawn(self, log_posterior: Callable[[Array], float], draws: int, seed: int) -> tuple[Array, Array]:
        """Points, evenly spread (Sobol), and the logarithms of their weights."""
        size = len(self.centre)
        even = qmc.Sobol(size + 1, rng=np.random.default_rng(seed)).random(draws).clip(1e-12, 1 - 1e-12)
        low, high = self.scales / self.scales.sum(axis=0)
        part = even[:, :size]
        # each side is half a normal distribution, met as often as it is wide
        normal = ndtri(np.where(part < low, part / low / 2, 0.5 + (part - low) / high / 2))
        step = normal / np.sqrt(chi2.ppf(even[:, size:], _FREEDOM) / _FREEDOM)
        points = self.centre + (step * np.where(step < 0, *self.scales)) @ self.axes.T
        log_density = -(_FREEDOM + size) / 2 * np.log1p((step**2).sum(axis=1) / _FREEDOM)
        found = np.array([log_posterior(at) for at in points])
        return points, np.where(np.isfinite(found), found, -np.inf) - log_density

    def learnt(self, points: Array, log_weights: Array) -> _Proposal:
        """Axes and scales as weighted points show them, about the same centre."""
        share, _ = smoothed_weights(log_weights)
        away = points - self.centre
        _, axes = np.linalg.eigh(away.T @ (away * share[:, None]))
        along = away @ axes
        scales = np.stack([_side(along, share, along < 0), _side(along, share, along >= 0)])
        return _Proposal(self.centre, axes, np.maximum(scales, 1e-6))


def _side(along: Array, share: Array, of: NDArray[np.bool_]) -> Array:
    """Root mean square of one side of each axis."""
    mass = share[:, None] * of
    return np.asarray(np.sqrt((mass * along**2).sum(axis=0) / np.maximum(mass.sum(axis=0), 1e-300)))


def _at_mode(likelihood: Likelihood, start: Array) -> _Proposal:
    """About the top of the posterior, as wide as its curvature there says."""
    n = likelihood.total

    def objective(at: Array) -> tuple[float, Array, Array]:
        value, gradient, hessian = likelihood(at)
        held = 1 / (PRIOR**2 * n)
        return value + held * float(at @ at) / 2, gradient + held * at, hessian + held * np.eye(len(at))

    found = newton(objective, start)
    bends, axes = np.linalg.eigh(found.hessian * n)
    scales = 1 / np.sqrt(np.maximum(bends, 1 / PRIOR**2))
    return _Proposal(found.at, axes, np.stack([scales, scales]))


def smoothed_weights(log_weights: Array) -> tuple[Array, float]:
    """Weights that sum to 1, the largest replaced by those of a Pareto tail, and its shape k.

    Zhang & Stephens (2009), Technometrics 51(3), with the weak prior of Vehtari et al. (appendix G).
    """
    weights = np.exp(log_weights - log_weights.max())
    n = len(weights)
    tail = int(min(n / 5, 3 * np.sqrt(n)))
    order = np.argsort(weights)
    largest, cut = order[-tail:], weights[order[-tail - 1]]
    over = weights[largest] - cut
    if over[-1] <= 0:
        return weights / weights.sum(), 0.0
    grid = int(30 + np.sqrt(tail))
    quartile = max(over[int(tail / 4 + 0.5) - 1], 1e-300)
    theta = 1 / over[-1] + (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3 * quartile)
    shape = -np.log1p(-theta[:, None] * over).mean(axis=1)
    profile = tail * (np.log(theta / shape) + shape - 1)
    share = np.exp(profile - np.logaddexp.reduce(profile))
    best = float(share @ theta)
    k = float(np.log1p(-best * over).mean())
    scale = -k / best
    k = (tail * k + 5) / (tail + 10)
    at = (np.arange(tail) + 0.5) / tail
    weights[largest] = np.minimum(cut + scale * np.expm1(-k * np.log1p(-at)) / k, weights.max())
    return weights / weights.sum(), k


def _weighted_quantiles(values: Array, weights: Array, at: tuple[float, ...]) -> Array:
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return np.interp(at, reached, values[order])
