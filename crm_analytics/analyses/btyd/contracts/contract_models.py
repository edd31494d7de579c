"""sBG and BdW: how long contracts last that are renewed or cancelled each period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from crm_analytics.analyses.btyd.contracts.contract_cells import MOST_RENEWALS, contract_cells
from crm_analytics.analyses.btyd.contracts.contract_likelihood import (
    ContractLikelihood,
    log_hazard_sum,
    log_leaving,
    log_survival,
    slopes,
)
from crm_analytics.analyses.btyd.contracts.infinite_sums import endless_sum
from crm_analytics.analyses.btyd.discounting.periods import earlier, rate_per_period
from crm_analytics.analyses.btyd.fitting.fitted import FittedModel
from crm_analytics.analyses.btyd.fitting.optimise import Optimum, best_of, diagnose, log_covariance, newton
from crm_analytics.analyses.btyd.totals.purchase_totals import total_of_rows
from crm_analytics.analyses.btyd.totals.uncertainty import Interval, TotalForecast
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError

Array = NDArray[np.float64]
MINIMUM_CONTRACTS = 100
MINIMUM_CANCELLED = 30
_MIDDLE = 50.0  # contracts all alike run off to infinite gamma and delta; a search that begins there is slow
_NEAR = 1e-5  # gradient at which a fit to contracts drawn anew is known far better than the drawing lets it


@dataclass(frozen=True, eq=False)
class ContractModel(FittedModel):
    """What both have in common; use `ShiftedBetaGeo` or `BetaDiscreteWeibull`."""

    COUNTED: ClassVar[str] = "renewals"

    plot = Plots("crm_analytics.analyses.btyd.contracts.pictures", "survival", "retention")

    @classmethod
    def fit(
        cls,
        source: Any,
        unit: str | None = None,
        *,
        minimum: int = MINIMUM_CONTRACTS,
        minimum_cancelled: int | None = None,
    ) -> Self:
        """Fit by maximum likelihood. Needs at least 100 contracts and 30 cancellations.

        Parameters
        ----------
        source : survivors of one cohort, of several, or a frame with tenure and cancelled; see
            `contract_cells`
        unit : the period from renewal to renewal, "D", "W", "M" or "Y"
        minimum : contracts below which the fit is refused
        minimum_cancelled : the same for those cancelled; default 30, or less if `minimum` is

        Raises
        ------
        DataError : the counts are impossible.
        NotEnoughData : too few contracts, cancellations or renewals seen.
        """
        cells = contract_cells(source, cls.LABEL)
        weight, over = cells["customers"].to_numpy(), cells["cancelled"].to_numpy()
        cancelled = min(MINIMUM_CANCELLED, minimum) if minimum_cancelled is None else minimum_cancelled
        seen = int(cells["tenure"].max()) if len(cells) else 0
        for have, need, counted in (
            (int(weight.sum()), max(minimum, 1), "contracts"),
            (int(weight[over].sum()), max(cancelled, 1), "cancelled contracts"),
            (seen, len(cls.NAMES), "renewals of the oldest contract"),
        ):
            if have < need:
                raise NotEnoughData(cls.LABEL, have, need, counted)
        likelihood = ContractLikelihood.of(cells, "c" in cls.NAMES)
        return cls._from_optimum(best_of(likelihood, cls._starts(likelihood)), likelihood, unit)

    @classmethod
    def at(cls, source: Any, params: dict[str, float], unit: str | None = None) -> Self:
        """The model at given parameters, with log-likelihood and covariance from these contracts."""
        likelihood = ContractLikelihood.of(contract_cells(source, cls.LABEL), "c" in cls.NAMES)
        log_params = np.log([params[name] for name in cls.NAMES])
        optimum = Optimum(log_params, *likelihood(log_params), iterations=0)
        return cls._from_optimum(optimum, likelihood, unit, at_rest=1e-4)

    def refit(self, source: Any) -> Self:
        """The model fitted to other contracts like these, begun at its own parameters: for resampling."""
        likelihood = ContractLikelihood.of(contract_cells(source, self.LABEL), "c" in self.NAMES)
        begin = self.values
        begin[:2] *= min(1.0, _MIDDLE / begin[1])  # the same chance to leave, and room to move
        optimum = newton(likelihood, np.log(begin), tolerance=_NEAR)
        return self._from_optimum(optimum, likelihood, self.unit)

    def objective(self, source: Any) -> tuple[ContractLikelihood, Array]:
        """What the fit made least, and by what its parameters are multiplied to be ours."""
        cells = contract_cells(source, self.LABEL)
        return ContractLikelihood.of(cells, "c" in self.NAMES), np.ones(len(self.NAMES))

    @classmethod
    def _from_optimum(
        cls, optimum: Optimum, likelihood: ContractLikelihood, unit: str | None, at_rest: float = 1e-6
    ) -> Self:
        log_cov = log_covariance(optimum, likelihood.total)
        values = np.exp(optimum.at)
        return cls(
            dict(zip(cls.NAMES, values, strict=True)),
            float(-optimum.value * likelihood.total),
            pd.DataFrame(np.outer(values, values) * log_cov, index=cls.NAMES, columns=cls.NAMES),
            round(likelihood.total),
            unit,
            diagnose(optimum, log_cov, cls.NAMES, at_rest),
        )

    @classmethod
    def _starts(cls, likelihood: ContractLikelihood) -> list[Array]:
        lost = float(likelihood.weight[likelihood.cancelled].sum())
        odds = float(likelihood.weight @ likelihood.t) / max(lost, 1.0)
        guesses = [(1.0, max(odds - 1, 0.1), 1.0), (0.3, 1.0, 1.2), (5.0, 5 * odds, 0.8), (0.1, 2.0, 2.0)]
        return [np.log(guess[: len(cls.NAMES)]) for guess in guesses]

    @property
    def _full(self) -> Array:
        """gamma, delta, c."""
        return self.values if "c" in self.NAMES else np.append(self.values, 1.0)

    # -- what it says ----------------------------------------------------------------------------

    def log_likelihood_of(self, source: Any) -> float:
        """Log-likelihood of other contracts under these parameters, total."""
        likelihood = ContractLikelihood.of(contract_cells(source, self.LABEL), "c" in self.NAMES)
        return -likelihood(np.log(self.values))[0] * likelihood.total

    def survival(self, t: ArrayLike) -> Any:
        """S(t): P(a new contract is still there after `t` renewals), 0..1."""
        return _plain(np.exp(log_survival(self._full, _renewals(t, "t"))))

    def retention(self, t: ArrayLike) -> Any:
        """r(t) = S(t) / S(t-1): P(renewed the t-th time | renewed t - 1 times), t = 1, 2, ...; 0..1."""
        times = _renewals(t, "t", least=1)
        return _plain(np.exp(-log_hazard_sum(self._full, times - 1, times)))

    def probability_of(self, t: ArrayLike) -> Any:
        """P(a new contract is cancelled at renewal `t`) = S(t-1) - S(t), t = 1, 2, ..."""
        return _plain(np.exp(log_leaving(self._full, _renewals(t, "t", least=1))))

    def survival_table(self, periods: int, level: float = 0.95) -> pd.DataFrame:
        """The curve with its interval from the parameters' uncertainty (delta method in ln -ln S).

        Parameters
        ----------
        periods : renewals to look at, from 0 on
        level : probability of the interval, 0..1

        Returns
        -------
        DataFrame: t, survival, lower, upper, retention (NaN at t = 0; bounds NaN where parameters were given
        or a parameter is not determined)
        """
        if not 0 < level < 1:
            raise ParameterError(f"level must lie between 0 and 1, got {level}")
        t: Array = np.arange(float(_renewals(periods, "periods")) + 1.0)
        log_s = log_survival(self._full, t)
        found = pd.DataFrame({"t": t.astype(np.int64), "survival": np.exp(log_s)})
        if self.covariance.empty:
            wide = np.full(len(t), np.nan)
        else:
            log_cov = self.covariance.to_numpy() / np.outer(self.values, self.values)
            first = slopes(self._full, t)[0][: len(self.NAMES)]
            error = np.sqrt(np.einsum("it,ij,jt->t", first, log_cov, first))
            wide = norm.ppf((1 + level) / 2) * error / np.maximum(-log_s, 1e-300)
        for name, sign in (("lower", 1.0), ("upper", -1.0)):
            found[name] = np.exp(log_s * np.exp(sign * wide))
        found["retention"] = np.append(np.nan, np.exp(-log_hazard_sum(self._full, t[:-1], t[1:])))
        return found

    def expected_residual_lifetime(self, tenure: ArrayLike, periods: int | None = None) -> Any:
        """Expected renewals still to come of a contract renewed `tenure` times.

        Parameters
        ----------
        tenure : renewals so far, whole numbers >= 0
        periods : count only the next ones; None for ever

        Raises
        ------
        ParameterError : the expectation for ever does not exist (gamma c <= 1, many loyal contracts).
        """
        n = _renewals(tenure, "tenure")
        if periods is None and self._full[0] * self._full[2] <= 1:
            raise ParameterError(
                f"{self.LABEL}: the expected lifetime is infinite at these parameters (a few contracts never "
                "end). Give a horizon in `periods`, or discount by derl"
            )
        return _plain(self._residual(n, 0.0, periods))

    def derl(
        self, tenure: ArrayLike, rate: float = 0.15, timing: str = "start", periods: int | None = None
    ) -> Any:
        """Discounted expected residual lifetime: what renewals to come are worth, in payments of today.

        Times margin a period it is the residual value of a contract.

        Parameters
        ----------
        tenure : renewals so far, whole numbers >= 0; the next one is due
        rate : annual effective rate of discount, > 0 (or 0 with `periods`); the model's unit says how long a
            period is
        timing : when a renewed period is paid: its "start" (the paper's: the next one now), "mid" or "end";
            there is no "continuous": contracts are renewed at whole periods only
        periods : count only the next ones; None for ever

        Source
        ------
        Fader & Hardie (2010), Customer-Base Valuation in a Contractual Setting, Marketing Science 29(1),
        equation 5: at tenure n - 1.
        """
        each = rate_per_period(rate, self.unit, endless=periods is None)
        found = self._residual(_renewals(tenure, "tenure"), float(np.log1p(each)), periods)
        return _plain(found * earlier(each, timing, self.LABEL))

    def total_purchases(self, source: Any, t: float, wanted: Interval) -> TotalForecast:
        """Renewals of all running contracts within `t`, by drawing alone; see `forecast_total`."""
        return total_of_rows(source, self, t, wanted)

    def rows_of(self, source: Any) -> pd.DataFrame:
        """The contracts that are running."""
        cells = contract_cells(source, self.LABEL)
        return cells[~cells["cancelled"]].reset_index(drop=True)

    def expected_of(self, rows: pd.DataFrame, t: float) -> Array:
        """Renewals expected of each row within `t`."""
        return np.asarray(self.expected_residual_lifetime(rows["tenure"].to_numpy(), int(t)))

    def simulate_rows(self, rows: pd.DataFrame, t: float, rng: np.random.Generator) -> Array:
        """Renewals in one drawn future. After n renewals theta is Beta(gamma, delta + n^c), and the hazard
        -ln(1 - theta) ((n + j)^c - n^c) reaches an exponential before the renewal that fails.
        """
        gamma, delta, c = self._full
        n = rows["tenure"].to_numpy(float)
        hazard = -np.log1p(-np.clip(rng.beta(gamma, delta + n**c), 1e-300, 1 - 1e-16))
        last = (n**c + rng.exponential(size=len(n)) / hazard) ** (1 / c)
        return np.minimum(np.floor(last - n), t)

    def _residual(self, tenure: Array, force: float, periods: int | None) -> Array:
        """Sum over j from 1 of S(n + j) / S(n) exp(-force j)."""
        most = None if periods is None else int(_renewals(periods, "periods"))
        some, inverse = np.unique(tenure, return_inverse=True)
        found = np.array([self._sum(n, force, most) for n in some])
        return np.asarray(found[inverse.ravel()].reshape(tenure.shape))

    def _sum(self, n: float, force: float, periods: int | None) -> float:
        def paid(j: Array) -> Array:
            return np.exp(-log_hazard_sum(self._full, np.full(len(j), n), n + j) - force * j)

        if periods is not None:
            return float(paid(np.arange(1.0, periods + 1)).sum())
        gamma, delta, c = self._full
        return endless_sum(paid, force, gamma * c - 1, (delta + n**c) ** min(1 / c, 20.0))


@dataclass(frozen=True, eq=False)
class ShiftedBetaGeo(ContractModel):
    """Each contract is cancelled at every renewal with its own chance theta ~ Beta(gamma, delta).

    Those likely to leave leave first, so that retention grows with tenure although nobody changes.

    Attributes
    ----------
    params : gamma, delta; gamma / (gamma + delta) is the chance to cancel at the first renewal
    log_likelihood : total over contracts
    covariance : of the parameters on their natural scale
    customers : contracts fitted on
    unit : the period from renewal to renewal
    diagnosis : whether the optimum can be trusted

    Source
    ------
    Fader & Hardie (2007), How to Project Customer Retention, Journal of Interactive Marketing 21(1), 76-90.

    Examples
    --------
    >>> model = ShiftedBetaGeo.fit([1000, 631, 468, 382, 326, 289, 262, 241], unit="Y")
    >>> model.survival([1, 12]).round(3).tolist(), round(model.derl(3, rate=0.1), 2)
    ([0.627, 0.17], 5.44)
    """

    NAMES: ClassVar[tuple[str, ...]] = ("gamma", "delta")
    LABEL: ClassVar[str] = "sBG"


@dataclass(frozen=True, eq=False)
class BetaDiscreteWeibull(ContractModel):
    """As `ShiftedBetaGeo`, but each contract's own chance to leave can grow (c > 1) or fall (c < 1).

    S(t | theta) = (1 - theta)^(t^c), theta ~ Beta(gamma, delta); c = 1 is `ShiftedBetaGeo`.

    Attributes
    ----------
    params : gamma, delta, c; the rest as in `ShiftedBetaGeo`

    Source
    ------
    Fader, Hardie, Liu, Davin & Steenburgh (2018), "How to Project Customer Retention" Revisited, Journal of
    Interactive Marketing 43, 1-16.

    Examples
    --------
    >>> model = BetaDiscreteWeibull.fit([1000, 869, 743, 653, 593, 551, 517, 491], unit="Y")
    >>> round(model.survival(12), 4)
    0.4039
    """

    NAMES: ClassVar[tuple[str, ...]] = ("gamma", "delta", "c")
    LABEL: ClassVar[str] = "BdW"


def _renewals(values: ArrayLike, name: str, least: int = 0) -> Array:
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must hold whole numbers >= {least}") from None
    if not ((found >= least) & (found <= MOST_RENEWALS) & (found == np.floor(found))).all():
        raise ParameterError(f"{name} must hold whole numbers of renewals, {least} to {MOST_RENEWALS:,}")
    return found


def _plain(found: Array) -> Any:
    return float(found) if np.ndim(found) == 0 else found
