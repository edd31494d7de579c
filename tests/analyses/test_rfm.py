"""RFM: laws that hold on any base, and what the messages say."""

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import rfm
from crm_analytics.analyses.rfm.rules import Rule, default_rules, rhythm_of
from crm_analytics.errors import NotEnoughData, ParameterError


def frame_of(customers=120, seed=3):
    draw = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        times = 1 + draw.geometric(0.4)
        rows += [
            (f"c{i:03d}", draw.integers(0, 300), round(float(draw.gamma(2, 20)), 2)) for _ in range(times)
        ]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "unit_spend"])
    frame["transaction_date"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame


def open_frame(frame):
    return CustomerBase.open(frame, today="2027-01-01")


@pytest.fixture(scope="module")
def base():
    return open_frame(frame_of())


@pytest.fixture(scope="module")
def scores(base):
    return rfm.score(base)


def customers_of(scores):
    return scores.base.collect(scores.customers.order_by("customer_id"))


def test_row_order_changes_nothing(scores):
    shuffled = open_frame(frame_of().sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(customers_of(scores), customers_of(rfm.score(shuffled)))


def test_equal_customers_score_equal(scores):
    found = customers_of(scores)
    for measure, score in (("recency_days", "r_score"), ("order_count", "f_score"), ("revenue", "m_score")):
        assert (found.groupby(measure)[score].nunique() == 1).all()


def test_two_customers_with_two_orders_get_the_same_frequency_score_where_ntile_splits_them():
    # the example of openretailscience's documentation: 113, 127, 147 days; 2, 2, 3 orders; ten bins
    days = {"a": (113, 200), "b": (127, 200), "c": (147, 200, 201)}
    rows = [
        (c, pd.Timestamp("2024-07-01") - pd.Timedelta(days=d), 50.0) for c, ds in days.items() for d in ds
    ]
    rows.append(("z", pd.Timestamp("2024-07-01"), 1.0))
    base = open_frame(pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"]))
    cuts = {"recency_days": [120, 140], "order_count": [1, 2], "revenue": [99, 120]}
    found = customers_of(rfm.score(base, bins=3, cuts=cuts)).set_index("customer_id")
    assert found.loc["a", "f_score"] == found.loc["b", "f_score"] == 2
    assert found.loc["c", "f_score"] == 3
    assert found.loc[["a", "b", "c"], "r_score"].tolist() == [3, 2, 1]


def test_scores_rise_with_value_and_fall_with_silence(scores):
    found = customers_of(scores)
    assert found.sort_values("revenue")["m_score"].is_monotonic_increasing
    assert found.sort_values("order_count")["f_score"].is_monotonic_increasing
    assert found.sort_values("recency_days")["r_score"].is_monotonic_decreasing
    assert found[["r_score", "f_score", "m_score"]].stack().between(1, 5).all()


def test_segments_partition_the_base(base, scores):
    assert scores.segments["customers"].sum() == base.counts["customers"]
    assert scores.segments["customer_share"].sum() == pytest.approx(1)
    assert customers_of(scores)["segment"].notna().all()
    assert customers_of(scores)["customer_id"].is_unique


def test_revenue_of_the_segments_sums_to_the_base(base, scores):
    assert scores.segments["revenue"].sum() == pytest.approx(base.counts["revenue"], rel=1e-12)
    assert scores.segments["revenue_share"].sum() == pytest.approx(1)


def test_customers_who_only_returned_are_a_group_of_their_own():
    frame = pd.concat(
        [
            frame_of(),
            pd.DataFrame(
                {"customer_id": ["r"], "transaction_date": [pd.Timestamp("2026-03-01")], "unit_spend": [-9.0]}
            ),
        ]
    )
    base = open_frame(frame)
    scores = rfm.score(base)
    found = customers_of(scores).set_index("customer_id")
    assert found.loc["r", "segment"] == "No purchase"
    assert pd.isna(found.loc["r", "r_score"])
    assert scores.segments["revenue"].sum() == pytest.approx(base.counts["revenue"])


def test_a_customer_without_a_purchase_changes_nobodys_score(scores):
    extra = pd.DataFrame(
        {"customer_id": ["r"], "transaction_date": [pd.Timestamp("2026-03-01")], "unit_spend": [-9.0]}
    )
    found = customers_of(rfm.score(open_frame(pd.concat([frame_of(), extra]))))
    columns = ["customer_id", "r_score", "f_score", "m_score", "segment"]
    others = found[found["customer_id"] != "r"][columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(customers_of(scores)[columns], others, check_dtype=False)


def test_rows_after_the_day_are_invisible(base):
    frame = frame_of()
    day = base.as_of("2026-08-01").day
    cut = open_frame(frame[frame["transaction_date"] <= pd.Timestamp(day)])
    one, other = rfm.score(base.as_of(day)), rfm.score(cut.as_of(cut.day))
    columns = ["customer_id", "order_count", "revenue", "f_score", "m_score"]
    pd.testing.assert_frame_equal(customers_of(one)[columns], customers_of(other)[columns])


def test_own_cuts_are_used_and_printed(base):
    scores = rfm.score(base, cuts={"recency_days": [30, 90, 180, 365]})
    found = customers_of(scores)
    assert (found.loc[found["recency_days"] <= 30, "r_score"] == 5).all()
    assert (found.loc[found["recency_days"].between(31, 90), "r_score"] == 4).all()
    assert scores.cuts.set_index("measure").loc["recency_days", "cuts"] == [30, 90, 180, 365]


def test_a_window_counts_only_its_orders_but_all_of_recency(base):
    whole, windowed = customers_of(rfm.score(base)), customers_of(rfm.score(base, window="60D"))
    pd.testing.assert_series_equal(whole["recency_days"], windowed["recency_days"])
    silent = windowed["recency_days"] >= 60
    assert silent.any()
    assert (windowed.loc[silent, "order_count"] == 0).all()
    recent = base.between(base.as_of("2026-08-28").day, base.day).counts["revenue"]
    assert base.day.isoformat() == "2026-10-27"
    assert windowed["revenue"].sum() == pytest.approx(recent)


def test_users_can_replace_the_rules(base):
    rules = [Rule("Big", {"revenue": (150, float("inf"))}), Rule("Recent", {"recency_days": (0, 30)})]
    scores = rfm.score(base, rules=rules)
    assert scores.segments["segment"].tolist()[:2] == ["Big", "Recent"]
    assert scores.segments["customers"].sum() == base.counts["customers"]
    assert "Others" in set(scores.segments["segment"])
    found = customers_of(scores)
    assert (found.loc[found["segment"] == "Big", "revenue"] >= 150).all()


def test_the_first_rule_that_fits_wins(base):
    first = rfm.score(base, rules=[Rule("A", {}), Rule("B", {})]).segments.set_index("segment")
    assert first.loc["A", "customers"] == base.counts["customers"]
    assert first.loc["B", "customers"] == 0


@pytest.mark.parametrize("bins", [2, 3, 4, 5, 7, 10])
def test_default_rules_fit_any_number_of_bins(base, bins):
    scores = rfm.score(base, bins=bins)
    assert scores.segments["customers"].sum() == base.counts["customers"]
    assert customers_of(scores)["m_score"].max() == bins
    for rule in default_rules(bins):
        for field in ("f_score", "m_score"):
            low, high = rule.where.get(field, (1, bins))
            assert 1 <= low <= high <= bins


def test_rhythm_is_the_gap_half_and_nine_in_ten_returns_took(base):
    days = frame_of().drop_duplicates(["customer_id", "transaction_date"]).sort_values("transaction_date")
    gaps = days.groupby("customer_id")["transaction_date"].diff().dt.days.dropna()
    rhythm = rhythm_of(base)
    assert rhythm.gaps == len(gaps)
    assert rhythm.typical == round(gaps.quantile(0.5))
    assert rhythm.long == round(gaps.quantile(0.9))


def test_every_rule_says_itself_in_words(scores):
    assert all(scores.segments["rule"])
    assert "days ago" in scores.segments.set_index("segment").loc["Champions", "rule"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"bins": 1}, "between 2 and 20"),
        ({"cuts": {"recency": [1, 2, 3, 4]}}, "did you mean 'recency_days'"),
        ({"cuts": {"revenue": [1, 2]}}, "needs 4 rising values"),
        ({"cuts": {"revenue": [4, 3, 2, 1]}}, "rising"),
        ({"window": "soon"}, "365D"),
        ({"rules": [Rule("A", {"r_scor": (1, 2)})]}, "did you mean 'r_score'"),
        ({"rules": [Rule("A", {}), Rule("A", {})]}, "name of its own"),
    ],
)
def test_wrong_argument_says_what_is_allowed(base, arguments, words):
    with pytest.raises(ParameterError, match=words) as caught:
        rfm.score(base, **arguments)
    assert caught.value.exit_code == 2


def test_too_few_customers_says_from_how_many(base):
    few = open_frame(frame_of(customers=5))
    with pytest.raises(NotEnoughData, match="needs at least 20 customers, this base has 5"):
        rfm.score(few)


def test_everybody_bought_the_same_day_is_scored_all_the_same():
    frame = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(30)], "transaction_date": "2026-01-01", "unit_spend": 5.0}
    )
    scores = rfm.score(open_frame(frame))
    assert customers_of(scores)[["r_score", "f_score", "m_score"]].nunique().tolist() == [1, 1, 1]
    assert scores.rhythm is None
    assert scores.segments["customers"].sum() == 30


