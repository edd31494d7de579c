"""The customer equity of a base: models fitted, parts valued, groups compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crm_analytics.analyses import arguments, btyd
from crm_analytics.analyses.audit.acquisition import cost_of_winning
from crm_analytics.analyses.equity.contract_equity import contract_equity
from crm_analytics.analyses.equity.firm_equity import Amount, FirmEquity, pack, unpack
from crm_analytics.analyses.equity.future_customers import PER_YEAR, QUARTER, acquisition, cohort_orders
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.margin import margin_share
from crm_analytics.analyses.value_to_come import HORIZON, value_to_come
from crm_analytics.errors import NotEnoughData, ParameterError, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from crm_analytics.analyses.btyd.purchases.purchase_model import PurchaseModel
    from crm_analytics.analyses.value_to_come import ValueToCome
    from crm_analytics.tables.customer_base import CustomerBase

    Array = NDArray[np.float64]

MODELS: dict[str, type[PurchaseModel]] = {
    "BG/NBD": btyd.BetaGeo,
    "MBG/NBD": btyd.ModifiedBetaGeo,
    "Pareto/NBD": btyd.ParetoNBD,
    "NBD": btyd.NBD,
    "GG/NBD": btyd.GammaGompertzNBD,
}
YEARS, RATE = 3, 0.10


def firm_equity(
    base: CustomerBase,
    *,
    years: int = YEARS,
    rate: float = RATE,
    margin: float | None = None,
    cost: float | None = None,
    model: str = "BG/NBD",
    summary: btyd.Summary | None = None,
) -> FirmEquity:
    """Value present customers and those still to be won.

    Parameters
    ----------
    years, rate : horizon, and annual effective rate of discount
    margin : share of revenue; by default from unit costs in the data
    cost : of winning a customer; by default `audit.cost_of_winning`, where it is in the data
    model : a name of `MODELS`
    summary : of the base in weeks, where it is at hand

    Raises
    ------
    ParameterError : no such model, or a number out of range.
    NotEnoughData : under 100 customers, 30 repeat buyers, or four whole quarters; or spend without a mean.
    """
    arguments.whole("years", years, 1, 30)
    arguments.share("rate", rate)
    if model not in MODELS:
        raise ParameterError(f"no purchase model '{model}'{nearest(model, list(MODELS))}")
    margin = margin_share(base) if margin is None else margin
    cost = _cost_of_winning(base) if cost is None else cost
    summary = summary or btyd.summarize(base, unit="W")
    fitted, spend = MODELS[model].fit(summary), btyd.GammaGamma.fit(summary)
    if not spend.params["q"] > 1:
        raise NotEnoughData("A forecast of money", 0, 1, "mean of spend")
    quarters = years * 4
    ahead = quarters * QUARTER // 7
    year = value_to_come(base)
    factor, doubt = _learnt(year, fitted, spend, summary), _doubt(year, years)
    present = _present(fitted, spend, summary, (ahead, rate))
    present = _widened(present.times(factor * (1.0 if margin is None else margin)), doubt)
    won, orders = acquisition(base), cohort_orders(fitted, quarters)
    found = FirmEquity(
        present, Amount(0.0, 0.0, 0.0), margin, cost, years, rate, model, summary.customer_count,
        float(spend.mean_spend) * summary.kept_share, won, orders, _timing(fitted, summary, quarters, rate),
        contract_equity(base, years=years, rate=rate, margin=margin),
    )  # fmt: skip
    return _with_future(found, fitted, spend, summary, doubt)


def _learnt(year: ValueToCome, fitted: PurchaseModel, spend: btyd.GammaGamma, summary: btyd.Summary) -> float:
    """The forecast of all pages for one year over that of the model alone.

    The model says how the years share what is to come; the first of them is the forecast that the other pages
    print, so that no page contradicts another.
    """
    cells = summary.cells.assign(monetary_value=summary.cell_days["monetary_value"])
    each = fitted.lifetime_value(spend, cells, horizon=HORIZON, rate=0.0).to_numpy(float)
    alone = float(cells["customers"].to_numpy(float) @ each)
    return year.total.mean / alone if alone > 0 else summary.kept_share


def _doubt(year: ValueToCome, years: int) -> float:
    """Half of the 95 % interval, on logarithms, that one year's earlier errors give so many years.

    The level of a business wanders: what a year is off by grows with the root of the years.
    """
    return year.learnt["value"].doubt.half() * float(np.sqrt(years))


def _widened(amount: Amount, half: float) -> Amount:
    """With an interval that holds chance and parameters, and on logarithms at least `half` to each side."""
    ends = sorted(amount.value + abs(amount.value) * np.expm1([-half, half]))
    return Amount(amount.value, float(min(amount.lower, ends[0])), float(max(amount.upper, ends[1])))


def _present(
    fitted: PurchaseModel, spend: btyd.GammaGamma, summary: btyd.Summary, ahead: tuple[int, float]
) -> Amount:
    """Revenue of present customers over so many weeks, at a rate of discount.

    The interval holds parameters, by one standard error along each of their axes, the basket, and chance: a
    customer is there or not, and then buys as a Poisson process at a rate that nobody knows. What
    `btyd.value_total` draws in a hundred times the time; a test holds the two against each other.
    """
    weeks, rate = ahead
    cells = summary.cells.assign(monetary_value=summary.cell_days["monetary_value"])
    w = cells["customers"].to_numpy(float)

    def each(model: PurchaseModel) -> Array:
        return model.lifetime_value(spend, cells, horizon=(weeks, "W"), rate=rate).to_numpy(float)

    value = each(fitted)
    total = float(w @ value)
    moved = [float(w @ each(other)) - total for other in _neighbours(fitted, summary)]
    alive = np.clip(fitted.probability_alive(cells).to_numpy(float), 1e-6, 1.0)
    purchases = np.maximum(fitted.expected_purchases(cells, weeks).to_numpy(float), 1e-12)
    known = cells["frequency"].to_numpy(float) + fitted.params.get("r", 1.0)
    chance = w @ (2 * value**2 / purchases + value**2 * ((1 - alive) / alive + 1 / known))
    basket = total * _error_of_basket(summary)
    error = float(np.sqrt(sum(m**2 for m in moved) + chance + basket**2))
    return Amount(total, total - Z95 * error, total + Z95 * error)


def _with_future(
    found: FirmEquity, fitted: PurchaseModel, spend: btyd.GammaGamma, summary: btyd.Summary, doubt: float
) -> FirmEquity:
    """The future with its interval: new customers, the model's parameters and the basket, each on its own.

    What the business may be off by (`doubt`) moves customers still to be won as it moves the present ones.
    """
    value = float(found.quarters["discounted"].sum())
    gross = float(replace(found, cost=0.0).quarters["discounted"].sum())
    near = [
        replace(found, orders=cohort_orders(other, len(found.orders)))
        for other in _neighbours(fitted, summary)
    ]
    moved = [float(other.quarters["discounted"].sum()) - value for other in near]
    basket, each = _error_of_basket(summary), found.new_customer
    own = Z95 * float(np.sqrt(sum(m**2 for m in moved) + (basket * gross) ** 2))
    won = Z95 * found.acquired.error * float(np.sqrt(found.years))
    wide = float(np.hypot(won, doubt))
    steps = sum((other.new_customer - each) ** 2 for other in near)
    return replace(
        found,
        future=_widened(Amount(value, value - own, value + own), wide),
        new_customer_error=float(np.sqrt(steps + (basket * each) ** 2 + (doubt / Z95 * each) ** 2)),
    )


def _neighbours(model: PurchaseModel, summary: btyd.Summary) -> list[PurchaseModel]:
    """The model one standard error away, along each axis of what is not known of its parameters."""
    found = []
    for params in _directions(model):
        try:
            found.append(type(model).at(summary, params, model.unit))
        except ParameterError:  # beyond what the model allows
            continue
    return found


def _directions(model: PurchaseModel) -> list[dict[str, float]]:
    """Parameters one standard error away, along each axis of what is not known of them."""
    if model.covariance.empty:
        return []
    names = list(model.covariance.columns)
    at = np.array([model.params[name] for name in names])
    log_covariance = model.covariance.to_numpy() / np.outer(at, at)
    if not np.isfinite(log_covariance).all():
        return []
    values, vectors = np.linalg.eigh(log_covariance)
    steps = vectors * np.sqrt(np.clip(values, 0, 1.0))  # an axis that is not determined is cut at a factor e
    return [dict(model.params) | dict(zip(names, at * np.exp(step), strict=True)) for step in steps.T]


def _error_of_basket(summary: btyd.Summary) -> float:
    """Standard error of mean spend, as a share of it, over repeat buyers."""
    cells = summary.spend_cells
    w, x = cells["customers"].to_numpy(float), cells["monetary_value"].to_numpy(float)
    mean = float(np.average(x, weights=w))
    return float(np.sqrt(np.average((x - mean) ** 2, weights=w) / w.sum())) / mean


def _timing(model: PurchaseModel, summary: btyd.Summary, quarters: int, rate: float) -> Array:
    """Share of present customers' discounted purchases in each quarter; spend is taken not to shift it."""
    w = summary.cells["customers"].to_numpy(float)
    upto = [0.0] + [
        float(w @ model.expected_purchases(summary.cells, k * QUARTER / 7).to_numpy())
        for k in range(1, quarters + 1)
    ]
    worth = np.diff(upto) * (1 + rate) ** -((np.arange(quarters) + 0.5) / PER_YEAR)
    return np.asarray(worth / worth.sum() if worth.sum() > 0 else np.full(quarters, 1 / quarters))


