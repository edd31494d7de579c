"""Cohorts: a hand example, laws of triangles and C3, planted truth, and what is said of the edges."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import cohorts as package
from crm_analytics.analyses.cohorts import Cohorts, cohort_comparison, cohorts, triangles
from crm_analytics.analyses.cohorts.cohort_cells import Reduced
from crm_analytics.analyses.cohorts.cohorts import of_reduced
from crm_analytics.analyses.cohorts.periods import Calendar
from crm_analytics.analyses.cohorts.triangles import mean_interval
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import NotEnoughData, ParameterError

COLUMNS = ["customer_id", "transaction_date", "unit_spend"]
# a and b are won in January, c in February, d in March; the day is 15 March. a buys twice on one day; b
# comes back within January; z only returns; c returns something in January, before the first purchase.
HAND = [
    ("a", "2026-01-01", 10.0), ("a", "2026-01-01", 5.0), ("a", "2026-03-03", 20.0),
    ("b", "2026-01-10", 30.0), ("b", "2026-01-20", 10.0), ("b", "2026-02-02", -4.0),
    ("c", "2026-01-15", -2.0), ("c", "2026-02-01", 40.0), ("c", "2026-03-05", 8.0),
    ("d", "2026-03-15", 50.0),
    ("z", "2026-02-10", -7.0),
]  # fmt: skip
FRAMES = ("cohorts", "retention", "revenue", "cumulative_value", "ageing", "whole", "periods")


def base_of(rows, **more) -> CustomerBase:
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=COLUMNS)
    return CustomerBase.open({"transactions": frame, **more}, today="2030-01-01", max_rejected=0.9)


def rows_of(frame: pd.DataFrame, *columns: str) -> list[tuple]:
    return list(frame[list(columns)].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def hand() -> Cohorts:
    return cohorts(base_of(HAND), "month")


def test_retention_is_counted_as_by_hand(hand):
    columns = ("cohort", "age", "period", "customers", "active", "still_active", "returned", "partial")
    assert rows_of(hand.retention, *columns) == [
        ("2026-01", 0, "2026-01", 2, 2, 2, 1, False),  # b came back within the month, a did not: one day
        ("2026-01", 1, "2026-02", 2, 0, 1, 1, False),  # b's return is no purchase
        ("2026-01", 2, "2026-03", 2, 1, 1, 2, True),
        ("2026-02", 0, "2026-02", 1, 1, 1, 0, False),
        ("2026-02", 1, "2026-03", 1, 1, 1, 1, True),
        ("2026-03", 0, "2026-03", 1, 1, 1, 0, True),
    ]  # fmt: skip
    row = hand.retention.iloc[1]
    assert (row["share"], row["lower"], row["upper"]) == pytest.approx((0, *wilson(0, 2)))


def test_value_is_counted_as_by_hand(hand):
    assert rows_of(hand.revenue, "cohort", "age", "orders", "revenue") == [
        ("2026-01", 0, 3, 55.0), ("2026-01", 1, 0, -4.0), ("2026-01", 2, 1, 20.0),
        ("2026-02", 0, 1, 40.0), ("2026-02", 1, 1, 8.0), ("2026-03", 0, 1, 50.0),
    ]  # fmt: skip
    assert rows_of(hand.cumulative_value, "cohort", "age", "revenue", "value_per_customer") == [
        ("2026-01", 0, 55.0, 27.5), ("2026-01", 1, 51.0, 25.5), ("2026-01", 2, 71.0, 35.5),
        ("2026-02", 0, 40.0, 40.0), ("2026-02", 1, 48.0, 48.0), ("2026-03", 0, 50.0, 50.0),
    ]  # fmt: skip
    assert hand.cumulative_value["lower"].isna().all()  # no interval of a mean over two customers


def test_the_whole_is_counted_as_by_hand(hand):
    assert rows_of(hand.whole, "period", "cohort", "customers", "revenue", "partial") == [
        ("2026-01", "2026-01", 2, 55.0, False), ("2026-01", package.NOBODY, 0, -2.0, False),
        ("2026-02", "2026-01", 0, -4.0, False), ("2026-02", "2026-02", 1, 40.0, False),
        ("2026-02", package.NOBODY, 0, -7.0, False),
        ("2026-03", "2026-01", 1, 20.0, True), ("2026-03", "2026-02", 1, 8.0, True),
        ("2026-03", "2026-03", 1, 50.0, True),
    ]  # fmt: skip
    periods = hand.periods.set_index("period")
    assert periods["revenue"].tolist() == [53.0, 29.0, 78.0]
    assert periods.loc["2026-03", "share_before"] == pytest.approx(28 / 78)
    assert periods["new_customers"].tolist() == [2, 1, 1]


# --- laws ---------------------------------------------------------------------------------------------------


def shop(seed: int = 3, customers: int = 400, days: int = 400, begin: str = "2025-01-01") -> pd.DataFrame:
    """Customers won evenly over the days, buying at their own pace, with returns and cents."""
    draw = np.random.default_rng(seed)
    rows = []
    for who in range(customers):
        day = int(draw.integers(0, days))
        while day < days:
            rows.append((f"c{who}", day, round(float(draw.gamma(2, 15)), 2)))
            if draw.random() < 0.1 and day + 1 < days:  # brought back the next day
                rows.append((f"c{who}", day + 1, -round(float(draw.gamma(1, 5)), 2)))
            day += 2 + int(draw.exponential(40))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["transaction_date"] = pd.Timestamp(begin) + pd.to_timedelta(frame["transaction_date"], unit="D")
    return frame


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return shop()


@pytest.fixture(scope="module", params=["month", "quarter", "year"])
def found(request, lines) -> Cohorts:
    return cohorts(base_of(lines), request.param)


def test_triangles_stay_within_their_denominators(found):
    table = found.retention
    for column in ("active", "still_active", "returned"):
        assert (table[column] <= table["customers"]).all()
    assert (table["active"] <= table["still_active"]).all()
    assert (table["lower"] <= table["share"] + 1e-12).all()
    assert (table["share"] <= table["upper"] + 1e-12).all()
    first = table[table["age"] == 0]
    assert (first["active"] == first["customers"]).all()
    by_cohort = table.groupby("cohort")
    assert (by_cohort["still_active"].diff().dropna() <= 0).all()
    assert (by_cohort["returned"].diff().dropna() >= 0).all()


def test_every_cohort_has_every_age_up_to_the_day(found):
    ages = found.retention.groupby("cohort")["age"].agg(["min", "max", "size"])
    assert (ages["min"] == 0).all()
    assert (ages["size"] == ages["max"] + 1).all()
    assert found.retention.groupby("cohort")["period"].last().nunique() == 1


def test_the_whole_adds_up_to_the_revenue_of_each_period(found, lines):
    calendar = Calendar.choose(date(2025, 1, 1), date(2026, 2, 4), found.every)
    label = lines["transaction_date"].dt.date.map(lambda day: calendar.label(calendar.number(day)))
    expected = lines.groupby(label)["unit_spend"].sum()
    added = found.whole.groupby("period")["revenue"].sum()
    assert added.tolist() == pytest.approx(expected.sort_index().tolist())
    assert found.whole.groupby("period")["share"].sum().tolist() == pytest.approx([1.0] * len(added))
    assert found.periods["revenue"].tolist() == pytest.approx(added.tolist())


def test_the_running_value_is_monotone_without_returns(lines):
    kept = lines[lines["unit_spend"] > 0]
    table = cohorts(base_of(kept), "month").cumulative_value
    assert (table.groupby("cohort")["value_per_customer"].diff().dropna() >= 0).all()


def test_the_interval_of_a_value_matches_plain_pandas(lines):
    table = cohorts(base_of(lines), "quarter").cumulative_value
    cell = table[(table["cohort"] == "2025-Q1") & (table["age"] == 2)].iloc[0]
    first = lines.groupby("customer_id")["transaction_date"].min()
    mine = first[first < "2025-04-01"].index
    early = lines[lines["transaction_date"] < "2025-10-01"]
    value = early.groupby("customer_id")["unit_spend"].sum().reindex(mine)
    error = 1.959963984540054 * value.std() / math.sqrt(len(mine))
    assert cell["customers"] == len(mine)
    assert cell["value_per_customer"] == pytest.approx(value.mean())
    assert (cell["lower"], cell["upper"]) == pytest.approx((value.mean() - error, value.mean() + error))


def test_rows_after_the_day_change_nothing(lines):
    day = "2025-09-10"
    early = base_of(lines[lines["transaction_date"] <= day])
    one, two = cohorts(early.as_of(early.day)), cohorts(base_of(lines).as_of(early.day))
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), check_exact=True)


def test_permuting_rows_changes_nothing(lines):
    one, two = (cohorts(base_of(f)) for f in (lines, lines.sample(frac=1.0, random_state=9)))
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), check_exact=True)


# --- planted truth ------------------------------------------------------------------------------------------


def planted(draw: np.random.Generator, sizes: dict[str, int], chance: dict[str, float], months: int):
    """Each customer buys once in the first month, and in each later month with the cohort's chance."""
    rows = []
    for start, n in sizes.items():
        first = pd.Period(start)
        for age in range(months - (first - pd.Period("2025-01")).n):
            came = np.arange(n) if age == 0 else np.flatnonzero(draw.random(n) < chance[start])
            spend = np.round(draw.gamma(2, 10, len(came)) + 0.01, 2)
            day = str((first + age).start_time.date())
            rows += [(f"{start}-{i}", day, s) for i, s in zip(came, spend, strict=True)]
    # the day is the end of a month, so that every period is whole
    last = (pd.Period("2025-01") + months - 1).end_time.date()
    rows.append((rows[0][0], str(last), 0.0))
    return base_of(rows)


