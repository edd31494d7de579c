"""What the channels report is made from, and what it does where there are no clicks."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property, partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_analytics.analyses.actions import Action
from crm_analytics.analyses.attribution import kpis as figures
from crm_analytics.analyses.attribution.channel_paths import ChannelPaths, channel_paths
from crm_analytics.analyses.attribution.economics import Economics, economics, spend_by_channel
from crm_analytics.analyses.attribution.incremental import incremental, plan_of_test
from crm_analytics.analyses.attribution.payback import Payback, payback
from crm_analytics.analyses.attribution.self_reported import heard_from
from crm_analytics.analyses.attribution.tracked import Tracked, lags, of_paths, tracked
from crm_analytics.analyses.disclosure import ON_A_PAGE
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.margin import Margin, margin_of
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

MODELS = ("first", "last", "last_non_direct", "linear", "u_shaped", "time_decay", "markov", "shapley")
KPIS = (
    "sales_per_spend", "channel_spend", "spend_per_new_customer", "tracked_share", "tracked_sales",
    "new_customers", "bought_again",
)  # fmt: skip
DRAWS = 200  # of customers, for the intervals
LONGEST = 52.0  # weeks of a test
ASSUMED_MARGIN = 0.4
HOLDOUT = "holdout"


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

    @cached_property
    def together(self) -> tuple[float, pd.DataFrame]:
        """Share of tracked purchases whose path names two channels or more; pairs by their purchases.

        Pairs: one, other, purchases, share (of all tracked purchases); the most frequent first.
        """
        pairs: Counter[tuple[str, str]] = Counter()
        several = 0
        for path, n in zip(self.paths.paths["path"], self.paths.paths["conversions"], strict=True):
            names = sorted(set(path))
            several += int(n) * (len(names) > 1)
            pairs.update(dict.fromkeys(combinations(names, 2), int(n)))
        table = pd.DataFrame(
            [(a, b, n) for (a, b), n in pairs.items() if n], columns=["one", "other", "purchases"]
        )
        table["share"] = table["purchases"] / self.paths.conversions
        order = ["purchases", "one", "other"]
        table = table.sort_values(order, ascending=[False, True, True], ignore_index=True)
        return several / self.paths.conversions, table


@dataclass(frozen=True)
class Holdout:
    """The test that tells most for its length: channels left out together for half of the customers.

    Attributes
    ----------
    channels, spend : what is left out, and what it cost in the period
    orders, share : orders that it must add in the period to earn back its spend; of all orders
    each : customers needed in each half, over as many days as the period has
    customers, weeks : there are so many, and with all of them it takes so long; inf where it is never seen
    """

    channels: tuple[str, ...]
    spend: float
    orders: float
    share: float
    each: float
    customers: int
    weeks: float

    @property
    def fits(self) -> bool:
        """Whether it shows anything within a year."""
        return self.weeks <= LONGEST


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelReport(Report):
    """Everything the sections show; without `now` only what customers say is known.

    Attributes
    ----------
    plan : what all pages plan from
    trend : channel, now, before (credited sales by the linear model), share_now, share_before, change (of
        the share, relative), lower, upper (95 % for all channels together), against the period that `against`
        names; None without one
    measured : what channels added by the control groups of campaigns; empty where there are none
    tests : the test of each channel that costs money; empty where nothing is spent
    holdout : the test to begin with; None where nothing is spent
    own_actions : with a list of customers
    """

    t: Sentences
    plan: Plans
    now: Period | None
    trend: pd.DataFrame | None
    against: str  # "year", "before" or ""
    measured: pd.DataFrame
    tests: pd.DataFrame
    holdout: Holdout | None
    payback: Payback | None
    heard: pd.DataFrame
    margin: Margin
    lookback: float
    half_life: float
    handed: HandedIn
    own_actions: tuple[Action, ...] = ()

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS)

    def added(self, channel: str) -> pd.Series | None:
        """What the controls of campaigns say of a channel; None without any."""
        rows = self.measured[self.measured["channel"].str.lower() == channel.lower()]
        return None if rows.empty else rows.iloc[0]

    @property
    def margin_note(self) -> str:
        """What margin is counted with, and where it comes from."""
        source = self.margin.source.replace(" ", "_")
        return self.t(f"margin.{source}", share=self.margin.share)


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-26w",
    lookback: float = 30.0,
    half_life: float = 7.0,
    margin: float = 0.0,
    customer_value: float = 0.0,
    effect: float = 0.05,
    language: str = "en",
    show_customers: bool = False,
    run: str = "",
) -> ChannelReport | SmallReport:
    """Attribute the purchases of the last period, and set it beside the same period a year ago.

    Parameters
    ----------
    compare_to : length of the period ("-26w")
    lookback : days before a purchase in which a touch gets credit
    half_life : days, of time decay
    margin : share of the revenue left after the cost of goods; 0 takes it from the data, or assumes 40 %
    customer_value : margin a new customer brings in a year, money; 0: not known
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    share, counted = margin_of(base, margin).or_assumed(ASSUMED_MARGIN)
    plan = plans(base, span=compare_to, effect=effect)
    start = max(shift(base.day, compare_to), base.first_day - timedelta(days=1))
    period = partial(
        _period, lookback=lookback, half_life=half_life, margin=share, customer_value=customer_value
    )
    now = attempt(missing, "now", lambda: period(base, start))
    then, against = _earlier(base, plan, now, compare_to, lookback)
    tests = attempt(missing, "plan", lambda: _tests(base, now, share)) if now and now.spend else None
    holdout = None if tests is None or tests.empty else best_test(tests)
    actions = _actions(plan, holdout)
    write_lists(base, (*actions, *plan.actions), run, show_customers)
    found = ChannelReport(
        base=base,
        show_customers=show_customers,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=plan,
        missing=missing,
        now=now,
        trend=None if now is None or then is None else _trend(now, then),
        against=against,
        measured=incremental(base, margin or None),
        tests=pd.DataFrame(columns=["channel"]) if tests is None else tests,
        holdout=holdout,
        payback=None,
        heard=heard_from(base, ON_A_PAGE),
        margin=counted,
        lookback=lookback,
        half_life=half_life,
        handed=handed_in(run),
        own_actions=actions,
    )
    cost = found.kpis["spend_per_new_customer"].value
    back = attempt(missing, "payback", lambda: payback(base, cost, share)) if cost else None
    return replace(found, payback=back)


