"""What goes with a high or low score: what customers went through before they answered.

Each thing is yes or no for a customer at the moment of the answer, known then, and people with it are held
against those without. It is a comparison and no experiment. P-values are adjusted for how many things are
asked (Benjamini & Hochberg).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.exact_moments import exact_mean, exact_variance
from crm_analytics.analyses.intervals import Z95, benjamini_hochberg
from crm_analytics.analyses.voice.answers import Answers

if TYPE_CHECKING:
    import ibis.expr.types as ir

BEFORE = 30  # days
EACH = 20  # people on either side
LEVEL = 0.05
SLOW = 24  # hours until the first reply


def score_drivers(given: Answers, instrument: str) -> pd.DataFrame:
    """Mean score of people with and without each experience.

    Returns
    -------
    driver ("complaint", "slow_reply", "regular", "discount"), with_it, without (people), mean_with,
    mean_without (on the scale of most answers), difference, lower, upper (95 %, Welch), p_adjusted, clear;
    the largest first. Experiences that the source does not tell are left out
    """
    each = given.of(instrument)
    each = each.filter(each.customer_id.notnull())
    each = each.group_by("respondent_id").aggregate(
        customer_id=each.customer_id.max(), day=each.day.max(), share=exact_mean(each.share),
        low=each.low.min(), high=each.high.max(),
    )  # fmt: skip
    each = given.base.materialise(each)
    ends = each.aggregate(low=each.low.min(), high=each.high.max()).to_pyarrow().to_pylist()[0]
    if ends["low"] is None:
        return pd.DataFrame()
    span = float(ends["high"] - ends["low"])
    rows = []
    for name, flagged in _experiences(given, each).items():
        counted = flagged.group_by("flag").aggregate(
            n=flagged.count(), mean=exact_mean(flagged.share), spread=exact_variance(flagged.share)
        )
        frame = given.base.collect(counted).set_index("flag")
        if {0, 1} <= set(frame.index) and int(frame["n"].min()) >= EACH:
            rows.append({"driver": name, **_welch(frame, float(ends["low"]), span)})
    if not rows:
        return pd.DataFrame()
    found = pd.DataFrame(rows)
    found["p_adjusted"] = benjamini_hochberg(found.pop("p"))
    found["clear"] = found["p_adjusted"] < LEVEL
    order = found["difference"].abs().sort_values(ascending=False).index
    return found.loc[order].reset_index(drop=True)


def _experiences(given: Answers, each: ir.Table) -> dict[str, ir.Table]:
    base, found = given.base, {}
    tickets = base.tables.get("tickets")
    if tickets is not None and "is_complaint" in tickets.columns:
        bad = tickets.filter(tickets.is_complaint.fill_null(False)).select(
            "customer_id", told=tickets.created_at.date()
        )
        found["complaint"] = _within(each, bad)
    if tickets is not None and "first_reply_at" in tickets.columns:
        waited = tickets.first_reply_at.epoch_seconds() - tickets.created_at.epoch_seconds()
        asked = tickets.mutate(slow=waited > SLOW * 3600).filter(tickets.first_reply_at >= tickets.created_at)
        # among those who asked at all: the others waited for nothing
        some = _within(each, asked.select("customer_id", told=asked.created_at.date()))
        some = some.filter(some.flag == 1).drop("flag")
        slow = asked.filter(asked.slow).select("customer_id", told=asked.first_reply_at.date())
        found["slow_reply"] = _within(some, slow)
    days = base.exact_occasions.select("customer_id", told="day")
    both = each.inner_join(days, "customer_id")
    both = both.filter(both.told <= both.day)
    bought = both.group_by("respondent_id").aggregate(n=both.count())
    joined = each.left_join(bought, "respondent_id").drop("respondent_id_right")
    found["regular"] = joined.mutate(flag=(joined.n.fill_null(0) >= 3).cast("int64"))
    lines = base.transactions
    if "coupon" in lines.columns:
        used = lines.filter(lines.coupon.notnull(), lines.customer_id.notnull())
        found["discount"] = _within(each, used.select("customer_id", told=used.transaction_date.date()))
    return found


def _within(each: ir.Table, happened: ir.Table) -> ir.Table:
    """People with a flag: 1 where it happened in the days before they answered."""
    both = each.select("respondent_id", "customer_id", "day").inner_join(happened, "customer_id")
    ago = both.day.delta(both.told, unit="day")
    some = both.filter((ago >= 0) & (ago <= BEFORE)).select("respondent_id").distinct()
    some = some.mutate(yes=ibis.literal(1))
    joined = each.left_join(some, "respondent_id").drop("respondent_id_right")
    return joined.mutate(flag=joined.yes.fill_null(0).cast("int64"))


def _welch(frame: pd.DataFrame, low: float, span: float) -> dict[str, float]:
    from scipy.stats import t

    n, mean = frame["n"].astype(float), frame["mean"].astype(float)
    error = frame["spread"].astype(float).fillna(0.0) / n
    half = math.sqrt(float(error.sum()))
    change = float(mean[1] - mean[0])
    freedom = float(error.sum()) ** 2 / max(float((error**2 / (n - 1)).sum()), 1e-300)
    p = float(2 * t.sf(abs(change) / half, freedom)) if half else float(change == 0)
    wide = float(t.ppf(0.975, freedom)) * half if half else 0.0
    assert np.isfinite(wide), Z95
    return {
        "with_it": int(n[1]), "without": int(n[0]), "mean_with": low + span * float(mean[1]),
        "mean_without": low + span * float(mean[0]), "difference": span * change,
        "lower": span * (change - wide), "upper": span * (change + wide), "p": p,
    }  # fmt: skip
