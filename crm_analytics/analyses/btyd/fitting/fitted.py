"""What every fitted model is: named numbers, how sure they are, and how they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting import lifetimes_bridge, pymc_bridge
from crm_analytics.analyses.btyd.fitting.optimise import GIVEN, Diagnosis
from crm_analytics.analyses.btyd.fitting.parameter_draws import draw_values
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.btyd.spend.spend_model import SpendModel
from crm_analytics.analyses.btyd.totals.uncertainty import Interval, TotalForecast
from crm_analytics.errors import ParameterError
from crm_analytics.tables.object_cards import ObjectCard

# What scikit-learn, lifetimes and pymc-marketing call it, and what to write here.
FOREIGN_NAMES = {
    "predict": "expected_purchases(frame, t), for t units of time ahead",
    "predict_proba": "probability_alive(frame)",
    "conditional_expected_number_of_purchases_up_to_time": "expected_purchases(frame, t)",
    "expected_number_of_purchases_up_to_time": "expected_purchases_new(t)",
    "conditional_probability_alive": "probability_alive(frame)",
    "conditional_expected_average_profit": "expected_spend(frame)",
    "customer_lifetime_value": "lifetime_value(spend, frame, horizon='52w', rate=0.15)",
    "expected_purchases_new_customer": "expected_purchases_new(t)",
    "expected_probability_alive": "probability_alive(frame)",
    "expected_customer_spend": "expected_spend(frame)",
    "summary": "params and model.covariance",
}


class Likelihood(Protocol):
    """Minus the mean log-likelihood in log parameters, with gradient and Hessian."""

    @property
    def total(self) -> float:
        """Customers in all."""

    def __call__(self, log_params: NDArray[np.float64]) -> tuple[float, Any, Any]:
        """At the logarithms of the parameters."""


@dataclass(frozen=True, eq=False)
class FittedModel(ObjectCard):
    """A model is its numbers: there is no unfitted state, and nothing but numbers to save."""

    params: dict[str, float] = field(default_factory=dict)
    log_likelihood: float = float("nan")
    covariance: pd.DataFrame = field(default_factory=pd.DataFrame)
    customers: int = 0
    unit: str | None = None
    diagnosis: Diagnosis = GIVEN

    said_as = "model"
    NAMES: ClassVar[tuple[str, ...]] = ()
    LABEL: ClassVar[str] = ""
    COUNTED: ClassVar[str] = ""  # what it counts instead of time, as "renewals": whole numbers only

    def __post_init__(self) -> None:
        if not self.params:
            name, given = type(self).__name__, ", ".join(f"{n!r}: ..." for n in self.NAMES)
            raise ParameterError(
                f"{self.LABEL} has no unfitted state: write {name}.fit(summary), or {name}({{{given}}}) for "
                "given parameters"
            )
        if set(self.params) != set(self.NAMES):
            raise ParameterError(f"{self.LABEL} has the parameters {', '.join(self.NAMES)}")
        for name, value in self.params.items():
            if not (np.isfinite(value) and value > 0):
                raise ParameterError(f"{self.LABEL}: parameter {name} must be a number > 0, got {value}")
        if self.unit is not None:
            days_per_unit(self.unit)
            object.__setattr__(self, "unit", self.unit.upper())
        object.__setattr__(self, "params", {name: float(self.params[name]) for name in self.NAMES})

    if not TYPE_CHECKING:  # a type checker would take any name for known

        def __getattr__(self, name: str) -> Any:
            """Only asked for what a model lacks: what other packages call it is told its name here."""
            instead = FOREIGN_NAMES.get(name, "")
            known = instead and hasattr(type(self), instead.split("(")[0].split(" ")[0])
            hint = f": write model.{instead}" if known or name == "summary" else ""
            if not hint:
                return super().__getattr__(name)
            raise AttributeError(f"{type(self).__name__} has no '{name}'{hint}")

    @property
    def values(self) -> NDArray[np.float64]:
        """The parameters in the order of `params`."""
        return np.array([self.params[name] for name in self.NAMES])

    @property
    def standard_errors(self) -> pd.Series:
        """Of the parameters, from the observed information; NaN where they were given, not fitted."""
        index = list(self.NAMES)
        if self.covariance.empty:
            return pd.Series(np.nan, index=index, name="standard_error")
        return pd.Series(np.sqrt(np.diag(self.covariance)), index=index, name="standard_error")

    @property
    def card_facts(self) -> Mapping[str, Any]:
        """The parameters, of how many customers they are, and what the fit has to say."""
        fitted = np.isfinite(self.log_likelihood)
        return {
            "model": self.LABEL,
            "params": self.params,
            "customers": self.customers or None,
            "log_likelihood": self.log_likelihood if fitted else None,
            "unit": self.unit,
            "diagnosis": self.diagnosis.message if fitted else "parameters were given, not fitted",
        }

    def with_values(self, values: NDArray[np.float64]) -> Self:
        """The model at other parameters, in the order of `params`; what else it has stays."""
        return replace(self, params=dict(zip(self.NAMES, values, strict=True)))

    def drawn(self, draws: int, rng: np.random.Generator) -> list[Self]:
        """Models whose parameters are drawn from the normal distribution of their logarithms (Laplace)."""
        return self.at_each(draw_values(self, draws, rng))

    def at_each(self, values: NDArray[np.float64]) -> list[Self]:
        """Models at given parameters, one row each."""
        # what else a model has, its unit or its k, stays
        given = replace(self, log_likelihood=float("nan"), covariance=pd.DataFrame(), diagnosis=GIVEN)
        return [given.with_values(row) for row in values]

    def objective(self, source: Any) -> tuple[Likelihood, NDArray[np.float64]]:
        """What the fit made least, and by what its parameters are multiplied to be ours."""
        raise NotImplementedError

    def total_value(
        self, source: Any, spend: SpendModel, discount: Discount, wanted: Interval
    ) -> TotalForecast:
        """Money of all customers, where the model knows it; see `value_total`.

        Raises
        ------
        ParameterError : the model counts opportunities or renewals.
        """
        raise ParameterError(
            f"{self.LABEL} counts {self.COUNTED}: of a total ask forecast_total, of money each customer's "
            "lifetime_value or derl"
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values for a JSON file; nothing but numbers, never a pickle."""
        covariance = self.covariance.to_numpy().tolist() if not self.covariance.empty else None
        if covariance is not None:
            covariance = [[v if np.isfinite(v) else None for v in row] for row in covariance]
        return {
            "model": type(self).__name__,
            "params": self.params,
            "log_likelihood": self.log_likelihood if np.isfinite(self.log_likelihood) else None,
            "covariance": covariance,
            "customers": self.customers,
            "unit": self.unit,
            "diagnosis": self.diagnosis.to_json(),
        }

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        ParameterError : the facts are of another model.
        """
        if facts.get("model") != cls.__name__:
            raise ParameterError(f"these are facts of {facts.get('model')!s:.40}, not of {cls.__name__}")
        covariance = pd.DataFrame()
        if facts["covariance"] is not None:
            covariance = pd.DataFrame(facts["covariance"], index=cls.NAMES, columns=cls.NAMES, dtype=float)
        likelihood = facts["log_likelihood"]
        return cls(
            facts["params"],
            float("nan") if likelihood is None else likelihood,
            covariance,
            facts["customers"],
            facts["unit"],
            Diagnosis.from_json(facts["diagnosis"]),
        )

    def to_lifetimes(self) -> Any:
        """The same model as a fitted lifetimes fitter."""
        return lifetimes_bridge.to_lifetimes(self)

    @classmethod
    def from_lifetimes(cls, fitter: Any, unit: str | None = None) -> Self:
        """From a fitted lifetimes fitter; log-likelihood and covariance are computed anew from its data."""
        return cls(**lifetimes_bridge.from_lifetimes(cls, fitter, unit))

    def to_pymc_marketing(self, data: pd.DataFrame, draws: int = 1_000, seed: int = 1) -> Any:
        """The same model as one of pymc-marketing, see `pymc_bridge.to_pymc_marketing`."""
        return pymc_bridge.to_pymc_marketing(self, data, draws, seed)

    @classmethod
    def from_pymc_marketing(cls, fitted: Any, unit: str | None = None) -> Self:
        """From a fitted model of pymc-marketing, by MAP or with draws."""
        return cls(**pymc_bridge.from_pymc_marketing(cls, fitted, unit))
