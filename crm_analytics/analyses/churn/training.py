"""From a base to a trained and judged churn model: learnt on the past, held against a later window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from numbers import Integral
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_analytics.analyses.arguments import base_given
from crm_analytics.analyses.churn.features.btyd_features import with_btyd
from crm_analytics.analyses.churn.features.features import FEATURES
from crm_analytics.analyses.churn.features.features import features as all_features
from crm_analytics.analyses.churn.features.labels import labels
from crm_analytics.analyses.churn.features.own_features import (
    OwnFeatures,
    own_features,
    refuse_unknown,
    with_own,
)
from crm_analytics.analyses.churn.features.windows import Window, windows
from crm_analytics.analyses.churn.measures import measures
from crm_analytics.analyses.churn.measures.grades import CHANCE, MINIMUMS, Grade, grade
from crm_analytics.analyses.churn.model.explanations import permutation_reasons
from crm_analytics.analyses.churn.model.input_checks import OF_EACH
from crm_analytics.analyses.churn.model.model import ChurnModel
from crm_analytics.analyses.churn.model.own_learner import check_learner, name_of
from crm_analytics.analyses.churn.model.persistence import packed, unpacked
from crm_analytics.analyses.churn.model.recency_rule import RecencyRule, recency_rule
from crm_analytics.analyses.churn.survival.definition import Definition, definition
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.profiling.demography import ATTRIBUTES, demography
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import NotEnoughData, ParameterError, nearest
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

Array = NDArray[np.float64]
LEARNERS = ("logistic", "gradient boosting")
RULE, ALIVE = "recency rule", "P(alive)"
LEVEL = 0.95  # with which all reasons lie inside their intervals
EVENTS = (
    "service",
    "surveys",
    "campaigns",
    "channels",
    "referrals",
    "mentions",
)  # who never had a ticket lacks no value
OF_PURCHASES = [feature.name for feature in FEATURES if feature.group not in EVENTS]
MEASURES = {
    "auc": measures.auc,
    "average_precision": measures.average_precision,
    "brier": measures.brier,
    "top_decile_lift": measures.top_decile_lift,
}


@dataclass(frozen=True, eq=False)
class HeldOut(ObjectCard):
    """Customers still there when the last window began, one row each, without their ids.

    Nothing was learnt from them before their scores were written down, but where there is only one window.

    day, until : features up to `day`, labels in (day, until]
    frame : features
    left : 1.0 who did not buy in the window
    score : probability to leave, as said on `day` by the chosen method
    value : money of the last so many days before `day` as the window has
    recency_days : days since the last purchase, on `day`
    people : region, age band and the like of the customers, for `subgroups`; without columns where unknown
    """

    day: date
    until: date
    frame: pd.DataFrame
    left: Array
    score: Array
    value: Array
    recency_days: Array
    people: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Churn(ObjectCard):
    """A trained churn model, what it is worth, and what it was made from.

    window : days without a purchase that count as having left
    definition : where the window comes from; None where it was given
    method : "logistic", "gradient boosting", an own learner's class, or "recency rule" where data are too few
        for a model
    model : the estimator, refitted on all windows; None for the rule
    rule : the recency rule, refitted the same
    unmet : why there is only the rule, in sentences; empty where there is a model
    grade : A, B or C on the held-out window; None for the rule
    evidence : until, method, n, left, expected (to leave), and auc, average_precision, brier,
        top_decile_lift, each with _lower and _upper; the newest window is the held-out one
    held_out : its customers
    windows : learnt from, the newest last; of a single one the rule is held against the customers it was
        learnt from, which is no evidence of the next
    reasons : what the model goes by, as `explanations.permutation_reasons` on the held-out customers, by the
        model that has not seen them; all intervals hold together with 95 %. None for the rule
    own : features of one's own; None where there are none
    """

    window: int
    definition: Definition | None
    method: str
    model: ChurnModel | None
    rule: RecencyRule
    unmet: tuple[str, ...]
    grade: Grade | None
    evidence: pd.DataFrame
    held_out: HeldOut
    windows: tuple[Window, ...]
    reasons: pd.DataFrame | None = None
    own: OwnFeatures | None = None

    plot = Plots("crm_analytics.analyses.churn.pictures", "gains", "calibration", "reasons", "evidence")

    @property
    def tells(self) -> bool:
        """Whether the score is shown to tell leavers from stayers: its AUC's 95 % interval lies above .5."""
        last = self.evidence[self.evidence["until"] == self.held_out.until]
        return bool((last.loc[last["method"] == self.method, "auc_lower"] > CHANCE).any())

    def probability(self, frame: pd.DataFrame) -> Array:
        """Probability to leave of rows of features."""
        if self.model is None:
            return self.rule.probability(frame["recency_days"])
        return self.model.leaving(frame)