def test_retention_of_two_cohorts_recovers_planted_truth():
    draw = np.random.default_rng(17)
    chance = {"2025-01": 0.40, "2025-02": 0.40, "2025-03": 0.15}
    result = cohorts(planted(draw, dict.fromkeys(chance, 400), chance, 4), "month")
    later = result.retention[result.retention["age"] >= 1]
    truth = later["cohort"].map(chance)
    assert ((later["lower"] <= truth) & (truth <= later["upper"])).sum() >= len(later) - 1
    assert result.newest.newer == ("2025-03",)
    assert result.newest.earlier == ("2025-01", "2025-02")
    at = result.newest.at
    assert at["difference_lower"] <= -0.25 <= at["difference_upper"]
    assert result.newest.retention_differs
    assert at["difference"] < 0
    assert at["value_difference_lower"] <= 20 * -0.25 <= at["value_difference_upper"]


def reduced_of(spend: dict[tuple[int, int], np.ndarray]) -> Reduced:
    """What the engine would reduce from the revenue of each customer in each (cohort, period)."""
    rows, so_far = [], {}
    for (cohort, period), money in sorted(spend.items()):
        before = so_far.get(cohort, np.zeros(len(money)))
        after = so_far[cohort] = before + money
        came = int((money > 0).sum())
        steps = (after**2 - before**2).sum()
        rows.append((cohort, period, came, came, money.sum(), (money**2).sum(), steps))
    columns = ["cohort", "period", "active", "orders", "revenue", "squares", "squares_so_far"]
    sizes = {cohort: len(money) for (cohort, _), money in spend.items()}
    people = pd.DataFrame([(c, c, np.nan, n) for c, n in sizes.items()],
                          columns=["cohort", "last", "back", "customers"])  # fmt: skip
    last = max(period for _, period in spend)
    calendar = Calendar("month", date(2025, 1, 1), Calendar("month", date.min, date.max).end(last))
    known = pd.DataFrame(columns=["cohort", "known", "older"])
    return Reduced(calendar, pd.DataFrame(rows, columns=columns), people, known)


