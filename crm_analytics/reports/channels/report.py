"""What the channels report is made from, and what it does where there are no clicks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses.attribution.channel_paths import ChannelPaths, channel_paths
from crm_analytics.analyses.attribution.economics import (
    LOSS,
    LUCRATIVE,
    NO_SPEND,
    NO_TOUCH_SEEN,
    UNDECIDED,
    Economics,
    economics,
    spend_by_channel,
)
from crm_analytics.analyses.attribution.incremental import incremental, plan_of_test
from crm_analytics.analyses.attribution.self_reported import heard_from
from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.pages import words
from crm_analytics.reports.shared.margin import Margin, margin_of
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_few, too_small
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

MODELS = ("first", "last", "last_non_direct", "linear", "u_shaped", "time_decay", "markov", "shapley")
MODEL_NAMES = {
    "first": "first touch",
    "last": "last touch",
    "last_non_direct": "last but direct",
    "linear": "linear",
    "u_shaped": "U 40/20/40",
    "time_decay": "time decay",
    "markov": "Markov",
    "shapley": "Shapley",
}
VERDICTS = {
    LUCRATIVE: "credit above spend",
    LOSS: "spend above credit",
    UNDECIDED: "depends on the model",
    NO_SPEND: NO_SPEND,
    NO_TOUCH_SEEN: NO_TOUCH_SEEN,
}
DRAWS = 200  # of customers, for the intervals
ASSUMED_MARGIN = 0.4
NOT_TRACKED = "Not known here: there are no tracked paths to purchases"
FEW = too_few(
    "Too few customers to compare channels",
    "There are {customers}; channels are compared from {needed} on. Until then: ask every new customer how "
    "they heard of you, and count.",
)


@dataclass(frozen=True)
class Period:
    """The channels over one period: paths, credit under every model, and what it cost."""

    after: date  # the period begins the day after
    day: date
    paths: ChannelPaths
    credit: pd.DataFrame
    economics: Economics

    @property
    def spend(self) -> float:
        """All that was spent on channels."""
        return float(self.economics.channels["spend"].sum())

    def share_of(self, model: str) -> pd.Series:
        """Each channel's share of the value under a model."""
        found = self.credit[self.credit["model"] == model].set_index("channel")["value"]
        return found / found.sum()


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelReport(Report):
    """Everything the sections show; without `now` only what customers say is known.

    Attributes
    ----------
    measured : what channels added by the control groups of campaigns; empty where there are none
    plan : the test of each channel that costs money; empty where nothing is spent
    """

    now: Period | None
    before: Period | None
    measured: pd.DataFrame
    plan: pd.DataFrame
    heard: pd.DataFrame
    margin: Margin
    lookback: float
    half_life: float

    def added(self, channel: str) -> pd.Series | None:
        """What the controls of campaigns say of a channel; None without any."""
        rows = self.measured[self.measured["channel"].str.lower() == channel.lower()]
        return None if rows.empty else rows.iloc[0]

    @property
    def margin_note(self) -> str:
        """What margin is counted with, and where it comes from."""
        share = self.margin.share
        if self.margin.source == "given":
            return f"Margin {words.percent(share, 0)} of revenue, as given."
        if self.margin.source == "unit costs":
            return f"Margin {words.percent(share)} of revenue, from the unit costs of the lines."
        return f"""Margin {words.percent(share, 0)} of revenue is an assumption: there are no unit costs.
            Give yours with the parameter margin."""


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-26w",
    lookback: float = 30.0,
    half_life: float = 7.0,
    margin: float = 0.0,
    customer_value: float = 0.0,
    show_customers: bool = False,
) -> ChannelReport | SmallReport:
    """Attribute the purchases of the last period, and of the one before where the data reach so far.

    Parameters
    ----------
    compare_to : length of the period ("-26w"), and how far back the one before ends
    lookback : days before a purchase in which a touch gets credit
    half_life : days, of time decay
    margin : share of the revenue left after the cost of goods; 0 takes it from the data, or assumes 40 %
    customer_value : margin a new customer brings in a year, money; 0: not known
    """
    if small := too_small(base, show_customers):
        return small
    missing: dict[str, str] = {}
    share, counted = margin_of(base, margin).or_assumed(ASSUMED_MARGIN)
    start = max(shift(base.day, compare_to), base.first_day - timedelta(days=1))
    period = partial(
        _period, lookback=lookback, half_life=half_life, margin=share, customer_value=customer_value
    )
    now = attempt(missing, "now", lambda: period(base, start))
    if now is None:
        missing["now"] += ". What customers say, below, needs no tracking"
    before, past = None, base.earlier(compare_to) if now else None
    if past is not None and shift(past.day, compare_to) >= base.first_day:
        before = attempt(missing, "before", partial(period, past, shift(past.day, compare_to)))
    plan = attempt(missing, "plan", lambda: _plan(base, now, share)) if now and now.spend else None
    return ChannelReport(
        measured=incremental(base, margin or None),
        plan=pd.DataFrame(columns=["channel"]) if plan is None else plan,
        base=base,
        show_customers=show_customers,
        missing=missing,
        now=now,
        before=before,
        heard=heard_from(base, ON_A_PAGE),
        margin=counted,
        lookback=lookback,
        half_life=half_life,
    )


def _plan(base: CustomerBase, now: Period, margin: float) -> pd.DataFrame:
    channels = now.economics.channels
    return plan_of_test(
        base,
        channels[["channel", "spend"]].dropna(),
        days=(now.day - now.after).days,
        margin=margin,
        order_value=now.paths.value / max(1, now.paths.conversions),
    )


def _period(
    base: CustomerBase,
    after: date,
    *,
    lookback: float,
    half_life: float,
    margin: float,
    customer_value: float,
) -> Period:
    paths = channel_paths(base, lookback=lookback, since=after, minimum=ON_A_PAGE)
    rules = [name for name in MODELS if name != "time_decay"]
    credit = pd.concat(
        [paths.attribute(rules, draws=DRAWS), paths.attribute(["time_decay"], half_life)], ignore_index=True
    )
    credit["model"] = pd.Categorical(credit["model"], MODELS)
    credit = credit.sort_values(["model", "channel"], ignore_index=True).astype({"model": str})
    money = economics(
        credit,
        spend_by_channel(base, paths.first_day, minimum=2),
        margin,
        paths.new_customers(["first", "linear", "markov"]),
        customer_value or None,
    )
    return Period(after, base.day, paths, credit, money)
