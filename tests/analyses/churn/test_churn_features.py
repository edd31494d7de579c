"""Features know the day and nothing after it; labels know the window and nothing else."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import churn
from crm_analytics.analyses.churn.features.btyd_features import with_btyd
from crm_analytics.errors import DataError, NotEnoughData, ParameterError
from crm_analytics.tables.company import write_company
from crm_analytics.tables.contract import TABLES

DAY = "2025-06-30"
TODAY = "2026-01-01"
USED = ("transactions", "customers", "products", "events", "tickets", "survey_responses", "campaigns",
        "campaign_members", "referrals", "mentions")  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, pd.DataFrame]:
    folder: Path = write_company(tmp_path_factory.mktemp("company"), customers=160, years=2)
    return {p.stem: pd.read_parquet(p) for p in folder.glob("*.parquet") if p.stem in USED}


def found(base: CustomerBase | dict[str, pd.DataFrame], day: str = DAY) -> pd.DataFrame:
    base = base if isinstance(base, CustomerBase) else CustomerBase.open(base, today=TODAY)
    return churn.features(base.as_of(day)).order_by("customer_id").to_pandas()


@pytest.fixture(scope="module")
def base(tables) -> CustomerBase:
    return CustomerBase.open(tables, today=TODAY)


@pytest.fixture(scope="module")
def then(base) -> pd.DataFrame:
    return found(base)


def test_every_feature_of_a_whole_company_is_there_and_says_something(then):
    assert list(then.columns) == ["customer_id", *[f.name for f in churn.FEATURES]]
    assert then["customer_id"].is_unique
    for name in then.columns[1:]:
        assert then[name].notna().any(), name
        rare = name in {"unsubscribed", "open_tickets"}  # in so small a company
        assert then[name].nunique() > 1 or rare, name


def scrambled(frame: pd.DataFrame, rows: pd.Series, columns: list[str]) -> pd.DataFrame:
    """Other values in some cells: of another row of the same column, so that types stay."""
    frame, draw = frame.copy(), np.random.default_rng(1)
    where = np.flatnonzero(rows.to_numpy(bool))
    for column in columns:
        values = frame[column].to_numpy(object).copy()
        values[where] = frame[column].to_numpy(object)[draw.permutation(len(frame))[: len(where)]]
        frame[column] = pd.Series(values, index=frame.index).astype(frame[column].dtype)
    return frame


def with_other_rows_after(tables: dict[str, pd.DataFrame], end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    changed = {}
    for name, frame in tables.items():
        time = TABLES[name].row_time
        later = pd.to_datetime(frame[time]) >= end
        columns = [c for c in frame if c != time and c not in TABLES[name].key]
        changed[name] = scrambled(frame, later, columns)
    return changed


def with_other_late_cells(tables: dict[str, pd.DataFrame], end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    changed = dict(tables)
    for name, frame in tables.items():
        for column in TABLES[name].columns:
            if column.known_from is None or column.name not in frame or column.known_from not in frame:
                continue
            late = pd.to_datetime(tables[name][column.known_from]) >= end
            if column.name == column.known_from:
                values = pd.to_datetime(frame[column.name]).where(~late, pd.Timestamp("2025-12-30 12:00"))
                changed[name] = changed[name].assign(**{column.name: values})
            else:
                changed[name] = scrambled(changed[name], late, [column.name])
    return changed


def with_scores(base: CustomerBase | dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The features as a model gets them: with what BG/NBD and MBG/NBD, fitted on the day, say."""
    base = base if isinstance(base, CustomerBase) else CustomerBase.open(base, today=TODAY)
    past = base.as_of(DAY)
    return past.collect(with_btyd(past, churn.features(past), 90).order_by("customer_id"))


@pytest.mark.parametrize("other", [with_other_rows_after, with_other_late_cells])
def test_nothing_after_the_day_changes_a_score_that_is_a_feature(tables, base, other):
    """They come from a fit on all customers, so that one row too many would move every one of them."""
    then, changed = with_scores(base), other(tables, pd.Timestamp(DAY) + pd.Timedelta(days=1))
    names = [feature.name for feature in churn.BTYD]
    assert then[names].notna().all(axis=None)
    assert (then[names].nunique() > 10).all()
    pd.testing.assert_frame_equal(with_scores(changed), then)


def test_arms_and_instruments_count_however_they_are_written(tables, then):
    odd = tables | {
        "campaign_members": tables["campaign_members"].assign(
            treatment=lambda t: t["treatment"].str.title() + " "
        ),
        "survey_responses": tables["survey_responses"].assign(
            instrument=lambda t: t["instrument"].str.upper()
        ),
    }
    assert then["mails"].sum() > 0
    assert then["nps"].notna().any()
    pd.testing.assert_frame_equal(found(odd), then)


@pytest.mark.parametrize("other", [with_other_rows_after, with_other_late_cells])
def test_nothing_after_the_day_changes_a_feature(tables, then, other):
    """Rows after the day in every table and column; then facts that became known later (a click)."""
    changed = other(tables, pd.Timestamp(DAY) + pd.Timedelta(days=1))
    assert sum(not changed[name].equals(frame) for name, frame in tables.items()) >= 2
    pd.testing.assert_frame_equal(found(changed), then)


def test_the_future_is_used_where_it_is_the_past(base, then):
    """The tests above can fail: on a later day the same cells do count."""
    later = found(base, "2025-12-31").set_index("customer_id").loc[then["customer_id"]]
    before = then.set_index("customer_id")
    for name in ("order_count", "tickets", "visits_recent", "mails", "opened_share", "satisfaction", "nps"):
        assert not later[name].equals(before[name]), name