JANUARY = 12 * 2025


def test_no_difference_is_claimed_between_equal_cohorts_more_often_than_stated():
    draw = np.random.default_rng(29)
    claims = []
    for _ in range(100):
        spend = {
            (JANUARY + c, JANUARY + p): draw.gamma(2, 10, 150) * ((p == c) | (draw.random(150) < 0.3))
            for c in range(4)
            for p in range(c, 5)
        }
        reduced = reduced_of(spend)
        newest = cohort_comparison.newest(triangles.triangle(reduced, triangles.cohort_table(reduced)))
        assert newest.newer == ("2025-04",)
        claims.append((newest.retention_differs, newest.value_differs))
    # 5 of 100 are expected; more than 11 have a chance below 0.5 % for a true 95 % interval
    assert max(sum(kind) for kind in zip(*claims, strict=True)) <= 11


def test_share_from_customers_won_before_covers_planted_truth():
    # 300 old customers bring 20 on average, 200 new ones 30: half of revenue from each
    draw = np.random.default_rng(31)
    hits = 0
    for _ in range(60):
        spend = {
            (JANUARY, JANUARY): np.ones(300),
            (JANUARY, JANUARY + 1): draw.gamma(2, 10, 300),
            (JANUARY + 1, JANUARY + 1): draw.gamma(2, 15, 200),
        }
        row = of_reduced(reduced_of(spend)).periods.iloc[-1]
        hits += row["lower"] <= 0.5 <= row["upper"]
    assert hits >= 52  # fewer than 52 of 60 has a chance below 0.5 % for a true 95 % interval


