"""Who is most likely to refer next, and whether a model knows it better than two plain rules.

The rules to beat: who has referred before, and who said they would recommend us. A model is fitted on what
was known a while ago, and all three are held against who then invited somebody. Where the model is not
clearly better, the rule is used and the result says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from crm_analytics.analyses import arguments
from crm_analytics.analyses.referral.invitations import known_since
from crm_analytics.analyses.referral.paired_auc import Placements, difference, interval, placements
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"referrals": ("referrer_customer_id", "invited_at")}
WINDOW = 182  # days ahead
LEAST = 30  # customers who invited somebody, in each of the two windows
YEAR = 365
MODEL, BEFORE, PROMOTERS = "model", "referred before", "promoters"
RULES = (BEFORE, PROMOTERS)
ORDERS, SILENCE, TENURE = (1, 2, 4, 8), (31, 92, 183, 366), (61, 183, 366)
CELL = ["invited", "brought", "orders", "silence", "tenure", "answer", "was_referred"]


@dataclass(frozen=True, eq=False)
class ReferralLikelihood(ObjectCard):
    """Scores of today, and how the same way did a while ago.

    Attributes
    ----------
    customers : Ibis: customer_id, score (probability of the model, or the rank of the rule), of all buyers
    used : `MODEL`, or the rule that does as well; "" where nothing is better than chance
    checks : way, auc, lower, upper, difference (model less way), difference_lower, difference_upper; the
        model first
    window : days ahead
    inviters, buyers : of the window that was held out
    rate : share of buyers who invited somebody then
    """

    customers: ir.Table
    used: str
    checks: pd.DataFrame
    window: int
    inviters: int
    buyers: int
    rate: float

    @property
    def model_is_better(self) -> bool:
        """Whether the model beats both rules beyond chance."""
        return self.used == MODEL


def referral_likelihood(base: CustomerBase, window: int = WINDOW) -> ReferralLikelihood:
    """Fit on the window before the last, hold against the last, score at the day.

    Parameters
    ----------
    window : days in which somebody is invited

    Raises
    ------
    DataError : the source has no referrals.
    NotEnoughData : fewer than `LEAST` customers invited somebody in one of the two windows, or the data do
        not reach back so far.
    """
    arguments.whole("window", window, 7)
    base.require(NEEDS)
    return base.remember(
        ("referral_likelihood", window),
        lambda: _likelihood(base, window),
        lambda found: {name: getattr(found, name) for name in found.__dataclass_fields__},
        lambda parts: ReferralLikelihood(**parts),
    )


def _likelihood(base: CustomerBase, window: int) -> ReferralLikelihood:
    span = timedelta(days=window)
    if base.first_day > base.day - 3 * span:
        raise NotEnoughData(
            "Who refers next", (base.day - base.first_day).days + 1, 3 * window, "days of data"
        )
    early, late = (_counted(base, base.day - n * span, base.day - (n - 1) * span) for n in (2, 1))
    for cells in (early, late):
        if (n := int(cells["came"].sum())) < LEAST:
            raise NotEnoughData(
                f"Who refers next, in {window} days", n, LEAST, "customers who invited somebody"
            )
    checks, used = _checked(early, late)
    now = cells_of(base)
    cells = base.collect(now.group_by(CELL).aggregate(people=now.count()).order_by(CELL))
    # the newest window has been held out; it now teaches the model that scores today
    cells["score"] = _model(late, cells) if used in (MODEL, "") else _rule(used, cells)
    scored = now.inner_join(base.to_engine(cells[[*CELL, "score"]]), CELL)
    people = base.materialise(scored.select("customer_id", "score"))
    n, came = int(late["people"].sum()), int(late["came"].sum())
    return ReferralLikelihood(people, used, checks, window, came, n, came / n)


def _counted(base: CustomerBase, then: date, until: date) -> pd.DataFrame:
    """Cells at a day, and how many of each invited somebody by another."""
    people = cells_of(base.as_of(then))
    sent = base.as_of(until).tables["referrals"]
    sent = sent.filter(sent.invited_at.date() > ibis.literal(then))
    if "referred_customer_id" in sent.columns:  # nobody refers themselves
        sent = sent.filter(
            sent.referred_customer_id.isnull() | (sent.referred_customer_id != sent.referrer_customer_id)
        )
    came = sent.select(customer_id=sent.referrer_customer_id).distinct().mutate(came=ibis.literal(1))
    joined = people.left_join(came, "customer_id").drop("customer_id_right")
    found = joined.group_by(CELL).aggregate(people=joined.count(), came=joined.came.fill_null(0).sum())
    return base.collect(found.order_by(CELL)).astype("int64")


def cells_of(base: CustomerBase) -> ir.Table:
    """customer_id and the cell of every buyer, as known on the base's day: a few steps for each fact."""
    end = ibis.literal(base.day)
    days = base.customer_days
    ago = end.delta(days.day, unit="day").cast("int64")
    bought = days.is_occasion
    people = days.group_by("customer_id").aggregate(
        orders=days.count(where=bought & (ago < YEAR)),
        silence=ago.min(where=bought),
        first=days.day.min(where=bought),
    )
    people = people.filter(people["first"].notnull())
    known = known_since(base).select("customer_id", "since")
    people = people.left_join(known, "customer_id").drop("customer_id_right")
    since = ibis.least(people["first"], people.since.fill_null(people["first"]))
    people = people.select(
        "customer_id",
        orders=_place(people.orders, ORDERS),
        silence=_place(people.silence, SILENCE),
        tenure=_place(end.delta(since, unit="day").cast("int64"), TENURE),
    )
    for part in (_given(base), _answers(base)):
        people = people.left_join(part, "customer_id").drop("customer_id_right")
    filled = {name: people[name].fill_null(0).cast("int64") for name in CELL if name in people.columns}
    return people.select("customer_id", **filled)


