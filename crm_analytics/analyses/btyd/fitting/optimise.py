"""Maximum likelihood by Newton's method in log parameters, and what to say about the point it found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.fitting.boundary_messages import meaning as usual_meaning

Array = NDArray[np.float64]
# minus the mean log-likelihood per customer, its gradient and its Hessian, at log parameters
Objective = Callable[[Array], tuple[float, Array, Array]]

LOG_BOUND = float(np.log(1e6))  # parameters (time scaled to its mean) live in 1e-6 .. 1e6
_LONGEST_STEP = 2.5
_GRADIENT_AT_REST = 1e-6
LOOSE_LOG_ERROR = 0.7  # the 95 % interval spans a factor of four each way
_WIDEST_LOG_ERROR = 2.0  # a standard error of 2 in the log: the 95 % interval spans a factor of 2,500


@dataclass(frozen=True)
class Diagnosis:
    """How far an optimum can be trusted.

    converged : the gradient vanishes inside the allowed region and the data determine every parameter
    gradient_norm : largest element of the gradient of the mean log-likelihood in log parameters
    condition : condition number of the Hessian in log parameters; large = parameters trade off
    boundary : parameters that ran to their limit or that the data do not determine
    iterations : Newton steps on all cells
    message : the same in plain words
    """

    converged: bool
    gradient_norm: float
    condition: float
    boundary: tuple[str, ...]
    iterations: int
    message: str

    def to_json(self) -> dict[str, Any]:
        """As a dict of plain values; an infinite condition becomes None."""
        facts = asdict(self) | {"boundary": list(self.boundary)}
        return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in facts.items()}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Diagnosis:
        """Read what `to_json` wrote."""
        numbers = {k: float("inf") if facts[k] is None else facts[k] for k in ("gradient_norm", "condition")}
        return cls(**(facts | numbers | {"boundary": tuple(facts["boundary"])}))


GIVEN = Diagnosis(True, 0.0, float("nan"), (), 0, "Parameters were given, not fitted.")


@dataclass(frozen=True)
class Optimum:
    """A point in log parameters with the derivatives there."""

    at: Array
    value: float
    gradient: Array
    hessian: Array
    iterations: int

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which parameters are not held by a bound."""
        return ~_held(self.at, self.gradient)


def _held(at: Array, gradient: Array) -> NDArray[np.bool_]:
    high, low = at >= LOG_BOUND - 1e-9, at <= -LOG_BOUND + 1e-9
    return (high & (gradient < 0)) | (low & (gradient > 0))


def newton(objective: Objective, start: Array, *, tolerance: float = 1e-10, limit: int = 200) -> Optimum:
    """Minimise by Newton steps, safe far from the optimum.

    Where the Hessian is not positive its eigenvalues are taken by size, so that every step descends;
    steps are shortened until the value falls, and parameters at a bound are held there.
    """
    at = np.clip(np.asarray(start, float), -LOG_BOUND, LOG_BOUND)
    value, gradient, hessian = objective(at)
    for iteration in range(limit):
        free = ~_held(at, gradient)
        if not free.any() or np.abs(gradient[free]).max() < tolerance:
            return Optimum(at, value, gradient, hessian, iteration)
        step = _step(gradient, hessian, free)
        expected = float(gradient @ step)
        length = 1.0
        while True:
            there = np.clip(at + length * step, -LOG_BOUND, LOG_BOUND)
            new = objective(there)
            # The mean log-likelihood is known to about 1e-15: below that a lower value is luck.
            if np.isfinite(new[0]) and new[0] <= value + 1e-4 * length * expected + 1e-14 * abs(value):
                break
            length /= 4
            if length < 1e-9:
                return Optimum(at, value, gradient, hessian, iteration)
        resting = np.abs(there - at).max() < 1e-12
        at, (value, gradient, hessian) = there, new
        if resting or abs(expected) < 1e-24:
            return Optimum(at, value, gradient, hessian, iteration + 1)
    return Optimum(at, value, gradient, hessian, limit)


