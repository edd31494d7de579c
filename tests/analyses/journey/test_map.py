"""The journey map: planted rates, feelings and money; and what each purchase is counted as."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.journey import PURCHASE, journey, journey_map
from crm_analytics.analyses.journey.emotion import standardised
from crm_analytics.errors import ParameterError

START = pd.Timestamp("2026-01-01 12:00")
BUYS, AGAIN, N = 0.4, 0.5, 1000  # planted: of those who look; of those who bought


@pytest.fixture(scope="module")
def base():
    draw = np.random.default_rng(3)
    events, bought, tickets = [], [], []
    for i in range(N):
        who, first = f"c{i:04}", START + pd.Timedelta(hours=i % 240)
        events.append((who, "Product Viewed", first))
        if draw.random() < BUYS:
            bought.append((who, first + pd.Timedelta(days=2), 20.0))
            unhappy = draw.random() < 0.5
            tickets.append((f"t{i}", who, first + pd.Timedelta(days=3), 1.0 if unhappy else 5.0, "Late"))
            if draw.random() < AGAIN:
                bought.append((who, first + pd.Timedelta(days=12), 30.0))
    bought.append(("last", START + pd.Timedelta(days=200), 1.0))
    columns = ["customer_id", "event", "timestamp"]
    return CustomerBase.open(
        {
            "transactions": pd.DataFrame(bought, columns=["customer_id", "transaction_date", "unit_spend"]),
            "events": pd.DataFrame(events, columns=columns).assign(channel="web"),
            "tickets": pd.DataFrame(
                tickets, columns=["ticket_id", "customer_id", "created_at", "satisfaction_score", "subject"]
            ).assign(status="solved", last_solved_at=START + pd.Timedelta(days=30)),
        },
        today="2026-12-01",
    )


@pytest.fixture(scope="module")
def drawn(base):
    return journey_map(journey(base), within=60).stages.set_index("stage")


def test_the_map_recovers_planted_rates(drawn):
    assert drawn.loc["pre_purchase", "of"] == N
    for stage, truth in (("pre_purchase", BUYS), ("purchase", AGAIN), ("post_purchase", AGAIN)):
        row = drawn.loc[stage]
        assert row["lower"] < truth < row["upper"]
        assert row["dropped"] == row["of"] - row["went_on"]


def test_times_and_money_match_what_was_planted(drawn):
    assert drawn["days_median"].tolist() == [2, 10, 9]
    went = drawn.loc["purchase", "conversion"]
    assert drawn.loc["pre_purchase", "next_value"] == pytest.approx(20 + 30 * went)
    assert drawn.loc["purchase", "next_value"] == 30
    assert (drawn["at_stake"] == drawn["dropped"] * drawn["next_value"]).all()


def test_feelings_stand_in_their_stage(drawn):
    row = drawn.loc["post_purchase"]
    assert row["emotion"] == pytest.approx(0, abs=1e-9)
    assert row["scores"] == row["reached"]
    assert drawn.loc["pre_purchase", "scores"] == 0


def test_who_had_no_time_yet_is_not_counted(base):
    cut = journey_map(journey(base.as_of("2026-02-10")), within=60).stages
    assert cut["of"].tolist() == [0, 0, 0]
    assert cut["conversion"].isna().all()


def test_segments_differ_and_add_up(base):
    made = journey(base)
    half = base.to_engine(
        pd.DataFrame({"customer_id": [f"c{i:04}" for i in range(N)], "segment": ["x", "y"] * (N // 2)})
    )
    table = journey_map(made, half, within=60).stages
    whole = journey_map(made, within=60).stages.set_index("stage")
    assert table.groupby("stage")["went_on"].sum().to_dict() == whole["went_on"].to_dict()


def test_standardised_scores_weigh_instruments_alike():
    frame = pd.DataFrame(
        {
            "segment": "all",
            "stage": ["a", "b", "a", "b"],
            "instrument": ["nps", "nps", "csat", "csat"],
            "n": [1, 1, 1, 1],
            "total": [10.0, 0.0, 5.0, 1.0],
            "squares": [100.0, 0.0, 25.0, 1.0],
        }
    )
    assert standardised(frame)["emotion"].tolist() == [1.0, -1.0]


def test_a_tracked_purchase_stands_once_with_its_money():
    base = CustomerBase.open(
        {
            "transactions": pd.DataFrame(
                {
                    "customer_id": ["a", "a"],
                    "transaction_date": ["2026-01-05 10:07", "2026-01-09"],
                    "unit_spend": [9.5, 3.0],
                }
            ),
            "events": pd.DataFrame(
                {
                    "customer_id": [None, "a"],
                    "anonymous_id": ["v1", "v1"],
                    "event": ["Cart", "Bought"],
                    "channel": ["web", "web"],
                    "timestamp": ["2026-01-05 09:00", "2026-01-05 10:00"],
                    "is_conversion": [False, True],
                }
            ),
        },
        today="2026-02-01",
    )
    table = base.collect(journey(base).table.order_by("person", "position"))
    assert table["person"].tolist() == ["a", "a", "visitor v1"]
    assert table["event"].tolist() == [PURCHASE, PURCHASE, "Cart"]
    assert table["value"].tolist()[:2] == [9.5, 3.0]
    assert str(table["at"].iloc[0]) == "2026-01-05 10:00:00"


def test_a_stage_nobody_has_says_so(base):
    with pytest.raises(ParameterError, match="advocacy"):
        journey_map(journey(base), stages=["pre_purchase", "advocacy"])
