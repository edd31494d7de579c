"""Tests of one step each on drawn numbers: how often it speaks where nothing is, and where something is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_analytics.analyses import voice
from crm_analytics.analyses.audit.source_comparison import sources_apart
from crm_analytics.analyses.calendar.week_pattern import WeekPattern, _indices
from crm_analytics.analyses.clustered_ratio import ratio_of
from crm_analytics.analyses.intervals import wilson
from crm_analytics.analyses.service.kpis import _alike, _rate_change
from crm_analytics.analyses.social.lead_lag import correlations
from crm_analytics.analyses.voice.response_bias import _bias


def within_five_in_a_hundred(claimed: int, worlds: int) -> bool:
    return wilson(claimed, worlds)[0] <= 0.05


def segments(rng: np.random.Generator, best: float = 0.0) -> pd.DataFrame:
    """NPS of nine segments of 12 to 200 people who answer by one law; the first one otherwise."""
    rows = []
    for place, n in enumerate(rng.integers(12, 200, 9)):
        gain = best if place == 0 else 0.0
        promoters, passives, detractors = rng.multinomial(n, [0.4 + gain, 0.3, 0.3 - gain])
        found = voice.net_promoter_score(promoters, passives, detractors)
        rows.append((f"s{place}", found.n, found.value, found.lower, found.upper))
    return pd.DataFrame(rows, columns=["segment", "n", "value", "lower", "upper"])


def test_no_segment_is_said_to_answer_better_where_all_answer_alike_law() -> None:
    rng = np.random.default_rng(61)
    tables = [segments(rng) for _ in range(300)]
    assert within_five_in_a_hundred(sum(voice.apart(table) is not None for table in tables), 300)
    plain = [table.nlargest(1, "value")["lower"].iloc[0] > table["upper"].min() for table in tables]
    assert not within_five_in_a_hundred(sum(plain), 300)  # two intervals that do not meet are no test of nine


def test_a_segment_that_answers_better_is_found_recovers_planted_truth() -> None:
    rng = np.random.default_rng(62)
    found = [voice.apart(segments(rng, 0.28).assign(n=0)) for _ in range(40)]
    assert sum(ends is not None and ends[0]["segment"] == "s0" for ends in found) > 20


def test_no_segment_is_said_to_answer_more_often_where_all_do_alike_law() -> None:
    rng, claimed, plain = np.random.default_rng(63), 0, 0
    for _ in range(120):
        buyers = rng.integers(20, 300, 9)
        answered = rng.binomial(buyers, 0.3)
        rows = [_bias(int(n), int(k), int(buyers.sum()), int(answered.sum()), 9)
                for n, k in zip(buyers, answered, strict=True)]  # fmt: skip
        claimed += any(row["clear"] for row in rows)
        plain += any(row["lower"] > 0 or row["upper"] < 0 for row in rows)
    assert within_five_in_a_hundred(claimed, 120)
    assert not within_five_in_a_hundred(plain, 120)


def week(rng: np.random.Generator, friday: float = 1.0) -> WeekPattern:
    rates = 20 * rng.gamma(20, 1 / 20, (60, 1)) * np.where(np.arange(7) == 4, friday, 1.0)
    days = pd.DataFrame({"weekday": list("MTWtFSs"), **_indices(rng.poisson(rates).astype(float))})
    return WeekPattern(days, pd.DataFrame(), 60)


def test_no_day_is_the_strongest_where_all_are_equal_law() -> None:
    rng = np.random.default_rng(64)
    weeks = [week(rng) for _ in range(300)]
    assert within_five_in_a_hundred(sum(one.strongest is not None for one in weeks), 300)
    largest = [one.weekdays.nlargest(1, "index").iloc[0]["lower"] > 1 for one in weeks]
    assert not within_five_in_a_hundred(sum(largest), 300)
    found = [week(rng, 1.3).strongest for _ in range(20)]
    assert sum(one is not None and one["weekday"] == "F" for one in found) > 15


def asked(rng: np.random.Generator, prone: np.ndarray, rate: float):  # type: ignore[no-untyped-def]
    orders = rng.poisson(1.5, len(prone))
    tickets = rng.poisson(rate * prone * orders)
    sums = {"n": (orders > 0).sum(), "top": tickets.sum(), "bottom": orders.sum(), "tt": tickets @ tickets,
            "tb": tickets @ orders, "bb": orders @ orders}  # fmt: skip
    return _alike(ratio_of(sums))


def test_help_is_not_said_to_be_needed_more_often_where_a_few_ask_again_and_again_law() -> None:
    rng, claimed, plain, found = np.random.default_rng(65), 0, 0, 0
    for _ in range(300):
        first, second = rng.gamma(0.15, 1 / 0.15, (2, 400))
        change = _rate_change(asked(rng, first, 0.2), then := asked(rng, second, 0.2))
        claimed += not change.lower <= 0 <= change.upper
        half = 1.96 * (2 / then.tickets) ** 0.5
        plain += abs(np.log1p(change.change)) > half
        more = _rate_change(asked(rng, first, 0.6), then)
        found += more.lower > 0
    assert within_five_in_a_hundred(claimed, 300)
    assert not within_five_in_a_hundred(plain, 300)  # tickets that stand each for themselves
    assert found > 250


def weeks(rng: np.random.Generator, lag: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Two years of mentions and sales, both three times as many in December; sales follow by two weeks."""
    december = np.where(np.arange(104) % 52 >= 48, 3.0, 1.0)
    talk = rng.gamma(8, 1 / 8, 104)
    sales = december * np.where(lag, np.roll(talk, 2) ** lag, 1.0)
    return rng.poisson(12 * december * talk).astype(float), rng.poisson(60 * sales).astype(float)


def test_a_season_that_both_have_is_no_move_of_talk_and_sales_law() -> None:
    rng = np.random.default_rng(66)
    assert within_five_in_a_hundred(sum(bool(correlations(*weeks(rng)).clear) for _ in range(150)), 150)
    found = [correlations(*weeks(rng, 0.7)).clear for _ in range(20)]
    assert sum(lags[:1] == [2] for lags in found) > 10


def sources(rng: np.random.Generator, best: float = 1.0) -> pd.DataFrame:
    """First-year spend of 600 customers by four sources; a few bring most of it, the first may bring more."""
    source = rng.choice(4, 600, p=[0.1, 0.4, 0.3, 0.2])
    spend = rng.lognormal(3.4, 0.8, 600) * (1 + rng.poisson(rng.gamma(0.5, 10, 600)))
    spend = spend * np.where(source == 0, best, 1.0)
    rows = []
    for k in range(4):
        mine = spend[source == k]
        half = 1.96 * mine.std(ddof=1) / np.sqrt(len(mine))
        rows.append((f"s{k}", len(mine), mine.mean(), mine.mean() - half, mine.mean() + half))
    return pd.DataFrame(rows, columns=["source", "customers", "revenue", "revenue_lower", "revenue_upper"])


def test_no_source_is_worse_because_it_lacks_large_spenders_by_chance_law() -> None:
    """By the spread of each source alone 1 in 11 such companies had a clear source."""
    rng = np.random.default_rng(67)
    claimed = sum(bool(sources_apart(sources(rng))["clear"].any()) for _ in range(400))
    assert claimed <= 20
    found = [sources_apart(sources(rng, 2.5)).set_index("source")["clear"]["s0"] for _ in range(40)]
    assert sum(found) > 20