# --- the edges ----------------------------------------------------------------------------------------------


def test_partial_periods_are_marked_at_both_ends():
    frame = shop(days=300, begin="2025-01-10")
    result = cohorts(base_of(frame), "month")
    assert result.day == date(2025, 11, 5)
    marked = result.retention[result.retention["partial"]]
    assert set(marked["period"]) == {"2025-01", "2025-11"}
    assert result.cohorts.set_index("cohort")["complete"].to_dict() == {
        f"2025-{m:02d}": 1 < m < 11 for m in range(1, 12)
    }
    assert not result.ageing.empty
    assert "2025-11" not in result.newest.newer + result.newest.earlier
    assert "2025-01" not in result.newest.newer + result.newest.earlier


def test_partial_periods_are_in_no_comparison(lines):
    base = base_of(lines)
    whole, cut = base.as_of("2025-09-30"), base.as_of("2025-10-13")
    one, two = (cohorts(b, "month") for b in (whole, cut))
    pd.testing.assert_frame_equal(one.newest.by_age, two.newest.by_age)
    pd.testing.assert_frame_equal(one.ageing, two.ageing)


def test_a_base_cut_from_mid_history_says_that_its_first_cohort_holds_old_customers():
    frame = shop(customers=1500, days=900, begin="2023-01-01")
    whole, late = cohorts(base_of(frame)), cohorts(base_of(frame[frame["transaction_date"] >= "2024-07-01"]))
    assert not whole.cohorts["left_truncated"].any()
    assert late.cohorts["left_truncated"].tolist()[0]
    assert late.cohorts["left_truncated"].sum() < len(late.cohorts) / 2
    first = late.cohorts["cohort"][0]
    assert first not in late.newest.earlier
    between = cohorts(base_of(frame).between("2024-06-30", "2025-06-18"))
    pd.testing.assert_frame_equal(between.retention, late.retention)


def test_the_customers_table_tells_who_is_old():
    rows = [(f"c{i}", "2026-01-05", 1.0) for i in range(40)] + [
        (f"d{i}", "2026-02-05", 1.0) for i in range(40)
    ]
    ids = [f"{k}{i}" for k in "cd" for i in range(40)]
    new = pd.DataFrame({"customer_id": ids, "created_at": ["2026-01-05"] * 40 + ["2026-02-05"] * 40})
    old = new.assign(created_at=["2019-01-05"] * 10 + ["2026-01-05"] * 70)
    for listed, expected in ((new, [False, False]), (old, [True, False])):
        found = cohorts(base_of(rows, customers=listed), "month").cohorts
        assert found["left_truncated"].tolist() == expected


