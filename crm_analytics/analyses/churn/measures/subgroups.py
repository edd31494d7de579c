"""Does the model err more for some groups of customers (a region, an age band) than for all others?

Two ways to err are looked at: saying too much or too little (calibration: share who left less the mean
probability) and not telling leavers from stayers (AUC). Both are compared with the other customers, because a
model may be equally wrong for everybody. Many groups are looked at, so some would stand out by chance: p
values are corrected for their number (S. Holm (1979), *Scandinavian Journal of Statistics* 6, 65-70).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from crm_analytics.analyses.churn.measures.ranking import checked, placements
from crm_analytics.analyses.disclosure import OTHERS, publishable, side_by_side
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.tables.object_cards import ObjectCard

Array = NDArray[np.float64]
UNKNOWN = "unknown"  # the group of those of whom an attribute is not known
FEW = 30  # customers, and a tenth of it leavers and stayers each: below it no AUC is compared
COLUMNS = [
    "attribute", "group", "n", "churned", "left_share", "predicted", "calibration_error", "lower", "upper",
    "auc", "auc_lower", "auc_upper", "p_calibration", "p_auc", "differs", "how", "thin",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Subgroups(ObjectCard):
    """How the model does in each group.

    Attributes
    ----------
    table : attribute, group, n, churned, left_share, predicted (mean probability), calibration_error
        (left_share - predicted; above 0: more left than was said), lower, upper, auc, auc_lower, auc_upper
        (NaN with fewer than 2 leavers or stayers), p_calibration and p_auc (against all other customers, not
        corrected; NaN: not compared), differs (bool, corrected), how (what differs, in words), thin
    tested : comparisons made
    minimum : the set size; smaller groups are among the "others"
    level : of the intervals, and 1 - level is the chance that any group of equal customers differs
    """

    table: pd.DataFrame
    tested: int
    minimum: int
    level: float

    @property
    def words(self) -> str:
        """The finding as a sentence."""
        found = self.table[self.table["differs"]]
        if not len(found):
            return (
                f"No group is shown to be served worse than the others ({self.tested} comparisons, "
                f"corrected for their number)."
            )
        names = [f"{row['attribute']} {row['group']}: {row['how']}" for row in found.to_dict("records")]
        return f"The model differs for {len(found)} of {len(self.table)} groups. {'; '.join(names)}."


def subgroups(
    y: ArrayLike,
    p: ArrayLike,
    groups: pd.DataFrame | pd.Series | Mapping[str, ArrayLike] | ArrayLike,
    *,
    minimum: int = 5,
    level: float = 0.95,
    before: pd.DataFrame | None = None,
) -> Subgroups:
    """Compare the model's errors between groups.

    Parameters
    ----------
    y : who left, 0/1 or bool, one a customer
    p : probability of leaving, 0..1; of customers the model was not fitted on
    groups : one row per customer, one column per attribute (text; band ages first). Missing is "unknown"
    minimum : the set size of `analyses.disclosure`: groups of fewer customers join the others; 2 or more
    level : of the intervals
    before : attribute, group: the groups that an earlier page showed; a group that is not among them joins
        the others, so that no two pages tell of the few who made it large enough. None: there was no page

    Returns
    -------
    Subgroups

    Raises
    ------
    NotEnoughData : nobody left, or all did; or fewer customers than the set size.
    ParameterError : lengths differ, or a value is missing.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> region, p = rng.choice(["north", "south"], 4000), rng.uniform(.1, .5, 4000)
    >>> left = rng.random(4000) < np.where(region == "south", p + .2, p)
    >>> found = subgroups(left, p, pd.DataFrame({"region": region}))
    >>> south = found.table.set_index("group").loc["south"]
    >>> round(float(south["calibration_error"]), 1), bool(south["differs"])
    (0.2, True)
    """
    left, score = checked(y, p, both="a check of groups", probabilities=True)
    frame = _attributes(groups, len(left))
    shown = _shown(frame, minimum, before)
    if not len(shown):
        raise NotEnoughData("a check of groups", len(left), minimum)
    z = float(stats.norm.ppf(0.5 + level / 2))
    rows = []
    for attribute in shown.columns:
        for group in _in_order(shown[attribute]):
            inside = (shown[attribute] == group).to_numpy()
            own, rest = _Errors(left[inside], score[inside]), _Errors(left[~inside], score[~inside])
            rows.append({"attribute": attribute, "group": group, **_compared(own, rest, z)})
    table = _decided(pd.DataFrame(rows), 1 - level)
    tested = int(table[["p_calibration", "p_auc"]].notna().sum().sum())
    return Subgroups(table[COLUMNS], tested, minimum, level)


def _attributes(groups: object, n: int) -> pd.DataFrame:
    if isinstance(groups, pd.Series):
        frame = groups.to_frame(str(groups.name or "group"))
    elif isinstance(groups, (pd.DataFrame, Mapping)):
        frame = pd.DataFrame(groups)
    else:
        frame = pd.DataFrame({"group": np.asarray(groups)})
    if len(frame) != n or not frame.shape[1]:
        raise ParameterError(f"{n} customers and {len(frame)} rows of groups: there must be one of each")
    text = frame.reset_index(drop=True).astype("object")
    return text.where(text.notna(), UNKNOWN).astype(str)


def _shown(frame: pd.DataFrame, minimum: int, before: pd.DataFrame | None) -> pd.DataFrame:
    """The attributes with small groups among the others; each attribute's groups by the house's set size.

    Attributes are shown beside each other of the same customers, so the cells of all of them together
    are what must be large enough.
    """
    names = list(frame.columns)
    cells = frame.groupby(names).size().rename("customers").reset_index()
    shown = None if before is None else side_by_side(before, names)
    kept = publishable(cells, names, minimum=minimum, before=shown)
    if not len(kept):
        return frame.iloc[:0]
    return pd.DataFrame({c: frame[c].where(frame[c].isin(kept[c]), OTHERS) for c in names})


def _in_order(values: pd.Series) -> list[str]:
    return sorted(values.unique(), key=lambda name: (name == OTHERS, name))


def _compared(own: _Errors, rest: _Errors, z: float) -> dict[str, object]:
    low, high = own.auc_band(z)
    return {
        "n": own.n,
        "churned": int(own.churned),
        "left_share": own.churned / own.n,
        "predicted": own.predicted,
        "calibration_error": own.error,
        "lower": max(-1.0, own.error - z * own.error_spread),
        "upper": min(1.0, own.error + z * own.error_spread),
        "auc": own.auc,
        "auc_lower": low,
        "auc_upper": high,
        "p_calibration": _p(own.error - rest.error, own.error_spread, rest.error_spread)
        if min(own.n, rest.n) >= FEW
        else np.nan,
        "p_auc": _p(own.auc - rest.auc, own.auc_spread, rest.auc_spread)
        if own.compares and rest.compares
        else np.nan,
        "more": own.error > rest.error,
        "worse": own.auc < rest.auc,
        "thin": own.n < FEW,
    }


class _Errors:
    """Calibration and discrimination of some customers, with their standard errors."""

    def __init__(self, left: Array, score: Array) -> None:
        # sums of floats depend on their order, so it is made to depend on the values alone
        order = np.lexsort((left, score))
        left, score = left[order], score[order]
        self.n, self.churned = len(left), left.sum()
        self.predicted = float(score.mean()) if self.n else np.nan
        gap = left - score
        self.error = float(gap.mean()) if self.n else np.nan
        # at least what the probabilities themselves would scatter: a group where nobody left has spread, too
        spread = max(
            float(gap.var(ddof=1)) if self.n > 1 else 0.0, float((score * (1 - score)).sum() / max(self.n, 1))
        )
        self.error_spread = np.sqrt(spread / self.n) if self.n else np.nan
        self.auc = self.auc_spread = np.nan
        if min(self.churned, self.n - self.churned) >= 2:
            above, below = placements(left, score)
            self.auc = float(above.mean())
            self.auc_spread = float(np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)))

    @property
    def compares(self) -> bool:
        fewest = min(self.churned, self.n - self.churned)
        return self.n >= FEW and fewest >= FEW / 10 and self.auc_spread > 0

    def auc_band(self, z: float) -> tuple[float, float]:
        """DeLong's interval on the log-odds scale."""
        if not self.auc_spread > 0 or not 0 < self.auc < 1:
            return (np.nan, np.nan) if np.isnan(self.auc) else (0.0, 1.0)
        middle, half = np.log(self.auc / (1 - self.auc)), z * self.auc_spread / (self.auc * (1 - self.auc))
        return tuple(float(1 / (1 + np.exp(-x))) for x in (middle - half, middle + half))  # type: ignore[return-value]


