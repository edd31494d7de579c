"""Value today against value to come: nine fields with a play and a ceiling, and the customers overlooked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.portfolio.value_tiers import TIERS
from crm_analytics.errors import ParameterError
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.days import earlier_day, shift
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NAMES = [name for name, _ in TIERS]
PLAYS = {  # (tier today, tier to come): what to do
    (0, 0): "keep: service before offers",
    (0, 1): "ask what has changed",
    (0, 2): "win back while they remember you",
    (1, 0): "develop: show the whole range",
    (1, 1): "serve well",
    (1, 2): "ask once what is missing",
    (2, 0): "welcome: they begin where the best began",
    (2, 1): "invite to a second category",
    (2, 2): "serve by machine",
}


@dataclass(frozen=True)
class ValueGrid(ObjectCard):
    """Customers by revenue of the last year and by forecast value.

    Attributes
    ----------
    fields : today, to_come (tiers "Top 20 %", "Next 30 %", "The rest"), customers, revenue (of the last
        year), value (to come), play, ceiling (forecast margin of a mean customer; only where the margin is
        given); nine rows, also empty ones
    overlooked : Ibis table, one row per customer: customer_id, revenue, lifetime_value, last_contact (NULL:
        never); in the best fifth by forecast, in the lower half by revenue, not contacted for `quiet`
    contacts_known : whether any table says when customers were contacted; if not, nobody counts as contacted
    quiet : the span without a contact, like "-90d"
    """

    fields: pd.DataFrame
    overlooked: ir.Table
    contacts_known: bool
    quiet: str

    plot = Plots("crm_analytics.analyses.portfolio.pictures", "fields")


def value_grid(
    base: CustomerBase, scored: ir.Table, *, margin: float | None = None, quiet: str = "-90d"
) -> ValueGrid:
    """Cross revenue of the last 52 weeks with the forecast.

    A tier by revenue says who is looked after today, one by forecast who should be. Ties are broken by
    customer_id, so that tiers have their sizes.

    Parameters
    ----------
    scored : what `btyd.score` gives: customer_id, lifetime_value
    margin : share of revenue left after the cost of the goods, 0..1
    quiet : span before the day in which a contact counts, like "-90d"

    Raises
    ------
    ParameterError : the margin lies outside 0..1

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> sales = pd.DataFrame({"customer_id": list("abcde"), "unit_spend": [90, 50, 4, 2, 1],
    ...     "transaction_date": ["2026-12-01"] * 5})
    >>> base = CustomerBase.open(sales, today="2026-12-31")
    >>> scored = base.to_engine(pd.DataFrame(
    ...     {"customer_id": list("abcde"), "lifetime_value": [9.0, 5.0, 1.0, 2.0, 80.0]}))
    >>> value_grid(base, scored).overlooked.to_pandas()["customer_id"].tolist()   # best to come, least so far
    ['e']
    """
    if margin is not None and not 0 <= margin <= 1:
        raise ParameterError(f"margin is a share between 0 and 1, got {margin}")
    days = base.customer_days
    year = days.filter(days.day > ibis.literal(shift(base.day, "-52w")))
    spent = year.group_by("customer_id").aggregate(revenue=year.spend.sum().cast("float64"))
    table = scored.select("customer_id", "lifetime_value").left_join(spent, "customer_id")
    table = table.select("customer_id", "lifetime_value", revenue=table.revenue.fill_null(0.0))
    table = table.mutate(today=_tier(table, "revenue"), to_come=_tier(table, "lifetime_value"))
    contacts = _last_contacts(base)
    if contacts is None:
        table = table.mutate(last_contact=ibis.null("date"))
    else:
        table = table.left_join(contacts, "customer_id").drop("customer_id_right")
    table = base.materialise(table)
    long_ago = table.last_contact.isnull() | (
        table.last_contact <= ibis.literal(earlier_day(base.day, quiet))
    )
    overlooked = table.filter((table.to_come == 0) & (table.today == len(TIERS) - 1) & long_ago)
    shown = overlooked.select("customer_id", "revenue", "lifetime_value", "last_contact")
    return ValueGrid(_fields(base, table, margin), shown, contacts is not None, quiet)


def _tier(table: ir.Table, by: str) -> ir.IntegerValue:
    """0, 1, 2: place in the order by value, largest first."""
    place = ibis.row_number().over(order_by=[ibis.desc(by), "customer_id"])
    share = place.cast("float64") / table.count().over()
    return ibis.cases(*((share < top, k) for k, (_, top) in enumerate(TIERS[:-1])), else_=len(TIERS) - 1)


def _last_contacts(base: CustomerBase) -> ir.Table | None:
    """When each customer was last written to: campaigns (treated alone) and outgoing events."""
    found = []
    tables = base.tables
    if "campaign_members" in tables and "sent_at" in tables["campaign_members"].columns:
        members = tables["campaign_members"]
        sent = members.filter(members.sent_at.notnull() & (members.treatment == "treated"))
        found.append(sent.select("customer_id", at=sent.sent_at.date()))
    if "events" in tables and {"direction", "customer_id"} <= set(tables["events"].columns):
        events = tables["events"]
        out = events.filter((events.direction == "out") & events.customer_id.notnull())
        found.append(out.select("customer_id", at=out.timestamp.date()))
    if not found:
        return None
    rows = found[0] if len(found) == 1 else found[0].union(found[1])
    return rows.group_by("customer_id").aggregate(last_contact=rows["at"].max())


def _fields(base: CustomerBase, table: ir.Table, margin: float | None) -> pd.DataFrame:
    sums = table.group_by("today", "to_come").aggregate(
        customers=table.count(),
        **{name: table[name].round(4).cast(MONEY).sum() for name in ("revenue", "lifetime_value")},
    )
    every = pd.MultiIndex.from_product([range(len(TIERS))] * 2, names=["today", "to_come"])
    found = base.collect(sums).set_index(["today", "to_come"]).reindex(every).fillna(0).reset_index()
    plays = [PLAYS[t, c] for t, c in zip(found["today"], found["to_come"], strict=True)]
    frame = pd.DataFrame(
        {
            "today": [NAMES[k] for k in found["today"]],
            "to_come": [NAMES[k] for k in found["to_come"]],
            "customers": found["customers"].astype("int64"),
            "revenue": found["revenue"].astype(float),
            "value": found["lifetime_value"].astype(float),
            "play": plays,
        }
    )
    if margin is not None:
        frame["ceiling"] = margin * frame["value"] / frame["customers"].where(frame["customers"] > 0)
    return frame
