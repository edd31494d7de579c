"""Treated against control: differences with intervals, from sums made in the engine.

The estimate is the mean over campaigns of the difference of their arms (intention to treat: whoever was to
be treated counts as treated, whatever became of the mail), each weighted by ``n_t n_c / (n_t + n_c)``. A
customer who was in several campaigns is one cluster: the variance is the sum over customers of the square
of the sum of their influences. CUPED takes from each outcome what the same customer's past predicted.

Sources: Deng, Xu, Kohavi & Walker (2013), "Improving the sensitivity of online controlled experiments by
utilizing pre-experiment data", WSDM, eq. 4-5; Cameron & Miller (2015), "A practitioner's guide to
cluster-robust inference", Journal of Human Resources 50, 317-372.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from crm_analytics.analyses import arguments
from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

MORE, LESS = "more", "less"
NO_EFFECT = "no effect shown"
TOO_LITTLE = "too little happened to tell"
_SCALE = "decimal(18, 6)"  # of influences: their sums must not know the order of the rows


def moments(base: CustomerBase, rows: ir.Table, pairs: Mapping[str, str], by: Sequence[str]) -> pd.DataFrame:
    """Sums, squares and products of outcomes and what goes with them: one row per campaign, arm and `by`.

    Parameters
    ----------
    rows : with campaign_id, treated (0/1), the columns of `pairs` (whole numbers or DECIMAL) and `by`
    pairs : outcome -> the column of the past that goes with it

    Returns
    -------
    campaign_id, treated, *by, n, and for outcome y with x: y_sum, y_square, x_sum, x_square, y_x (floats)
    """
    sums: dict[str, ir.Value] = {"n": rows.count()}
    for y, x in pairs.items():
        sums |= {
            f"{y}_sum": rows[y].sum(),
            f"{y}_square": product(rows[y], rows[y]).sum(),
            f"{y}_x_sum": rows[x].sum(),
            f"{y}_x_square": product(rows[x], rows[x]).sum(),
            f"{y}_x": product(rows[y], rows[x]).sum(),
        }
    keys = list(dict.fromkeys(["campaign_id", "treated", *by]))
    found = base.collect(rows.group_by(keys).aggregate(**sums))
    numbers = found.columns.difference(keys)
    found[numbers] = found[numbers].astype("float64")
    return found.sort_values(keys, ignore_index=True)


def product(a: ir.Value, b: ir.Value) -> ir.Value:
    """Two columns multiplied exactly: 19 and 18 digits are what both engines keep whole in a product."""
    if a.type().is_decimal() or b.type().is_decimal():
        return (a.cast("decimal(19, 4)") * b.cast(MONEY)).cast("decimal(38, 8)")
    return a * b


def slopes(found: pd.DataFrame, pairs: Mapping[str, str]) -> dict[str, float]:
    """CUPED's factor of each outcome: covariance over variance within campaigns and arms, 0 without any.

    It is one number from all campaigns together, so that a small one does not adjust by its own noise.

    >>> table = pd.DataFrame({"n": [3.0], "y_sum": [6.0], "y_square": [14.0], "y_x_sum": [12.0],
    ...     "y_x_square": [56.0], "y_x": [28.0]})  # y = 1, 2, 3 and x = 2, 4, 6
    >>> slopes(table, {"y": "past"})
    {'y': 0.5}
    """
    theta = {}
    for y in pairs:
        within = (found[f"{y}_x"] - found[f"{y}_sum"] * found[f"{y}_x_sum"] / found["n"]).sum()
        spread = (found[f"{y}_x_square"] - found[f"{y}_x_sum"] ** 2 / found["n"]).sum()
        theta[y] = float(within / spread) if spread > 1e-9 * found[f"{y}_x_square"].sum() else 0.0
    return theta


def differences(
    base: CustomerBase,
    rows: ir.Table,
    pairs: Mapping[str, str],
    theta: Mapping[str, float] | None = None,
    *,
    by: Sequence[str] = (),
    level: float | Mapping[tuple[object, ...], float] = 0.95,
) -> pd.DataFrame:
    """The effect on each outcome, over all campaigns in the rows or for each group of `by`.

    Parameters
    ----------
    theta : CUPED's factor of each outcome; default each group's own, from its campaigns and arms
    level : of the intervals, one for all groups or one for each

    Returns
    -------
    *by, outcome, treated, control (members), customers, treated_mean, control_mean, effect, lower, upper
    (the plain difference), adjusted, adjusted_lower, adjusted_upper (by CUPED), variance_reduction (share
    of the variance that the past explains), p (of the adjusted one, two-sided), verdict ("more", "less",
    "no effect shown" where the adjusted interval holds zero, "too little happened to tell" where an arm
    shows no spread). Groups without two members in both arms of some campaign are left out.
    """
    for one in level.values() if isinstance(level, Mapping) else [level]:
        arguments.level(one)
    cells = _cells(moments(base, rows, pairs, by), by)
    if cells.empty:
        return pd.DataFrame(columns=[*by, *_COLUMNS])
    groups = [((), cells)] if not by else list(cells.groupby(list(by), sort=False))
    for _, group in groups:
        for y, factor in (theta or slopes(group, pairs)).items():
            cells.loc[group.index, f"{y}_theta"] = factor
    squares = _clustered(base, rows, cells, pairs, list(by))
    table = []
    for key, group in groups:
        key_values = dict(zip(by, key, strict=True))
        whole = cells.loc[group.index]
        sure = level[key] if isinstance(level, Mapping) else level
        table += [key_values | _difference(whole, squares[key], y, sure) for y in pairs]
    return pd.DataFrame(table, columns=[*by, *_COLUMNS])


_COLUMNS = [
    "outcome", "treated", "control", "customers", "treated_mean", "control_mean", "effect", "lower", "upper",
    "adjusted", "adjusted_lower", "adjusted_upper", "variance_reduction", "p", "verdict",
]  # fmt: skip


def _cells(found: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Campaigns that have two members or more in both arms, with the weight of each of their rows."""
    keys = list(dict.fromkeys(["campaign_id", *by]))
    found = found[found[list(by)].notna().all(axis=1)] if by else found
    arms = found.pivot_table(index=keys, columns="treated", values="n", aggfunc="sum", fill_value=0.0)
    arms = arms.reindex(columns=[0, 1], fill_value=0.0)
    arms = arms[(arms[0] >= 2) & (arms[1] >= 2)]
    weight = (arms[0] * arms[1] / (arms[0] + arms[1])).rename("weight").reset_index()
    cells = found.merge(weight, on=keys)
    group = [cells[c] for c in by] or [pd.Series(0, cells.index)]
    whole = cells.groupby(group)[["weight", "n"]].transform("sum")
    cells["share"] = 2 * cells["weight"] / whole["weight"]  # both arms hold the weight: it is summed twice
    cells["rows"] = whole["n"]
    sign = np.where(cells["treated"] == 1, 1.0, -1.0)
    small = np.sqrt(cells["n"] / (cells["n"] - 1))  # so that one campaign's variance is that of Welch
    cells["factor"] = sign * cells["share"] / cells["n"] * cells["rows"] * small
    return cells


