"""How much is said, about whom, how it sounds, and about what. Authors are the draw, not their mentions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd
from scipy.stats import norm

from crm_analytics.analyses.clustered_ratio import Ratio, difference, ratio_of, summed
from crm_analytics.analyses.disclosure import shared
from crm_analytics.tables.days import Span, earlier_day
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.social.mentions import Mentions

NEGATIVE, POSITIVE = -0.25, 0.25  # of -1 to 1
AUTHORS = 5  # who must have written of a topic before a page names it
OTHERS = "others"
WEEK = 7


@dataclass(frozen=True, eq=False)
class Period:
    """What was said in a span of days.

    Attributes
    ----------
    mentions, authors : of our brand
    share_of_voice : our mentions of those of all brands; None where only one brand is told
    sentiment : mean, -1 to 1
    negative : share of scored mentions below `NEGATIVE`
    """

    mentions: int
    authors: int
    share_of_voice: Ratio | None
    sentiment: Ratio
    negative: Ratio


@dataclass(frozen=True, eq=False)
class Voice(ObjectCard):
    """The last period against the one before, and what lies behind.

    Attributes
    ----------
    now, before : `before` is None where the data do not reach back
    weeks : start (date), mentions, sentiment (mean; NULL without), negative (share), of our brand: whole
        weeks that end at the day
    brands : brand, mentions, share, lower, upper; most first; empty with one brand alone
    topics : topic, mentions, authors, sentiment, lower, upper; topics of fewer than `AUTHORS` authors are
        "others"; empty without a column of topics
    span_days : length of a period
    """

    now: Period
    before: Period | None
    weeks: pd.DataFrame
    brands: pd.DataFrame
    topics: pd.DataFrame
    span_days: int

    @property
    def sentiment_change(self) -> tuple[float, float, float] | None:
        """Change of the mean on the period before, with its interval."""
        return difference(self.now.sentiment, self.before.sentiment) if self.before else None

    @property
    def voice_change(self) -> tuple[float, float, float] | None:
        """Change of the share of voice on the period before, with its interval."""
        if self.before is None or self.now.share_of_voice is None or self.before.share_of_voice is None:
            return None
        return difference(self.now.share_of_voice, self.before.share_of_voice)


def voice(said: Mentions, span: Span = "-13w") -> Voice:
    """Count mentions, share of voice, sentiment and topics.

    Parameters
    ----------
    span : length of a period, "-13w"
    """
    day = said.base.day
    middle = earlier_day(day, span)
    days = (day - middle).days
    start = middle - timedelta(days=days)
    rows = said.rows
    recent = rows.filter(rows.day > ibis.literal(middle))
    earlier = rows.filter((rows.day > ibis.literal(start)) & (rows.day <= ibis.literal(middle)))
    first = rows.day.min().to_pyarrow().as_py()
    whole = first is not None and first <= start + timedelta(days=WEEK)
    return Voice(
        _period(said, recent), _period(said, earlier) if whole else None, _weeks(said),
        _brands(said, recent), _topics(said, recent), days,
    )  # fmt: skip


def _period(said: Mentions, rows: ir.Table) -> Period:
    ours = rows.filter(rows.is_ours)
    counted = ours.aggregate(n=ours.count(), authors=ours.writer.nunique()).to_pyarrow().to_pylist()[0]
    share = None
    if _has_brands(said):
        named = rows.filter(rows.brand.notnull()).mutate(one=1)
        share = ratio_of(summed(said.base, named, "writer", "is_ours", "one").iloc[0], is_share=True)
    scored = ours.filter(ours.sentiment.notnull()).mutate(one=1, bad=ours.sentiment < NEGATIVE)
    mean = ratio_of(summed(said.base, scored, "writer", "sentiment", "one").iloc[0])
    negative = ratio_of(summed(said.base, scored, "writer", "bad", "one").iloc[0], is_share=True)
    return Period(int(counted["n"]), int(counted["authors"]), share, mean, negative)


def _has_brands(said: Mentions) -> bool:
    return int(said.rows.brand.nunique().to_pyarrow().as_py()) > 1


def _weeks(said: Mentions) -> pd.DataFrame:
    ours, day = said.ours, said.base.day
    back = ibis.literal(day).delta(ours.day, unit="day").cast("int64") // WEEK
    exact = ours.sentiment.round(6).cast("decimal(28, 6)")
    ours = ours.mutate(back=back.cast("int64"), exact=exact)
    each = ours.group_by("back").aggregate(
        mentions=ours.count(), scored=ours.sentiment.count(), total=ours.exact.sum().cast("float64"),
        bad=(ours.sentiment < NEGATIVE).sum(),
    )  # fmt: skip
    found = said.base.collect(each)
    if found.empty:
        return pd.DataFrame(columns=["start", "mentions", "sentiment", "negative"])
    last = int(found["back"].max())
    found = found.set_index("back").reindex(range(max(last, 1)))  # the oldest week may be cut short
    found[["mentions", "scored"]] = found[["mentions", "scored"]].fillna(0)
    start = pd.Timestamp(day) - pd.to_timedelta(WEEK * found.index.to_numpy() + WEEK - 1, unit="D")
    scored = found["scored"].where(found["scored"] > 0)
    frame = pd.DataFrame(
        {"start": start, "mentions": found["mentions"].astype(int),
         "sentiment": found["total"] / scored, "negative": found["bad"] / scored}
    )  # fmt: skip
    return frame.sort_values("start", ignore_index=True)


def _brands(said: Mentions, recent: ir.Table) -> pd.DataFrame:
    columns = ["brand", "mentions", "share", "lower", "upper"]
    if not _has_brands(said):
        return pd.DataFrame(columns=columns)
    named = shared(recent.filter(recent.brand.notnull()), "brand", AUTHORS, "writer")
    counts = said.base.collect(named.group_by("brand").aggregate(mentions=named.count()))
    rows = []
    for brand, n in counts.sort_values(["mentions", "brand"], ascending=[False, True]).itertuples(
        index=False
    ):
        cases = named.mutate(one=1, hit=named.brand == brand)
        found = ratio_of(summed(said.base, cases, "writer", "hit", "one").iloc[0], is_share=True)
        rows.append((brand, int(n), found.value, found.lower, found.upper))
        if len(rows) == 8:
            break
    return pd.DataFrame(rows, columns=columns)


def _topics(said: Mentions, recent: ir.Table) -> pd.DataFrame:
    ours = recent.filter(recent.is_ours, recent.topic.notnull())
    ours = shared(ours, "topic", AUTHORS, "writer").mutate(one=1)
    counts = ours.group_by("topic").aggregate(mentions=ours.count(), authors=ours.writer.nunique())
    found = said.base.collect(counts.order_by([ibis.desc("mentions"), "topic"]))
    scored = ours.filter(ours.sentiment.notnull())
    sums = summed(said.base, scored, "writer", "sentiment", "one", ["topic"]).set_index("topic")
    means = [ratio_of(sums.loc[t]) if t in sums.index else None for t in found["topic"]]
    for name in ("value", "lower", "upper"):
        found["sentiment" if name == "value" else name] = [
            getattr(m, name) if m is not None else None for m in means
        ]
    return found.astype({"sentiment": "float64", "lower": "float64", "upper": "float64"})


def worst_topic(topics: pd.DataFrame, mean: float | None) -> pd.Series | None:
    """The topic that sounds worse than all mentions together, beyond chance over so many topics; or None.

    Parameters
    ----------
    topics : of `Voice`
    mean : sentiment of all mentions
    """
    known = topics.dropna(subset=["sentiment", "lower", "upper"])
    if mean is None or len(known) < 2:
        return None
    # the interval of one topic, widened for looking at all of them (Bonferroni)
    wide = norm.ppf(1 - 0.025 / len(known)) / norm.ppf(0.975)
    highest = known["sentiment"] + wide * (known["upper"] - known["sentiment"])
    below = known[highest < mean]
    return None if below.empty else below.nsmallest(1, "sentiment").iloc[0]
