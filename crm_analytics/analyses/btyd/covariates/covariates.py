"""Models of purchases with static covariates: who buys faster, who leaves sooner, by how much, how sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from crm_analytics.analyses.btyd.covariates.covariate_cells import (
    CovariateCells,
    design_of,
    shift_of,
)
from crm_analytics.analyses.btyd.covariates.covariate_coding import Coding
from crm_analytics.analyses.btyd.covariates.covariate_likelihood import natural
from crm_analytics.analyses.btyd.discounting.discounting import Discount, value_of
from crm_analytics.analyses.btyd.fitting.boundary_messages import meaning
from crm_analytics.analyses.btyd.fitting.cadence import with_cadence
from crm_analytics.analyses.btyd.fitting.histories import (
    HISTORY,
    WEIGHTS,
    History,
    checked,
    require_customers,
)
from crm_analytics.analyses.btyd.fitting.optimise import Diagnosis, Optimum, best_of, diagnose, log_covariance
from crm_analytics.analyses.btyd.fitting.units import time_ahead
from crm_analytics.analyses.btyd.purchases.customer_parameters import Individuals
from crm_analytics.analyses.btyd.purchases.purchase_model import (
    MINIMUM_CUSTOMERS,
    MINIMUM_REPEAT_BUYERS,
    PurchaseModel,
)
from crm_analytics.analyses.btyd.spend.spend_model import SpendModel
from crm_analytics.analyses.btyd.totals.purchase_totals import total_of_rows
from crm_analytics.analyses.btyd.totals.uncertainty import Interval, TotalForecast
from crm_analytics.analyses.btyd.totals.value_totals import value_of_rows
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import ParameterError
from crm_analytics.tables.days import Span
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.btyd.discounting.discounting import Spend

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CovariateFit(ObjectCard):
    """A fitted model of purchases whose buying and leaving depend on covariates.

    kind : the model, `BetaGeo`, `ModifiedBetaGeo` or `ParetoNBD`
    params : of a customer of the commonest levels with numbers at 0: r, alpha, a, b or r, alpha, s, beta
    coefficients : process ("buying", "leaving"), covariate, coefficient, standard_error, lower, upper (95 %),
        factor (exp of the coefficient: of the rate of buying; of the odds of leaving after a purchase, in
        Pareto/NBD of the hazard), p_value (Wald, that the coefficient is 0)
    log_likelihood : total over customers
    estimates, covariance : of all that is estimated: logarithms of parameters, the logit of the mean chance
        to leave ("mean"), the logarithm of a + b ("precision"), coefficients
    customers, unit, diagnosis : as in `BetaGeo`
    buying, leaving : how covariates become numbers
    """

    kind: type[PurchaseModel]
    params: dict[str, float]
    coefficients: pd.DataFrame
    log_likelihood: float
    estimates: pd.Series
    covariance: pd.DataFrame
    customers: int
    unit: str | None
    diagnosis: Diagnosis
    buying: Coding
    leaving: Coding

    COUNTED: ClassVar[str] = ""  # as of a model: it goes by time

    card_frame = "coefficients"
    plot = Plots("crm_analytics.analyses.btyd.checks.pictures", "coefficients")

    def model_of(self, **covariates: Any) -> PurchaseModel:
        """The plain model of customers with these covariates, with all that it can be asked."""
        own = self._at(pd.DataFrame({k: [v] for k, v in covariates.items()}, index=[0])).own[:, 0]
        return self.kind(dict(zip(self.kind.NAMES, own, strict=True)), unit=self.unit)

    def probability_alive(self, frame: pd.DataFrame) -> pd.Series:
        """P(the customer has not left), one a row of frequency, recency, T and the covariates."""
        f = checked(frame, HISTORY, self.kind.LABEL)
        found = self._at(frame).alive(History.of(f))
        return pd.Series(found, f.index, name="probability_alive")

    def expected_purchases(self, frame: pd.DataFrame, t: float) -> pd.Series:
        """Expected repeat purchases of each customer in the next `t` units."""
        ahead = time_ahead(t)
        f = checked(frame, HISTORY, self.kind.LABEL)
        found = self._at(frame).purchases(History.of(f), np.array([ahead]))[:, 0]
        return pd.Series(found, f.index, name="expected_purchases")

    def lifetime_value(
        self,
        spend: Spend,
        frame: pd.DataFrame,
        horizon: Span = (52, "W"),
        rate: float = 0.15,
        timing: str = "end",
    ) -> pd.Series:
        """Residual value of each customer, as `BetaGeo.lifetime_value`."""
        f = checked(frame, HISTORY, self.kind.LABEL)
        return value_of(self._at(frame), spend, frame, f, Discount.of(horizon, rate, timing, self.unit))

    def expected_purchases_new(self, frame: pd.DataFrame, t: float, *, level: float = 0.95) -> pd.DataFrame:
        """Repeat purchases of new customers in the `t` units after the first.

        Parameters
        ----------
        frame : covariates, one row per customer
        t : time > 0, in the model's unit
        level : of the interval, which holds what is unknown of the parameters (delta method in the
            logarithm); one customer's own count varies far more

        Returns
        -------
        frame on the same index: expected_purchases, lower, upper
        """
        ahead, centre = time_ahead(t), self.estimates.to_numpy()
        covariance = np.nan_to_num(self.covariance.to_numpy())
        with np.errstate(divide="ignore"):
            mean = np.log(self._at(frame, centre).new(ahead))
            slopes = np.zeros((len(centre), len(frame)))
            for k, deviation in enumerate(np.sqrt(np.diag(covariance))):
                if deviation > 0 and ahead > 0:
                    step = np.zeros(len(centre))
                    step[k] = min(1e-3, 1e-2 * deviation)
                    up, down = (np.log(self._at(frame, centre + s * step).new(ahead)) for s in (1, -1))
                    slopes[k] = (up - down) / (2 * step[k])
        reach = norm.ppf((1 + level) / 2) * np.sqrt(np.einsum("in,ij,jn->n", slopes, covariance, slopes))
        columns = {"expected_purchases": mean, "lower": mean - reach, "upper": mean + reach}
        return pd.DataFrame({k: np.exp(v) for k, v in columns.items()}, index=frame.index)

    @property
    def LABEL(self) -> str:  # noqa: N802 - as all models call it
        """Of the model without covariates."""
        return self.kind.LABEL

    def total_purchases(self, source: pd.DataFrame, t: float, wanted: Interval) -> TotalForecast:
        """Of all customers within `t`, by drawing alone; see `forecast_total`."""
        return total_of_rows(source, self, t, wanted)

    def total_value(
        self, source: Any, spend: SpendModel, discount: Discount, wanted: Interval
    ) -> TotalForecast:
        """Money of the customers of a frame; see `value_total`."""
        if not isinstance(source, pd.DataFrame):
            raise ParameterError(
                f"{self.LABEL} with covariates: a summary knows no covariates; give a frame with frequency, "
                "recency, T, monetary_value and the covariates"
            )
        return value_of_rows(source, self, spend, discount, wanted)

    def rows_of(self, source: pd.DataFrame) -> pd.DataFrame:
        """Histories checked, with their covariates."""
        own = source[[c for c in source.columns if c not in (*HISTORY, *WEIGHTS)]]
        rows = checked(source, HISTORY, self.LABEL)
        return own.assign(**{str(name): rows[name].to_numpy() for name in rows})

    def expected_of(self, rows: pd.DataFrame, t: float) -> Array:
        """Expected purchases of a customer of each row within `t`."""
        return self.expected_purchases(rows, t).to_numpy()

    def simulate_rows(self, rows: pd.DataFrame, t: float, rng: np.random.Generator) -> Array:
        """Purchases of a customer of each row in one drawn future."""
        return self._at(rows).simulate(History.of(rows), t, rng)

    def drawn(self, draws: int, rng: np.random.Generator) -> list[Self]:
        """The fit at estimates drawn from what is known of them."""
        known = np.nan_to_num(self.covariance.to_numpy()) * self.diagnosis.converged
        drawn = rng.multivariate_normal(self.estimates.to_numpy(), known, draws)
        return [replace(self, estimates=pd.Series(row, self.estimates.index)) for row in drawn]

    def for_customers(self, frame: pd.DataFrame) -> Individuals:
        """What it says of the customers of a frame, row by row."""
        return self._at(frame)

    def _at(self, frame: pd.DataFrame, estimates: Array | None = None) -> Individuals:
        """The model of each row's customer."""
        design = design_of(self.kind, self.buying.matrix(frame), self.leaving.matrix(frame))
        at = self.estimates.to_numpy() if estimates is None else estimates
        parts = np.split(at, np.cumsum([d.shape[1] for d in design])[:-1])
        local = np.stack([d @ part for d, part in zip(design, parts, strict=True)])
        return self.kind.of_each(natural(local, shift_of(self.kind)))