def _earlier(
    base: CustomerBase, plan: Plans, now: Period | None, span: str, lookback: float
) -> tuple[Tracked | None, str]:
    """The period that the last one is held against, for trend and key figures alike, and which it is."""
    given = plan.given
    given.once(figures.NOW, lambda: now and of_paths(base, now.after, now.paths))
    if now is None:
        given.once(figures.YEAR_AGO, lambda: None)
        given.once(figures.BEFORE, lambda: None)
        return None, ""
    before, year = lags(base, span)
    ago = given.once(figures.YEAR_AGO, lambda: tracked(base, span, lookback=lookback, lag_days=year))
    if ago is not None:
        return ago, "year"
    last = given.once(figures.BEFORE, lambda: tracked(base, span, lookback=lookback, lag_days=before))
    return last, "before" if last is not None else ""


def _trend(now: Period, then: Tracked) -> pd.DataFrame:
    """Credited sales by the linear model, now and then, and how far shares of them moved."""
    columns = ["channel", "value", "value_lower", "value_upper"]
    fresh = now.credit.loc[now.credit["model"] == "linear", columns]
    past = then.paths.attribute(["linear"], draws=DRAWS)[columns]
    table = fresh.merge(past, on="channel", how="outer", suffixes=("_now", "_then"))
    table = table.rename(columns={"value_now": "now", "value_then": "before"})
    for when in ("now", "before"):
        table[f"share_{when}"] = table[when] / table[when].sum()
    ratio = (table["share_now"] / table["share_before"]).where(table["before"] > 0)
    ratio = ratio.where(ratio > 0)
    wide = norm.isf(0.025 / len(table)) / Z95  # each of so many channels is looked at
    errors = (table[f"value_upper_{k}"] - table[f"value_lower_{k}"] for k in ("now", "then"))
    parts = [e / (2 * Z95 * table[k]) for e, k in zip(errors, ("now", "before"), strict=True)]
    one, other = parts
    spread = np.exp(wide * Z95 * np.hypot(one, other))
    table = table.assign(change=ratio - 1, lower=ratio / spread - 1, upper=ratio * spread - 1)
    columns = ["channel", "now", "before", "share_now", "share_before", "change", "lower", "upper"]
    return table[columns].sort_values(["now", "channel"], ascending=[False, True], ignore_index=True)


def best_test(tests: pd.DataFrame) -> Holdout:
    """The channel, or else the fewest channels together, whose absence shows within a year.

    A channel that just earns back its spend adds orders in proportion to it, and the need of customers falls
    with the square of what is to be seen; so several channels left out together show sooner than each alone.
    Where nothing shows within a year, all of them together are given, which shows soonest.

    Parameters
    ----------
    tests : of `plan_of_test`, the most spend first

    >>> tests = pd.DataFrame({"channel": ["display", "search"], "spend": [300.0, 100.0],
    ...     "break_even_orders": [30.0, 10.0], "share_of_orders": [0.03, 0.01],
    ...     "customers_each": [160.0, 1440.0], "customers": [100, 100], "weeks": [64.0, 576.0]})
    >>> best = best_test(tests)
    >>> best.channels, best.weeks, best.each
    (('display', 'search'), 36.0, 90.0)
    """
    top = tests.iloc[0]
    found = None
    for k in range(1, len(tests) + 1):
        part = tests.head(k)
        shrink = (float(top["spend"]) / float(part["spend"].sum())) ** 2
        weeks = float(top["weeks"]) * shrink
        found = Holdout(
            tuple(str(name) for name in part["channel"]), float(part["spend"].sum()),
            float(part["break_even_orders"].sum()), float(part["share_of_orders"].sum()),
            float(top["customers_each"]) * shrink, int(top["customers"]),
            weeks if math.isfinite(weeks) else math.inf,
        )  # fmt: skip
        if found.fits:
            break
    assert found is not None
    return found


def _actions(plan: Plans, holdout: Holdout | None) -> tuple[Action, ...]:
    """The test, with every customer and the half that the lot drew."""
    if holdout is None or not holdout.fits:
        return ()
    table = plan.given.standings
    n = int(table.count().to_pyarrow().as_py())
    whom = {"channel": holdout.channels}
    return (Action(HOLDOUT, "marketing", "hold_back", whom, n, HOLDOUT, audience=table),)


def _tests(base: CustomerBase, now: Period, margin: float) -> pd.DataFrame:
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