def _clustered(
    base: CustomerBase,
    rows: ir.Table,
    cells: pd.DataFrame,
    pairs: Mapping[str, str],
    by: list[str],
) -> dict[tuple[object, ...], pd.Series]:
    """For each group the sum over customers of squared influences, times the square of its rows."""
    keys = list(dict.fromkeys(["campaign_id", "treated", *by]))
    means = {f"{y}_mean": cells[f"{y}_sum"] / cells["n"] for y in pairs}
    means |= {f"{y}_x_mean": cells[f"{y}_x_sum"] / cells["n"] for y in pairs}
    factors = ["factor", *(f"{y}_theta" for y in pairs)]
    small = base.to_engine(cells[[*keys, *factors]].assign(**means))
    joined = rows.inner_join(small, keys)
    influence = {}
    for y, x in pairs.items():
        plain = joined[y].cast("float64") - joined[f"{y}_mean"]
        predicted = (joined[x].cast("float64") - joined[f"{y}_x_mean"]) * joined[f"{y}_theta"]
        influence[f"{y}_plain"] = (joined.factor * plain).round(6).cast(_SCALE)
        influence[f"{y}_adjusted"] = (joined.factor * (plain - predicted)).round(6).cast(_SCALE)
    each = joined.select(*by, "customer_id", "treated", **influence)
    one = each.group_by(*by, "customer_id").aggregate(
        is_treated=each.treated.max(),
        is_control=1 - each.treated.min(),
        **{name: each[name].sum().cast(_SCALE) for name in influence},
    )
    totals = one.group_by(by).aggregate if by else one.aggregate
    squares = totals(
        customers=one.count(),
        treated_customers=one.is_treated.sum(),
        control_customers=one.is_control.sum(),
        **{
            name: (one[name].cast("decimal(19, 6)") * one[name]).cast("decimal(38, 12)").sum()
            for name in influence
        },
    )
    found = base.collect(squares)
    return {tuple(row[name] for name in by): row for _, row in found.iterrows()}


