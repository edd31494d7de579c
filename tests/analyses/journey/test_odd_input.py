"""Events at one second, visitors, single steps, no and only purchases, long paths and many names."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.journey import PURCHASE, daily_states, journey, journey_map
from crm_analytics.errors import DataError, ParameterError
from tests.analyses.journey.paths import base_of, journey_of

AT = "2026-01-05 10:00"


def opened(events: pd.DataFrame, **tables: pd.DataFrame) -> CustomerBase:
    bought = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-31"], "unit_spend": [10.0]})
    return CustomerBase.open({"transactions": bought, "events": events, **tables}, today="2026-03-01")


def names(made) -> list[str]:
    return made.base.collect(made.table.order_by("person", "position"))["event"].tolist()


def test_steps_of_one_second_are_in_the_order_of_their_ids():
    events = pd.DataFrame(
        {
            "customer_id": "a",
            "event": ["A", "B", "C"],
            "timestamp": AT,
            "event_id": ["3", "1", "2"],
            "channel": "web",
        }
    )
    assert names(journey(opened(events), ["events"])) == ["B", "C", "A"]
    without = events.drop(columns="event_id").iloc[::-1]
    assert names(journey(opened(without), ["events"])) == ["A", "B", "C"]


def test_a_purchase_without_a_time_is_the_last_step_of_its_day():
    events = pd.DataFrame(
        {"customer_id": "a", "event": ["A"], "timestamp": ["2026-01-31 22:00"], "channel": "web"}
    )
    assert names(journey(opened(events))) == ["A", PURCHASE]


def test_a_recognised_visitor_is_one_with_the_customer():
    events = pd.DataFrame(
        {
            "customer_id": [None, None, None],
            "anonymous_id": ["v1", "v2", None],
            "event": ["A", "B", "C"],
            "timestamp": AT,
            "channel": "web",
        }
    )
    known = pd.DataFrame(
        {
            "identity_id": ["i1"],
            "customer_id": ["a"],
            "source_system": ["shop"],
            "id_type": ["anonymous_id"],
            "id_value": ["v1"],
            "valid_from": ["2026-01-20"],
        }
    )
    base = opened(events, customer_identities=known)
    table = base.collect(journey(base).table.order_by("person", "position"))
    assert table["person"].tolist() == ["a", "a", "visitor v2"]  # the third is nobody's: no id at all


def test_single_steps_have_only_a_beginning_and_an_end():
    table = journey_of({"a": ["A"], "b": ["A"]}).transitions("count")
    assert table.loc["path_start", "A"] == table.loc["A", "path_end"] == 2


def test_without_purchases_nobody_goes_on():
    base = base_of({f"c{i}": ["A", "B"] for i in range(5)})
    stages = journey_map(journey(base, ["events"]), within=10).stages.set_index("stage")
    assert stages.loc["pre_purchase", "went_on"] == 0
    assert stages.loc["purchase", "reached"] == 0


def test_only_purchases_give_a_map_of_purchases():
    bought = pd.DataFrame(
        {"customer_id": ["a", "a", "b"], "transaction_date": ["2026-01-05", "2026-01-09", "2026-02-20"],
         "unit_spend": [1.0, 2.0, 3.0]}
    )  # fmt: skip
    base = CustomerBase.open(bought, today="2026-03-01")
    row = journey_map(journey(base), within=10).stages.set_index("stage").loc["purchase"]
    assert (row["reached"], row["of"], row["went_on"]) == (2, 1, 1)
    assert daily_states(base)["of"].max() == 2


def test_a_path_of_5000_steps_and_many_names_work():
    made = journey_of({"a": [f"E{i % 1500}" for i in range(5_000)], "b": ["E1"]})
    table = made.transitions()
    assert table["count"].sum() == 5_001 + 2
    assert made.conformance(["E1", "E2", "E3"]).whole == 1
    assert made.base.collect(made.matches("E1->.*->E1499")).set_index("path")["matched"].to_dict() == {
        "a": True,
        "b": False,
    }
    with pytest.raises(ParameterError, match="folded"):
        made.transitions("count")
    assert made.folded(3).transitions("count").shape == (6, 6)


def test_a_source_that_is_not_there_says_so():
    with pytest.raises(DataError, match="tickets"):
        journey(base_of({"a": ["A"]}), sources=["tickets"])
    with pytest.raises(ParameterError, match="ticket"):
        journey(base_of({"a": ["A"]}), sources=["ticket"])
    with pytest.raises(ParameterError, match="above 0"):
        journey(base_of({"a": ["A"]}), session_minutes=0)
