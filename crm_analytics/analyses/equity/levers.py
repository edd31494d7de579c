"""What a base says of the money spent on customers: levers that were measured, channels that were not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses import btyd
from crm_analytics.analyses.attribution.economics import spend_by_channel
from crm_analytics.analyses.contact_effect import MEASURED, contact_cost, contact_effect
from crm_analytics.analyses.equity.budget import KEEP, WIN, Lever, Unmeasured
from crm_analytics.analyses.equity.future_customers import QUARTER
from crm_analytics.analyses.equity.response_curve import Ladder
from crm_analytics.analyses.equity.valuation import MODELS
from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.analyses.equity.firm_equity import FirmEquity
    from crm_analytics.tables.customer_base import CustomerBase

GROUPS = 40  # of customers, by what they may bring while a contact works
MAILINGS = "mailings"  # the lever of keeping
SHARED_BY = 5  # rows that must name a channel before the page does


def levers_of(
    base: CustomerBase, found: FirmEquity, tests: Mapping[str, pd.DataFrame] | None = None
) -> tuple[list[Lever], list[Unmeasured]]:
    """Levers whose effect was measured, and channels whose effect was not.

    Parameters
    ----------
    found : the equity of the base, for what a new customer brings
    tests : results of tests by channel, see `budget.read_tests`

    Raises
    ------
    DataError : a test is of a channel that the base spends nothing on.
    """
    results = dict(tests or {})
    measured, rest = [], []
    keeping = retention_lever(base, found)
    mailed = _channels_of_campaigns(base) if keeping else set()
    for name, spend, credited in _channels(base):
        if name in results:
            measured.append(Lever.of_tests(name, WIN, spend, results.pop(name), found.new_customer,
                                          found.new_customer_error))  # fmt: skip
        elif name.casefold() not in mailed:  # what its campaigns do is measured, see the lever of keeping
            rest.append(Unmeasured(name, spend, credited))
    if results:
        raise DataError(f"a test is of a channel without spend in the last quarter: {sorted(results)[0]}")
    return ([*measured, keeping] if keeping else measured), rest


def _channels_of_campaigns(base: CustomerBase) -> set[str]:
    """Channels by which campaigns went out, in small letters."""
    campaigns = base.tables.get("campaigns")
    if campaigns is None or "channel" not in campaigns.columns:
        return set()
    names = base.collect(campaigns.select("channel").distinct())["channel"].dropna()
    return set(names.astype(str).str.casefold())


def _channels(base: CustomerBase) -> list[tuple[str, float, float]]:
    """Channel, spend and credited new customers of the last quarter."""
    since = base.day - timedelta(days=QUARTER - 1)
    spent = spend_by_channel(base, since, SHARED_BY)
    if spent is None:
        return []
    credit: dict[str, int] = {}
    people = base.tables.get("customers")
    if people is not None and "acquisition_channel" in people.columns:
        history = base.purchase_history
        new = history.filter(history.first_day >= ibis.literal(since)).select("customer_id")
        won = people.semi_join(new, "customer_id")
        counts = base.collect(won.group_by("acquisition_channel").aggregate(n=won.count()))
        credit = dict(zip(counts["acquisition_channel"], counts["n"], strict=True))
    return [
        (str(row["channel"]), float(row["spend"]), float(credit.get(row["channel"], 0)))
        for row in spent.to_dict("records")
        if float(row["spend"]) > 0
    ]


def retention_lever(base: CustomerBase, found: FirmEquity) -> Lever | None:
    """Contacting present customers, those with most to come first; None where effect or cost is not measured.

    A contact gains the margin of a quarter that the customer will bring, times the measured effect.
    """
    effect, cost = contact_effect(base), contact_cost(base)
    if effect.source != MEASURED or not cost.amount:
        return None
    share = 1.0 if found.margin is None else found.margin
    summary = btyd.summarize(base, unit="W")
    model, spend = MODELS[found.model].fit(summary), btyd.GammaGamma.fit(summary)
    scored = btyd.score(summary, model, spend, horizon=(QUARTER // 7, "W"), rate=0.0)
    order = [scored.lifetime_value.desc(), scored.customer_id]
    ranked = scored.select(money=scored.lifetime_value, place=ibis.ntile(GROUPS).over(order_by=order))
    table = base.collect(
        ranked.group_by("place").aggregate(n=ranked.count(), money=ranked.money.mean()).order_by("place")
    )
    each = share * max(effect.value, 0.0) * table["money"].to_numpy(float)
    half = (effect.upper - effect.lower) / (2 * Z95)
    return Lever(
        MAILINGS, KEEP, _spent_on_mailings(base),
        Ladder(np.minimum.accumulate(each), table["n"].to_numpy(float), cost.amount),
        gain_error=half / effect.value if effect.value > 0 else 0.0,
    )  # fmt: skip


def _spent_on_mailings(base: CustomerBase) -> float:
    members = base.tables.get("campaign_members")
    if members is None or not {"cost", "sent_at"} <= set(members.columns):
        return 0.0
    day = ibis.literal(base.day - timedelta(days=QUARTER))
    recent = members.filter(members.sent_at.date() > day)
    return float(recent.cost.sum().to_pyarrow().as_py() or 0)