@watched("Fitting covariates")
def fit_covariates(
    kind: type[PurchaseModel],
    frame: pd.DataFrame,
    *,
    buying: Sequence[str] = (),
    leaving: Sequence[str] = (),
    unit: str | None = None,
    minimum: int = MINIMUM_CUSTOMERS,
) -> CovariateFit:
    """Fit a model of purchases with covariates that do not change: channel of the first purchase, age, ...

    Numbers are taken as they are, words are measured against the commonest one. A covariate that is the same
    for everybody is left out, and the diagnosis says so.

    Parameters
    ----------
    kind : `BetaGeo`, `ModifiedBetaGeo` or `ParetoNBD`
    frame : frequency, recency, T, the covariates, and optionally customers (a weight); equal rows are merged
    buying : columns on which the rate of buying depends, alpha exp(-gamma'z)
    leaving : columns on which leaving depends: the logit of the mean a / (a + b), plus delta'z; in Pareto/NBD
        beta exp(-delta'z)
    unit : of recency and T, "D", "W", "M" or "Y"
    minimum : customers below which the fit is refused

    Raises
    ------
    DataError : a column is missing or holds impossible values, or two covariates say the same.
    NotEnoughData : too few customers, or too few who came back.

    Source
    ------
    Fader & Hardie, note 019 (with coefficients of a and b apart); the mean of a beta distribution as a
    regression: Ferrari & Cribari-Neto (2004), Journal of Applied Statistics 31(7), 799-815.
    """
    cells = CovariateCells.of(kind, frame, buying, leaving)
    require_customers(kind.LABEL, cells.weight, cells.x > 0, minimum, min(MINIMUM_REPEAT_BUYERS, minimum))
    found = _fitted(cells, best_of(cells.likelihood(), cells.starts()), unit)
    return replace(found, diagnosis=with_cadence(found.diagnosis, checked(frame, HISTORY, kind.LABEL), unit))