def _given(base: CustomerBase) -> ir.Table:
    """Invitations and conversions of each customer, up to two; and whether they were referred themselves."""
    sent = base.tables["referrals"]
    has = "referred_customer_id" in sent.columns
    other = sent.referred_customer_id if has else ibis.null("string")
    rows = sent.select(giver=sent.referrer_customer_id, other=other)
    rows = rows.filter(rows.other.isnull() | (rows.other != rows.giver))
    given = rows.select(customer_id=rows.giver, sent=1, came=rows.other, got=0)
    got = rows.filter(rows.other.notnull()).select(
        customer_id="other", sent=0, came=ibis.null("string"), got=1
    )
    both = given.union(got)
    return both.group_by("customer_id").aggregate(
        invited=ibis.least(both.sent.sum(), 2),
        brought=ibis.least(both.came.nunique(), 2),
        was_referred=both.got.max(),
    )


def _answers(base: CustomerBase) -> ir.Table:
    """answer: 1 a detractor, 2 in between, 3 a promoter, by the latest answer of a year."""
    answers = base.tables.get("survey_responses")
    if answers is None or not {"customer_id", "score"} <= set(answers.columns):
        people = base.purchase_history
        return people.select("customer_id", answer=ibis.literal(0)).limit(0)
    ago = ibis.literal(base.day).delta(answers.responded_at.date(), unit="day").cast("int64")
    answers = answers.filter(
        answers.instrument == "nps", answers.customer_id.notnull(), answers.score.notnull(), ago < YEAR
    )
    latest = ibis.struct({"at": answers.responded_at, "less": -answers.score})
    one = answers.group_by("customer_id").aggregate(latest=latest.max())
    score = -one.latest["less"]
    return one.select("customer_id", answer=ibis.cases((score >= 9, 3), (score >= 7, 2), else_=1))


def _place(value: ir.Value, bounds: tuple[int, ...]) -> ir.IntegerValue:
    return ibis.cases(
        *((value >= bound, place) for place, bound in reversed(list(enumerate(bounds, 1)))), else_=0
    ).cast("int64")


def _model(taught: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
    """Logistic regression on the steps of each fact, every step its own weight; ridge-penalised."""
    steps = {name: range(1, int(taught[name].max()) + 1) for name in CELL}

    def coded(cells: pd.DataFrame) -> np.ndarray:
        columns = [cells[name].to_numpy() == step for name, levels in steps.items() for step in levels]
        return np.column_stack(columns).astype(float) if columns else np.zeros((len(cells), 1))

    x = np.vstack([coded(taught)] * 2)
    y = np.repeat([1, 0], len(taught))
    weight = np.append(taught["came"], taught["people"] - taught["came"]).astype(float)
    fitted = LogisticRegression(C=1.0, max_iter=500).fit(x[weight > 0], y[weight > 0], weight[weight > 0])
    return np.asarray(fitted.predict_proba(coded(asked))[:, 1])


def _rule(name: str, cells: pd.DataFrame) -> np.ndarray:
    if name == BEFORE:
        return (cells["invited"] + 3 * cells["brought"]).to_numpy(float)
    return (cells["answer"] == 3).to_numpy(float)


def _checked(early: pd.DataFrame, late: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    events, others = late["came"].to_numpy(float), (late["people"] - late["came"]).to_numpy(float)
    scores = {MODEL: _model(early, late), **{name: _rule(name, late) for name in RULES}}
    found: dict[str, Placements] = {name: placements(s, events, others) for name, s in scores.items()}
    rows = []
    for name, one in found.items():
        low, high = interval(one, events, others)
        row = {"way": name, "auc": one.auc, "lower": low, "upper": high}
        gap = difference(found[MODEL], one, events, others) if name != MODEL else (np.nan,) * 3
        rows.append(row | dict(zip(("difference", "difference_lower", "difference_upper"), gap, strict=True)))
    checks = pd.DataFrame(rows)
    by = checks.set_index("way")
    works = by["lower"] > 0.5
    if works[MODEL] and (by.loc[list(RULES), "difference_lower"] > 0).all():
        return checks, MODEL
    able = [name for name in RULES if works[name]]
    return checks, max(able, key=lambda name: found[name].auc) if able else ""
