"""What the lists of a wave add up to: sizes, who was suppressed at which step, who is due on several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.campaigns.lists.lists import CONTROL, TREATED
from crm_analytics.analyses.campaigns.lists.suppression import STEPS

if TYPE_CHECKING:
    from crm_analytics.analyses.campaigns.lists.lists import Lists


def summary(wave: Lists) -> pd.DataFrame:
    """One row per list, in the order of the rules.

    Returns
    -------
    list, words, due, suppressed, control, treated, value_at_stake and expected_value (of the treated; the
    latter NaN where it is not known)
    """
    all_of = wave.members
    contacted = all_of.treatment == TREATED
    counted = all_of.group_by("list").aggregate(
        due=all_of.count(),
        suppressed=all_of.suppressed_by.notnull().sum(),
        control=(all_of.treatment == CONTROL).sum(),
        treated=contacted.sum(),
        value_at_stake=all_of.value_at_stake.sum(where=contacted),
        expected_value=all_of.expected_value.sum(where=contacted),
    )
    found = wave.base.collect(counted).set_index("list").reindex([rule.name for rule in wave.rules])
    counts = ["due", "suppressed", "control", "treated"]
    found[counts] = found[counts].fillna(0).astype("int64")
    found["value_at_stake"] = found["value_at_stake"].astype("float64").fillna(0.0)
    found["expected_value"] = found["expected_value"].astype("float64")
    found.insert(0, "words", [rule.words for rule in wave.rules])
    return found.reset_index()


def waterfall(wave: Lists) -> pd.DataFrame:
    """How many are left after each step, for each list and for all of them.

    Returns
    -------
    list ("" for all lists together), step ("due", the steps of `suppression.STEPS` that kept anybody out,
    "control", "treated"), customers (kept out by the step; at "due" and "treated" how many there are), left
    (after the step), saved (what contacting those kept out would have cost; NaN without a cost)
    """
    rows = wave.members
    step = ibis.coalesce(rows.suppressed_by, rows.treatment)
    counted = rows.select("list", step=step).group_by("list", "step").aggregate(n=ibis._.count())
    counts = wave.base.collect(counted).set_index(["list", "step"])["n"]
    of_all = counts.groupby("step").sum()
    cost = float("nan") if wave.terms.contact_cost is None else wave.terms.contact_cost
    steps = []
    for name in ["", *(rule.name for rule in wave.rules)]:
        mine = of_all if name == "" else counts[counts.index.get_level_values("list") == name].droplevel(0)
        left = int(mine.sum())
        steps.append((name, "due", left, left, 0.0))
        for each in (*STEPS, CONTROL):
            if each in mine.index:
                n = int(mine[each])
                left -= n
                steps.append((name, each, n, left, n * cost))
        steps.append((name, TREATED, left, left, 0.0))
    return pd.DataFrame(steps, columns=["list", "step", "customers", "left", "saved"])


def overlap(wave: Lists) -> pd.DataFrame:
    """How many customers are due on both of two lists; the diagonal is each list's own size.

    Returns
    -------
    square frame, lists on both sides, in the order of the rules
    """
    one = wave.members.select("customer_id", row="list")
    other = wave.members.select("customer_id", column="list")
    both = one.inner_join(other, "customer_id").group_by("row", "column").aggregate(n=ibis._.count())
    names = [rule.name for rule in wave.rules]
    table = wave.base.collect(both).pivot_table(index="row", columns="column", values="n", aggfunc="sum")
    table = table.reindex(index=names, columns=names).fillna(0).astype("int64")
    return table.rename_axis(index="list", columns="list")


def reach_of_top(wave: Lists, points: int = 40) -> pd.DataFrame:
    """The mean orders of the first k of all who are to be contacted, the largest first.

    Returns
    -------
    contacts (k, rising, the last is all of them), order_value (the sum of one mean order of each)
    """
    rows = wave.next_actions
    order = [ibis.desc("order_value"), "customer_id", "list"]
    place = ibis.row_number().over(order_by=order) + 1
    ranked = rows.select("customer_id", "list", "order_value", place=place)
    n = int(rows.count().to_pyarrow().as_py())
    if not n:
        return pd.DataFrame({"contacts": pd.Series(dtype="int64"), "order_value": pd.Series(dtype="float64")})
    ends = sorted({max(1, round(n * k / points)) for k in range(1, points + 1)})
    part = ibis.literal(0)
    for end in ends:
        part += (ranked.place > end).cast("int64")
    sums = ranked.mutate(part=part).group_by("part").aggregate(value=ibis._.order_value.sum())
    found = wave.base.collect(sums).sort_values("part")["value"].astype("float64").cumsum()
    return pd.DataFrame({"contacts": ends, "order_value": found.to_numpy()})
