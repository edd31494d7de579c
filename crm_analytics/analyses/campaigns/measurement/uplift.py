"""Whom a campaign moves: differences by segment, and a T-learner judged by its Qini curve.

Two models, one an arm, say what a member with such a past brings when treated and when not; their difference
is the uplift. Each member is scored by models that have not seen this customer (cross-fitting), so that the
Qini curve of the scores is that of new customers.

Sources: Künzel, Sekhon, Bickel & Yu (2019), "Metalearners for estimating heterogeneous treatment effects",
PNAS 116, 4156-4165 (T-learner); Chernozhukov et al. (2018), Econometrics Journal 21, C1-C68 (cross-fitting).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crm_analytics.analyses import arguments
from crm_analytics.analyses.campaigns.measurement.qini import Qini, qini
from crm_analytics.analyses.campaigns.measurement.treatment_effects import differences
from crm_analytics.analyses.plots import Plots
from crm_analytics.errors import DataError, NotEnoughData, ParameterError, nearest
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.analyses.campaigns.measurement.campaign_arms import Waves

LEARNERS = ("linear", "gradient boosting")
FOLDS = 5
MINIMUM_ARM = 200  # members of each arm from which a model of what they do is fitted
SAMPLE = 400_000  # members that reach Python
COUNTS = ("order_count", "orders_before", "recency_days", "tenure_days")
MONEY_BEFORE = ("revenue", "spend_before")
BANDS = ((1, "bought once"), (2, "bought 2–4 times"), (5, "bought 5 times or more"))
NEVER = "never bought"
SEGMENT = "needs_segment"


@dataclass(frozen=True)
class Uplift(ObjectCard):
    """Who is moved by campaigns, as learned from past ones.

    Attributes
    ----------
    qini : of the cross-fitted scores, on the outcome that was learned, less what the past predicted of it
    profit : the same ranking counted in money (margin less contacts); None where no profit is known
    outcome, learner : what was learned, and by which model
    deciles : decile (1 = highest score), members, predicted, observed (treated less control); from the same
        scores
    """

    qini: Qini
    profit: Qini | None
    outcome: str
    learner: str
    deciles: pd.DataFrame

    card_frame = "deciles"
    plot = Plots("crm_analytics.analyses.campaigns.pictures", "qini", "deciles")

    @property
    def pays(self) -> bool:
        """Whether the ranking is worth following.

        It beats contacting blindly, and where profit is known a share that is not everybody brings one whose
        interval lies above zero, and more than contacting everybody.
        """
        if not self.qini.is_clear or self.profit is None:
            return self.qini.is_clear
        curve = self.profit.curve
        inner = curve[(curve["share"] > 0) & (curve["share"] < 1)]
        best = inner.nlargest(1, "gained").iloc[0]
        return bool(best["lower"] > 0 and best["gained"] > float(curve["gained"].iloc[-1]))

    @property
    def sentence(self) -> str:
        """What the ranking is worth, in words."""
        if self.qini.is_clear and not self.pays:
            return "Ranking members by predicted uplift beats contacting blindly, and is not shown to pay."
        if self.qini.is_clear:
            return "Ranking members by predicted uplift beats contacting blindly."
        return f"No ranking of members by predicted {self.outcome} is shown to beat contacting blindly."


def with_segments(waves: Waves, segments: str | ir.Table | None = None) -> tuple[ir.Table, str]:
    """The members with a column `segment`, and what it is in words.

    Parameters
    ----------
    segments : a column of the customers table, or a table customer_id, segment. Default: the needs segment
        where it is known, else how often the member had bought before the sending

    Raises
    ------
    DataError : there is no such column.
    """
    rows, base = waves.rows, waves.base
    listed = base.tables.get("customers")
    if segments is None and listed is not None and SEGMENT in listed.columns:
        known = listed.filter(listed[SEGMENT].notnull()).count().to_pyarrow().as_py()
        segments = SEGMENT if known else None
    if segments is None:
        bands = [
            (rows.order_count < low, name) for low, name in zip((1, 2, 5), (NEVER, *_NAMES), strict=False)
        ]
        return rows.mutate(segment=ibis.cases(*bands, else_=_NAMES[-1])), "purchases before the sending"
    if isinstance(segments, str):
        if listed is None or segments not in listed.columns:
            have = listed.columns if listed is not None else ()
            raise DataError(f"the customers table has no column {segments!r}{nearest(segments, have)}")
        origin = f"{segments} as the customers table says it today"
        table = listed.select("customer_id", segment=listed[segments].cast("string"))
    else:
        table, origin = segments.select("customer_id", "segment"), "segments as given"
    joined = rows.left_join(table, "customer_id").drop("customer_id_right")
    return joined.mutate(segment=joined.segment.fill_null("not known")), origin


_NAMES = tuple(name for _, name in BANDS)


def by_segment(waves: Waves, rows: ir.Table, *, level: float = 0.95) -> pd.DataFrame:
    """The effect on each outcome in each segment, most members first; see `treatment_effects.differences`.

    The intervals hold together: with a probability of `level` or more all segments of an outcome lie inside
    theirs (Bonferroni). `verdict` follows them, and `p` is multiplied by the number of segments.

    Beside: above_others (the segment's adjusted effect less that of all other segments together),
    above_others_lower, above_others_upper, and stands_out: its interval, together with those of the other
    segments, lies above zero. The largest of several estimates is the largest wherever one effect is the
    same for all; only this says that a segment is moved more.
    """
    arguments.level(level)
    names = rows.select("segment").distinct().to_pyarrow()["segment"].to_pylist()
    many = max(1, len(names))
    found = differences(waves.base, rows, waves.outcomes, by=("segment",), level=1 - (1 - level) / many)
    found["p"] = (found["p"] * many).clip(upper=1.0)
    found = _against_others(found, 1 - (1 - level) / many)
    place = list(waves.outcomes)
    found["members_"] = found["treated"] + found["control"]
    found["place_"] = found["outcome"].map(place.index)
    ordered = found.sort_values(
        ["place_", "members_", "segment"], ascending=[True, False, True], ignore_index=True
    )
    return ordered.drop(columns=["members_", "place_"])


def _against_others(found: pd.DataFrame, level: float) -> pd.DataFrame:
    """Each segment's effect against that of all others, weighted as campaigns are."""
    z = float(stats.norm.ppf(0.5 + level / 2))
    error = (found["adjusted_upper"] - found["adjusted"]) / z
    known = error.notna()
    weight = (found["treated"] * found["control"] / (found["treated"] + found["control"])).where(known, 0.0)
    outcome = found["outcome"]
    sums = {
        name: (values.where(known, 0.0)).groupby(outcome).transform("sum")
        for name, values in (
            ("w", weight), ("we", weight * found["adjusted"]), ("ws", (weight * error) ** 2)
        )
    }  # fmt: skip
    rest = (sums["w"] - weight).where(lambda w: w > 0)
    others = (sums["we"] - weight * found["adjusted"].where(known, 0.0)) / rest
    spread = (sums["ws"] - (weight * error.where(known, 0.0)) ** 2).clip(lower=0) / rest**2
    gap = (found["adjusted"] - others).where(known)
    half = z * np.sqrt(error**2 + spread)
    return found.assign(
        above_others=gap,
        above_others_lower=gap - half,
        above_others_upper=gap + half,
        stands_out=(gap - half > 0).fillna(False),
    )


def learn(
    waves: Waves,
    rows: ir.Table | None = None,
    *,
    outcome: str = "orders",
    learner: str = "linear",
    sample: int = SAMPLE,
    draws: int = 200,
    seed: int = 1,
    level: float = 0.95,
) -> Uplift:
    """Learn who is moved, and how well that can be told of customers not seen.

    Parameters
    ----------
    rows : the members with a column `segment`; default without segments
    outcome : one of ``waves.outcomes``
    learner : "linear" (ridge on logarithms) or "gradient boosting"
    sample : members at most; above, every k-th customer in the order of their ids

    Raises
    ------
    NotEnoughData : fewer than `MINIMUM_ARM` members of an arm.
    ParameterError : outcome or learner is not known.
    """
    arguments.level(level)
    if outcome not in waves.outcomes:
        raise ParameterError(f"outcome {outcome!r} is not known here{nearest(outcome, waves.outcomes)}")
    if learner not in LEARNERS:
        raise ParameterError(f"learner {learner!r} is not known{nearest(learner, LEARNERS)}")
    frame = _members(waves, waves.rows if rows is None else rows, outcome, sample)
    treated = frame["treated"].to_numpy(dtype=float)
    fewest = int(min(treated.sum(), len(treated) - treated.sum()))
    if fewest < MINIMUM_ARM:
        raise NotEnoughData("a model of uplift", fewest, MINIMUM_ARM, "members in each arm")
    who, past = frame["customer_id"].to_numpy(dtype=object), _features(frame)
    wanted = {
        name: frame[name].to_numpy(dtype=float) for name in (outcome, "profit") if name in frame.columns
    }
    rest = {name: unpredicted(past, y, who) for name, y in wanted.items()}
    score = cross_fitted(past, rest[outcome], treated, who, learner=learner, seed=seed)
    told: dict[str, Any] = {"level": level, "draws": draws, "seed": seed}
    return Uplift(
        qini(rest[outcome], treated, score, who, **told),
        qini(rest["profit"], treated, score, who, **told) if "profit" in rest else None,
        outcome,
        learner,
        _deciles(rest[outcome], treated, score),
    )


def _members(waves: Waves, rows: ir.Table, outcome: str, sample: int) -> pd.DataFrame:
    columns = [*COUNTS, *MONEY_BEFORE, outcome]
    columns += [c for c in ("profit", "segment") if c in rows.columns and c != outcome]
    whole = int(rows.count().to_pyarrow().as_py())
    if whole > sample:
        step = -(-whole // sample)
        people = rows.select("customer_id").distinct()
        people = people.mutate(place=ibis.row_number().over(order_by="customer_id") % step)
        rows = rows.semi_join(people.filter(people.place == 0), "customer_id")
    chosen = rows.select("campaign_id", "customer_id", "treated", *columns)
    return waves.base.collect(chosen.order_by("campaign_id", "customer_id"))


def _features(frame: pd.DataFrame) -> np.ndarray:
    """The past in logarithms; whoever never bought is told by a column of their own."""
    never = frame["recency_days"].isna()
    counts = [np.log1p(frame[c].fillna(0.0).clip(lower=0.0)) for c in (*COUNTS, *MONEY_BEFORE)]
    parts = [never.astype(float), *counts]
    if "segment" in frame.columns:
        names = sorted(frame["segment"].unique())
        parts += [(frame["segment"] == name).astype(float) for name in names[1:]]
    return np.column_stack([np.asarray(p, dtype=float) for p in parts])


def unpredicted(features: np.ndarray, y: np.ndarray, customers: np.ndarray) -> np.ndarray:
    """What of each outcome the member's past did not predict, by a model that has not seen the customer.

    The arms' difference stays what it is, since both lose the same; its noise shrinks, as by CUPED.
    """
    fold, rest = _folds(customers), y.astype(float)
    for number in range(FOLDS):
        mine = fold == number
        if mine.any() and not mine.all():
            model = _model("linear", 0).fit(features[~mine], y[~mine])
            rest[mine] = y[mine] - model.predict(features[mine])
    return np.round(rest, 9)


def _folds(customers: np.ndarray) -> np.ndarray:
    return np.array([zlib.crc32(str(c).encode()) % FOLDS for c in customers])


def cross_fitted(
    features: np.ndarray,
    y: np.ndarray,
    treated: np.ndarray,
    customers: np.ndarray,
    *,
    learner: str = "linear",
    seed: int = 1,
) -> np.ndarray:
    """Uplift of each member by models that have not seen its customer.

    Customers fall into `FOLDS` by a checksum of their id, so the order of the rows plays no part.
    """
    fold = _folds(customers)
    score = np.zeros(len(y))
    for number in range(FOLDS):
        rest, mine = fold != number, fold == number
        if not mine.any():
            continue
        for arm, sign in ((1.0, 1.0), (0.0, -1.0)):
            seen = rest & (treated == arm)
            score[mine] += sign * _model(learner, seed).fit(features[seen], y[seen]).predict(features[mine])
    return np.round(score, 9)


def _model(learner: str, seed: int) -> Any:
    if learner == "linear":
        return make_pipeline(StandardScaler(), Ridge(alpha=100.0))
    return HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=100, random_state=seed
    )


def _deciles(y: np.ndarray, treated: np.ndarray, score: np.ndarray) -> pd.DataFrame:
    """Predicted against observed uplift in tenths of the score; equal scores stay together."""
    _, place, count = np.unique(-score, return_inverse=True, return_counts=True)
    tenth = ((np.cumsum(count) - count / 2) * 10 / len(score)).astype(int).clip(0, 9)[place]
    frame = pd.DataFrame({"decile": tenth + 1, "y": y, "treated": treated, "score": score})
    frame = frame.sort_values(["decile", "score", "treated", "y"])
    parts = []
    for decile, group in frame.groupby("decile"):
        arms = group.groupby("treated")["y"].mean()
        parts.append(
            (decile, len(group), group["score"].mean(), arms.get(1.0, np.nan) - arms.get(0.0, np.nan))
        )
    return pd.DataFrame(parts, columns=["decile", "members", "predicted", "observed"])
