"""Whom the report proposes to write to: with their next product, or with a category before its season."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.actions import Action, Expected, expected_margin, ranked
from crm_analytics.analyses.audiences import held_back
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK
from crm_analytics.analyses.evidence import Evidence
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.products.category_months import AHEAD, CategoryMonths, coming_peak
from crm_analytics.analyses.products.likely_buyers import likely_buyers
from crm_analytics.analyses.products.product_lines import product_facts
from crm_analytics.analyses.products.sale_margins import sale_margins
from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.products.next_product import NextOffers
    from crm_analytics.reports.shared.plans import Plans
    from crm_analytics.tables.customer_base import CustomerBase

NEXT, SEASON = "next_product", "season_offer"


def offer_actions(
    plan: Plans, offers: NextOffers | None, months: CategoryMonths | None, base: CustomerBase
) -> tuple[Action, ...]:
    """The letters that pay, ranked by the margin they can bring.

    Nobody who has lapsed is written to: other reports leave them alone.
    """
    found = [] if offers is None else [_next(plan, offers, base)]
    season = None if months is None else _season(plan, months, base)
    return tuple(ranked(one for one in (*found, season) if one is not None and one.customers))


def _next(plan: Plans, offers: NextOffers, base: CustomerBase) -> Action:
    best = offers.best
    rows = pd.DataFrame(
        {
            "customer_id": best["customer_id"], "product": best["name"], "because": best["because_name"],
            "reason": best["reason"], "probability": best["probability"], "worth": best["expected_margin"],
        }
    )  # fmt: skip
    return _letter(plan, NEXT, rows, offers.has_margin, offers.hits, base)


def _season(plan: Plans, months: CategoryMonths, base: CustomerBase) -> Action | None:
    peak = coming_peak(months, base.day)
    if peak is None:
        return None
    try:
        found = likely_buyers(base, peak.category, AHEAD)
    except NotEnoughData:
        return None
    sale, has_margin = _of_category(base, peak.category)
    rows = base.collect(found.likely.select("customer_id", "probability").order_by("customer_id"))
    rows = rows.assign(product=peak.category, because=None, reason="season", worth=rows["probability"] * sale)
    return _letter(plan, SEASON, rows, has_margin, int(found.cells["bought"].sum()), base)


def _of_category(base: CustomerBase, category: str) -> tuple[float, bool]:
    """Margin of one sale of a category (its money, where no margin is known), and whether it is a margin."""
    sales = sale_margins(base).merge(base.collect(product_facts(base)), on="product")
    mine = sales[sales["category"] == category]
    has_margin = bool(mine["margin"].notna().any())
    return float(mine["margin" if has_margin else "sale"].mean()), has_margin


def _letter(  # noqa: PLR0917
    plan: Plans, name: str, rows: pd.DataFrame, has_margin: bool, seen: int, base: CustomerBase
) -> Action:
    """The letter to those it pays for: what they would bring × effect is above the cost."""
    gain = rows["worth"] * max(plan.effect.value, 0.0)
    rows = rows[rows["worth"].notna() & (rows["probability"] > 0) & (gain > (plan.cost.amount or 0.0))]
    money = "expected_margin" if has_margin else "expected_sale"
    rows = rows.rename(columns={"worth": money})
    whom: dict[str, tuple[str, ...]] = {"list": (name,)}
    if plan.given.definitions.at_risk_days is not None:
        whom["standing"] = (ACTIVE, AT_RISK)
    if rows.empty:
        return Action(name, "campaigns", "test", whom, 0, name, None, plan.effect, plan.cost)
    audience = _reachable(plan, base, rows)
    kept = base.collect(audience.select("probability", worth=audience[money]))
    n = len(kept)

    def worth(contacted: int) -> Expected:
        share = contacted / max(n, 1)
        value, low, high = (x * share for x in _expected(kept, seen))
        return expected_margin(
            value, low, high, contacted, 1.0 if has_margin else None, plan.effect, plan.cost
        )

    whole = Action(name, "campaigns", "write", whom, n, name, worth(n), plan.effect, plan.cost, audience)
    if whole.evidence is Evidence.SHOWN or not n:
        return whole
    return replace(whole, verb="test", expected=worth(n - held_back(n)))


def _reachable(plan: Plans, base: CustomerBase, rows: pd.DataFrame) -> ir.Table:
    """The rows of customers who have not lapsed, and have not asked to be left alone."""
    text = dict.fromkeys(("product", "because", "reason"), "str")  # also where all of it is missing
    table = base.to_engine(rows.reset_index(drop=True).astype(text))
    if plan.given.definitions.at_risk_days is not None:
        known = plan.given.standings
        table = table.semi_join(known.filter(known.standing.isin([ACTIVE, AT_RISK])), "customer_id")
    people = base.tables.get("customers")
    if people is not None and "do_not_contact" in people.columns:
        table = table.anti_join(people.filter(people.do_not_contact.fill_null(False)), "customer_id")
    return base.materialise(table)


def _expected(rows: pd.DataFrame, seen: int) -> tuple[float, float, float]:
    """What they would bring without a letter: the sum, with its 95 % interval.

    Whether each buys is chance, and the probabilities rest on `seen` purchases.
    """
    p, money = rows["probability"].to_numpy(float), rows["worth"].to_numpy(float)
    total = float(money.sum())
    each = money / p  # of one sale
    spread = float((p * (1 - p) * each**2).sum()) + total**2 / max(seen, 1)
    half = Z95 * math.sqrt(spread)
    return total, total - half, total + half
