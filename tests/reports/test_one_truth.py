"""What `one_truth` finds: one planted disagreement of each kind, and nothing on pages that agree."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from crm_analytics.pages import blocks
from crm_analytics.pages.blocks import Block
from tests.reports.one_truth import disagreements, without

WRITE = {"id": "at_risk", "verb": "write", "whom": "standing=at risk", "customers": 40, "expected": 10.0}
SPARE = {"id": "spare", "verb": "leave_alone", "whom": "group=does not pay; standing=lapsed", "customers": 9}


def standing(at_risk: int = 40) -> Block:
    frame = pd.DataFrame({"standing": ["Active", "At risk"], "customers": [100, at_risk]})
    return blocks.table(frame, finding="Who is active")


def stages(at_risk: float) -> Block:
    frame = pd.DataFrame({"stage": ["Prospects", "At risk"], "customers": [10, 40], "share": [None, at_risk]})
    return blocks.table(frame, finding="Where customers stand")


def action(do: str = "Write to 40 customers.", count: int = 40, **fact: object) -> Block:
    made = {**WRITE, **fact}
    return blocks.actions(blocks.action(do, list_name="at_risk", list_count=count, fact=made))


def page(*more: Block) -> list[Block]:
    """A page of a base of 150 buyers."""
    return [
        blocks.headline("40 of 150 customers (27 %) are at risk"),
        blocks.kpis(blocks.kpi("Customers at risk", "40")),
        action(),
        blocks.glossary({"At risk": "Silent for 102 days or more."}),
        standing(),
        blocks.record(customers_at_risk=40, customers_active=100, customers_lapsed=10, customers_bought=150),
        *more,
    ]


def money(customers: int) -> Block:
    frame = pd.DataFrame({"source": ["email", "search", "Total"], "customers": [30, 20, customers]})
    return blocks.table(frame, finding="Where customers came from")


def shares(*found: float) -> Block:
    frame = pd.DataFrame({"source": [str(n) for n in range(len(found))], "customer_share": found})
    return blocks.table(frame, finding="How customers are shared out")


def test_pages_that_agree_are_left_alone() -> None:
    spare = blocks.actions(blocks.action("Leave 9 customers alone.", fact=SPARE))
    said = blocks.note("Asked on 8 October 2025 of 81 customers", "3 of the 12 (25 %), and $5 of 3 parts.")
    more = (spare, said, money(50), shares(0.2, 0.8), shares(0.2, 0.7, 1.0))
    assert disagreements({"one": page(), "other": page(*more)}) == []


PLANTED: dict[str, tuple[Callable[[], Block], str]] = {
    "a word with two meanings": (
        lambda: blocks.glossary({"At risk": "Silent for 60 days or more."}), "'at risk' means two things",
    ),
    "a title of another page": (
        lambda: blocks.headline("40 customers are at risk", title="Who comes"), "'who comes' is the title of",
    ),
    "a group of another size": (lambda: standing(47), "'at risk' is two groups"),
    "a recorded figure": (lambda: blocks.record(customers_at_risk=41), "customers_at_risk has two values"),
    "a bound of a figure": (
        lambda: blocks.record(value_to_come_lower=2.0), "value_to_come_lower has two values",
    ),
    "a shown figure": (
        lambda: blocks.kpis(blocks.kpi("Customers at risk", "41")), "'Customers at risk' shows two values",
    ),
    "an action that another page forbids": (
        lambda: blocks.actions(
            blocks.action("Leave them alone.", fact={**SPARE, "whom": "standing=at risk,lapsed"})
        ),
        "contradict: one.at_risk and other.spare",
    ),
    "one action worth two sums": (lambda: action(expected=99.0), "one action, two numbers"),
    "a list of two lengths": (
        lambda: action("Write to 41 customers.", 41, customers=41), "the list 'at_risk' has two lengths",
    ),
    "a list that the sentence counts otherwise": (
        lambda: action("Write to 39 customers."), "a list of 40 under 'Write to 39 customers.'",
    ),
    "more than there are": (lambda: blocks.note("1,600 of 1,500 customers came back"), "1600 of 1500"),
    "more than there are, in German": (
        lambda: blocks.note("1.600 von 1.500 Kunden kamen wieder"), "1600 of 1500",
    ),
    "a share that is not that of its counts": (
        lambda: blocks.note("40 of 150 customers (37 %) are at risk"), "40 of 150 is not 37 %",
    ),
    "a total": (lambda: money(51), "add up to 50, the total says 51"),
    "shares": (lambda: shares(0.5, 0.3, 0.4), "are 1.200 in total"),
    "a share of another whole": (lambda: stages(0.25), "at risk, 40 of 150, is shown as 0.250"),
    "standings": (
        lambda: blocks.record(
            customers_at_risk=40, customers_active=100, customers_lapsed=10, customers_bought=151
        ),
        "are 150, and 151 have bought",
    ),
    "more from the known than from all": (
        lambda: blocks.record(revenue_to_date=100.0, revenue_of_known_customers=120.0),
        "known customers brought 120.0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_disagreement_is_found(kind: str) -> None:
    make, says = PLANTED[kind]
    one = page(blocks.record(value_to_come=5.0, value_to_come_lower=3.0))
    one += [blocks.headline("Nobody left", title="Who comes")] if kind == "a title of another page" else []
    if kind == "standings":
        one, other = [], [make()]
    elif kind == "a share of another whole":
        one, other = page(), page(make())
    else:
        other = [make()]
    assert any(says in found for found in disagreements({"one": one, "other": other}))


def test_figures_known_to_be_misnamed_are_left_out_and_no_others() -> None:
    wrong = [blocks.record(customers_at_risk=41, customers_lapsed=9)]
    assert len(disagreements({"one": page(), "other": wrong})) == 2
    found = disagreements({"one": page(), "other": without(wrong, ["customers_at_risk"])})
    assert ["customers_lapsed" in one for one in found] == [True]
