"""What must hold of every base: the day is law, the order of rows is nothing, no row is lost."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics import CustomerBase
from crm_analytics.errors import DataError
from crm_analytics.tables.contract import TABLES

TODAY = "2026-12-31"
DAY = "2026-03-01"


def sales(seed: int = 1, n: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    ids = pd.Series([f"c{i}" for i in draw.integers(0, 40, n)], dtype="str")
    return pd.DataFrame(
        {
            "transaction_id": [f"t{i}" for i in draw.integers(0, n // 2, n)],
            "customer_id": ids.where(draw.random(n) > 0.1),
            "transaction_date": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(draw.integers(0, 2880, n), unit="h"),
            "unit_spend": np.round(draw.normal(20, 25, n), 2),
        }
    )


def tables() -> dict[str, pd.DataFrame]:
    """Frames whose rows lie before DAY, with facts that became known after it."""
    early, late = pd.Timestamp("2026-02-01"), pd.Timestamp("2026-04-01")
    return {
        "transactions": sales(),
        "tickets": pd.DataFrame(
            {
                "ticket_id": ["1", "2", "3"],
                "customer_id": ["c1", "c2", "c3"],
                "created_at": [early, early, late],
                "last_solved_at": [early, late, late],
                "satisfaction_score": [5, 1, 3],
                "reopens": [0, 4, 1],
                "status": ["solved"] * 3,
            }
        ),
        "campaign_members": pd.DataFrame(
            {
                "campaign_id": "spring",
                "customer_id": ["c1", "c2", "c3"],
                "treatment": ["treated", "treated", "control"],
                "sent_at": [early, early, None],
                "responded_at": [early, late, None],
                "response_value": [10, 20, None],
            }
        ),
        "subscriptions": pd.DataFrame(
            {
                "customer_id": ["c1", "c2"],
                "start_date": [early, early],
                "cancelled_at": [None, late],
                "cancel_reason": [None, "price"],
            }
        ),
    }


def rows(base: CustomerBase, table: str) -> list[tuple]:
    return sorted(
        base.collect(base.tables[table]).astype("str").fillna("").itertuples(index=False, name=None)
    )


def occasions(base: CustomerBase) -> list[tuple]:
    return sorted(base.collect(base.occasions).itertuples(index=False, name=None))


# -- the day ---------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 117), st.integers(1, 117))
def test_as_of_and_between_add_up_law(a: int, b: int) -> None:
    base = CustomerBase.open(sales(), today=TODAY)
    a, b = sorted((a, b))
    if a == b:
        b += 1
    first, second = (base.first_day + dt.timedelta(days=n) for n in (a, b))
    past, then, whole = base.as_of(first), base.between(first, second), base.as_of(second)
    assert sorted(rows(past, "transactions") + rows(then, "transactions")) == rows(whole, "transactions")
    assert sorted(occasions(past) + occasions(then)) == occasions(whole)
    assert past.counts["revenue"] + then.counts["revenue"] == pytest.approx(whole.counts["revenue"], abs=1e-9)


def test_as_of_and_between_add_up_in_every_table_law() -> None:
    base = CustomerBase.open(tables(), today=TODAY)
    past, then = base.as_of(DAY), base.between(DAY, base.day)
    for name in base.tables:
        now = len(rows(base, name))
        assert len(rows(past, name)) + len(rows(then, name)) == now, name


def test_rows_after_the_day_are_invisible_law() -> None:
    past = CustomerBase.open(tables(), today=TODAY).as_of(DAY)
    assert past.counts["last_day"] <= past.day == dt.date(2026, 3, 1)
    assert past.collect(past.occasions)["day"].max() <= pd.Timestamp(DAY)
    assert past.collect(past.tables["tickets"])["ticket_id"].tolist() == ["1", "2"]


def test_the_last_moment_of_the_day_belongs_to_it() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "transaction_date": pd.to_datetime(
                ["2026-01-01 00:00:00", "2026-01-01 23:59:59", "2026-01-02 00:00:00"]
            ),
            "unit_spend": 1,
        }
    )
    base = CustomerBase.open(frame, today=TODAY)
    assert base.as_of("2026-01-01").counts["rows"] == 2
    assert base.between("2026-01-01", "2026-01-02").counts["rows"] == 1


def test_late_facts_in_earlier_rows_are_empty_law() -> None:
    past = CustomerBase.open(tables(), today=TODAY).as_of(DAY)
    tickets = past.collect(past.tables["tickets"]).set_index("ticket_id")
    assert tickets.loc["1", ["satisfaction_score", "reopens"]].tolist() == [5, 0]
    assert tickets.loc["2", ["last_solved_at", "satisfaction_score", "reopens"]].isna().all()
    members = past.collect(past.tables["campaign_members"]).set_index("customer_id")
    assert members["response_value"].fillna(-1).to_dict() == {"c1": 10, "c2": -1, "c3": -1}
    assert members["responded_at"].notna().to_dict() == {"c1": True, "c2": False, "c3": False}
    subscriptions = past.collect(past.tables["subscriptions"])
    assert subscriptions[["cancelled_at", "cancel_reason"]].isna().all(axis=None)


def test_late_facts_are_known_from_their_day_on() -> None:
    base = CustomerBase.open(tables(), today=TODAY)
    for day, known in (("2026-03-31", 1), ("2026-04-01", 3)):
        tickets = base.collect(base.as_of(day).tables["tickets"])
        assert tickets["last_solved_at"].notna().sum() == known


def test_a_late_fact_without_its_time_is_known_only_at_the_newest_day() -> None:
    frames = tables()
    frames["tickets"] = frames["tickets"].drop(columns="last_solved_at")
    base = CustomerBase.open(frames, today=TODAY)
    assert base.collect(base.tables["tickets"])["reopens"].notna().all()
    assert base.collect(base.as_of(DAY).tables["tickets"])["reopens"].isna().all()
    assert base.collect(base.as_of(base.day).tables["tickets"])["reopens"].notna().all()


def test_nothing_after_the_day_changes_anything_before_it_law() -> None:
    frames, changed = tables(), tables()
    end = pd.Timestamp("2026-03-02")
    lines = changed["transactions"]
    later = lines["transaction_date"] >= end
    lines.loc[later, "unit_spend"] = 9999.0
    lines.loc[later, "customer_id"] = "stranger"
    changed["tickets"].loc[1, ["satisfaction_score", "reopens"]] = [3, 9]
    changed["tickets"].loc[1, "last_solved_at"] = pd.Timestamp("2026-04-20")
    changed["tickets"].loc[2, "customer_id"] = "other"
    changed["campaign_members"].loc[1, "response_value"] = 77
    changed["subscriptions"].loc[1, "cancel_reason"] = "moved"
    one, two = (CustomerBase.open(f, today=TODAY).as_of(DAY) for f in (frames, changed))
    assert one.data_hash == two.data_hash
    assert one.counts == two.counts
    assert occasions(one) == occasions(two)
    for name in frames:
        assert rows(one, name) == rows(two, name), name


def test_a_changed_row_before_the_day_changes_the_hash() -> None:
    frames, changed = tables(), tables()
    changed["transactions"].loc[0, "unit_spend"] += 0.01
    one, two = (CustomerBase.open(f, today=TODAY) for f in (frames, changed))
    assert one.data_hash != two.data_hash


def test_every_late_fact_of_the_contract_names_a_time_of_its_table() -> None:
    for table in TABLES.values():
        for column in table.columns:
            if column.known_from is not None:
                assert table[column.known_from].type in ("time", "date")
        assert table.row_time is None or table[table.row_time].type in ("time", "date")
        assert set(table.key) <= set(table.names)


def test_current_state_is_refused_as_a_feature_unless_asked_for() -> None:
    base = CustomerBase.open(tables(), today=TODAY)
    base.require({"tickets": ("created_at",), "transactions": ("customer_id",)})
    with pytest.raises(DataError, match=r"tickets\.status holds only the current state"):
        base.require({"tickets": ("status",)})
    base.require({"tickets": ("status",)}, current_state=True)
    with pytest.raises(DataError, match="did you mean 'created_at'"):
        base.require({"tickets": ("creatd_at",)})
    with pytest.raises(DataError, match="needs the table 'events'"):
        base.require({"events": ()})


# -- the order of rows -----------------------------------------------------------------------------


def test_the_order_of_rows_changes_nothing_law(tmp_path: Path) -> None:
    frame = sales(n=3000)
    one = CustomerBase.open(frame, today=TODAY)
    shuffled = frame.sample(frac=1, random_state=3)
    shuffled.to_csv(tmp_path / "t.csv", index=False)
    for other in (shuffled, shuffled.iloc[:, ::-1], tmp_path / "t.csv"):
        two = CustomerBase.open(other, today=TODAY)
        assert one.data_hash == two.data_hash
        assert occasions(one) == occasions(two)
        assert one.counts == two.counts


# -- nothing is lost -------------------------------------------------------------------------------


def test_revenue_of_customers_and_anonymous_sales_add_up_law() -> None:
    base = CustomerBase.open(sales(), today=TODAY).as_of(DAY)
    history = base.collect(base.purchase_history)
    whole = base.collect(base.transactions)["unit_spend"].sum()
    assert history["revenue"].sum() + base.counts["anonymous_spend"] == pytest.approx(whole, abs=1e-9)
    assert history["customer_id"].notna().all()


@pytest.mark.parametrize("key", [False, True])
def test_rejected_and_accepted_are_the_rows_of_the_source_law(tmp_path: Path, key: bool) -> None:
    frame = sales().assign(transaction_date=lambda f: f["transaction_date"].astype("str"))
    frame["unit_spend"] = frame["unit_spend"].astype("str")
    if key:
        frame.insert(0, "transaction_line_id", [f"L{i}" for i in range(len(frame))])
        frame.loc[[50, 60, 61], "transaction_line_id"] = "L5"
    frame.loc[[3, 30], "transaction_date"] = "soon"
    frame.loc[[30, 44], "unit_spend"] = "?"
    text = frame.to_csv(index=False).splitlines()
    text[10:10] = ["torn", "torn,too"]
    random.Random(1).shuffle(tail := text[1:])
    (tmp_path / "t.csv").write_text("\n".join([text[0], *tail]))
    base = CustomerBase.open(tmp_path / "t.csv", today=TODAY)
    assert base.counts["rows"] + base.counts["rejected"] == len(frame) + 2
    assert base.rejected["row_number"].is_unique
    assert base.counts["rejected"] == 5 + (3 if key else 0)
    torn = base.rejected.loc[base.rejected["column"] == "", "row_number"]
    assert sorted(tail[int(n) - 1] for n in torn) == ["torn", "torn,too"]
    for number in base.rejected.loc[base.rejected["column"] == "transaction_date", "row_number"]:
        assert "soon" in tail[number - 1]


# -- purchase occasions ----------------------------------------------------------------------------


def occasions_of(*lines: tuple) -> list[tuple]:
    frame = pd.DataFrame(
        lines, columns=["customer_id", "transaction_date", "unit_spend", "is_return", "transaction_id"]
    )
    base = CustomerBase.open(frame, today=TODAY)
    found = base.collect(base.occasions).sort_values(["customer_id", "day"])
    return [(c, d.day, s, n) for c, d, s, n in found.itertuples(index=False)]


def test_a_purchase_occasion_is_a_day_with_a_purchase_and_no_net_loss() -> None:
    found = occasions_of(
        ("merged", "2026-01-01", 5, False, "1"), ("merged", "2026-01-01", 6, False, "2"),
        ("merged", "2026-01-01", 1, False, "2"), ("merged", "2026-01-02", 1, False, None),
        ("partly returned", "2026-01-01", 9, False, "3"), ("partly returned", "2026-01-01", -4, True, "4"),
        ("net loss", "2026-01-01", 3, False, "5"), ("net loss", "2026-01-01", -4, True, "6"),
        ("evened out", "2026-01-01", 3, False, "7"), ("evened out", "2026-01-01", -3, True, "8"),
        ("for nothing", "2026-01-01", 0, False, "9"),
        ("only returned", "2026-01-01", -9, False, "10"),
        ("said to return", "2026-01-01", 9, True, "11"),
        (None, "2026-01-01", 100, False, "12"),
    )  # fmt: skip
    assert found == [
        ("evened out", 1, 0.0, 1),
        ("for nothing", 1, 0.0, 1),
        ("merged", 1, 12.0, 2),
        ("merged", 2, 1.0, 1),
        ("partly returned", 1, 5.0, 1),
    ]


def test_customers_who_only_returned_are_in_the_history_with_no_order() -> None:
    frame = pd.DataFrame(
        {"customer_id": ["a", "b", "b"], "transaction_date": ["2026-01-01"] * 3, "unit_spend": [-5, 7, -1]}
    )
    base = CustomerBase.open(frame, today=TODAY)
    history = base.collect(base.purchase_history).set_index("customer_id").sort_index()
    assert history["order_count"].to_dict() == {"a": 0, "b": 1}
    assert history["revenue"].to_dict() == {"a": -5.0, "b": 6.0}
    assert pd.isna(history.loc["a", "first_day"])
    assert set(base.collect(base.customers)["customer_id"]) == {"a", "b"}


def test_customers_are_the_listed_and_whoever_bought() -> None:
    frames = {
        "transactions": sales(),
        "customers": pd.DataFrame({"customer_id": ["c1", "new"], "city": ["Bern", "Ulm"]}),
    }
    base = CustomerBase.open(frames, today=TODAY)
    people = base.collect(base.customers).set_index("customer_id")
    assert people.index.is_unique
    assert people["city"].dropna().to_dict() == {"c1": "Bern", "new": "Ulm"}
    assert len(people) == sales()["customer_id"].nunique() + 1


# -- kept and opened again -------------------------------------------------------------------------


@pytest.mark.parametrize("cut", ["whole", "as_of", "between"])
def test_a_saved_base_opens_to_the_same_base_law(tmp_path: Path, cut: str) -> None:
    base = CustomerBase.open(tables(), today=TODAY)
    base = {"whole": base, "as_of": base.as_of(DAY), "between": base.between("2026-02-01", DAY)}[cut]
    again = CustomerBase.open(base.save(tmp_path / "kept"))
    assert (again.day, again.start, again.first_day) == (base.day, base.start, base.first_day)
    assert again.data_hash == base.data_hash
    assert again.counts == base.counts
    assert occasions(again) == occasions(base)
    for name in base.tables:
        assert rows(again, name) == rows(base, name), name
    earlier = [b.as_of("2026-02-15") for b in (base, again)]
    assert earlier[0].data_hash == earlier[1].data_hash != base.data_hash


def test_a_saved_base_keeps_what_was_rejected_and_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("customer_id,transaction_date,unit_spend\n" + "a,2026-01-01,1\n" * 50 + "b,soon,1\n")
    said = {"label": "Stand", "currency": "EUR", "show_customers": True}
    base = CustomerBase.open(path, today=TODAY, mapping=said)
    again = CustomerBase.open(base.save(tmp_path / "kept"))
    pd.testing.assert_frame_equal(again.rejected, base.rejected)
    assert (again.label, again.currency, again.show_customers) == ("Stand", "EUR", True)


def test_a_damaged_snapshot_says_so(tmp_path: Path) -> None:
    kept = CustomerBase.open(tables(), today=TODAY).save(tmp_path / "kept")
    (kept / "transactions.parquet").unlink()
    with pytest.raises(DataError, match="damaged snapshot"):
        CustomerBase.open(kept)


def test_frames_come_into_the_engine_with_nan_as_null() -> None:
    base = CustomerBase.open(sales(), today=TODAY)
    brought = base.to_engine(pd.DataFrame({"x": [1.0, np.nan], "s": ["NaN", None]}))
    assert brought.filter(brought.x.isnull()).count().to_pyarrow().as_py() == 1
    assert brought.filter(brought.s.isnull()).count().to_pyarrow().as_py() == 1