def _step(gradient: Array, hessian: Array, free: NDArray[np.bool_]) -> Array:
    values, vectors = np.linalg.eigh(hessian[np.ix_(free, free)])
    sizes = np.maximum(np.abs(values), 1e-9 * max(1e-6, float(np.abs(values).max())))
    step = np.zeros_like(gradient)
    step[free] = -vectors @ ((vectors.T @ gradient[free]) / sizes)
    longest = np.abs(step).max()
    return step if longest <= _LONGEST_STEP else step * (_LONGEST_STEP / longest)


def best_of(objective: Objective, starts: Sequence[Array]) -> Optimum:
    """The first start that converges inside the bounds; if none does, the best of all."""
    found: list[Optimum] = []
    for start in starts:
        found.append(newton(objective, start))
        last = found[-1]
        if last.free.all() and np.abs(last.gradient).max() < _GRADIENT_AT_REST and _is_minimum(last.hessian):
            return last
    return min(found, key=lambda o: o.value)


def _is_minimum(hessian: Array) -> bool:
    values = np.linalg.eigvalsh(hessian)
    return bool(values[0] > 1e-10 * max(values[-1], 1e-10))


def log_covariance(optimum: Optimum, customers: float) -> Array:
    """Covariance of the log parameters: the inverse of the observed information. NaN where there is none."""
    n = len(optimum.at)
    covariance = np.full((n, n), np.nan)
    free = optimum.free
    inner = optimum.hessian[np.ix_(free, free)]
    if free.any() and _is_minimum(inner):
        inverse = np.linalg.inv(inner) / customers
        covariance[np.ix_(free, free)] = (inverse + inverse.T) / 2
    return covariance


def diagnose(
    optimum: Optimum,
    covariance: Array,
    names: Sequence[str],
    at_rest: float = _GRADIENT_AT_REST,
    *,
    plain: Collection[str] = (),
    meaning: Callable[[dict[str, float], Collection[str]], str] = usual_meaning,
) -> Diagnosis:
    """Put the optimum into words.

    Parameters
    ----------
    optimum : the point found
    covariance : of the log parameters
    names : of the parameters, in order; times in units of the mean T
    at_rest : gradient below which the likelihood counts as flat
    plain : names of numbers that are no logarithms, as coefficients of covariates
    meaning : what parameters at a limit say of the customers, where a model has words of its own
    """
    free = optimum.free
    gradient = float(np.abs(optimum.gradient[free]).max()) if free.any() else 0.0
    bends = np.linalg.eigvalsh(optimum.hessian)
    condition = float(bends[-1] / bends[0]) if bends[0] > 0 else float("inf")
    errors = np.sqrt(np.diag(covariance))
    edge = tuple(
        name
        for name, is_free, at, error in zip(names, free, optimum.at, errors, strict=True)
        if not is_free or abs(at) > LOG_BOUND - 0.7 or not error < _WIDEST_LOG_ERROR
    )
    still = gradient < at_rest
    values = {
        name: float(np.exp(at)) for name, at in zip(names, optimum.at, strict=True) if name not in plain
    }
    if edge:
        message = (
            f"The data do not determine {_list(edge)}: the likelihood is flat in that direction or has its "
            "best point at the limit. "
            "Do not read the parameters one by one; use another model or more data."
        )
        message = " ".join(part for part in (message, meaning(values, edge)) if part)
    elif not still:
        message = (
            f"The search stopped before the likelihood was flat (gradient {gradient:.1e}). "
            "Do not use this fit."
        )
    else:
        message = f"The likelihood has its best point here (gradient {gradient:.1e})."
        wide = {n: e for n, e in zip(names, errors, strict=True) if n not in plain and e > LOOSE_LOG_ERROR}
        if wide:
            factor, loose = float(np.exp(1.96 * max(wide.values()))), tuple(wide)
            message += (
                f" But {_list(loose)} could be up to {factor:,.0f} times smaller or larger: parameters trade "
                "off against each other. Trust forecasts more than single parameters."
            )
            message = " ".join(part for part in (message, meaning(values, loose)) if part)
    return Diagnosis(still and not edge, gradient, condition, edge, optimum.iterations, message)


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
