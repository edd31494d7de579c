"""Each key figure of the wing moves under its planted fault, and says why where it cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.equity.kpis import KPIS
from crm_analytics.analyses.kpi import DOWN, Kpi
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.analyses.margin import margin_share
from crm_analytics.analyses.measured import Measured

Tables = dict[str, pd.DataFrame]
LAST, TODAY = pd.Timestamp("2025-12-31"), "2026-01-01"
YEAR_AGO = LAST - pd.Timedelta(days=364)
SENT = pd.Timestamp("2025-09-01")


def shop(seed: int = 1) -> Tables:
    """A shop with all that the figures need: 400 customers over three years."""
    chance = np.random.default_rng(seed)
    names = [f"c{k:03d}" for k in range(400)]
    joined = chance.integers(0, 1050, 400)
    rows = []
    for name, start in zip(names, joined, strict=True):
        stay = start + chance.exponential(700)
        day, rate = float(start), chance.gamma(2, 0.012)
        while day < min(stay, 1094):
            spend = round(float(chance.gamma(3, 10)), 2) + 1
            rows.append((name, LAST - pd.Timedelta(days=1094 - int(day)), "p1", 1.0, spend, 0.5 * spend,
                         str(chance.choice(["web", "store"]))))  # fmt: skip
            day += max(1.0, chance.exponential(1 / rate))
    columns = ["customer_id", "transaction_date", "product_id", "unit_quantity", "unit_spend", "unit_cost",
               "channel"]  # fmt: skip
    sales = pd.DataFrame(rows, columns=columns)
    sales.loc[len(sales)] = [names[0], LAST, "p1", 1.0, 20.0, 10.0, "web"]
    people = pd.DataFrame(
        {"customer_id": names, "first_name": "Ann", "last_name": "Lee", "email": "a@example.org",
         "city": "Bonn", "acquisition_channel": "web",
         "acquisition_cost": chance.uniform(5, 15, 400).round(2), "consent_email": True}
    )  # fmt: skip
    members = pd.DataFrame(
        {"campaign_id": np.repeat(["A", "B"], 200), "customer_id": names,
         "treatment": np.where(chance.random(400) < 0.5, "treated", "control"), "sent_at": SENT, "cost": 0.5}
    )  # fmt: skip
    answers = pd.DataFrame(
        {"respondent_id": names[:100], "responded_at": LAST, "instrument": "share_of_wallet",
         "question": "share", "score": chance.uniform(30, 70, 100).round(), "scale_min": 0.0,
         "scale_max": 100.0}
    )  # fmt: skip
    return {"transactions": sales, "customers": people, "campaign_members": members,
            "survey_responses": answers}  # fmt: skip


def measured(tables: Tables) -> Measured:
    """The figures' givens, of these tables."""
    base = CustomerBase.open(dict(tables), today=TODAY, max_rejected=0.5)
    return Measured(base, margin=margin_share(base))


def last_year(sales: pd.DataFrame) -> pd.Series:
    return sales["transaction_date"] > YEAR_AGO


def halved(name: str, column: str) -> Callable[[Tables], None]:
    """A column worth half."""

    def fault(tables: Tables) -> None:
        tables[name][column] = tables[name][column] / 2

    return fault


def fewer_sales(tables: Tables) -> None:
    """Half of all customers stop a year ago."""
    sales = tables["transactions"]
    gone = sales["customer_id"].str[-1].isin(list("02468")) & sales["customer_id"].ne("c000")
    tables["transactions"] = sales[~(gone & last_year(sales))]


def nobody_new(tables: Tables) -> None:
    """Customers who first came in the last year never did."""
    sales = tables["transactions"]
    first = sales.groupby("customer_id")["transaction_date"].transform("min")
    tables["transactions"] = sales[~(first > YEAR_AGO)]


def small_baskets(tables: Tables) -> None:
    """Baskets are worth half, and so are their goods."""
    halved("transactions", "unit_spend")(tables)
    halved("transactions", "unit_cost")(tables)


def dear_goods(tables: Tables) -> None:
    tables["transactions"]["unit_cost"] = 0.8 * tables["transactions"]["unit_spend"]


def cheap_last_year(tables: Tables) -> None:
    sales = tables["transactions"]
    sales.loc[last_year(sales), "unit_spend"] = sales.loc[last_year(sales), "unit_spend"] / 2


def one_day_each(tables: Tables) -> None:
    """In the last year everybody buys once, for the same money."""
    sales = tables["transactions"].sort_values("transaction_date", kind="stable")
    inside = sales[last_year(sales)]
    kept = inside.drop_duplicates("customer_id", keep="last")
    tables["transactions"] = pd.concat([sales[~last_year(sales)], kept])


def mailing_repels(tables: Tables) -> None:
    """Customers who got the mailing buy nothing for two months."""
    sales, members = tables["transactions"], tables["campaign_members"]
    treated = set(members.loc[members["treatment"].eq("treated"), "customer_id"])
    after = sales["transaction_date"].between(SENT, SENT + pd.Timedelta(days=60))
    tables["transactions"] = sales[~(after & sales["customer_id"].isin(treated))]