def test_one_cohort_has_nothing_to_be_compared_with():
    result = cohorts(base_of([(f"c{i}", f"2026-01-{1 + i % 28:02d}", 5.0) for i in range(90)]), "year")
    assert result.newest is None
    assert result.recent is None
    assert result.cohorts["left_truncated"].tolist() == [True]
    assert result.ageing.empty


def test_fewer_than_thirty_customers_are_not_compared():
    chance = dict.fromkeys(("2025-01", "2025-02", "2025-03"), 0.5)
    few = planted(np.random.default_rng(1), dict.fromkeys(chance, 29), chance, 5)
    assert cohorts(few, "month").newest is None


@pytest.mark.parametrize(
    ("begin", "end", "every"),
    [("2025-01-01", "2026-06-30", "month"), ("2025-01-01", "2026-07-01", "quarter"),
     ("2020-01-01", "2025-12-31", "quarter"), ("2020-01-01", "2026-01-01", "year")],
)  # fmt: skip
def test_the_length_of_history_picks_the_period(begin, end, every):
    chosen = Calendar.choose(date.fromisoformat(begin), date.fromisoformat(end))
    assert chosen.every == every


@pytest.mark.parametrize("every", ["month", "quarter", "year"])
def test_numbers_of_periods_are_the_same_here_and_in_the_engine(every):
    days = pd.date_range("2023-11-20", "2025-03-10", freq="9D")
    base = base_of([("a", str(d.date()), 1.0) for d in days])
    calendar = Calendar.choose(base.first_day, base.day, every)
    occasions = base.occasions
    found = base.collect(occasions.select("day", number=calendar.number_of(occasions.day)).order_by("day"))
    assert found["number"].tolist() == [calendar.number(d.date()) for d in days]
    for day, number in zip(days, found["number"], strict=True):
        assert calendar.start(number) <= day.date() <= calendar.end(number)
    assert calendar.label(int(found["number"][0])) <= calendar.label(int(found["number"].iloc[-1]))


def test_an_unknown_period_says_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'month'"):
        cohorts(base_of(HAND), "months")


def test_a_base_without_purchases_says_so():
    with pytest.raises(NotEnoughData, match="cohorts needs at least 1 customers"):
        cohorts(base_of([("a", "2026-01-01", -5.0)]))


def test_margin_is_said_where_costs_are_known():
    frame = pd.DataFrame(HAND, columns=COLUMNS).assign(unit_quantity=2.0, unit_cost=1.5)
    table = cohorts(base_of(frame), "month").revenue
    january = table.iloc[0]
    assert january["margin"] == pytest.approx(55 - 4 * 3.0)
    assert table.iloc[1]["margin"] == pytest.approx(-4 + 3.0)  # what comes back is worth its cost again
    holes = frame.assign(unit_cost=[1.5, *[None] * 10])
    assert cohorts(base_of(holes), "month").revenue["margin"].isna().all()
    assert cohorts(base_of(HAND), "month").revenue["margin"].isna().all()


def test_margin_takes_the_cost_from_the_products():
    frame = pd.DataFrame(HAND, columns=COLUMNS).assign(product_id="p", unit_quantity=1.0)
    products = pd.DataFrame({"product_id": ["p"], "unit_cost": [2.0]})
    assert cohorts(base_of(frame, products=products), "month").revenue["margin"][0] == pytest.approx(55 - 8)


def test_large_amounts_keep_every_cent():
    rows = [(f"c{i}", "2026-01-01", 1e9 + 0.01 * i) for i in range(40)]
    row = cohorts(base_of(rows), "month").cumulative_value.iloc[0]
    assert row["value_per_customer"] == pytest.approx(1e9 + 0.195, abs=1e-6)
    assert mean_interval(3000.0, 300000.0, 30) == (100.0, 100.0)