def _cost_of_winning(base: CustomerBase) -> float | None:
    found = cost_of_winning(base)
    return None if found is None else found.total.value


def by_group(base: CustomerBase, groups: ir.Table, found: FirmEquity, summary: btyd.Summary) -> pd.DataFrame:
    """Value of present customers by group, in the money of `found`.

    Parameters
    ----------
    groups : customer_id, segment; customers without a group are left out

    Returns
    -------
    segment, customers, value, lower, upper, each (per customer); largest value first. The intervals (95 %)
    take customers as drawn, and what the whole may be off by moves all groups alike
    """
    fitted, spend = MODELS[found.model].fit(summary), btyd.GammaGamma.fit(summary)
    weeks = found.years * 4 * QUARTER // 7
    scored = btyd.score(summary, fitted, spend, horizon=(weeks, "W"), rate=found.rate)
    joined = scored.select("customer_id", money=scored.lifetime_value).inner_join(groups, "customer_id")
    table = base.collect(
        joined.group_by("segment")
        .aggregate(customers=joined.count(), value=joined.money.sum(), squares=(joined.money**2).sum())
        .order_by("segment")
    )
    share = found.present.value / max(float(table["value"].sum()), 1e-300)
    n = table["customers"]
    spread = (table["squares"] / n - (table["value"] / n) ** 2).clip(lower=0)
    alike = found.present.error / max(found.present.value, 1e-300)
    half = Z95 * np.sqrt(n * spread + (alike * table["value"]) ** 2)
    out = table[["segment", "customers"]].assign(
        value=share * table["value"],
        lower=share * (table["value"] - half).clip(lower=0),
        upper=share * (table["value"] + half),
        each=share * table["value"] / n,
    )
    return out.sort_values(["value", "segment"], ascending=[False, True], ignore_index=True)


def remembered(base: CustomerBase, **wanted: Any) -> FirmEquity:
    """`firm_equity`, computed once for all reports of a night; arguments as there, without a summary."""
    key = ("equity.firm_equity", *sorted(wanted.items()))
    return base.remember(key, lambda: firm_equity(base, **wanted), pack, unpack)