@watched("Learning who leaves")
def train(
    base: CustomerBase,
    window: int | None = None,
    *,
    seed: int = 1,
    sample: int = 200_000,
    learners: Sequence[str] = LEARNERS,
    count: int = 3,
    features: Any = None,
    learner: Any = None,
) -> Churn:
    """Learn who leaves, from windows in time.

    Of interest are customers who are still there: whoever has not bought for a whole window has left already,
    is neither learnt from nor called, and would only make the figures look better.

    With three windows a learner is chosen on the second by what it learnt on the first, judged on the third
    by what it learnt on the first two, and then fitted on all. Two windows, or a first too thin to
    learn from, leave none to choose by; then the logistic model, which needs less, is taken. With one, and
    below `MINIMUMS`, in the newest or in those before it, the recency rule speaks alone. Windows in which
    nobody left, or all did, teach nothing and are left out.

    Parameters
    ----------
    base : all that is known; its day is the day of the scores to come
    window : days without a purchase that count as having left; by default from `definition`
    seed : of folds and of the sample
    sample : customers a window to learn from; more are thinned evenly by a hash of their id
    learners : of "logistic", "gradient boosting"
    count : windows, at least 2
    features : own features beside ours: a frame or Ibis table with customer_id, known_on (the day from which
        a row was known) and the features, or a function of a base cut at a day. At each day the last row
        known then counts
    learner : a classifier of your own (scikit-learn's kind). It is judged beside ours on the same windows,
        and taken; `evidence` shows whether one of ours is better

    Raises
    ------
    NotEnoughData : the history is shorter than two windows, one to look at and one to see who left; or nobody
        left in the newest, or all did
    ParameterError : an unknown learner, or a window that is no whole number of days; own features without
        customer_id or known_on, an own learner that tells no chances
    DataError : an own feature came too late: nobody's value was known on a day that is learnt from
    """
    base_given(base, "churn.train")
    _check(window, learners, count)
    if features is not None or learner is not None:
        if learner is not None:
            check_learner(learner)
        own = None if features is None else own_features(base, features)
        return _trained(base, window, seed=seed, sample=sample, learners=learners, count=count, own=own,
                        learner=learner)  # fmt: skip
    key = ("churn.train", window, seed, sample, tuple(learners), count)
    return base.remember(
        key,
        lambda: _trained(base, window, seed=seed, sample=sample, learners=learners, count=count),
        lambda trained: {"trained": packed(trained)},
        lambda parts: unpacked(parts["trained"], "the model kept this night"),
    )