def _fitted(cells: CovariateCells, optimum: Optimum, unit: str | None) -> CovariateFit:
    scaled = log_covariance(optimum, float(cells.weight.sum()))
    turn, add = cells.back()
    at = turn @ optimum.at + add
    known = np.isfinite(np.diag(scaled))
    covariance = turn @ np.where(np.isfinite(scaled), scaled, 0.0) @ turn.T
    # what hangs on a parameter at its limit is not known either
    covariance[(np.abs(turn) @ ~known) > 0] = np.nan
    covariance[:, (np.abs(turn) @ ~known) > 0] = np.nan
    kind, names = cells.kind, cells.names
    zero = tuple(np.zeros((1, c.shape[1])) for c in cells.coded)
    design = design_of(kind, zero[0], zero[1])
    parts = np.split(at, np.cumsum([d.shape[1] for d in design])[:-1])
    own = natural(np.stack([d @ part for d, part in zip(design, parts, strict=True)]), shift_of(kind))[:, 0]
    table = pd.DataFrame(covariance, index=names, columns=names)
    return CovariateFit(
        kind,
        dict(zip(kind.NAMES, (float(v) for v in own), strict=True)),
        _coefficients(names, at, np.sqrt(np.diag(covariance))),
        cells.log_likelihood(optimum),
        pd.Series(at, index=names),
        table,
        round(float(cells.weight.sum())),
        unit,
        _diagnosis(cells, optimum, scaled),
        *cells.codings,
    )


def _coefficients(names: list[str], at: Array, errors: Array) -> pd.DataFrame:
    rows = [
        (*name.split(": ", 1), value, error)
        for name, value, error in zip(names, at, errors, strict=True)
        if ": " in name
    ]
    found = pd.DataFrame(rows, columns=["process", "covariate", "coefficient", "standard_error"])
    reach = norm.ppf(0.975) * found["standard_error"]
    found["lower"], found["upper"] = found["coefficient"] - reach, found["coefficient"] + reach
    with np.errstate(over="ignore"):
        found["factor"] = np.exp(found["coefficient"].to_numpy(float))
    found["p_value"] = 2 * norm.sf((found["coefficient"] / found["standard_error"]).abs().to_numpy(float))
    return found


def _diagnosis(cells: CovariateCells, optimum: Optimum, covariance: Array) -> Diagnosis:
    names = cells.names
    plain = [name for name in names if ": " in name or name == "mean"]
    found = diagnose(optimum, covariance, names, plain=plain)
    words = [found.message]
    if {"mean", "precision"} & set(found.boundary):
        at = dict(zip(names, optimum.at, strict=True))
        size, chance = np.exp(at["precision"]), 1 / (1 + np.exp(-at["mean"]))
        words.append(meaning({"a": size * chance, "b": size * (1 - chance)}, ["a", "b"]))
    lost = [name for name in found.boundary if ": " in name]
    if lost:
        words.append(f"Leave {', '.join(lost)} out, or merge rare levels into others.")
    constant = sorted({name for coding in cells.codings for name in coding.constant})
    if constant:
        words.append(f"The same for everybody, so left out: {', '.join(constant)}.")
    message = " ".join(word for word in words if word)
    return Diagnosis(
        found.converged, found.gradient_norm, found.condition, found.boundary, found.iterations, message
    )
