"""Customer equity of each brand, from what drives choice and how customers switch.

A respondent's customer lifetime value to brand j is the sum over purchases t = 0 .. T of

    (1 + d)^(-t / f)  v  pi_j  B_jt,        B_t = A M^t,

with f purchases of the category a year, T = floor(H f) of them within H years, v the volume of a purchase,
pi_j the contribution per unit, A the chances of the next purchase and M the switching matrix, whose row k
holds the chances after a purchase of brand k. The equity of a brand is the mean over respondents times the
population. Rust, Lemon & Zeithaml (2004), Return on marketing, Journal of Marketing 68(1), 109-127.

When it misleads: drivers are rated by people who chose already, so that a liked brand is rated higher, and
the what-if takes the rating to be the cause. Inertia from one choice per respondent mixes habit with taste
(see `choice_panel.inertia`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses import arguments
from crm_analytics.analyses.equity.choice_model import COLLINEAR, ChoiceModel, chances, inflation
from crm_analytics.analyses.equity.survey import BrandSurvey
from crm_analytics.analyses.equity.switching_value import Market, lifetime_values
from crm_analytics.errors import ParameterError, nearest

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

LAST_BOUGHT = "bought last"
KEPT_VARIANCE = 0.9  # of collinear drivers, that their principal components keep
NUDGE = 0.1  # points of rating, of the elasticities


@dataclass(frozen=True)
class WhatIf:
    """What a better rating of a driver would bring.

    Attributes
    ----------
    driver, change, cost : what is changed, by how many points, for how much (discounted)
    equity_change : of the own brand
    others : brand -> change; with equal contributions all changes sum to zero
    roi : (equity_change - cost) / cost; None without a cost
    """

    driver: str
    change: float
    cost: float
    equity_change: float
    others: dict[str, float]
    roi: float | None


@dataclass(frozen=True, eq=False)
class CustomerEquity:
    """Customer equity of the brands of a survey.

    Attributes
    ----------
    survey, market : what it was made from
    model : the choice model, on drivers or on their components
    loadings : drivers x columns of the model (identity where drivers are not collinear)
    inflated : driver -> variance inflation, of those beyond 10
    """

    survey: BrandSurvey
    market: Market
    model: ChoiceModel
    loadings: Array
    inflated: pd.Series

    @classmethod
    def fit(
        cls, survey: BrandSurvey, market: Market, *, weights: ArrayLike | None = None,
        start: ArrayLike | None = None,
    ) -> CustomerEquity:  # fmt: skip
        """Fit choice by inertia and drivers; collinear drivers by their principal components.

        Parameters
        ----------
        weights : of respondents, in place of the survey's
        start : coefficients to begin with
        """
        found = inflation(survey.ratings, survey.drivers)
        loadings = np.eye(len(survey.drivers))
        if (found > COLLINEAR).any():
            loadings = _components(survey.ratings)
        columns = [LAST_BOUGHT, *_named(survey, loadings)]
        design = _design(survey.last, survey.ratings @ loadings)
        w = survey.weights if weights is None else weights
        model = ChoiceModel.fit(design, survey.chosen, columns, w, start)
        return cls(survey, market, model, loadings, found[found > COLLINEAR])

    @property
    def inertia(self) -> float:
        """Utility of the brand bought last."""
        return float(self.model.params.iloc[0])

    @property
    def drivers(self) -> pd.Series:
        """Utility of one point of rating, by driver."""
        return pd.Series(self.loadings @ self.model.params.to_numpy()[1:], index=list(self.survey.drivers))

    def chances_of(self, ratings: Array) -> tuple[Array, Array]:
        """Chances of the next purchase and switching matrices at these ratings."""
        liking = ratings @ self.drivers.to_numpy()
        count = len(self.survey.brands)
        matrix = chances(liking[:, None, :] + self.inertia * np.eye(count)[None, :, :])
        return matrix[np.arange(len(ratings)), self.survey.last], matrix

    def switching(self) -> pd.DataFrame:
        """Mean chance of each brand (columns) after a purchase of each brand (rows); rows sum to one."""
        _, matrix = self.chances_of(self.survey.ratings)
        w = self.survey.weights / self.survey.weights.sum()
        brands = list(self.survey.brands)
        return pd.DataFrame(np.einsum("i,ijk->jk", w, matrix), index=brands, columns=brands)

    def lifetime_values(self, ratings: Array | None = None) -> Array:
        """Of each respondent to each brand, money."""
        now, matrix = self.chances_of(self.survey.ratings if ratings is None else ratings)
        return lifetime_values(
            now, matrix, purchases_per_year=self.market.purchases_per_year, years=self.market.years,
            rate=self.market.rate, contribution=self.market.contribution,
        )  # fmt: skip

    def equity(self, ratings: Array | None = None) -> pd.Series:
        """Customer equity of each brand, money."""
        w = self.survey.weights / self.survey.weights.sum()
        values = w @ self.lifetime_values(ratings) * self.market.population
        return pd.Series(values, index=list(self.survey.brands))

    @cached_property
    def brands(self) -> pd.Series:
        """Customer equity of each brand as it stands."""
        return self.equity()

    def what_if(self, brand: str, driver: str, change: float, cost: float = 0.0) -> WhatIf:
        """What a better (or worse) rating of one driver would bring to a brand and take from others.

        Parameters
        ----------
        change : points of rating
        cost : discounted spend for it

        Raises
        ------
        ParameterError : no such driver, or a negative cost.
        """
        arguments.amount("cost", cost)
        if driver not in self.survey.drivers:
            raise ParameterError(f"no driver '{driver}'{nearest(driver, list(self.survey.drivers))}")
        own = self.survey.brand(brand)
        ratings = self.survey.ratings.copy()
        ratings[:, own, self.survey.drivers.index(driver)] += change
        moved = self.equity(ratings) - self.brands
        gain = float(moved.iloc[own])
        others = {str(name): float(v) for name, v in moved.items() if name != brand}
        return WhatIf(driver, change, cost, gain, others, return_on(gain, cost) if cost else None)

    def driver_table(self, brand: str) -> pd.DataFrame:
        """Each driver as one brand's lever.

        Returns
        -------
        driver, equity_type, utility (of one point), share (of all drivers' pull, that is utility times spread
        of ratings), rating (mean of the brand), best_other (the best competitor's mean), elasticity (per cent
        of equity per per cent of rating), gain (equity for a tenth of a point more)
        """
        own = self.survey.brand(brand)
        w = self.survey.weights / self.survey.weights.sum()
        means = np.einsum("i,ijk->jk", w, self.survey.ratings)
        spread = self.survey.ratings.std(axis=(0, 1))
        pull = self.drivers.abs().to_numpy() * spread
        rows = []
        for k, driver in enumerate(self.survey.drivers):
            gain = self.what_if(brand, driver, NUDGE).equity_change
            level, equity = float(means[own, k]), float(self.brands.iloc[own])
            rows.append(
                {
                    "driver": driver,
                    "equity_type": self.survey.equity_types[k],
                    "utility": float(self.drivers.iloc[k]),
                    "share": float(pull[k] / pull.sum()) if pull.sum() > 0 else np.nan,
                    "rating": level,
                    "best_other": float(np.delete(means[:, k], own).max()),
                    "elasticity": gain / equity / (NUDGE / level) if equity and level else np.nan,
                    "gain": gain,
                }
            )
        return pd.DataFrame(rows).sort_values(["gain", "driver"], ascending=[False, True], ignore_index=True)

    def bootstrap(self, draws: int = 100, seed: int = 1) -> list[CustomerEquity]:
        """The same from respondents drawn anew, with replacement.

        Parameters
        ----------
        draws, seed : how many, and where chance begins
        """
        arguments.whole("draws", draws, 2)
        chance = np.random.default_rng(seed)
        n, start = self.survey.respondents, self.model.params.to_numpy()
        found = []
        for _ in range(draws):
            times = chance.multinomial(n, np.full(n, 1 / n)) * self.survey.weights
            design = _design(self.survey.last, self.survey.ratings @ self.loadings)
            names = list(self.model.params.index)
            model = ChoiceModel.fit(design, self.survey.chosen, names, times, start)
            found.append(replace(self, survey=replace(self.survey, weights=times), model=model))
        return found


def return_on(gain: float, cost: float) -> float:
    """Return on an investment: (gain - cost) / cost.

    >>> round(return_on(101.3, 70.0), 3)  # American Airlines, better passenger compartments, millions
    0.447
    """
    return (gain - cost) / cost


def _design(last: NDArray[np.int64], rated: Array) -> Array:
    inertia = np.zeros((*rated.shape[:2], 1))
    inertia[np.arange(len(last)), last, 0] = 1.0
    return np.concatenate([inertia, rated], axis=2)


def _components(ratings: Array) -> Array:
    """Drivers x components that keep most of their variance within respondents."""
    flat = (ratings - ratings.mean(axis=1, keepdims=True)).reshape(-1, ratings.shape[2])
    scale = np.sqrt((flat**2).mean(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh((flat / scale).T @ (flat / scale))
    order = np.argsort(values)[::-1]
    share = np.cumsum(values[order]) / values.sum()
    kept = order[: int(np.searchsorted(share, KEPT_VARIANCE) + 1)]
    signs = np.where(vectors[:, kept].sum(axis=0) < 0, -1.0, 1.0)
    return np.asarray(vectors[:, kept] * signs / scale[:, None])


def _named(survey: BrandSurvey, loadings: Array) -> list[str]:
    if loadings.shape[1] == len(survey.drivers) and np.array_equal(loadings, np.eye(len(survey.drivers))):
        return list(survey.drivers)
    return [f"component {k + 1}" for k in range(loadings.shape[1])]