def _p(difference: float, one: float, other: float) -> float:
    return float(2 * stats.norm.sf(abs(difference) / np.hypot(one, other)))


def _decided(table: pd.DataFrame, chance: float) -> pd.DataFrame:
    """Which groups differ, with Holm's correction over every comparison; and how, in words."""
    found = table[["p_calibration", "p_auc"]].to_numpy(dtype=float)
    flat = found.ravel()
    order = np.argsort(np.where(np.isnan(flat), np.inf, flat), kind="stable")
    count, differs = int(np.isfinite(flat).sum()), np.zeros(len(flat), dtype=bool)
    for place, at in enumerate(order[:count]):
        if flat[at] > chance / (count - place):
            break
        differs[at] = True
    by = differs.reshape(found.shape)
    words = []
    for (said, told), row in zip(by, table.to_dict("records"), strict=True):
        parts = []
        if said:
            side = "more left than was said" if row["more"] else "fewer left than was said"
            parts.append(f"{side}, compared with the others ({row['calibration_error']:+.1%})")
        if told:
            parts.append(f"leavers are told {'worse' if row['worse'] else 'better'} (AUC {row['auc']:.2f})")
        words.append(", and ".join(parts))
    return table.assign(differs=pd.Series(by.any(axis=1), table.index), how=words)
