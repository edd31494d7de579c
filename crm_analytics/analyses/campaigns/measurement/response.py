"""Who answers a campaign: by recency, frequency and value at the sending, by group, and by what was done.

The response is a purchase in the campaign's window. A high share among the treated is no effect: whoever
buys often would have bought anyway. So each row shows the controls beside them, and the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.measurement.treatment_effects import differences
from crm_analytics.analyses.disclosure import OTHERS, publishable, side_by_side
from crm_analytics.analyses.intervals import wilson

if TYPE_CHECKING:
    from crm_analytics.analyses.campaigns.measurement.campaign_arms import Waves

MEASURES = {"r_score": "recency_days", "f_score": "order_count", "m_score": "revenue"}
NEVER = 0  # the score of members who had never bought
UNKNOWN = "not known"
MINIMUM = 5  # customers of a group that may be shown
ACTS = {"opened": "opened_at", "clicked": "clicked_at", "responded": "responded_at",
        "unsubscribed": "unsubscribed_at"}  # fmt: skip
_PAIRS = {"conversion": "conversion_before", "spend": "spend_before"}


def response(waves: Waves, *, bins: int = 5, level: float = 0.95) -> pd.DataFrame:
    """Response by R, F and M score as they were the day before the sending.

    Parameters
    ----------
    bins : scores; the cut points are quantiles of all members who had bought. A customer's score counts the
        cut points below the value, as in `rfm.score`
    level : with which all scores of a measure lie inside their intervals together (Bonferroni)

    Returns
    -------
    measure (r_score, f_score, m_score), score (0: had never bought, `bins`: best), outcome (conversion or
    spend) and the columns of `treatment_effects.differences`
    """
    arguments.whole("bins", bins, 2, 20)
    arguments.level(level)
    scored = waves.base.materialise(_scored(waves, bins))
    sure = 1 - (1 - level) / (bins + 1)
    parts = []
    for measure in MEASURES:
        rows = scored.mutate(score=scored[measure])
        found = differences(waves.base, rows, _PAIRS, by=("score",), level=sure)
        found.insert(0, "measure", measure)
        parts.append(found.sort_values(["outcome", "score"]))
    return pd.concat(parts, ignore_index=True)


def _scored(waves: Waves, bins: int) -> ir.Table:
    rows = waves.rows
    buyers = rows.filter(rows.recency_days.notnull())
    asked = {
        f"{measure}_{k}": buyers[measure].cast("float64").quantile(k / bins)
        for measure in MEASURES.values()
        for k in range(1, bins)
    }
    cuts = buyers.aggregate(**asked).to_pyarrow().to_pylist()[0]
    scores = {}
    for name, measure in MEASURES.items():
        above = ibis.literal(0)
        for k in range(1, bins):
            if (cut := cuts[f"{measure}_{k}"]) is not None:
                above += (rows[measure].cast("float64") > float(cut)).cast("int64")
        value = bins - above if measure == "recency_days" else 1 + above
        scores[name] = rows.recency_days.notnull().ifelse(value, NEVER).cast("int64")
    return rows.mutate(**scores)


def response_by_group(
    waves: Waves,
    groups: ir.Table,
    *,
    minimum: int = MINIMUM,
    level: float = 0.95,
    before: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Response by personal attributes, in groups large enough that none tells of a person.

    Parameters
    ----------
    groups : customer_id and one text column an attribute, e.g. of `demography.demography`
    minimum : customers of each arm in each group; smaller ones are merged into "others"
    before : attribute, group: the groups that an earlier page showed; all others are merged. None: there was
        no page

    Returns
    -------
    attribute, group, outcome and the columns of `treatment_effects.differences`; the groups of an attribute
    lie inside their intervals together with `level`. Counts are of all members of the group, so that they
    add up to those of everybody; a campaign with fewer than two of them in an arm plays no part in the
    effect. Empty where all customers together are too few.
    """
    arguments.level(level)
    attributes = [c for c in groups.columns if c != "customer_id"]
    joined = waves.rows.left_join(groups, "customer_id").drop("customer_id_right")
    joined = joined.mutate(**{a: joined[a].cast("string").fill_null(UNKNOWN) for a in attributes})
    kept = _kept(waves, joined, attributes, minimum, before)
    if kept is None:
        return pd.DataFrame()
    parts = []
    for attribute in attributes:
        shown = joined[attribute].isin(kept[attribute]) if kept[attribute] else ibis.literal(False)
        rows = joined.mutate(group=shown.ifelse(joined[attribute], ibis.literal(OTHERS)))
        many = len(kept[attribute]) + 1
        found = differences(waves.base, rows, _PAIRS, by=("group",), level=1 - (1 - level) / many)
        found.insert(0, "attribute", attribute)
        parts.append(_counted(waves, rows, found).sort_values(["outcome", "group"]))
    return pd.concat(parts, ignore_index=True)