def _trained(
    base: CustomerBase,
    window: int | None,
    *,
    seed: int,
    sample: int,
    learners: Sequence[str],
    count: int,
    own: OwnFeatures | None = None,
    learner: Any = None,
) -> Churn:
    every: dict[str, Any] = {name: name for name in learners}
    if learner is not None:
        every[name_of(learner)] = learner
    defined = definition(base) if window is None else None
    days = window if window is not None else defined.window if defined is not None else 0
    parts = _parts(base, windows(base, days, count), sample, own)
    unmet, newest, before = _unmet(base, parts, days), parts[-1], parts[:-1] or parts
    choosing = len(parts) > 2 and not _too_few(parts[:1])
    rows = [*_judged(parts[:1], parts[1], every, seed, unmet)] if choosing else []
    method = RULE if unmet else _chosen(rows, learners) if learner is None else name_of(learner)
    last = _judged(before, newest, every, seed, unmet)
    score = next(row["score"] for row in last if row["method"] == method)
    held = HeldOut(
        newest.span.day, newest.span.until, newest.frame, newest.left, score, newest.value,
        newest.frame["recency_days"].to_numpy(float), newest.people,
    )  # fmt: skip
    called = _rule(before).leaves(held.recency_days)
    caught = float(called[held.left > 0].mean())
    graded = None if unmet else grade(held.left, score, caught, called=float(called.mean()))
    evidence = pd.DataFrame(
        [{k: v for k, v in row.items() if k not in {"score", "model"}} for row in (*rows, *last)]
    )
    model = None if unmet else _fitted(every[method], parts, seed)
    spans = tuple(part.span for part in parts)
    unseen = next(row["model"] for row in last if row["method"] == method)
    reasons = None if unseen is None else _reasons(unseen, newest, seed)
    return Churn(
        days, defined, method, model, _rule(parts), unmet, graded, evidence, held, spans, reasons, own
    )


def _reasons(unseen: ChurnModel, newest: _Part, seed: int) -> pd.DataFrame:
    """By the model that has not seen the newest window: one that has goes by its noise, too."""
    level = 1 - (1 - LEVEL) / max(1, len(unseen.features_))
    return permutation_reasons(unseen, newest.frame, newest.left, seed, level=level)


def _check(window: int | None, learners: Sequence[str], count: int) -> None:
    if isinstance(learners, str):
        raise ParameterError(f"learners are a list of names: give [{learners!r}], or leave it out for both")
    for name in learners:
        if name not in LEARNERS:
            raise ParameterError(
                f"unknown learner '{name}'{nearest(name, LEARNERS)}: one of {', '.join(LEARNERS)}"
            )
    if not learners or count < 2:
        raise ParameterError("at least one learner and two windows are needed")
    whole = isinstance(window, Integral) and not isinstance(window, bool)
    if window is not None and not (whole and window >= 1):
        raise ParameterError(f"window = {window!r}: a whole number of days, 1 or more, like 90")


@dataclass(frozen=True, eq=False)
class _Part:
    """A window's customers: features, labels, money."""

    span: Window
    frame: pd.DataFrame
    left: Array
    value: Array
    people: pd.DataFrame


def _parts(base: CustomerBase, spans: Sequence[Window], sample: int, own: OwnFeatures | None) -> list[_Part]:
    """Of the windows in which some left and some stayed; the newest must be one."""
    parts = [_part(base, span, sample, own) for span in spans]
    if own is not None:
        refuse_unknown(((part.span.day, part.frame) for part in parts), own)
    left, stayed = parts[-1].left.sum(), (1.0 - parts[-1].left).sum()
    for count, who in ((left, "left"), (stayed, "stayed")):
        if not count:
            raise NotEnoughData(f"A churn model of {spans[-1].days} days", 0, 1, f"customers who {who}")
    return [part for part in parts if 0 < part.left.sum() < len(part.left)]


def _part(base: CustomerBase, span: Window, sample: int, own: OwnFeatures | None) -> _Part:
    past = base.as_of(span.day)
    table = with_own(past, with_btyd(past, all_features(past), span.days), own)
    table = table.filter(table.recency_days < span.days)  # the others have left already
    recent = past.customer_days.filter(
        lambda t: ibis.literal(past.day).delta(t.day, unit="day").cast("int64") < span.days
    )
    money = recent.group_by("customer_id").aggregate(value=recent.spend.sum().cast("float64"))
    joined = table.inner_join(labels(base, span.day, span.days), "customer_id").left_join(
        money, "customer_id"
    )
    joined = joined.drop("customer_id_right")
    people = demography(past)
    if people is not None:
        joined = joined.left_join(people, "customer_id").drop("customer_id_right")
    n = int(table.count().to_pyarrow().as_py())
    if n > sample:
        place = joined.customer_id.hexdigest("md5").substr(0, 8)  # the same customers on every engine
        joined = joined.filter(place < format(int(0xFFFFFFFF * sample / n), "08x"))
    frame = base.collect(joined.order_by("customer_id")).drop(columns="customer_id")
    left, value = frame.pop("left").to_numpy(float), frame.pop("value").fillna(0.0).to_numpy(float)
    who_they_are = frame[[c for c in ATTRIBUTES if people is not None and c in people.columns]]
    frame = frame.drop(columns=who_they_are.columns)
    return _Part(span, frame, left, value, who_they_are)


