"""The words every report shares, with thresholds from the base's own return curve.

A customer who has not bought for a while may come back. How likely that is depends on the shop: after 60
days without a purchase most customers of a bakery are gone, and most customers of a tyre dealer are not. So
the words *at risk* and *lapsed* are not numbers of days that somebody chose. They are read off the base
itself, by Kaplan and Meier's curve over the gaps between purchases, open gaps included:

- *silent* for n days: the last purchase is n days old;
- *at risk*: silent for so long that under half of such customers buy again within a year;
- *lapsed*: silent for so long that under a fifth do;
- *active*: bought, and neither at risk nor lapsed.

Every report takes these words from here, and so do the lists.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.kaplan_meier import kaplan_meier, survival_at
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

ACTIVE, AT_RISK, LAPSED = "active", "at risk", "lapsed"
STANDINGS = (ACTIVE, AT_RISK, LAPSED)
YEAR = 365
AT_RISK_SHARE, LAPSED_SHARE = 0.5, 0.2
FROM_GAPS = 100  # gaps between purchases that ended
FROM_DAYS = 180  # of history: less says nothing of a year
TAIL = 90  # days at the end of the curve whose rate goes on where nobody was followed so long

# Every word that a glossary may explain; the sentences stand in the catalogues of `reports.shared`.
WORDS = (
    "revenue",
    "repeat_purchase",
    "return_of_goods",
    "silent",
    "at_risk",
    "lapsed",
    "still_a_customer",
    "value_to_come",
    "margin",
    "contact_cost",
    "contact_effect",
    "segment",
    "stage",
    "change",
    "customer",
)


@dataclass(frozen=True, eq=False)
class ReturnCurve(ObjectCard):
    """How long customers stay away before they buy again.

    Attributes
    ----------
    curve : of `kaplan_meier`: time (days since a purchase), at_risk, events, survival (share that has not
        bought again by then), lower, upper
    gaps : between purchases, that ended
    followed : days, the longest gap that is known, ended or not
    typical : days within which half of all repeat purchases came
    """

    curve: pd.DataFrame
    gaps: int
    followed: int
    typical: int

    @cached_property
    def _tail(self) -> float:
        """Repeat purchases a day, per customer still away, at the end of the curve."""
        start = max(self.followed - TAIL, self.followed / 2)
        ends = survival_at(self.curve, [start, self.followed])["survival"].to_numpy()
        return float(np.log(ends[0] / ends[1]) / (self.followed - start)) if ends[1] > 0 else np.inf

    def away(self, days: np.ndarray) -> np.ndarray:
        """Share of customers who have not bought again, by days since a purchase.

        Beyond `followed` the rate of the last 90 days goes on. Customers come back more and more rarely the
        longer they are away, so that this errs towards coming back: it calls nobody lapsed too soon.
        """
        days = np.asarray(days, float)
        inside = np.minimum(days, self.followed)
        known = survival_at(self.curve, inside)["survival"].to_numpy()
        with np.errstate(invalid="ignore"):
            return known * np.where(days > self.followed, np.exp(-self._tail * (days - inside)), 1.0)

    def back_within(self, silence: np.ndarray, days: int = YEAR) -> np.ndarray:
        """Share of customers silent for `silence` days who buy again within the next `days`."""
        now, later = self.away(silence), self.away(np.asarray(silence) + days)
        # Where nobody was silent for so long, everybody had come back before.
        return 1 - np.divide(later, now, out=np.zeros_like(now), where=now > 0)


@dataclass(frozen=True)
class Definitions:
    """The thresholds of a base at its day.

    Attributes
    ----------
    at_risk_days, lapsed_days : silent for so many days or more; None where the data do not tell, which is
        said in `refusal`
    at_risk_share, lapsed_share : of customers silent for so long, the share that buys again within a year
    typical : days within which half of all repeat purchases came
    gaps : between purchases, that the curve rests on
    followed : days
    extrapolated : whether the year after a threshold reaches beyond what has been followed
    """

    at_risk_days: int | None
    at_risk_share: float | None
    lapsed_days: int | None
    lapsed_share: float | None
    typical: int | None
    gaps: int
    followed: int
    extrapolated: bool
    refusal: str = ""

    def standing(self, silence: ir.IntegerValue) -> ir.StringValue:
        """The word for a silence of so many days, as an expression.

        Without thresholds everybody is active: nobody is called lapsed on a guess.
        """
        if self.at_risk_days is None:
            return ibis.literal(ACTIVE)
        cases = [(silence < self.at_risk_days, ACTIVE)]
        if self.lapsed_days is None:
            return ibis.cases(*cases, else_=AT_RISK)
        return ibis.cases(*cases, (silence < self.lapsed_days, AT_RISK), else_=LAPSED)


def return_curve(base: CustomerBase) -> ReturnCurve:
    """How long customers of a base stay away before they buy again.

    Parameters
    ----------
    base : cut at a day; a gap that has not ended by then is followed up to it

    Raises
    ------
    NotEnoughData : fewer than 100 gaps that ended.

    Source
    ------
    Kaplan & Meier (1958), *JASA* 53, 457-481, over the gaps between purchase occasions of a customer.
    """
    days = base.exact_occasions
    after = days.day.lead().over(group_by=days.customer_id, order_by=days.day)
    end = ibis.coalesce(after, ibis.literal(base.day))
    each = days.select(gap=end.delta(days.day, unit="day").cast("int64"), ended=after.notnull())
    counts = base.collect(each.group_by("gap", "ended").aggregate(n=each.count()).order_by("gap", "ended"))
    counts = counts[counts["gap"] > 0]  # the purchase of the last day has had no time
    ended = counts[counts["ended"]]
    gaps = int(ended["n"].sum())
    if gaps < FROM_GAPS:
        raise NotEnoughData("The return curve", gaps, FROM_GAPS, "gaps between purchases")
    curve = kaplan_meier(counts["gap"], counts["ended"], counts["n"])
    half = ended["n"].cumsum().to_numpy() >= gaps / 2
    return ReturnCurve(curve, gaps, int(counts["gap"].max()), int(ended["gap"].to_numpy()[half.argmax()]))


def definitions(base: CustomerBase) -> Definitions:
    """The thresholds of a base, from its own return curve.

    *At risk* never begins before the typical gap is over: where most customers buy only once, under half
    come back from the first day on, and nobody is at risk on the day after a purchase. *Lapsed* begins after
    *at risk*.

    Examples
    --------
    Two in three come back after ten days, the others never:

    >>> import datetime as dt
    >>> from crm_analytics import CustomerBase
    >>> first = dt.date(2024, 1, 1)
    >>> rows = [(f"c{i}", first + dt.timedelta(i % 50 + 10 * k), 5.0)
    ...         for i in range(300) for k in range(1 if i % 3 else 2)]
    >>> frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    >>> last = pd.DataFrame([("z", dt.date(2026, 1, 1), 5.0)], columns=frame.columns)
    >>> found = definitions(CustomerBase.open(pd.concat([frame, last]), today="2026-01-02"))
    >>> found.at_risk_days, found.gaps
    (10, 100)
    """
    return base.remember(
        ("definitions",), lambda: _definitions(base), asdict, lambda kept: Definitions(**kept)
    )


def _definitions(base: CustomerBase) -> Definitions:
    try:
        curve = return_curve(base)
    except NotEnoughData as error:
        return _unknown(None, error.have, 0, str(error))
    history = (base.day - base.first_day).days
    if history < FROM_DAYS:
        why = f"the history is {history} days long, and a return curve needs {FROM_DAYS}"
        return _unknown(curve.typical, curve.gaps, curve.followed, why)
    silence = np.arange(1, curve.followed + 1)
    back = curve.back_within(silence)
    risk = _first(silence, back, AT_RISK_SHARE, curve.typical)
    if risk is None:
        why = "more than half buy again within a year, however long they were silent"
        return _unknown(curve.typical, curve.gaps, curve.followed, why)
    lapse = _first(silence, back, LAPSED_SHARE, risk + 1)
    return Definitions(
        risk,
        float(back[risk - 1]),
        lapse,
        float(back[lapse - 1]) if lapse else None,
        curve.typical,
        curve.gaps,
        curve.followed,
        (lapse or risk) + YEAR > curve.followed,
    )


def _unknown(typical: int | None, gaps: int, followed: int, why: str) -> Definitions:
    return Definitions(None, None, None, None, typical, gaps, followed, False, why)


def _first(silence: np.ndarray, back: np.ndarray, share: float, least: int) -> int | None:
    under = (back < share) & (silence >= least)
    return int(silence[under.argmax()]) if under.any() else None


def standings(base: CustomerBase, found: Definitions) -> ir.Table:
    """Each customer who has bought: customer_id, silence_days (since the last purchase), standing."""
    history = base.purchase_history
    bought = history.filter(history.order_count > 0)
    silence = ibis.literal(base.day).delta(bought.last_day, unit="day").cast("int64")
    each = bought.select("customer_id", silence_days=silence)
    return each.mutate(standing=found.standing(each.silence_days))
