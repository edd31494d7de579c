"""When has a customer left? The gaps between purchases say which silence is unusual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crm_analytics.analyses.arguments import base_given
from crm_analytics.analyses.kaplan_meier import kaplan_meier
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("customer_id", "transaction_date", "unit_spend")}
FROM_GAPS = 100
CALM = 0.9  # share of those who come back that should have come within the window
SHORTEST, LONGEST = 30, 365


@dataclass(frozen=True, eq=False)
class Definition(ObjectCard):
    """How long customers stay away before they come back, and what window follows.

    window : suggested days without a purchase that count as having left
    share_within : of the gaps that ended, the share that ended within the window
    table : days, gaps (that lasted so long), of (all that ended), share_within, still_away (of all silences,
        open ones too: the share not yet ended by then, Kaplan-Meier), lower, upper
    quantiles : share -> days, of the gaps that ended
    gaps : that ended
    customers : who have bought
    why : the window in a sentence
    """

    window: int
    share_within: float
    table: pd.DataFrame
    quantiles: dict[float, int]
    gaps: int
    customers: int
    why: str

    card_frame = "table"
    plot = Plots("crm_analytics.analyses.churn.pictures", "gaps")


def definition(base: CustomerBase, share: float = CALM) -> Definition:
    """Suggest a window from the gaps between purchases.

    The window is the time within which `share` of all gaps that ended had ended, in whole weeks, at least 30
    and at most 365 days, and no more than a third of the history, so that it can be learnt and checked.
    Gaps that ended are shorter than those still open; `still_away` counts both.

    Parameters
    ----------
    base : cut at a day
    share : of the gaps, between 0 and 1

    Raises
    ------
    NotEnoughData : fewer than 100 gaps
    """
    base_given(base, "churn.definition")
    if not 0 < share < 1:
        raise ParameterError(f"share = {share}: a number between 0 and 1, like 0.9")
    base.require(NEEDS)
    days = base.exact_occasions
    after = days.day.lead().over(group_by=days.customer_id, order_by=days.day)
    end = ibis.coalesce(after, ibis.literal(base.day))
    each = days.select(gap=end.delta(days.day, unit="day").cast("int64"), ended=after.notnull())
    counts = base.collect(each.group_by("gap", "ended").aggregate(n=each.count()).order_by("gap", "ended"))
    ended = counts[counts["ended"]]
    gaps, customers = int(ended["n"].sum()), int(counts.loc[~counts["ended"], "n"].sum())
    if gaps < FROM_GAPS:
        raise NotEnoughData("The definition of churn", gaps, FROM_GAPS, "gaps between purchases")
    running = ended["n"].cumsum().to_numpy() / gaps
    at = ended["gap"].to_numpy()
    quantiles = {q: int(at[(running >= q - 1e-12).argmax()]) for q in (0.5, 0.75, 0.9, 0.95, 0.99)}
    wanted = int(np.ceil(at[(running >= share - 1e-12).argmax()] / 7) * 7)
    third = (base.day - base.first_day).days // 3
    window = max(min(max(wanted, SHORTEST), LONGEST, third), 1)
    within = float(ended.loc[ended["gap"] <= window, "n"].sum() / gaps)
    why = (
        f"{within:.0%} of {gaps:,} gaps between purchases were over within {window} days; "
        f"half of them within {quantiles[0.5]}"
    )
    if window == third < wanted:
        why += f"; {wanted} would be wanted for {share:.0%}, but the history is too short to check it"
    return Definition(window, within, _table(counts, gaps, window), quantiles, gaps, customers, why)


def _table(counts: pd.DataFrame, gaps: int, window: int) -> pd.DataFrame:
    whole = counts[counts["gap"] > 0]  # the purchase of the last day has had no time
    curve = kaplan_meier(whole["gap"], whole["ended"], whole["n"])
    ended = counts[counts["ended"]]
    rows = []
    for days in sorted({7, 14, 30, 60, 90, 120, 180, 270, 365, 540, 730, window}):
        if days > int(counts["gap"].max()):
            break
        here = curve[curve["time"] <= days]
        last = here.iloc[-1] if len(here) else None
        within = int(ended.loc[ended["gap"] <= days, "n"].sum())
        rows.append(
            {
                "days": days,
                "gaps": gaps - within,
                "of": gaps,
                "share_within": within / gaps,
                "still_away": 1.0 if last is None else float(last["survival"]),
                "lower": 1.0 if last is None else float(last["lower"]),
                "upper": 1.0 if last is None else float(last["upper"]),
            }
        )
    return pd.DataFrame(rows)
