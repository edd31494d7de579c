"""Contracts: planted rates, ends by word and by date, and features that know nothing of the end."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.churn.contracts import contracts as ending
from crm_analytics.analyses.churn.model.model import ChurnModel
from crm_analytics.errors import DataError, NotEnoughData, ParameterError

BOUGHT = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2025-12-31"], "unit_spend": [1.0]})


def base_of(subscriptions: pd.DataFrame, bought: pd.DataFrame = BOUGHT) -> CustomerBase:
    return CustomerBase.open({"transactions": bought, "subscriptions": subscriptions}, today="2026-01-01")


@pytest.fixture(scope="module")
def mixed() -> CustomerBase:
    """Cancelled; run out; renewed in time; ran out a week ago; running; cancelled before it began."""
    rows = [
        ("1", "a", "2025-01-01", None, "2025-03-15", 1),
        ("2", "b", "2025-01-01", "2025-07-01", None, 3),
        ("3", "c", "2025-01-01", "2025-07-01", None, 3),
        ("4", "c", "2025-07-20", None, None, 3),
        ("5", "d", "2025-06-25", "2025-12-25", None, 3),
        ("6", "e", "2025-10-01", None, None, 1),
        ("7", "f", "2025-10-01", None, "2025-09-30", 1),
    ]
    names = ["subscription_id", "customer_id", "start_date", "end_date", "cancelled_at", "recurrence_months"]
    return base_of(pd.DataFrame(rows, columns=names))


def test_rate_recovers_planted_truth(demo_company: CustomerBase) -> None:
    found = ending.contracts(demo_company)
    row = found.rates.iloc[0]
    assert row["lower"] <= 0.035 <= row["upper"]
    assert row["upper"] - row["lower"] < 0.02
    assert row["running"] + row["ended"] == row["contracts"]
    assert found.reasons[["cancel_reason", "share"]].to_numpy().tolist() == [["price", 1.0]]


@pytest.mark.slow
def test_rate_of_a_geometric_life_recovers_planted_truth_and_its_interval_covers() -> None:
    rng, inside = np.random.default_rng(12), 0
    for _ in range(40):
        start = rng.uniform(0, 700, 400)
        months = rng.geometric(0.08, 400)
        day = pd.Timestamp("2024-01-01")
        end = start + months * 30.4375
        frame = pd.DataFrame(
            {"customer_id": [f"c{i}" for i in range(400)], "start_date": day + pd.to_timedelta(start, "D"),
             "cancelled_at": (day + pd.to_timedelta(end, "D")).where(end < 731)}
        )  # fmt: skip
        row = ending.contracts(base_of(frame)).rates.iloc[0]
        inside += row["lower"] <= 0.08 <= row["upper"]
    assert inside >= 35  # of 40; fewer happen once in a hundred times


def test_ends_by_word_and_by_date_and_renewals(mixed: CustomerBase) -> None:
    found = mixed.collect(ending.contracts(mixed).contracts.order_by("subscription_id"))
    ended = dict(zip(found["subscription_id"], found["ended"], strict=True))
    # 5 ran out a week ago and may still be renewed; 7 never ran
    assert ended == {"1": True, "2": True, "3": False, "4": False, "5": False, "6": False}
    months = dict(zip(found["subscription_id"], found["months"], strict=True))
    assert months == {"1": 3, "2": 6, "3": 5, "4": 5, "5": 6, "6": 3}
    strict = mixed.collect(ending.contracts(mixed, grace=5).contracts.order_by("subscription_id"))
    assert strict["ended"].tolist() == [True, True, True, False, True, False]


def test_groups_and_months_are_the_whole_apart(mixed: CustomerBase) -> None:
    found = ending.contracts(mixed)
    parts = found.rates.iloc[1:]
    assert parts["recurrence"].tolist() == ["monthly", "quarterly"]
    for column in ("contracts", "ended", "months", "running"):
        assert parts[column].sum() == found.rates[column].iloc[0]
    assert found.by_month["ended"].sum() == found.rates["ended"].iloc[0]
    assert found.by_month["at_risk"].sum() == found.rates["months"].iloc[0]
    assert found.survival.groups["group"].tolist() == ["monthly", "quarterly"]


def test_labels_are_of_the_contracts_that_have_features(demo_company: CustomerBase) -> None:
    rows = demo_company.collect(ending.features(demo_company.as_of("2025-06-30")))
    truth = demo_company.collect(ending.labels(demo_company, "2025-06-30", 91))
    assert set(rows["subscription_id"]) == set(truth["subscription_id"])
    assert rows["subscription_id"].is_unique
    source = demo_company.collect(demo_company.tables["subscriptions"]).set_index("subscription_id")
    cancelled = source.loc[truth["subscription_id"], "cancelled_at"]
    assert (cancelled.isna() | (cancelled >= "2025-07-01")).all()
    assert truth["left"].tolist() == (cancelled < "2025-09-30").tolist()


def test_labels_of_many_quarters_recover_planted_truth(demo_company: CustomerBase) -> None:
    left = []
    for day in pd.date_range("2023-06-30", "2025-06-30", freq="QE"):
        labels = ending.labels(demo_company, str(day.date()), 91)
        left.append(demo_company.collect(labels)["left"])
    shares = pd.concat(left)
    # three chances of 3.5 % in 91 days
    assert abs(shares.mean() - (1 - 0.965**3)) < 3 * np.sqrt(0.1 * 0.9 / len(shares))


def test_cells_and_rows_after_the_day_are_invisible(demo_company: CustomerBase) -> None:
    day = pd.Timestamp("2025-06-30")
    names = ("transactions", "subscriptions", "tickets")
    tables = demo_company.tables
    who = tables["subscriptions"].select("customer_id").distinct()
    frames = {name: demo_company.collect(tables[name].semi_join(who, "customer_id")) for name in names}
    subscriptions = frames["subscriptions"]
    late = subscriptions["cancelled_at"] > day + pd.Timedelta(days=1)
    assert late.sum() > 20
    altered = subscriptions.copy()
    altered.loc[late, "cancelled_at"] += pd.Timedelta(days=40)
    altered.loc[late, "cancel_reason"] = "another"
    altered.loc[~late, "end_date"] = pd.Timestamp(
        "2025-12-30"
    )  # running ones get an end: it must not be told
    other = CustomerBase.open({**frames, "subscriptions": altered}, today="2026-03-01")
    pair = [
        base.collect(ending.features(base.as_of("2025-06-30")).order_by("subscription_id"))
        for base in (demo_company, other)
    ]
    pd.testing.assert_frame_equal(*pair, check_exact=True)
    assert not {"cancelled_at", "end_date", "cancel_reason"} & set(pair[0].columns)


def test_features_fit_the_churn_model() -> None:
    rng = np.random.default_rng(9)
    count, day = 1500, pd.Timestamp("2025-12-31")
    amount = rng.choice([10.0, 30.0], count)
    start = day - pd.to_timedelta(rng.uniform(70, 300, count), "D")
    end = start + pd.to_timedelta(rng.exponential(np.where(amount > 20, 150, 900)), "D")
    frame = pd.DataFrame(
        {"subscription_id": [f"s{i}" for i in range(count)], "customer_id": [f"c{i}" for i in range(count)],
         "start_date": start, "amount": amount, "recurrence_months": 1,
         "cancelled_at": pd.Series(end).where(end <= day)}
    )  # fmt: skip
    bought = pd.concat([BOUGHT, BOUGHT.assign(transaction_date="2025-01-01")])
    base = base_of(frame, bought)
    rows = base.collect(ending.features(base.as_of("2025-10-31"))).set_index("subscription_id")
    labels = base.collect(ending.labels(base, "2025-10-31", 61)).set_index("subscription_id")["left"]
    rows = rows.drop(columns=["customer_id"])
    model = ChurnModel("logistic").fit(rows, labels.loc[rows.index])
    pair = pd.DataFrame([rows.iloc[0].to_dict()] * 2).assign(amount=[10.0, 30.0])
    odds = model.predict_proba(pair)[:, 1]
    assert odds[1] > 2 * odds[0]


def test_refusals_say_what_and_where(mixed: CustomerBase) -> None:
    with pytest.raises(ParameterError, match="known on 2026-02-28"):
        ending.labels(mixed, "2025-12-01", 59)
    with pytest.raises(ParameterError, match="window must be 1 day or more"):
        ending.labels(mixed, "2025-06-01", 0)
    with pytest.raises(ParameterError, match="grace"):
        ending.contracts(mixed, grace=-1)
    with pytest.raises(DataError, match="'subscriptions'"):
        ending.contracts(CustomerBase.open(BOUGHT, today="2026-01-01"))
    young = pd.DataFrame({"customer_id": ["a"], "start_date": ["2025-12-30"]})
    with pytest.raises(NotEnoughData, match="contract months"):
        ending.contracts(base_of(young))
