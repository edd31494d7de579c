"""The other forecasts that pages print beside what came: stages, who falls silent, contracts that end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.worlds.business import START, Drawn
from crm_analytics.analyses import lifecycle
from crm_analytics.analyses.churn.contracts.contract_scores import contract_scores
from crm_analytics.analyses.churn.silence import silence_of
from crm_analytics.errors import CrmError

if TYPE_CHECKING:
    from crm_analytics import CustomerBase

PERIODS = 3  # of four weeks
OF = ("stages", "leavers", "contracts")
Row = dict[str, object]


def standing(whole: CustomerBase, drawn: Drawn, day: int) -> list[Row]:
    """What the pages of a day say, one row per stage, number of leavers and number of contracts."""
    base = whole.as_of((START + pd.Timedelta(days=day)).date())
    rows = _tried("stages", lambda: _stages(whole, base)) + _tried(
        "leavers", lambda: _leavers(base, drawn, day)
    )
    if "subscriptions" in base.tables:
        rows += _tried("contracts", lambda: _contracts(whole, base))
    return [{"rival": "page", **row} for row in rows]


def _tried(what: str, make: Callable[[], list[Row]]) -> list[Row]:
    try:
        return make()
    except CrmError:
        return [_row(what, 13, np.nan, np.nan, np.nan, 1.0)]


def _row(what: str, weeks: float, mean: float, lower: float, upper: float, came: float) -> Row:
    return {"weeks": weeks, "what": what, "mean": mean, "lower": lower, "upper": upper, "came": came}


def _stages(whole: CustomerBase, base: CustomerBase) -> list[Row]:
    """Customers of each stage twelve weeks ahead, by the rules of the day."""
    staged = lifecycle.stages(base)
    said = lifecycle.forecast(staged, PERIODS)
    later = whole.as_of(base.day + dt.timedelta(days=PERIODS * said.every))
    came = lifecycle.stages(later, rules=staged.rules).sizes.set_index("stage")["customers"]
    last = said.sizes[said.sizes["period"] == PERIODS]
    return [
        _row("stages", 12, one.customers, one.lower, one.upper, float(came[one.stage]))
        for one in last.itertuples()
        if came.get(one.stage, 0) > 0
    ]


def _leavers(base: CustomerBase, drawn: Drawn, day: int) -> list[Row]:
    """Of the active customers, those who buy nothing for as many days as the page's window has."""
    said = silence_of(base)
    lines = drawn.lines[drawn.lines["amount"] > 0]
    last = lines[lines["day"].between(0, day)].groupby("customer")["day"].max()
    active = last.index[last > day - said.window]
    back = lines.loc[lines["day"].between(day + 1, day + said.window), "customer"]
    came = float((~active.isin(back)).sum())
    return [_row("leavers", 13, said.expected, said.lower, said.upper, max(came, 1.0))]


def _contracts(whole: CustomerBase, base: CustomerBase) -> list[Row]:
    """Running contracts that are cancelled within thirteen weeks."""
    said = contract_scores(base)
    later = whole.as_of(base.day + dt.timedelta(days=said.window))
    table = later.tables["subscriptions"].select("subscription_id", "cancelled_at")
    ended = later.collect(table.filter(table.cancelled_at.notnull()))["subscription_id"]
    came = float(said.scores["subscription_id"].isin(ended).sum())
    return [_row("contracts", 13, said.expected, *said.interval, came)]