def _unmet(base: CustomerBase, parts: Sequence[_Part], days: int) -> tuple[str, ...]:
    frame = parts[-1].frame
    history = (base.day - base.first_day).days + 1
    one = (
        f"in {history:,} days of history one window of {days:,} days can be learnt from, and none to check by"
    )
    few = _too_few(parts[:-1]) if len(parts) > 1 else ""
    found = (one,) * (len(parts) < 2) + MINIMUMS.unmet(
        customers=len(frame),
        history_days=history,
        window=days,
        active_share=float((frame["order_count"] >= MINIMUMS.activities).mean()),
        missing_share=float(frame[frame.columns.intersection(OF_PURCHASES)].isna().mean().mean()),
    )
    return found + (few,) * bool(few)


def _too_few(parts: Sequence[_Part]) -> str:
    """Why windows are too thin for a learner, as a sentence; empty where they are not."""
    left = np.concatenate([part.left for part in parts])
    gone, need = int(left.sum()), MINIMUMS.customers
    if len(left) >= need and min(gone, len(left) - gone) >= need // OF_EACH:
        return ""
    return (
        f"in the windows before the newest {len(left):,} customers, of whom {gone:,} left; to learn by which "
        f"the newest is judged takes {need:,}, of whom {need // OF_EACH:,} left and as many stayed"
    )


def _joined(parts: Sequence[_Part]) -> tuple[pd.DataFrame, Array]:
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    return frame, np.concatenate([part.left for part in parts])


def _fitted(learner: Any, parts: Sequence[_Part], seed: int) -> ChurnModel:
    frame, left = _joined(parts)
    return ChurnModel(learner, seed=seed).fit(frame, left)


def _rule(parts: Sequence[_Part]) -> RecencyRule:
    frame, left = _joined(parts)
    return recency_rule(frame["recency_days"], left, parts[-1].span.days)


def _judged(
    before: Sequence[_Part], then: _Part, learners: Mapping[str, Any], seed: int, unmet: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Every method, learnt on `before` and held against `then`."""
    models = {} if unmet else {name: _fitted(one, before, seed) for name, one in learners.items()}
    scores: dict[str, Array] = {name: model.leaving(then.frame) for name, model in models.items()}
    scores[RULE] = _rule(before).probability(then.frame["recency_days"])
    if "probability_alive" in then.frame:
        scores[ALIVE] = 1.0 - then.frame["probability_alive"].to_numpy(float)
    rows = []
    for method, score in scores.items():
        row: dict[str, Any] = {
            "until": then.span.until,
            "method": method,
            "n": len(then.left),
            "left": int(then.left.sum()),
            "expected": float(np.sort(score).sum()),
            "score": score,
            "model": models.get(method),
        }
        for name, measure in MEASURES.items():
            row[name], row[f"{name}_lower"], row[f"{name}_upper"] = measure(then.left, score)
        rows.append(row)
    return rows


def _chosen(rows: list[dict[str, Any]], learners: Sequence[str]) -> str:
    """The learner that ranked best on a window it had not seen; without one the simpler."""
    tried = [row for row in rows if row["method"] in learners]
    if not tried:
        return min(learners, key=LEARNERS.index)
    return str(max(tried, key=lambda row: (row["auc"], -LEARNERS.index(row["method"])))["method"])