def _difference(group: pd.DataFrame, spread: pd.Series, y: str, level: float) -> dict[str, object]:
    treated, control = (group[group["treated"] == arm] for arm in (1, 0))
    share = {arm: half["share"].to_numpy() for arm, half in ((1, treated), (0, control))}
    y_mean = [float(share[a] @ (h[f"{y}_sum"] / h["n"])) for a, h in ((1, treated), (0, control))]
    x_mean = [float(share[a] @ (h[f"{y}_x_sum"] / h["n"])) for a, h in ((1, treated), (0, control))]
    within = [float((h[f"{y}_square"] - h[f"{y}_sum"] ** 2 / h["n"]).sum()) for h in (treated, control)]
    varies = min(within) > 1e-9 * max(1.0, float(group[f"{y}_square"].sum()))
    rows = float(group["rows"].iloc[0])
    error = np.sqrt([float(spread[f"{y}_{kind}"]) for kind in ("plain", "adjusted")]) / rows
    freedom = max(1.0, float(min(spread["treated_customers"], spread["control_customers"])) - 1)
    half = stats.t.ppf(0.5 + level / 2, freedom) * error
    effect, theta = y_mean[0] - y_mean[1], float(group[f"{y}_theta"].iloc[0])
    adjusted = effect - theta * (x_mean[0] - x_mean[1])
    bounds = [effect - half[0], effect + half[0], adjusted - half[1], adjusted + half[1]]
    if not varies or np.isnan(bounds).any():
        bounds, p, verdict = [np.nan] * 4, np.nan, TOO_LITTLE
    else:
        p = float(2 * stats.t.sf(abs(adjusted) / error[1], freedom)) if error[1] > 0 else 0.0
        verdict = MORE if bounds[2] > 0 else LESS if bounds[3] < 0 else NO_EFFECT
    return {
        "outcome": y,
        "treated": int(treated["n"].sum()),
        "control": int(control["n"].sum()),
        "customers": int(spread["customers"]),
        "treated_mean": y_mean[0],
        "control_mean": y_mean[1],
        "effect": effect,
        "lower": bounds[0],
        "upper": bounds[1],
        "adjusted": adjusted,
        "adjusted_lower": bounds[2],
        "adjusted_upper": bounds[3],
        "variance_reduction": 1 - float(error[1] / error[0]) ** 2 if varies and error[0] > 0 else np.nan,
        "p": p,
        "verdict": verdict,
    }