# -- concentration -----------------------------------------------------------------------------------


def test_lorenz_gini_and_top_fifth_match_a_plain_count(scores):
    revenue = np.sort(customers_of(scores)["revenue"].to_numpy())[::-1]
    found = rfm.revenue_concentration(scores)
    n = len(revenue)
    gaps = np.abs(revenue[:, None] - revenue[None, :]).sum()
    assert found.gini == pytest.approx(gaps / (2 * n * n * revenue.mean()))
    assert found.top_share == pytest.approx(revenue[: round(0.2 * n)].sum() / revenue.sum())
    assert found.lorenz["value_share"].iloc[-1] == pytest.approx(1)
    slope = np.diff(found.lorenz["value_share"]) / np.diff(found.lorenz["customer_share"])
    assert (np.diff(slope) <= 1e-9).all()
    running = revenue.cumsum() / revenue.sum()
    assert found.share_for_80 == pytest.approx((np.argmax(running >= 0.8) + 1) / n)


def test_near_equal_spend_says_that_80_20_does_not_hold():
    draw = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(500)],
            "transaction_date": "2026-01-01",
            "unit_spend": draw.uniform(9, 11, 500).round(2),
        }
    )
    found = rfm.revenue_concentration(rfm.score(open_frame(frame)))
    assert not found.holds
    assert found.top_share < 0.25
    assert found.gini < 0.05


