"""Popularity, movers, months, quality, habits, first products, options and likely buyers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.products import ratios
from crm_analytics.analyses.products.category_months import category_months
from crm_analytics.analyses.products.chosen_options import chosen_options
from crm_analytics.analyses.products.first_product import first_products
from crm_analytics.analyses.products.habitual_day import habitual_days
from crm_analytics.analyses.products.likely_buyers import likely_buyers
from crm_analytics.analyses.products.movers import movers
from crm_analytics.analyses.products.popularity import popularity
from crm_analytics.analyses.products.quality import quality
from crm_analytics.errors import DataError, NotEnoughData

TODAY = "2026-01-01"


def sales(
    seed: int,
    days: pd.DatetimeIndex,
    per_day: int = 12,
    customers: int = 300,
    products: int = 12,
    weights: object = None,
) -> pd.DataFrame:
    """Orders of one to three products each; every customer draws from the same law."""
    draw = np.random.default_rng(seed)
    order = np.repeat(np.arange(len(days) * per_day), draw.integers(1, 4, len(days) * per_day))
    day = days[order // per_day]
    share = np.full((len(order), products), 1.0) if weights is None else weights(day)  # type: ignore[operator]
    share = np.cumsum(share / share.sum(axis=1, keepdims=True), axis=1)
    item = (draw.random(len(order))[:, None] > share).sum(axis=1)
    who = draw.integers(0, customers, len(days) * per_day)
    frame = pd.DataFrame(
        {
            "transaction_id": order.astype(str),
            "customer_id": who[order].astype(str),
            "transaction_date": day,
            "product_id": [f"p{n:02d}" for n in item],
            "unit_quantity": 1.0,
            "unit_spend": 4.0,
        }
    )
    return frame.drop_duplicates(["transaction_id", "product_id"])


def catalogue(products: int = 12, categories: int = 4) -> pd.DataFrame:
    ids = [f"p{n:02d}" for n in range(products)]
    return pd.DataFrame(
        {"product_id": ids, "category_0_name": [f"c{n % categories}" for n in range(products)]}
    )


def opened(frame: pd.DataFrame, **tables: pd.DataFrame) -> CustomerBase:
    return CustomerBase.open({"transactions": frame, **tables}, today=TODAY)


# -- popularity --------------------------------------------------------------------------------


def test_a_late_launch_and_a_gap_recover_planted_popularity() -> None:
    days = pd.date_range("2024-01-01", "2025-12-31")
    frame = sales(1, days, weights=lambda day: np.ones((len(day), 12)))
    day = frame["transaction_date"]
    late = (frame["product_id"] == "p00") & (day < "2025-07-01")
    gone = (frame["product_id"] == "p01") & (day >= "2024-06-01") & (day < "2025-03-01")
    found = popularity(opened(frame[~late & ~gone])).products.set_index("product")
    usual = found.drop(["p00", "p01"])["rate"].mean()
    assert found.loc["p00", "rate"] == pytest.approx(usual, rel=0.1)
    assert found.loc["p01", "rate"] == pytest.approx(usual, rel=0.1)
    assert found.loc["p01", "days_silent"] == pytest.approx(273, abs=5)
    assert (found.drop("p01")["days_silent"] == 0).all()


def test_a_product_sold_before_its_launch_and_free_gifts_are_told() -> None:
    days = pd.date_range("2025-01-01", periods=200)
    frame = sales(2, days)
    gifts = frame.head(50).assign(product_id="p00", unit_spend=0.0)
    table = catalogue().assign(launched_at=pd.Timestamp("2025-05-01"))
    base = opened(pd.concat([frame, gifts]), products=table)
    # rows of products appear from their launch on; those sold earlier still count from their first sale
    found = popularity(base)
    assert found.free_lines == 50
    assert found.sold_before_launch == 12
    assert "before their launch" in found.words
    assert (found.products["orders_on_sale"] >= found.products["orders"]).all()


# -- movers ------------------------------------------------------------------------------------


def test_movers_recover_planted_truth_and_name_few_where_nothing_moves() -> None:
    days = pd.date_range("2024-05-01", "2025-12-31")
    cut = pd.Timestamp("2025-10-01")

    def rising(day: pd.DatetimeIndex) -> np.ndarray:
        share = np.ones((len(day), 12))
        share[:, 3] = np.where(day > cut, 2.5, 1.0)
        return share

    found = movers(opened(sales(3, days, weights=rising))).products
    assert found.loc[found["verdict"] == "moves", "product"].iloc[0] == "p03"
    row = found.set_index("product").loc["p03"]
    assert row["lower"] > 1.5
    false = sum((movers(opened(sales(s, days))).products["verdict"] == "moves").any() for s in range(8))
    assert false <= 2


def test_a_move_that_comes_every_year_is_the_seasons() -> None:
    days = pd.date_range("2023-10-01", "2025-12-31")

    def seasonal(day: pd.DatetimeIndex) -> np.ndarray:
        share = np.ones((len(day), 12))
        share[:, 5] = np.where(day.month >= 10, 3.0, 1.0)
        return share

    found = movers(opened(sales(4, days, weights=seasonal)))
    assert found.has_last_year
    assert found.products.set_index("product").loc["p05", "verdict"] == "the season's"


def test_within_one_year_a_move_may_be_the_seasons() -> None:
    days = pd.date_range("2024-12-01", "2025-12-09")

    def garlands(day: pd.DatetimeIndex) -> np.ndarray:
        share = np.ones((len(day), 12))
        share[:, 5] = np.where(day.month >= 10, 4.0, 1.0)
        return share

    found = movers(opened(sales(4, days, weights=garlands)))
    assert not found.has_last_year
    moved = found.products.set_index("product").loc["p05"]
    assert (moved["verdict"], moved["lower"] > 1.5) == ("not told apart", True)
    assert not (found.products["verdict"] == "moves").any()


def test_fieller_holds_the_planted_ratio() -> None:
    draw = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        level = draw.gamma(1, 3, 150)
        top, bottom = draw.poisson(level * 1.3), draw.poisson(level)
        sums = {"top": top.sum(), "bottom": bottom.sum(), "tt": (top**2).sum(), "tb": (top * bottom).sum(),
                "bb": (bottom**2).sum()}  # fmt: skip
        low, high = ratios.fieller(pd.DataFrame([sums]))
        held += low[0] <= 1.3 <= high[0]
    assert 180 <= held <= 199


# -- months ------------------------------------------------------------------------------------


def winter(day: pd.DatetimeIndex) -> np.ndarray:
    share = np.ones((len(day), 12))
    share[:, 0::4] = np.where(day.month == 11, 3.0, 1.0)[:, None]  # category c0
    return share


def test_category_months_recover_planted_truth() -> None:
    days = pd.date_range("2023-01-01", "2025-12-31")
    found = category_months(opened(sales(6, days, weights=winter), products=catalogue()))
    clear = found.cells[found.cells["clear"] & (found.cells["index"] > 100)]
    assert clear[["category", "month"]].to_numpy().tolist() == [["c0", 11]]
    # one minus the chance to miss it in 1 to 3 draws: 1/2 in November, 1/4 else, before repeats are dropped
    assert clear["index"].iloc[0] == pytest.approx(160, rel=0.1)


def test_category_months_name_few_where_there_are_none() -> None:
    days = pd.date_range("2024-01-01", "2025-12-31")
    bases = (opened(sales(s, days), products=catalogue()) for s in range(6))
    assert sum(bool(category_months(base).cells["clear"].any()) for base in bases) <= 2


def test_a_month_seen_once_is_never_clear() -> None:
    days = pd.date_range("2025-01-01", "2025-12-31")
    found = category_months(opened(sales(7, days, weights=winter), products=catalogue()))
    assert not found.cells["clear"].any()
    assert found.cells["once"].any()
    assert "campaign of that month looks like a season" in found.words


def test_the_first_days_of_a_month_are_no_month() -> None:
    days = pd.date_range("2024-12-01", "2026-01-02")
    found = category_months(opened(sales(7, days, weights=winter), products=catalogue()))
    january = found.cells[found.cells["month"] == 1]
    assert january["years"].tolist() == [1] * len(january)
    assert not found.cells["clear"].any()


def test_a_category_without_an_order_in_a_month_has_a_range() -> None:
    days = pd.date_range("2024-01-01", "2025-12-31")

    def closed_in_july(day: pd.DatetimeIndex) -> np.ndarray:
        share = np.ones((len(day), 12))
        share[:, 0::4] = np.where(day.month == 7, 0.0, 1.0)[:, None]
        return share

    cells = category_months(opened(sales(7, days, weights=closed_in_july), products=catalogue())).cells
    none = cells[cells["orders"] == 0]
    assert len(none)
    assert (none["upper"] > 0.5).all()


def test_less_than_a_year_says_how_many_months_are_needed() -> None:
    days = pd.date_range("2025-01-01", "2025-09-30")
    with pytest.raises(NotEnoughData, match="at least 12 calendar months, this base has 9"):
        category_months(opened(sales(7, days), products=catalogue()))
    with pytest.raises(DataError, match="this needs the table 'products'"):
        category_months(opened(sales(7, days)))


# -- quality -----------------------------------------------------------------------------------


def returned(frame: pd.DataFrame, chance: np.ndarray, seed: int) -> pd.DataFrame:
    back = frame[np.random.default_rng(seed).random(len(frame)) < chance]
    back = back.assign(unit_quantity=-1.0, unit_spend=-4.0, transaction_id="R" + back["transaction_id"])
    return pd.concat([frame, back])


def test_quality_recovers_planted_truth() -> None:
    frame = sales(8, pd.date_range("2025-01-01", "2025-12-31"))
    chance = np.where(frame["product_id"] == "p07", 0.15, 0.04)
    tickets = frame[(frame["product_id"] == "p02")].head(90)
    tickets = pd.DataFrame(
        {
            "ticket_id": np.arange(90).astype(str), "customer_id": tickets["customer_id"].to_numpy(),
            "created_at": "2025-06-01", "is_complaint": True, "product_id": "p02",
        }
    )  # fmt: skip
    found = quality(opened(returned(frame, chance, 1), tickets=tickets)).products
    worse = found[found["verdict"] == "more"]
    assert worse[["kind", "product"]].to_numpy().tolist() == [["returns", "p07"], ["complaints", "p02"]]
    row = worse.iloc[0]
    assert row["lower"] < 15 < row["upper"]
    even = [quality(opened(returned(frame, np.full(len(frame), 0.04), s))).products for s in range(6)]
    assert sum((table["verdict"] != "as usual").any() for table in even) <= 1


def test_returns_above_sales_are_told() -> None:
    frame = sales(9, pd.date_range("2025-01-01", periods=150), customers=60)
    old = frame[frame["product_id"] == "p04"].assign(unit_quantity=-3.0, unit_spend=-12.0)
    found = quality(opened(pd.concat([frame, old]))).products.set_index("product")
    assert found.loc["p04", "above_sales"]
    assert not found.drop("p04")["above_sales"].any()


# -- habits ------------------------------------------------------------------------------------


def test_habitual_days_recover_planted_truth_and_few_by_chance() -> None:
    draw = np.random.default_rng(10)
    weeks = pd.date_range("2025-01-06", periods=50, freq="7D")
    rows = []
    for who in range(300):
        for week in draw.choice(50, 16, replace=False):
            weekday = 4 if who < 60 and draw.random() < 0.9 else draw.integers(0, 7)
            rows.append((f"c{who}", weeks[week] + pd.Timedelta(days=int(weekday)), 3.0))
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    base = opened(frame)
    found = habitual_days(base)
    table = base.collect(found.customers).set_index("customer_id")
    planted = table.index.isin([f"c{n}" for n in range(60)])
    assert table.loc[planted, "is_habit"].mean() > 0.9
    assert table.loc[~planted, "is_habit"].mean() < 0.02
    assert (table.loc[table["is_habit"] & planted, "weekday"] == "Friday").all()
    assert found.weekdays["customers"].sum() == table["is_habit"].sum()


# -- first products ----------------------------------------------------------------------------


def test_first_products_recover_planted_truth() -> None:
    draw = np.random.default_rng(11)
    rows = []
    for who in range(900):
        first = f"p{who % 6}"
        begin = pd.Timestamp("2023-06-01") + pd.Timedelta(days=int(draw.integers(0, 500)))
        rows.append((f"c{who}", begin, first, 10.0))
        for _ in range(draw.poisson(6 if first == "p2" else 3)):
            later = begin + pd.Timedelta(days=int(draw.integers(1, 365)))
            rows.append((f"c{who}", later, f"p{draw.integers(0, 6)}", 10.0))
    rows.append(("first", pd.Timestamp("2023-01-01"), "p0", 1.0))
    rows.append(("last", pd.Timestamp("2025-12-31"), "p0", 1.0))
    columns = ["customer_id", "transaction_date", "product_id", "unit_spend"]
    found = first_products(opened(pd.DataFrame(rows, columns=columns)))
    assert found.customers == 900
    best = found.products.iloc[0]
    assert (best["product"], bool(best["clear"])) == ("p2", True)
    assert best["lower"] < 30 < best["upper"]  # three more purchases of 10
    others = found.products.iloc[1:]
    assert not (others["clear"] & (others["difference"] > 0)).any()


def test_customers_not_seen_long_enough_are_left_out() -> None:
    frame = sales(12, pd.date_range("2025-01-01", "2025-12-31"))
    with pytest.raises(NotEnoughData, match="with 365 days after them, needs at least 100 customers"):
        first_products(opened(frame))


# -- options -----------------------------------------------------------------------------------


def test_options_are_counted_and_a_name_on_a_mug_is_not_shown() -> None:
    sizes = ["L"] * 60 + ["M"] * 40
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{n}" for n in range(100)],
            "transaction_date": "2025-05-05",
            "product_id": "mug",
            "unit_spend": 9.0,
            "attributes": [
                f'{{"size": "{size}", "name": "Person {n}"}}' if n % 2 else f"size={size}; name=Person {n}"
                for n, size in enumerate(sizes)
            ],
        }
    )
    found = chosen_options(opened(frame))
    assert found[["option", "choice", "lines"]].to_numpy().tolist() == [
        ["name", "others", 100], ["size", "L", 60], ["size", "M", 40],
    ]  # fmt: skip
    assert found["lower"].iloc[1] < 0.6 < found["upper"].iloc[1]


# -- likely buyers -----------------------------------------------------------------------------


def test_likely_buyers_recover_planted_truth() -> None:
    """A third of the customers buys c0 in November; the next November is foreseen by who they are."""
    draw = np.random.default_rng(13)
    days = pd.date_range("2023-01-01", "2025-12-31")
    frame = sales(13, days, customers=1_200, weights=lambda day: np.tile([0.2, 1, 1, 1] * 3, (len(day), 1)))
    fans = [str(n) for n in range(400)]
    rows = [
        (f"n{year}-{who}", who, pd.Timestamp(f"{year}-11-{draw.integers(1, 29)}"), "p00", 1.0, 4.0)
        for year in (2023, 2024, 2025) for who in fans if draw.random() < 0.7
    ]  # fmt: skip
    november = pd.DataFrame(rows, columns=frame.columns)
    whole = opened(pd.concat([frame, november]), products=catalogue())
    past = whole.as_of("2025-10-26")
    found = likely_buyers(past, "c0", weeks=5)
    assert found.same_season
    table = past.collect(found.customers).set_index("customer_id")["probability"]
    came = whole.between("2025-10-26", "2025-11-30").transactions
    bought = set(whole.collect(came.filter(came.product_id.isin(["p00", "p04", "p08"])))["customer_id"])
    ids = table.index.to_series()
    assert table.sum() == pytest.approx(ids.isin(bought).sum(), rel=0.15)  # what is promised comes
    best = table.nlargest(len(table) // 4).index
    share = np.mean([who in bought for who in best])
    assert share > 2 * ids.isin(bought).mean()


def test_a_rare_category_says_how_many_buyers_are_needed() -> None:
    frame = sales(14, pd.date_range("2025-01-01", "2025-12-31"), per_day=2)
    with pytest.raises(
        NotEnoughData, match="likely buyers of a category in 8 weeks needs at least 100 buyers of it"
    ):
        likely_buyers(opened(frame, products=catalogue()), "c1")