def test_features_of_plain_purchases_count_what_they_say():
    frame = pd.DataFrame(
        {
            "customer_id": ["a"] * 4 + ["b", "b"],
            "transaction_date": [
                "2026-01-01",
                "2026-03-02",
                "2026-03-02",
                "2026-06-30",
                "2026-02-01",
                "2026-02-03",
            ],
            "unit_spend": [10.0, 20.0, 5.0, 40.0, 8.0, -8.0],
        }
    )
    one = churn.features(CustomerBase.open(frame, today="2026-07-01").as_of("2026-06-30"))
    table = one.to_pandas().set_index("customer_id")
    assert table.loc["a", ["recency_days", "tenure_days", "order_count"]].tolist() == [0, 180, 3]
    assert table.loc["a", "mean_gap_days"] == 90
    assert table.loc["a", ["orders_recent", "orders_trend", "revenue_trend"]].tolist() == [1, 0, 15.0]
    assert table.loc["a", ["revenue", "order_value"]].tolist() == [75.0, 25.0]
    assert table.loc["b", "returned_share"] == 0.5
    assert np.isnan(table.loc["b", "mean_gap_days"])
    assert "complaints" not in table  # no table of tickets, no feature of it


def test_order_of_rows_changes_nothing(tables, then):
    mixed = {name: frame.sample(frac=1, random_state=3) for name, frame in tables.items()}
    pd.testing.assert_frame_equal(found(mixed), then)


def test_labels_are_a_purchase_in_the_window_and_nothing_else(base):
    table = churn.labels(base, DAY, 90).to_pandas().set_index("customer_id")["left"]
    lines = base.occasions.to_pandas()
    day = pd.to_datetime(lines["day"])
    known = set(lines.loc[day <= DAY, "customer_id"])
    came = set(lines.loc[(day > DAY) & (day <= "2025-09-28"), "customer_id"])
    assert set(table.index) == known
    assert set(table.index[~table]) == known & came


def test_a_window_past_the_data_says_so(base):
    with pytest.raises(DataError, match="who has left is not known yet"):
        churn.labels(base, "2025-12-01", 90)
    with pytest.raises(ParameterError, match="1 day or more"):
        churn.labels(base, DAY, 0)


def test_windows_do_not_overlap_and_end_with_the_data(base):
    made = churn.windows(base, 90, count=4, gap=10)
    assert made[-1].until == base.day
    for a, b in itertools.pairwise(made):
        assert (b.day - a.until).days == 10
    assert {w.days for w in made} == {90}
    assert len(churn.windows(base, 200, count=5)) == 2  # as many as the history holds


def test_a_window_longer_than_the_history_says_so(base):
    with pytest.raises(NotEnoughData, match="must fit twice"):
        churn.windows(base, 500)


def test_the_definition_comes_from_the_gaps():
    rows = [("r", k * 10) for k in range(40)] + [(f"c{i}", d) for i in range(70) for d in (0, 40, 100, 395)]
    frame = pd.DataFrame(rows, columns=["customer_id", "d"])
    frame["transaction_date"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(frame.pop("d"), unit="D")
    base = CustomerBase.open(frame.assign(unit_spend=1.0), today="2026-06-01")
    found = churn.definition(base)
    assert found.gaps == 39 + 210
    assert found.quantiles[0.5] == 60
    assert found.window == 131  # 295 days would be wanted for 90 %, but a third of the history is 131
    assert "too short to check" in found.why
    table = found.table.set_index("days")
    assert table.loc[60, "share_within"] == pytest.approx((39 + 140) / 249)
    assert (table["still_away"].diff().dropna() <= 0).all()


def test_few_gaps_define_nothing():
    frame = pd.DataFrame(
        {"customer_id": ["a"] * 5, "transaction_date": [dt.date(2026, 1, k) for k in range(1, 6)]}
    )
    base = CustomerBase.open(frame.assign(unit_spend=1.0), today="2026-06-01")
    with pytest.raises(NotEnoughData, match="gaps between purchases"):
        churn.definition(base)


@pytest.mark.parametrize("levels", [2, 3, 16, 17, 62, 63, 300, 900])
def test_different_products_categories_and_channels_are_counted_as_by_a_set(levels):
    draw = np.random.default_rng(levels)
    every = np.arange(levels)  # a dealer, who bought all there is: more than a byte can count
    lines = pd.DataFrame({
        "customer_id": np.r_[draw.integers(0, 40, 3000).astype(str), np.full(levels, "dealer")],
        "unit_spend": 1.0, "transaction_date": "2025-01-05",
        "channel": np.r_[draw.integers(0, levels, 3000), every].astype(str),
        "product_id": np.r_[draw.integers(0, levels, 3000), every].astype(str),
    })  # fmt: skip
    unknown = np.r_[draw.random(3000) < 0.1, np.zeros(levels, dtype=bool)]
    lines.loc[unknown, ["product_id", "channel"]] = None
    lines.loc[lines["customer_id"] == "7", ["product_id", "channel"]] = None  # nothing to count: 0
    sold = np.arange(levels - 1).astype(
        str
    )  # the last product is in no list of products, and has no category
    products = pd.DataFrame({"product_id": sold, "product_name": "x", "category_0_name": "K" + sold})
    products.loc[0, "category_0_name"] = None
    both = {"transactions": lines, "products": products}
    told = found(both, "2025-01-05").set_index("customer_id")[["products", "categories", "channels"]]
    known = lines.merge(products, "left", "product_id").groupby("customer_id")
    expected = known[["product_id", "category_0_name", "channel"]].nunique()
    assert (told.to_numpy() == expected.loc[told.index].to_numpy()).all()
