"""What past campaigns did: intention to treat, with intervals, in orders, money and profit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.measurement.balance import AS_PLANNED, balance
from crm_analytics.analyses.campaigns.measurement.campaign_arms import BEFORE, Waves, past_waves
from crm_analytics.analyses.campaigns.measurement.response import reach, response
from crm_analytics.analyses.campaigns.measurement.sequential import clocks, nightly_level
from crm_analytics.analyses.campaigns.measurement.treatment_effects import (
    LESS,
    MORE,
    NO_EFFECT,
    TOO_LITTLE,
    differences,
    moments,
    slopes,
)
from crm_analytics.analyses.campaigns.measurement.uplift import Uplift, by_segment, learn, with_segments
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

WORDS = {"visit": "visits", "conversion": "buyers", "orders": "orders", "spend": "spend",
         "margin": "margin", "profit": "profit"}  # fmt: skip


@dataclass(frozen=True)
class Evaluation(ObjectCard):
    """Past campaigns, measured against their control groups.

    Attributes
    ----------
    waves : the members with their outcomes, and who is left out and why
    pooled : one row per outcome, all campaigns together, as `treatment_effects.differences` gives it:
        effect, lower, upper (plain), adjusted, adjusted_lower, adjusted_upper (CUPED), variance_reduction,
        verdict
    campaigns : the same for each campaign, with its name; the intervals of one outcome hold together
        (Bonferroni over campaigns; `p` is multiplied by their number)
    balance : whether the arms were drawn as planned and alike before, as `balance.balance` gives it
    segments : the same as `pooled` for each segment, intervals together; `segments_are` says what they are
    response : by R, F and M score at the sending, as `response.response` gives it
    reach : opened, clicked, responded, unsubscribed
    profit : campaign_id (None: all), treated, each, lower, upper (profit a treated member, adjusted), total,
        total_lower, total_upper, budget, verdict; empty where the margin or the cost of contacts is not known
    uplift : of a T-learner; None where the members are too few, or none was asked for
    level : of the intervals
    """

    waves: Waves
    pooled: pd.DataFrame
    campaigns: pd.DataFrame
    balance: pd.DataFrame
    segments: pd.DataFrame
    segments_are: str
    response: pd.DataFrame
    reach: pd.DataFrame
    profit: pd.DataFrame
    uplift: Uplift | None
    level: float

    card_frame = "pooled"
    plot = Plots("crm_analytics.analyses.campaigns.pictures", "pooled", "campaigns", "segments")

    def effect(self, outcome: str) -> pd.Series:
        """The row of an outcome over all campaigns."""
        return next(row for _, row in self.pooled.iterrows() if row["outcome"] == outcome)

    @property
    def sentence(self) -> str:
        """What the campaigns did, in one sentence without a number."""
        found = self.pooled.set_index("outcome")["verdict"]
        many = "campaigns" if len(self.waves.campaigns) > 1 else "campaign"
        moved = [WORDS[o] for o in ("orders", "spend", "profit") if found.get(o) == MORE]
        fell = [WORDS[o] for o in ("orders", "spend", "profit") if found.get(o) == LESS]
        if {found.get(o, TOO_LITTLE) for o in ("orders", "spend", "profit")} == {TOO_LITTLE}:
            return f"{TOO_LITTLE.capitalize()}: in one arm nobody ordered, or all of them alike."
        if not moved and not fell:
            return f"{NO_EFFECT.capitalize()}: what the {many} added to orders and spend lies within chance."
        parts = [f"more {' and '.join(moved)}"] if moved else []
        parts += [f"less {' and '.join(fell)}"] if fell else []
        return f"The {many} brought {', but '.join(parts)}."

    @property
    def warnings(self) -> list[str]:
        """What makes the numbers doubtful: arms that do not fit, members left out."""
        odd = self.balance[self.balance["verdict"] != AS_PLANNED]
        found = [
            f"{row['campaign_id'] or 'all campaigns'}: {row['verdict']} "
            f"({row['treated']:,} treated, {row['control']:,} controls)"
            for row in odd.to_dict("records")
        ]
        gone = self.waves.left_out.groupby("reason")["members"].sum()
        return found + [f"{n:,} members left out: {reason}" for reason, n in gone.items()]


@watched("Measuring campaigns")
def evaluate(
    base: CustomerBase,
    campaign_id: str | None = None,
    *,
    segments: str | ir.Table | None = None,
    margin: float | None = None,
    contact_cost: float | None = None,
    control_share: float | None = None,
    before: int = BEFORE,
    window: int | None = None,
    learner: str | None = "linear",
    level: float = 0.95,
    nightly: bool = False,
    draws: int = 200,
    seed: int = 1,
) -> Evaluation:
    """What the campaigns whose window is over did to those who were to get them.

    Parameters
    ----------
    campaign_id : only this one; default all, each member counted in each campaign
    segments : a column of the customers table, or a table customer_id, segment; default see
        `uplift.with_segments`
    margin : share of the spend left after the cost of goods, 0..1; default from unit costs
    contact_cost : of one contact, money; default from the members' table
    control_share : planned share of controls; default that of all campaigns
    before : days before the sending whose purchases sharpen the comparison (CUPED)
    window : days; default the campaign's own
    learner : "linear", "gradient boosting", or None for no model of uplift
    nightly : whether campaigns were read on the nights of their window, too, by `sequential.running`; then
        the intervals of single campaigns are those of the last of these nights, and all nights hold together
    draws, seed : of the bootstrap of the Qini curve

    Raises
    ------
    DataError : no table of members, or the campaign is not in it.
    NotEnoughData : no campaign has two arms large enough whose window is over; the message says why.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> ids = [f"c{i:03d}" for i in range(200)]
    >>> bought = [c for i, c in enumerate(ids) if i % 2 == 0 and i % 3 or i % 10 == 1]
    >>> sales = pd.DataFrame({"customer_id": [*ids, *bought], "unit_spend": 10.0,
    ...     "transaction_date": ["2026-01-05"] * 200 + ["2026-03-05"] * len(bought)})
    >>> members = pd.DataFrame({"campaign_id": "spring", "customer_id": ids, "sent_at": "2026-03-01",
    ...     "treatment": ["treated", "control"] * 100})
    >>> last = pd.DataFrame({"customer_id": ["x"], "unit_spend": 1.0, "transaction_date": "2026-04-01"})
    >>> tables = {"transactions": pd.concat([sales, last]), "campaign_members": members}
    >>> found = evaluate(CustomerBase.open(tables, today="2026-04-02"), learner=None)
    >>> row = found.effect("conversion")
    >>> float(row["treated_mean"]), float(row["control_mean"]), row["verdict"]
    (0.66, 0.2, 'more')
    """
    arguments.level(level)
    waves = past_waves(
        base, campaign_id, before=before, window=window, margin=margin, contact_cost=contact_cost
    )
    theta = slopes(moments(base, waves.rows, waves.outcomes, ()), waves.outcomes)
    pooled = differences(base, waves.rows, waves.outcomes, theta, level=level)
    sure = 1 - (1 - level) / len(waves.campaigns)
    levels = _last_night(waves, sure) if nightly else sure
    each = differences(base, waves.rows, waves.outcomes, theta, by=("campaign_id",), level=levels)
    each["p"] = (each["p"] * len(waves.campaigns)).clip(upper=1.0)
    rows, segments_are = with_segments(waves, segments)
    rows = base.materialise(rows)
    return Evaluation(
        waves=waves,
        pooled=pooled,
        campaigns=_named(waves, each),
        balance=balance(waves, control_share),
        segments=by_segment(waves, rows, level=level),
        segments_are=segments_are,
        response=response(waves, level=level),
        reach=reach(waves),
        profit=_profit(waves, pooled, each),
        uplift=_learned(waves, rows, learner, level=level, draws=draws, seed=seed),
        level=level,
    )


def _last_night(waves: Waves, level: float) -> dict[tuple[object, ...], float]:
    """By campaign, the level of the interval on the last of the nights on which it was read."""
    came = clocks(waves)
    nights = waves.campaigns.set_index("campaign_id")["window_days"]
    return {(name,): nightly_level(n, n, level, came[str(name)]) for name, n in nights.items()}


def _named(waves: Waves, each: pd.DataFrame) -> pd.DataFrame:
    """In the order of sending, with the campaigns' names."""
    names = waves.campaigns[["campaign_id", "campaign_name", "sent_day"]]
    table = names.merge(each, on="campaign_id")
    place = table["outcome"].map(list(waves.outcomes).index)
    order = np.lexsort((table["campaign_id"], table["sent_day"], place))
    return table.iloc[order].reset_index(drop=True)


