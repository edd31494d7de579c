"""Small bases of events for the tests of journeys."""

from __future__ import annotations

import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses.journey import Journey, journey

PUBLISHED = {  # retentioneering tests/tools: 18 events of 3 users, two sessions of two of them
    "u1": ["A", "B", "C", "A", "B", "C", "B", "B", "B"],
    "u2": ["A", "B", "A", "B", "C", "C"],
    "u3": ["B", "B", "B"],
}


def base_of(paths: dict[str, list[str]], minutes: float = 1, **tables: pd.DataFrame) -> CustomerBase:
    """A base whose customers took these steps, one after `minutes`; and one purchase of somebody else."""
    rows = [
        (who, event, pd.Timestamp("2026-01-05 08:00") + pd.Timedelta(minutes=minutes * i), f"{who}-{i:04}")
        for who, events in paths.items()
        for i, event in enumerate(events)
    ]
    events = pd.DataFrame(rows, columns=["customer_id", "event", "timestamp", "event_id"]).assign(
        channel="web"
    )
    bought = pd.DataFrame({"customer_id": ["x"], "transaction_date": ["2026-01-31"], "unit_spend": [10.0]})
    given = {"transactions": bought, "events": events, **tables}
    return CustomerBase.open(given, today="2026-03-01")


def journey_of(paths: dict[str, list[str]], minutes: float = 1, **more: object) -> Journey:
    """The journey of these steps alone."""
    return journey(base_of(paths, minutes), sources=["events"], **more)
