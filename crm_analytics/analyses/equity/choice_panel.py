"""Choices of households one after another: inertia, switching, price premium, and habit against taste."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crm_analytics.analyses.equity.choice_model import ChoiceModel
from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import DataError, NotEnoughData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LAST_BOUGHT = "bought last"
HABIT, TASTE, NOT_TOLD = "habit", "taste alone", "cannot be told"
LEAST_CHOICES = 3  # of a household, for their order to tell anything


@dataclass(frozen=True, eq=False)
class ChoicePanel:
    """Choices in their order.

    Attributes
    ----------
    brands, covariates : in the order of the arrays
    household : number of the household of each choice; choices of a household stand in their order
    chosen : choices, number of the brand
    x : choices x brands x covariates (price, feature)
    """

    brands: tuple[str, ...]
    covariates: tuple[str, ...]
    household: NDArray[np.int64]
    chosen: NDArray[np.int64]
    x: Array

    def __post_init__(self) -> None:
        """Refuse one brand, and choices that do not stand together."""
        if len(self.brands) < 2:
            raise NotEnoughData("A choice between brands", len(self.brands), 2, "brands")
        changes = np.count_nonzero(np.diff(self.household)) + 1
        if len(self.household) and changes != len(np.unique(self.household)):
            raise DataError("the choices of a household must stand one after another")

    @property
    def follows(self) -> NDArray[np.bool_]:
        """Whether the choice before is of the same household."""
        return np.r_[False, self.household[1:] == self.household[:-1]]

    def fit(self, *, inertia: bool = True, constants: bool = True) -> ChoiceModel:
        """Conditional logit on the covariates, with a constant per brand (the first is the reference).

        Parameters
        ----------
        inertia : the brand bought last as a covariate; the first choice of a household then falls out

        Raises
        ------
        NotEnoughData : every household chose once, so that nothing was bought last.
        """
        n, j = len(self.chosen), len(self.brands)
        parts, names = [self.x], list(self.covariates)
        keep = np.ones(n, bool)
        if inertia:
            keep = self.follows
            if not keep.any():
                raise NotEnoughData("Inertia", 1, 2, "choices per household")
            last = np.zeros((n, j, 1))
            last[1:][np.arange(n - 1), self.chosen[:-1], 0] = 1.0
            parts, names = [last, *parts], [LAST_BOUGHT, *names]
        if constants:
            own = np.broadcast_to(np.eye(j)[None, :, 1:], (n, j, j - 1))
            parts, names = [*parts, own], [*names, *self.brands[1:]]
        y = np.eye(j)[self.chosen]
        return ChoiceModel.fit(np.concatenate(parts, axis=2)[keep], y[keep], names)

    def switching(self) -> pd.DataFrame:
        """Observed shares of each brand (columns) after a purchase of each brand (rows)."""
        j, keep = len(self.brands), self.follows
        counts = np.zeros((j, j))
        np.add.at(counts, (self.chosen[:-1][keep[1:]], self.chosen[1:][keep[1:]]), 1)
        with np.errstate(invalid="ignore"):
            return pd.DataFrame(
                counts / counts.sum(axis=1, keepdims=True), index=list(self.brands), columns=list(self.brands)
            )


def price_premiums(model: ChoiceModel, brands: Sequence[str], price: str = "price") -> pd.DataFrame:
    """How much dearer each brand may be than the first for the same share, with its interval.

    The premium is minus the constant of a brand over the coefficient of price; its interval is by the delta
    method.

    Parameters
    ----------
    brands : the reference first, then those with a constant
    price : name of the coefficient of price

    Returns
    -------
    brand, premium, lower, upper (95 %), in the unit of price

    Raises
    ------
    DataError : a higher price does not lower the choice, so that no premium is defined.
    """
    slope = float(model.params[price])
    error = float(np.sqrt(model.covariance[price].loc[price]))
    if slope + Z95 * error >= 0:
        raise DataError("a higher price does not clearly lower the choice, so no premium can be told")
    rows = [{"brand": brands[0], "premium": 0.0, "lower": 0.0, "upper": 0.0}]
    for brand in brands[1:]:
        constant = float(model.params[brand])
        gradient = np.array([-1 / slope, constant / slope**2])
        block = model.covariance.loc[[brand, price], [brand, price]].to_numpy()
        half = Z95 * float(np.sqrt(gradient @ block @ gradient))
        premium = -constant / slope
        rows.append({"brand": brand, "premium": premium, "lower": premium - half, "upper": premium + half})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Inertia:
    """Whether buying a brand makes the next purchase of it likelier, or customers only differ in taste.

    Attributes
    ----------
    value : coefficient of the brand bought last
    by_taste : its mean when the order of each household's choices is shuffled
    by_taste_upper : the 95 % point of that
    p : share of shuffles that reach the value
    verdict : "habit", "taste alone" or "cannot be told"
    """

    value: float
    by_taste: float
    by_taste_upper: float
    p: float
    verdict: str


def inertia(panel: ChoicePanel, *, draws: int = 99, seed: int = 1) -> Inertia:
    """Test habit against taste by shuffling the order of each household's choices.

    Where households differ in taste and have no habit, any order of a household's choices is as probable as
    any other; the coefficient of the brand bought last is then above zero all the same (Heckman 1981,
    Heterogeneity and state dependence). What shuffled orders give is taste; only what lies beyond is habit.
    Covariates move with their choice.

    When it misleads: tastes that change slowly look like habit.
    """
    counts = np.unique(panel.household, return_counts=True)[1] if len(panel.household) else np.array([0])
    if counts.max() < LEAST_CHOICES:
        value = panel.fit().params[LAST_BOUGHT] if panel.follows.any() else np.nan
        return Inertia(float(value), np.nan, np.nan, np.nan, NOT_TOLD)
    chance = np.random.default_rng(seed)
    value = float(panel.fit().params[LAST_BOUGHT])
    found = []
    for _ in range(draws):
        order = np.lexsort((chance.random(len(panel.chosen)), panel.household))
        shuffled = ChoicePanel(
            panel.brands, panel.covariates, panel.household[order], panel.chosen[order], panel.x[order]
        )
        found.append(float(shuffled.fit().params[LAST_BOUGHT]))
    p = (1 + sum(f >= value for f in found)) / (draws + 1)
    verdict = HABIT if p <= 0.05 else TASTE
    return Inertia(value, float(np.mean(found)), float(np.quantile(found, 0.95)), p, verdict)