def _counted(waves: Waves, rows: ir.Table, found: pd.DataFrame) -> pd.DataFrame:
    """With the counts of whole groups: what a thin campaign leaves out would tell of a few."""
    counts = rows.group_by("group").aggregate(
        treated=(rows.treated == 1).sum().cast("int64"),
        control=(rows.treated == 0).sum().cast("int64"),
        customers=rows.customer_id.nunique(),
    )
    whole = waves.base.collect(counts).set_index("group")
    return found.assign(**{c: found["group"].map(whole[c]) for c in whole.columns})


def _kept(
    waves: Waves, joined: ir.Table, attributes: Sequence[str], minimum: int, before: pd.DataFrame | None
) -> dict[str, list[str]] | None:
    """The groups of each attribute that stay under their name; crossed, so that no two tables tell more."""
    treated, bought = joined.treated == 1, joined.conversion == 1
    counts = {
        "customers": joined.customer_id.nunique(),
        "treated": joined.customer_id.nunique(where=treated),
        "control": joined.customer_id.nunique(where=~treated),
        "treated_buyers": joined.customer_id.nunique(where=treated & bought),
        "control_buyers": joined.customer_id.nunique(where=~treated & bought),
    }
    cells = waves.base.collect(joined.group_by(list(attributes)).aggregate(**counts))
    shown = publishable(
        cells.sort_values(list(attributes)), list(attributes), count=list(counts)[:3], minimum=minimum,
        before=None if before is None else side_by_side(before, attributes),
    )  # fmt: skip
    if shown.empty:
        return None
    return {a: sorted(set(shown[a]) - {OTHERS}) for a in attributes}


def reach(waves: Waves) -> pd.DataFrame:
    """What became of the mails: one row per campaign, the oldest first.

    Returns
    -------
    campaign_id, treated, and for each of opened, clicked, responded, unsubscribed that the members' table
    tells: members, share of the treated, lower and upper (Wilson). What was opened says nothing of effect.
    """
    members = waves.base.tables["campaign_members"]
    have = {name: column for name, column in ACTS.items() if column in members.columns}
    sent = waves.rows.filter(waves.rows.treated == 1).select("campaign_id", "customer_id")
    each = members.group_by("campaign_id", "customer_id").aggregate(
        **{name: members[column].notnull().any() for name, column in have.items()}
    )
    mine = sent.inner_join(each, ["campaign_id", "customer_id"])
    counted = mine.group_by("campaign_id").aggregate(
        treated=mine.count(), **{name: mine[name].sum().cast("int64") for name in have}
    )
    found = waves.base.collect(counted)
    table = waves.campaigns[["campaign_id"]].merge(found, on="campaign_id", how="left")
    for name in have:
        pairs = list(zip(table[name].astype(int), table["treated"].astype(int), strict=True))
        table[f"{name}_share"] = table[name] / table["treated"]
        table[f"{name}_lower"] = [wilson(k, n)[0] for k, n in pairs]
        table[f"{name}_upper"] = [wilson(k, n)[1] for k, n in pairs]
    return table