@pytest.mark.thorough
def test_top_share_interval_covers_the_truth_nine_times_in_ten():
    # 2,000 customers of a lognormal base, drawn 60 times: the share of the whole population must lie inside
    draw = np.random.default_rng(5)
    population = np.sort(draw.lognormal(3, 1, 400_000))[::-1]
    truth = population[:80_000].sum() / population.sum()
    hits = 0
    for _ in range(60):
        frame = pd.DataFrame(
            {
                "customer_id": [f"c{i}" for i in range(2000)],
                "transaction_date": "2026-01-01",
                "unit_spend": draw.choice(population, 2000),
            }
        )
        found = rfm.revenue_concentration(rfm.score(open_frame(frame)))
        hits += found.top_share_lower <= truth <= found.top_share_upper
    assert hits >= 51  # 95 % of 60 is 57; below 51 has a chance under 0.5 % for a true 95 % interval


def shop_of(orders: dict[int, int]) -> CustomerBase:
    """A shop in which so many customers (values) have so many orders (keys), all of the same money."""
    days = pd.date_range("2025-01-01", periods=max(orders), freq="7D")
    who = [(f"{n} orders, {i}", n) for n, people in orders.items() for i in range(people)]
    rows = [(name, day, 30.0) for name, n in who for day in days[-n:]]
    return CustomerBase.open(pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"]))


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ({12: 180, 1: 20}, {12: 5, 1: 1}),  # a box that nearly all have for a year
        ({1: 160, 2: 40}, {1: 1, 2: 5}),  # a shop where most buy once
        ({1: 20, 12: 160, 13: 20}, {1: 1, 12: 3, 13: 5}),
    ],
)
def test_a_tie_scores_above_what_lies_below_it(orders, expected):
    found = rfm.score(shop_of(orders)).customers.to_pandas()
    for score in ("f_score", "m_score"):
        assert found.groupby("order_count")[score].agg(["min", "max"]).to_dict("index") == {
            n: {"min": value, "max": value} for n, value in expected.items()
        }


def test_a_tie_of_the_longest_silence_scores_as_the_lowest():
    days = ["2025-01-01"] * 180 + ["2025-12-01"] * 20
    rows = pd.DataFrame({"customer_id": map(str, range(200)), "transaction_date": days, "unit_spend": 30.0})
    found = rfm.score(CustomerBase.open(rows, today="2026-01-01")).customers.to_pandas()
    assert found.groupby("recency_days")["r_score"].max().tolist() == [5, 1]