def no_control(tables: Tables) -> None:
    members = tables["campaign_members"]
    members.loc[members["campaign_id"].eq("A"), "treatment"] = "treated"


def only_new_ones(tables: Tables) -> None:
    """Nobody who came before the last year buys any more."""
    sales = tables["transactions"]
    first = sales.groupby("customer_id")["transaction_date"].transform("min")
    keep = (first > YEAR_AGO) | ~last_year(sales) | sales["transaction_date"].eq(LAST)
    tables["transactions"] = sales[keep]


def one_channel(tables: Tables) -> None:
    """Everybody keeps to the web, and one customer to the store."""
    sales = tables["transactions"]
    sales["channel"] = np.where(sales["customer_id"].eq("c001"), "store", "web")


def forgotten_mail(tables: Tables) -> None:
    tables["customers"]["email"] = None


def fewer_consents(tables: Tables) -> None:
    tables["customers"].loc[::2, "consent_email"] = False


def broken_rows(tables: Tables) -> None:
    sales = tables["transactions"]
    sales["unit_spend"] = sales["unit_spend"].astype(object)
    sales.loc[sales.index[::50], "unit_spend"] = "much"


def one_table_less(tables: Tables) -> None:
    del tables["survey_responses"]


def old_answers(tables: Tables) -> None:
    tables["survey_responses"]["responded_at"] = LAST - pd.Timedelta(days=200)


def dear_winning(tables: Tables) -> None:
    tables["customers"]["acquisition_cost"] = 2 * tables["customers"]["acquisition_cost"]


FAULTS: dict[str, Callable[[Tables], None]] = {
    "customer_equity": fewer_sales,
    "equity_of_present_customers": fewer_sales,
    "equity_of_future_customers": nobody_new,
    "new_customer_value": small_baskets,
    "acquisition_cost": dear_winning,
    "return_on_customer": fewer_sales,
    "campaign_effect": mailing_repels,
    "campaigns_with_control": no_control,
    "share_of_wallet": halved("survey_responses", "score"),
    "customers_retained": fewer_sales,
    "new_customers": nobody_new,
    "revenue_growth": cheap_last_year,
    "revenue_per_buyer": cheap_last_year,
    "orders_per_buyer": one_day_each,
    "years_a_customer": only_new_ones,
    "multichannel_share": one_channel,
    "margin_of_revenue": dear_goods,
    "profile_completeness": forgotten_mail,
    "consent_coverage": fewer_consents,
    "contactable_share": forgotten_mail,
    "rejected_share": broken_rows,
    "tables_present": one_table_less,
    "data_age_days": old_answers,
}


@pytest.fixture(scope="module")
def sound() -> Measured:
    return measured(shop())


def test_every_figure_of_the_wing_has_a_fault() -> None:
    assert {make.__name__ for make in KPIS} == FAULTS.keys()
    assert FAULTS.keys() <= REGISTRY.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_moves_its_figure_the_bad_way(sound: Measured, name: str) -> None:
    before = REGISTRY[name](sound)
    tables = shop()
    FAULTS[name](tables)
    after = REGISTRY[name](measured(tables))
    assert before.value is not None, before.refusal
    assert after.value is not None, after.refusal
    assert (after.value > before.value) if before.direction == DOWN else (after.value < before.value)
    assert before.explained_in
    assert before.n > 0


def test_intervals_hold_their_value_law(sound: Measured) -> None:
    found: list[Kpi] = [make(sound) for make in KPIS]
    for kpi in found:
        if kpi.lower is not None and kpi.upper is not None and kpi.value is not None:
            assert kpi.lower <= kpi.value <= kpi.upper, kpi.id
    without = {k.id for k in found if k.lower is None}
    assert without == {"return_on_customer", "margin_of_revenue", "data_age_days"}


def test_sales_alone_say_why_a_figure_is_missing() -> None:
    rows: list[tuple[str, Any, float]] = [(f"c{k}", LAST, 5.0) for k in range(20)]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    given = Measured(CustomerBase.open(frame, today=TODAY))
    for make in KPIS:
        found = make(given)
        assert (found.value is None) == bool(found.refusal), found.id
    assert REGISTRY["customers_retained"](given).refusal == "the data do not reach back two years"
    assert "needs at least" in REGISTRY["customer_equity"](given).refusal


def test_what_the_data_cannot_tell_is_not_a_share_of_nothing() -> None:
    tables = shop()
    tables["customers"] = tables["customers"].drop(columns="email")
    tables["transactions"]["channel"] = "rep"
    given = measured(tables)
    assert REGISTRY["contactable_share"](given).refusal == "the customers have no addresses"
    assert REGISTRY["multichannel_share"](given).refusal == "the sales name one channel alone"
    assert REGISTRY["consent_coverage"](given).value == 1.0
