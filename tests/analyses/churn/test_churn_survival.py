"""Time until the next purchase and until leaving: held to the rows, and to planted truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.churn.survival import survival
from crm_analytics.analyses.churn.survival.complaints import after_complaint, gone_after
from crm_analytics.analyses.definitions import definitions
from crm_analytics.errors import DataError, NotEnoughData, ParameterError


@pytest.fixture(scope="module")
def shop() -> CustomerBase:
    """Customers who buy at equal steps: a leaves in February, b pauses, c is there, d comes late."""
    days = {
        "a": ["2025-01-01", "2025-01-11", "2025-02-01"],
        "b": ["2025-01-05", "2025-06-30", "2025-12-20"],
        "c": ["2025-03-01", "2025-03-31", "2025-04-30", "2025-12-31"],
        "d": ["2025-12-01"],
        "e": ["2025-02-02"],
    }
    rows = [(who, day, 10.0) for who, own in days.items() for day in own]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    tickets = pd.DataFrame(
        {"ticket_id": ["1", "2", "3"], "customer_id": ["a", "a", "c"],
         "created_at": ["2025-01-12", "2025-01-20", "2025-05-02"], "is_complaint": [True, True, False]}
    )  # fmt: skip
    return CustomerBase.open({"transactions": frame, "tickets": tickets}, today="2026-01-01")


@pytest.fixture(scope="module")
def simulated() -> CustomerBase:
    """Purchases every 20 days or so, leaving at a rate of 1 in 300 days, complaints without any effect."""
    rng = np.random.default_rng(18)
    day, rows, tickets = pd.Timestamp("2025-12-31"), [], []
    for who in range(1500):
        times = np.cumsum(rng.exponential(20, 80))
        times = np.concatenate([[0.0], times[times < min(rng.exponential(300), 800)]])
        start = day - pd.Timedelta(days=int(rng.integers(400, 800)))
        rows += [(f"c{who}", start + pd.Timedelta(days=int(t))) for t in times]
        bad = times[rng.random(len(times)) < 0.05]
        tickets += [(f"c{who}", start + pd.Timedelta(days=int(t), hours=20)) for t in bad]
    bought = pd.DataFrame(rows, columns=["customer_id", "transaction_date"]).assign(unit_spend=1.0)
    bought = bought[bought["transaction_date"] <= day]
    told = pd.DataFrame(tickets, columns=["customer_id", "created_at"]).assign(is_complaint=True)
    told = told[told["created_at"] <= day].assign(ticket_id=lambda t: [f"t{i}" for i in range(len(t))])
    return CustomerBase.open({"transactions": bought, "tickets": told}, today="2026-01-01")


def test_gaps_are_counted_once_and_open_ones_are_censored(shop: CustomerBase) -> None:
    found = survival.until_next_purchase(shop)
    assert found.groups.set_index("group")[["n", "events"]].to_numpy().tolist() == [
        [5, 3],  # after the first: a, b, c came again; d and e have not
        [3, 3],
        [3, 1],
        [1, 0],
    ]
    first = found.curve("after the first purchase")
    assert first["time"].tolist() == [10, 30, 176, 332]
    assert first["at_risk"].tolist() == [5, 4, 2, 1]  # d has waited 30 days and is at risk up to then, e 332
    assert "thin" in found.words[0]


def test_next_purchase_is_the_curve_of_the_rows(demo_company: CustomerBase) -> None:
    days = demo_company.collect(
        demo_company.exact_occasions.select("customer_id", "day").order_by("customer_id", "day")
    )
    second = days.groupby("customer_id")["day"].shift(-1)
    first = ~days["customer_id"].duplicated()
    waited = (second.fillna(pd.Timestamp(demo_company.day)) - days["day"]).dt.days[first]
    rows = survival.kaplan_meier(waited, second[first].notna())
    found = survival.until_next_purchase(demo_company).curve("after the first purchase")
    pd.testing.assert_frame_equal(found, rows, check_exact=True)


def test_leaving_is_dated_at_the_last_purchase_and_pauses_are_not_leaving(shop: CustomerBase) -> None:
    found = survival.leaving(shop, window=90)
    assert found.until.isoformat() == "2025-10-02"
    # e never returned (0 days), a left after 31; b and c still bought later; d came too late to be followed
    assert found.curve("all customers")[["time", "at_risk", "events"]].to_numpy().tolist() == [
        [0, 4, 1],
        [31, 3, 1],
        [270, 1, 0],
    ]


def test_leaving_by_groups_is_all_customers_apart(demo_company: CustomerBase) -> None:
    people = demo_company.customers
    by = people.select("customer_id", group=people.acquisition_channel)
    apart, whole = survival.leaving(demo_company, 180, by=by), survival.leaving(demo_company, 180)
    assert apart.groups["n"].sum() == whole.groups["n"].sum()
    assert apart.groups["events"].sum() == whole.groups["events"].sum()
    assert len(apart.groups) > 3


def test_rows_after_the_day_are_invisible(demo_company: CustomerBase) -> None:
    past = demo_company.as_of("2024-12-31")
    rows = past.collect(past.transactions.order_by("transaction_line_id", "transaction_date", "customer_id"))
    alone = CustomerBase.open(rows, today="2025-01-01")
    for one, other in (
        (survival.leaving(past, 120), survival.leaving(alone, 120)),
        (survival.until_next_purchase(past), survival.until_next_purchase(alone)),
    ):
        pd.testing.assert_frame_equal(one.curves, other.curves, check_exact=True)


def test_curve_of_leaving_recovers_planted_truth(simulated: CustomerBase) -> None:
    found = survival.leaving(simulated, 150).at.set_index("time")
    # the last purchase is after day t: there at the end of it, and one more purchase before leaving
    again = (1 / 20) / (1 / 20 + 1 / 300)
    for t, row in found.iterrows():
        assert row["lower"] <= again * np.exp(-(t + 1) / 300) <= row["upper"]
    assert (found["upper"] - found["lower"] < 0.07).all()


def test_complaint_recovers_planted_truth(demo_company: CustomerBase) -> None:
    found = after_complaint(demo_company, 365)
    row = found.hazards.table.iloc[0]
    assert row["lower"] <= 3 <= row["upper"]
    assert row["lower"] > 1.5
    assert "of equal pace leave at" in found.words
    shares = found.purchases.set_index("kind")
    assert shares.loc["first complained of", "lower"] > shares.loc["before any complaint", "upper"]


def test_complaint_recovers_planted_truth_after_a_silence_that_is_for_good(
    demo_company: CustomerBase,
) -> None:
    found = after_complaint(demo_company)
    row = found.hazards.table.iloc[0]
    assert row["lower"] <= 3 <= row["upper"]
    assert row["lower"] > 1.5
    assert found.window == gone_after(demo_company) > definitions(demo_company).lapsed_days
    assert found.back < 0.05


def tripled(seed: int, customers: int = 4000) -> CustomerBase:
    """All leave alike, three times as fast after a complaint; four in ten pause 150 to 300 days at times."""
    rng = np.random.default_rng(seed)
    rows, tickets = [], []
    for who in range(customers):
        join, at, left, first = rng.uniform(0, 1000), 0.0, rng.exponential(), False
        hazard, pauses = 1 / 700, rng.random() < 0.4
        while join + at < 1100:
            rows.append((f"c{who}", int(join + at)))
            if not first and rng.random() < 0.04:
                first, hazard = True, 3 * hazard
                tickets.append((f"c{who}", int(join + at)))
            gap = rng.exponential(25)
            left -= hazard * gap
            if left < 0:
                break
            # in a pause nobody decides to leave
            at += gap + (rng.uniform(150, 300) if pauses and rng.random() < 0.12 else 0.0)
    bought = pd.DataFrame(rows, columns=["customer_id", "n"]).query("n < 1100").assign(unit_spend=1.0)
    told = pd.DataFrame(tickets, columns=["customer_id", "n"]).assign(is_complaint=True)
    start = pd.Timestamp("2022-01-01")
    bought = bought.assign(transaction_date=start + pd.to_timedelta(bought.pop("n"), unit="D"))
    told = told.assign(created_at=start + pd.to_timedelta(told.pop("n"), unit="D"))
    told["ticket_id"] = [f"t{n}" for n in range(len(told))]
    return CustomerBase.open({"transactions": bought, "tickets": told}, today="2026-01-01")


def test_pauses_taken_for_leaving_draw_the_ratio_to_one_and_a_long_silence_does_not() -> None:
    base = tripled(5)
    short = after_complaint(base, 60).hazards.table.iloc[0]
    long = after_complaint(base)
    row = long.hazards.table.iloc[0]
    assert long.window > 250
    assert short["upper"] < 3
    assert row["lower"] <= 3 <= row["upper"]


@pytest.mark.slow
def test_complaint_recovers_planted_truth_from_the_true_days(demo_company_folder: Path) -> None:
    truth = pd.read_feather(demo_company_folder / "truth_customers.feather").set_index("customer_id")
    base = CustomerBase.open(demo_company_folder, today="2026-01-01")
    tickets = base.tables["tickets"]
    told = base.collect(
        tickets.filter(tickets.is_complaint)
        .group_by("customer_id")
        .aggregate(told=tickets.created_at.min().date())
    ).set_index("customer_id")["told"]
    history = base.collect(base.purchase_history).set_index("customer_id")
    frame = truth.join(history, how="inner").join(told)
    end = pd.Timestamp(base.day) + pd.Timedelta(days=1)
    duration = np.ceil((frame["leaves_at"].fillna(end) - frame["first_day"]).dt.total_seconds() / 86400)
    frame = frame.assign(duration=duration, event=frame["leaves_at"].notna())[duration > 0]
    since = (frame["told"] - frame["first_day"]).dt.days.clip(lower=0).astype(float)
    frame["log_hazard"] = np.log(frame["leaving_hazard"])
    told = since < frame["duration"]
    before = frame.assign(entry=0.0, complained=0, event=frame["event"] & ~told)
    before["duration"] = frame["duration"].where(~told, since)
    after = frame[told].assign(entry=since[told], complained=1)
    spells = pd.concat([before, after])
    table = survival.cox(spells, features=["complained", "log_hazard"], entry="entry").table
    assert table.loc[0, "lower"] <= 3 <= table.loc[0, "upper"]
    assert table.loc[0, "upper"] / table.loc[0, "lower"] < 1.3


def test_ever_complained_has_immortal_time_and_the_spells_have_not(simulated: CustomerBase) -> None:
    row = after_complaint(simulated, 150).hazards.table.iloc[0]
    assert row["lower"] <= 1 <= row["upper"]
    tickets = simulated.collect(simulated.tables["tickets"].select("customer_id"))["customer_id"]
    ever = simulated.collect(survival.spans(simulated, 150))
    ever["complained"] = ever["customer_id"].isin(tickets)
    naive = survival.cox(ever, features=["complained"], event="gone").table.iloc[0]
    assert naive["upper"] < 0.8  # what is no effect at all would look like a complaint that keeps customers


def test_leaving_says_what_is_missing(shop: CustomerBase) -> None:
    with pytest.raises(ParameterError, match="1 day or more"):
        survival.leaving(shop, 0)
    with pytest.raises(NotEnoughData, match="no purchase for 500 days"):
        survival.leaving(shop, 500)
    with pytest.raises(ParameterError, match="there is no group"):
        survival.leaving(shop, 90).curve("everybody")
    with pytest.raises(NotEnoughData, match="left after one"):
        after_complaint(shop, 90)
    only = CustomerBase.open(shop.collect(shop.transactions), today="2026-01-01")
    with pytest.raises(DataError, match="'tickets'"):
        after_complaint(only, 90)