def _profit(waves: Waves, pooled: pd.DataFrame, each: pd.DataFrame) -> pd.DataFrame:
    """Profit of the treated: margin gained less the cost of contacts; discounts are in the margin already."""
    whole = pooled.assign(
        campaign_id=None, budget=waves.campaigns["budget"].astype("float64").sum(min_count=1)
    )
    single = each.merge(waves.campaigns[["campaign_id", "budget"]], on="campaign_id")
    place = {name: k for k, name in enumerate(waves.campaigns["campaign_id"])}
    single = single.sort_values("campaign_id", key=lambda names: names.map(place), kind="stable")
    rows = [whole, single] if len(place) > 1 else [single]
    found = pd.concat([r[r["outcome"] == "profit"].astype({"budget": "float64"}) for r in rows])
    table = found[["campaign_id", "treated", "adjusted", "adjusted_lower", "adjusted_upper"]].set_axis(
        ["campaign_id", "treated", "each", "lower", "upper"], axis=1
    )
    for name, one in (("total", "each"), ("total_lower", "lower"), ("total_upper", "upper")):
        table[name] = table[one] * table["treated"]
    return table.assign(budget=found["budget"], verdict=found["verdict"]).reset_index(drop=True)


def _learned(
    waves: Waves, rows: ir.Table, learner: str | None, *, level: float, draws: int, seed: int
) -> Uplift | None:
    if learner is None:
        return None
    try:
        return learn(waves, rows, learner=learner, level=level, draws=draws, seed=seed)
    except NotEnoughData:
        return None
