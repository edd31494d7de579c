"""A planted fault lowers the blocks of the models that rest on the faulty data, and no others.

The figures of the equity wing have their faults in `equity/test_kpis.py`; these are the others that IDIC, the
value chain, QCI, Gartner and Payne & Frow are measured by.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from crm_analytics.analyses.kpi import DOWN, Kpi
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.scorecards import assessments
from crm_analytics.analyses.scorecards.framework import names, read
from crm_analytics.analyses.scorecards.scoring import Scorecard, score
from tests.analyses.equity.test_kpis import FAULTS as OF_EQUITY
from tests.analyses.equity.test_kpis import LAST, Tables, measured, shop

NOBODY = assessments.of_frame(pd.DataFrame(columns=assessments.COLUMNS))
HOUR = pd.Timedelta(hours=1)


def business() -> Tables:
    """The shop with tickets, surveys, mentions, referrals, a partner, and two articles in most orders."""
    chance, tables = np.random.default_rng(7), shop()
    people = tables["customers"]["customer_id"]
    sales = tables["transactions"]
    sales["transaction_id"] = [f"t{k}" for k in range(len(sales))]
    second = sales[chance.random(len(sales)) < 0.6].assign(product_id="p2")
    unknown = sales.tail(40).assign(customer_id=None, transaction_id=[f"u{k}" for k in range(40)])
    tables["transactions"] = pd.concat([sales, second, unknown], ignore_index=True)
    opened = LAST - pd.to_timedelta(chance.integers(1, 85, 160), unit="D")
    tables["tickets"] = pd.DataFrame(
        {"ticket_id": [f"k{n}" for n in range(160)], "customer_id": chance.choice(people, 160, replace=False),
         "created_at": opened, "first_reply_at": opened + 2 * HOUR, "first_solved_at": opened + 20 * HOUR,
         "last_solved_at": opened + 20 * HOUR, "reopens": 0, "replies": 1, "reassignments": 0,
         "sla_due_at": opened + 24 * HOUR, "is_complaint": False,
         "satisfaction_score": np.where(np.arange(160) % 9 == 0, 1.0, 5.0),
         "subject": [f"Question {n}" for n in range(160)], "type": "question"}
    )  # fmt: skip
    said = LAST - pd.Timedelta(days=9)
    asked = {"respondent_id": people[:150], "customer_id": people[:150], "responded_at": said}
    nps = pd.DataFrame(
        asked | {"instrument": "nps", "question": "q", "score": 9.0, "scale_min": 0.0, "scale_max": 10.0}
    )
    ces = pd.DataFrame(
        asked | {"instrument": "ces", "question": "e", "score": 6.0, "scale_min": 1.0, "scale_max": 7.0}
    )
    tables["survey_responses"] = pd.concat([tables["survey_responses"], nps, ces], ignore_index=True)
    days = LAST - pd.to_timedelta(chance.integers(10, 80, 120), unit="D")
    tables["mentions"] = pd.DataFrame(
        {"created_timestamp": days, "platform": "x", "author_handle": [f"a{n}" for n in range(120)],
         "brand": "Ours", "message": "good tea", "sentiment": 0.5, "replied_at": days + HOUR}
    )  # fmt: skip
    invited = LAST - pd.to_timedelta(chance.integers(60, 200, 90), unit="D")
    won = pd.Series(np.where(np.arange(90) < 60, people[300:390], None))
    tables["referrals"] = pd.DataFrame(
        {"referrer_customer_id": people[:90], "invited_at": invited, "referred_customer_id": won,
         "converted_at": pd.Series(invited + 24 * HOUR).where(won.notna()), "reward_cost": 5.0}
    )  # fmt: skip
    tables["partner_records"] = pd.DataFrame(
        {"partner_id": np.repeat(["alba", "casa"], 60), "token": [f"{n:064x}" for n in range(120)],
         "population": "customer", "consent": True}
    )  # fmt: skip
    members = tables["campaign_members"]
    members["sent_at"] = LAST - pd.Timedelta(days=30)
    return tables


def neglected_tickets(tables: Tables) -> None:
    """Late, passed on, asked again, reopened, and nobody is content; complaints get campaigns."""
    tickets = tables["tickets"]
    again = tickets.assign(ticket_id=[f"x{n}" for n in range(len(tickets))])
    tickets = pd.concat([tickets, again], ignore_index=True)
    members = tables["campaign_members"].set_index("customer_id")["sent_at"]
    near = tickets["customer_id"].map(members)
    tickets["created_at"] = near - 24 * HOUR
    for name, hours in (("first_reply_at", 70), ("first_solved_at", 90), ("last_solved_at", 200)):
        tickets[name] = tickets["created_at"] + hours * HOUR
    tickets["sla_due_at"] = tickets["created_at"] + 24 * HOUR
    tables["tickets"] = tickets.assign(
        reopens=1,
        replies=5,
        reassignments=2,
        satisfaction_score=np.where(np.arange(len(tickets)) % 9 == 0, 5.0, 1.0),
        is_complaint=True,
    )


def annoyed_answers(tables: Tables) -> None:
    answers = tables["survey_responses"]
    asked = answers["instrument"].isin(["nps", "ces"])
    answers.loc[asked, "score"] = answers.loc[asked, "scale_min"]


def silence_and_no_friends(tables: Tables) -> None:
    """No mention is answered, hardly anybody who was invited came, and one partner left."""
    tables["mentions"]["replied_at"] = tables["mentions"]["replied_at"].where(np.arange(120) < 5)
    referrals = tables["referrals"]
    came = np.arange(len(referrals)) < 6
    for name in ("referred_customer_id", "converted_at"):
        referrals[name] = referrals[name].where(came)
    tables["partner_records"] = tables["partner_records"].query("partner_id == 'alba'")


def second_records(tables: Tables) -> None:
    """A tenth of all customers stand in the register twice."""
    people = tables["customers"]
    people["email"] = [f"{one}@example.org" for one in people["customer_id"]]
    twice = people.head(40)
    tables["customers"] = pd.concat([people, twice.assign(customer_id=twice["customer_id"] + "b")])


def single_sales(tables: Tables) -> None:
    """In the last quarter half come, for one article each; many send it back, and few say who they are."""
    sales = tables["transactions"]
    sales = sales[~(sales["customer_id"].str[-1].isin(list("02468")) & sales["transaction_date"].lt(LAST)
                    & (sales["transaction_date"] > LAST - pd.Timedelta(days=91)))]  # fmt: skip
    last = sales["transaction_date"] > LAST - pd.Timedelta(days=91)
    first = ~sales.duplicated("customer_id") | sales["customer_id"].eq("c000")
    kept = sales[(first & ~last) | (last & ~sales.duplicated("transaction_id"))].copy()
    back = kept[kept["transaction_date"] > LAST - pd.Timedelta(days=91)].head(60)
    back = back.assign(unit_quantity=-1.0, unit_spend=-back["unit_spend"], transaction_date=LAST)
    unknown = sales.tail(40).assign(unit_spend=400.0)
    tables["transactions"] = pd.concat([kept, back, unknown], ignore_index=True)


FAULTS: dict[Callable[[Tables], None], tuple[str, ...]] = {
    neglected_tickets: (
        "ticket_satisfaction", "contacts_per_100_orders", "tickets_handed_over", "questions_asked_again",
        "one_touch_share", "sla_kept_share", "first_reply_hours", "contradictory_messages",
    ),
    annoyed_answers: ("net_promoter_score", "ease_score"),
    silence_and_no_friends: (
        "mentions_answered", "referral_conversion", "referred_per_hundred", "partners",
    ),
    second_records: ("duplicate_share",),
    single_sales: (
        "revenue", "buyers", "bought_again", "returned_share", "products_per_order",
        "identified_revenue_share",
    ),
}  # fmt: skip
NEITHER = {"top_fifth_revenue_share"}  # of money in few hands a manager judges; see `concentration`


@pytest.fixture(scope="module")
def sound() -> dict[str, Kpi]:
    return figures(measured(business()))


def figures(given: Measured) -> dict[str, Kpi]:
    return {name: REGISTRY[name](given) for named in FAULTS.values() for name in named}


def cards(found: dict[str, Kpi], earlier: dict[str, Kpi]) -> dict[str, Scorecard]:
    return {name: score(read(name), found, NOBODY, earlier) for name in names()}


def test_every_figure_of_the_models_has_a_planted_fault() -> None:
    named = {kpi for name in names() for kpi in read(name).kpis}
    planted = {name for figures in FAULTS.values() for name in figures} | OF_EQUITY.keys() | NEITHER
    assert named <= planted, named - planted


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_lowers_its_figures_and_the_blocks_that_rest_on_them(
    sound: dict[str, Kpi], fault: Callable[[Tables], None]
) -> None:
    tables = business()
    fault(tables)
    faulty = figures(measured(tables))
    for name in FAULTS[fault]:
        before, after = sound[name], faulty[name]
        assert before.value is not None, (name, before.refusal)
        assert after.value is not None, (name, after.refusal)
        worse = after.value > before.value if before.direction == DOWN else after.value < before.value
        assert worse, (name, before.value, after.value)
    well, ill = cards(sound, sound), cards(sound | {n: faulty[n] for n in FAULTS[fault]}, sound)
    touched = 0
    for name in names():
        for was, now in zip(well[name].blocks, ill[name].blocks, strict=True):
            rests = set(FAULTS[fault]) & {one.kpi for one in was.block.measures}
            if not rests or was.score is None or now.score is None:
                assert rests or was.score == now.score, (name, was.block.id)
                continue
            touched += now.score < was.score
            assert now.score <= was.score, (name, was.block.id)
    assert touched
