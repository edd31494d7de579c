"""Collaboration on small worlds in which every contradiction, hand-over and deal was planted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import collaboration
from crm_analytics.analyses.intervals import wilson
from crm_analytics.errors import DataError, NotEnoughData

TODAY = "2027-01-01"
SALES = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "transaction_date": "2026-12-01",
        "unit_spend": [9.0, 9.0, 9.0, 9.0],
    }
)


def opened(**tables: pd.DataFrame) -> CustomerBase:
    return CustomerBase.open({"transactions": SALES, **tables}, today=TODAY)


def members(rows: list[tuple[str, str, str, str, str | None]]) -> pd.DataFrame:
    columns = ["campaign_id", "customer_id", "treatment", "sent_at", "unsubscribed_at"]
    return pd.DataFrame(rows, columns=columns)


def tickets(rows: list[tuple], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(ticket_id=[f"t{n}" for n in range(len(frame))])


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    """Four customers: each contradiction once, and messages that only look like one."""
    sent = members(
        [
            ("c1", "a", "treated", "2026-11-01 09:00", None),
            ("c2", "a", "treated", "2026-11-06 09:00", None),  # five days after another campaign
            ("c3", "a", "treated", "2026-11-20 09:00", None),  # two weeks after: fine
            ("c1", "b", "treated", "2026-11-03 09:00", "2026-11-04 12:00"),
            ("c3", "b", "treated", "2026-11-20 09:00", None),  # unsubscribed two weeks before
            ("c1", "c", "treated", "2026-11-12 09:00", None),  # two days after the complaint was opened
            ("c1", "d", "control", "2026-11-12 09:00", None),  # held back: no message
            ("c1", "d", "treated", "2024-11-12 09:00", None),  # too long ago
        ]
    )
    asked = tickets(
        [
            ("c", "2026-11-10 10:00", "problem", "Broken", True, 2, "2026-11-11 10:00"),
            ("c", "2026-11-25 10:00", "problem", " broken", True, 0, "2026-11-25 22:00"),  # again
            ("d", "2026-11-25 10:00", "question", "Size", False, 0, "2026-11-25 12:00"),
            ("d", "2026-12-01 10:00", "question", "Colour", False, 0, None),  # not solved, not a complaint
            ("a", "2026-11-28 10:00", "problem", "Late", True, 1, None),  # an open complaint
        ],
        ["customer_id", "created_at", "type", "subject", "is_complaint", "reassignments", "last_solved_at"],
    )
    return opened(campaign_members=sent, tickets=asked)


def test_contradictions_recover_planted_truth(base: CustomerBase) -> None:
    rates, open_ = collaboration.contradictions(base)
    assert {rate.name: (rate.n, rate.of) for rate in rates} == {
        "complaint": (1, 6), "two_campaigns": (1, 6), "after_stop": (1, 6),
    }  # fmt: skip
    assert base.collect(open_)["customer_id"].tolist() == ["a"]
    assert rates[0].interval == wilson(1, 6)


def test_hand_offs_and_repeats_recover_planted_truth(base: CustomerBase) -> None:
    rate, took = collaboration.hand_offs(base)
    assert (rate.n, rate.of) == (1, 3)
    assert took == pytest.approx({"with": 1.0, "without": (0.5 + 2 / 24) / 2})
    again = collaboration.repeated_questions(base)
    assert (again.n, again.of) == (1, 5)


def test_teams_recover_planted_truth(base: CustomerBase) -> None:
    found = collaboration.teams_seen(base, collaboration.contacts(base))
    # a: shop, marketing, service; b: shop, marketing; c: shop, marketing, service; d: shop, service
    assert found.values.tolist() == [[2, "", 2], [3, "", 2]]
    alone = opened()
    assert collaboration.teams_seen(alone, collaboration.contacts(alone)).values.tolist() == [[1, "shop", 4]]


def test_what_is_known_later_is_invisible_law(base: CustomerBase) -> None:
    rates, open_ = collaboration.contradictions(base.as_of("2026-12-01"))
    assert [rate.n for rate in rates] == [1, 1, 1]
    assert base.day.isoformat() == "2026-12-01"
    assert len(base.collect(open_)) == 1


STAGES = ("Lead", "Proposal", "Negotiation")


def deals(seed: int, count: int = 400) -> tuple[pd.DataFrame, dict[str, int]]:
    """Deals of companies, one a company; how many reached each stage, and how many were won of these."""
    draw = np.random.default_rng(seed)
    rows, told = [], {"won": 0, "lost": 0, "open": 0} | dict.fromkeys(STAGES, 0)
    for who in range(count):
        start = int(draw.integers(0, 600))
        steps = int(draw.choice([1, 2, 3], p=[0.3, 0.3, 0.4]))
        at = start
        for stage in STAGES[:steps]:
            rows.append((f"k{who}", np.datetime64("2025-01-01") + at, stage, 100.0 * (who + 1), False))
            at += int(draw.integers(5, 20))
        won = steps == 3 and draw.random() < 0.5
        if won:
            rows.append((f"k{who}", np.datetime64("2025-01-01") + at, "Signed", 100.0 * (who + 1), True))
        last = (
            at
            if won
            else rows[-1][1].astype("datetime64[D]").astype(int) - np.datetime64("2025-01-01").astype(int)
        )
        outcome = "won" if won else "lost" if 699 - last > 90 else "open"
        told[outcome] += 1
        if outcome != "open":
            for stage in STAGES[:steps]:
                told[stage] += 1
    columns = ["customer_id", "timestamp", "event", "value", "is_conversion"]
    return pd.DataFrame(rows, columns=columns).assign(channel="phone"), told


def test_pipeline_recovers_planted_truth() -> None:
    events, told = deals(5)
    last = pd.DataFrame({"customer_id": ["z"], "transaction_date": ["2026-12-01"], "unit_spend": [1.0]})
    base = CustomerBase.open({"transactions": last, "events": events}, today=TODAY)
    found = collaboration.pipeline(base)
    assert {"won": found.won, "lost": found.lost, "open": found.open} == {
        k: told[k] for k in ("won", "lost", "open")
    }
    table = found.stages.set_index("stage")
    assert table.index.tolist() == list(STAGES)
    assert table["reached"].to_dict() == {stage: told[stage] for stage in STAGES}
    assert (table["won"] == told["won"]).all()
    assert (
        table.loc["Negotiation", "lower"]
        < table.loc["Negotiation", "win_rate"]
        < table.loc["Negotiation", "upper"]
    )
    assert table["win_rate"].is_monotonic_increasing
    assert int(table["open"].sum()) == told["open"]
    assert found.expected <= table["amount"].sum()


def test_order_of_rows_changes_no_pipeline_law() -> None:
    events, _ = deals(6, 120)
    last = pd.DataFrame({"customer_id": ["z"], "transaction_date": ["2026-12-01"], "unit_spend": [1.0]})
    one, other = (
        collaboration.pipeline(CustomerBase.open({"transactions": last, "events": rows}, today=TODAY)).stages
        for rows in (events, events.iloc[::-1])
    )
    pd.testing.assert_frame_equal(one, other)


def test_no_events_no_tickets_no_campaigns_says_which_table() -> None:
    bare = opened()
    for make, table in (
        (collaboration.pipeline, "events"),
        (collaboration.hand_offs, "tickets"),
        (collaboration.repeated_questions, "tickets"),
        (collaboration.contradictions, "campaign_members"),
    ):
        with pytest.raises(DataError, match=table):
            make(bare)


def test_sales_alone_are_no_pipeline_and_it_says_so() -> None:
    events = pd.DataFrame(
        {"customer_id": ["a"], "timestamp": ["2026-11-01"], "event": ["Order Completed"], "channel": ["web"],
         "value": [9.0], "is_conversion": [True]}
    )  # fmt: skip
    with pytest.raises(NotEnoughData, match="pipeline"):
        collaboration.pipeline(opened(events=events))
