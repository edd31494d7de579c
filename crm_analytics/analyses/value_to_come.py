"""What today's customers will still bring: one forecast for every report of a base.

Undiscounted revenue of a horizon, net of the goods that will come back, from today's customers alone:
customers
still to be won are not in it. The model of single customers runs on the clock of the business (season); it is
one of several ways, which are weighed, shifted and doubted by the errors they made at earlier days of the
same base (`analyses.forecasting`). Every page takes its number and its interval from here. Discounted values,
other models and the proof on what came stand in the lifetime-value report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.discounting.discounting import Discount
from crm_analytics.analyses.btyd.fitting.units import days_per_unit
from crm_analytics.analyses.btyd.forecasts.scoring import score_with
from crm_analytics.analyses.btyd.totals.uncertainty import Interval
from crm_analytics.analyses.forecasting.by_standing import OFTEN, begins_of, standing_in, standing_of
from crm_analytics.analyses.forecasting.foundation import Foundation, foundation
from crm_analytics.analyses.forecasting.learnt import Learnt
from crm_analytics.analyses.forecasting.ways import Models
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.days import Span, span_of
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

UNIT = "W"
HORIZON = (52, UNIT)
DRAWS = 200  # of the intervals of groups
LEVEL = 0.95
LOSS = 0.15  # a year: chance that a customer is lost whom nothing marks as leaving
UNKNOWN = 0.5  # deviation, on logarithms, of what nothing tells
Array = NDArray[np.float64]


class NoMeanSpend(NotEnoughData):
    """A few customers spend so much on a purchase that the average has no limit."""

    def __init__(self, q: float) -> None:
        super().__init__("A forecast of money", 0, 1, "mean of spend")
        self.q = q


@dataclass(frozen=True, eq=False)
class Plain:
    """Models in calendar time, without season or trials."""

    summary: btyd.Summary
    model: btyd.BetaGeo
    status: btyd.ModifiedBetaGeo
    spend: btyd.GammaGamma


@dataclass(frozen=True, eq=False)
class ValueToCome(ObjectCard):
    """The forecast of a base at its day.

    Attributes
    ----------
    summary : in calendar time
    inside : in business time: the times that the models know
    model, status, spend : what it was made from: BG/NBD for purchases, MBG/NBD for who is still a
        customer, both in business time, Gamma-Gamma for spend
    horizon : periods and their unit
    total : undiscounted net revenue of the horizon, with its 95 % interval
    purchases, buyers : repeat purchases of the horizon and different customers who make them, with theirs
    learnt : "value", "purchases", "buyers": how the number and its interval were learnt
    chance : standard deviation, on logarithms, that chance and parameters alone give the value
    factor : the value over what the model of single customers says
    foundation : season, trials, and what to know before reading the number (`cautions`)
    scored : customer_id, value_to_come, expected_purchases, probability_alive; values add up to the total,
        and are shared out as customers of each standing turned out a year ago
    doubted : customer_id, doubt (standard deviation, on logarithms, of what a standing's share is off by)
    plain : the models in calendar time, as they were fitted at first
    """

    summary: btyd.Summary
    inside: btyd.Summary
    model: btyd.BetaGeo
    status: btyd.ModifiedBetaGeo
    spend: btyd.GammaGamma
    horizon: tuple[int, str]
    total: btyd.TotalForecast
    purchases: btyd.TotalForecast
    buyers: btyd.TotalForecast
    learnt: Mapping[str, Learnt]
    chance: float
    factor: float
    foundation: Foundation
    scored: ir.Table
    doubted: ir.Table
    plain: Plain

    @property
    def tells_who_left(self) -> bool:
        """Whether the data determine dropout; where they do not, nobody can be called lost."""
        return self.model.diagnosis.converged and self.status.diagnosis.converged

    @cached_property
    def still_customers(self) -> float:
        """Customers who are still there, expected: the sum of P(alive). Nobody knows which."""
        chance = self.status.probability_alive(self.inside.cells).to_numpy()
        return float(self.inside.cells["customers"].to_numpy(float) @ chance)

    def over(self, horizon: tuple[int, str]) -> ValueToCome:
        """The same forecast over another horizon; nothing is fitted again."""
        return _over(self.plain, self.foundation, self.status, horizon)

    def discounted(self, rate: float, timing: str) -> ir.Table:
        """As `btyd.score`, in business time, with values that add up to the discounted total."""
        found = self.foundation.models
        discount = Discount.of(self.horizon, rate, timing, UNIT)
        times = np.array([found.business_weeks(float(t)) for t in discount.times])
        inside = replace(discount, times=times, horizon=found.business_weeks(discount.horizon))
        scored = score_with(self.inside, self.model, self.spend, inside, self.status)
        value = scored.lifetime_value * self.factor
        return scored.mutate(lifetime_value=value)

    def of_groups(self, groups: ir.Table) -> pd.DataFrame:
        """What each group will bring.

        Parameters
        ----------
        groups : customer_id, segment; customers without a group are left out

        Returns
        -------
        segment, customers, value, lower, upper (95 %), largest first. The chance of each group is drawn by
        itself, its customers' standings are doubted (`doubted`), and what the whole forecast may be off by
        moves all groups alike: intervals do not add up
        """
        found = self._parts(groups)
        wide = self.learnt["value"].doubt.wider(found["own"].to_numpy(float), LEVEL)
        value = found["value"].to_numpy(float)
        found = found.assign(lower=value * np.exp(-wide), upper=value * np.exp(wide))
        found = found.sort_values(["value", "segment"], ascending=[False, True], ignore_index=True)
        return found[["segment", "customers", "value", "lower", "upper"]]

    def share_of(self, customers: ir.Table, share: float | None = None) -> tuple[float, float, float]:
        """The share of the total that some customers will bring, lower, upper (95 %).

        What the whole forecast may be off by moves both sides alike and is not in it.

        Parameters
        ----------
        customers : customer_id
        share : the share, where it is counted in other money, such as margin
        """
        everybody = self.scored.select("customer_id")
        named = customers.select("customer_id", segment=ibis.literal("named"))
        rest = everybody.anti_join(named, "customer_id").mutate(segment=ibis.literal("rest"))
        parts = self._parts(named.union(rest)).set_index("segment")
        value = parts["value"].reindex(["named", "rest"]).fillna(0.0)
        share = float(value["named"] / value.sum()) if share is None else share
        if not 0 < share < 1:
            return share, share, share
        half = Z95 * float(np.sqrt(parts["own"].sum()))
        odds = share / (1 - share) * np.exp([-half, half])
        low, high = odds / (1 + odds)
        return share, float(low), float(high)

    def _parts(self, groups: ir.Table) -> pd.DataFrame:
        """By group: segment, customers, value, own (variance, on logarithms, beside that of the whole)."""
        weeks = max(1, round(self.foundation.models.business_weeks(_weeks(self.horizon))))
        found = btyd.value_by_group(
            self.inside, self.model, self.spend, groups, horizon=(weeks, UNIT), rate=0.0, draws=DRAWS
        )
        named = groups.select("customer_id", segment=groups.segment.cast("string"))
        sums = self.scored.inner_join(self.doubted, "customer_id").inner_join(named, "customer_id")
        worth = self.summary.base.collect(
            sums.group_by("segment").aggregate(
                worth=lambda t: t.value_to_come.sum(), loose=lambda t: (t.value_to_come * t.doubt).sum()
            )
        )
        found = found.merge(worth, on="segment", how="left", validate="1:1")
        value = found["worth"].to_numpy(float)
        some = np.maximum(value, 1e-300)
        chance = _deviation(*(found[c].to_numpy(float) for c in ("value", "lower", "upper"))) ** 2
        # a group that is to bring less than the model says buys less often, and so by chance more unevenly
        chance *= np.maximum(found["value"].to_numpy(float) * self.factor / some, 1.0)
        loose = found["loose"].to_numpy(float) / some
        own = np.maximum(chance - self.chance**2, 0.0) + loose**2
        return found[["segment", "customers"]].assign(value=value, own=own)


@watched("Forecasting")
def value_to_come(base: CustomerBase, horizon: Span = HORIZON) -> ValueToCome:
    """Fit the forecast of a base at its day.

    Raises
    ------
    NotEnoughData : fewer than 100 customers, or 30 who bought again; or nothing was bought of late.
    NoMeanSpend : purchases can be forecast, their money cannot.
    """
    summary = btyd.summarize(base, unit=UNIT)
    models = btyd.BetaGeo.fit(summary), btyd.ModifiedBetaGeo.fit(summary), btyd.GammaGamma.pricing(summary)
    return of_models(base, summary, models, horizon)


def purchases_to_come(
    base: CustomerBase,
    summary: btyd.Summary,
    model: btyd.BetaGeo,
    spend: btyd.GammaGamma,
    horizon: Span = HORIZON,
) -> btyd.TotalForecast:
    """Purchases alone, where their money has no mean; models are fitted in calendar time."""
    found, weeks = foundation(base, summary, model, spend), _weeks(horizon)
    models = found.models
    alone = btyd.forecast_total(models.summary, models.model, models.business_weeks(weeks), draws=DRAWS)
    chance = float(_deviation(alone.mean, alone.lower, alone.upper))
    return _told(alone, *found.learn("purchases", weeks, chance))


def of_models(
    base: CustomerBase,
    summary: btyd.Summary,
    models: tuple[btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.GammaGamma],
    horizon: Span = HORIZON,
) -> ValueToCome:
    """The forecast of models that are fitted in calendar time already, as `value_to_come` makes it."""
    model, status, spend = models
    if not spend.params["q"] > 1:
        raise NoMeanSpend(spend.params["q"])
    found = foundation(base, summary, model, spend)
    if found.models.time.is_used:
        status = btyd.ModifiedBetaGeo.fit(found.models.summary)
    return _over(Plain(summary, *models), found, status, span_of(horizon))


def _weeks(horizon: Span) -> float:
    number, unit = span_of(horizon)
    return number * days_per_unit(unit) / days_per_unit(UNIT)


def _over(
    plain: Plain, found: Foundation, status: btyd.ModifiedBetaGeo, horizon: tuple[int, str]
) -> ValueToCome:
    models, weeks = found.models, _weeks(horizon)
    inside, t = models.summary, models.business_weeks(weeks)
    totals = {
        "value": models.model.total_value(inside, models.spend, Discount.none(t), Interval(LEVEL, DRAWS)),
        "purchases": btyd.forecast_total(inside, models.model, t, level=LEVEL, draws=DRAWS),
        "buyers": _buyers(inside, models.model, t),
    }
    learnt, factors, lumps = {}, {}, _lumps(models, t, weeks)
    chance = {what: float(_deviation(one.mean, one.lower, one.upper)) for what, one in totals.items()}
    for what, one in totals.items():
        learnt[what], factors[what] = found.learn(what, weeks, chance[what], lumps.get(what, 0.0))
        totals[what] = _told(one, learnt[what], factors[what])
    scored = score_with(inside, models.model, models.spend, Discount.none(t), status)
    base = plain.summary.base
    kept = base.materialise(_shared_out(found, scored, t, factors))
    return ValueToCome(
        summary=models.plain,
        inside=inside,
        model=models.model,
        status=status,
        spend=models.spend,
        horizon=horizon,
        total=totals["value"],
        purchases=totals["purchases"],
        buyers=totals["buyers"],
        learnt=MappingProxyType(learnt),
        chance=chance["value"],
        factor=factors["value"],
        foundation=found,
        scored=kept.drop("doubt"),
        doubted=kept.select("customer_id", "doubt"),
        plain=plain,
    )


def _shared_out(found: Foundation, scored: ir.Table, t: float, factors: Mapping[str, float]) -> ir.Table:
    """Each customer's part of the totals, as customers of their standing turned out a year ago.

    Returns
    -------
    customer_id, probability_alive, expected_purchases, value_to_come, doubt
    """
    models, table = found.models, found.standings
    history, cells, days = models.plain.history, models.summary.cells, models.plain.cell_days
    n, x = (cells[c].to_numpy(float) for c in ("customers", "frequency"))
    if table.empty:  # no year could be tried
        table = pd.DataFrame({"silent": [0.0] * len(OFTEN), "factor": 1.0, "error": 0.0})
    begins = begins_of(table)
    factor, error = (table[name].to_numpy(float) for name in ("factor", "error"))
    standing = standing_of(x, (days["age_days"] - days["recency_days"]).to_numpy(), begins)
    purchases = n * models.model.expected_purchases(cells, t).to_numpy()
    value = purchases * models.spend.expected(x, days["monetary_value"].to_numpy(float))
    whole = {
        what: one.sum() / max(float(one @ factor[standing]), 1e-300) * factors[what]
        for what, one in (("purchases", purchases), ("value", value))
    }
    known = models.plain.base.to_engine(
        pd.DataFrame({"standing": np.arange(len(factor)), "share": factor, "doubt": error})
    )
    placed = history.select("customer_id", standing=standing_in(history, begins)).inner_join(
        known, "standing"
    )
    each = scored.inner_join(placed, "customer_id")
    return each.select(
        "customer_id",
        "probability_alive",
        "doubt",
        expected_purchases=each.expected_purchases * each.share * float(whole["purchases"]),
        value_to_come=each.lifetime_value * each.share * float(whole["value"]),
    )


def _buyers(inside: btyd.Summary, model: btyd.BetaGeo, t: float) -> btyd.TotalForecast:
    """Different customers who buy within `t`: a sum of chances."""
    p = btyd.probability_active(model, inside.cells, t).to_numpy(float)
    n = inside.cells["customers"].to_numpy(float)
    mean, half = float(n @ p), Z95 * float(np.sqrt(n @ (p * (1 - p))))
    low, high = max(mean - half, 0.0), mean + half
    return btyd.TotalForecast(mean, low, high, LEVEL, mean, mean, int(n.sum()), 0, 0)


def _lumps(models: Models, t: float, weeks: float) -> dict[str, float]:
    """Variance, on logarithms, if each customer is lost by a small chance: much only where a few are large.

    A model of many small customers does not know that the loss of one of eight accounts is an eighth.
    """
    cells = models.summary.cells
    n, x = (cells[c].to_numpy(float) for c in ("customers", "frequency"))
    purchases = models.model.expected_purchases(cells, t).to_numpy()
    mean = models.plain.cell_days["monetary_value"].to_numpy(float)
    years = min(weeks / HORIZON[0], 1.0)
    each = {"purchases": purchases, "value": purchases * models.spend.expected(x, mean)}
    return {
        what: years * LOSS * (1 - LOSS) * float(n @ one**2) / max(float(n @ one), 1e-300) ** 2
        for what, one in each.items()
    }


def _told(alone: btyd.TotalForecast, learnt: Learnt, factor: float) -> btyd.TotalForecast:
    """A total of the models as the trials correct and widen it."""
    half, mean = learnt.doubt.half(LEVEL), alone.mean * factor
    return replace(
        alone,
        mean=mean,
        lower=mean * float(np.exp(-half)),
        upper=mean * float(np.exp(half)),
        parameter_lower=alone.parameter_lower * factor,
        parameter_upper=alone.parameter_upper * factor,
    )


def _deviation(mean: Array | float, low: Array | float, high: Array | float) -> Array:
    """Standard deviation on logarithms that an interval of 95 % has; a half where nothing is known."""
    mean, low, high = (np.asarray(one, float) for one in (mean, low, high))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log1p((high - low) / (2 * mean)) / Z95
    return np.where(np.isfinite(found), found, UNKNOWN)
