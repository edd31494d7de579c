"""Credit beside spend: sums, verdicts, and channels that have only one of the two."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from crm_analytics.analyses.attribution.economics import (
    LOSS,
    LUCRATIVE,
    NO_SPEND,
    NO_TOUCH_SEEN,
    UNDECIDED,
    economics,
)
from crm_analytics.errors import ParameterError

CREDIT = pd.DataFrame(
    [
        ("first", "mail", 40.0, 2_000.0),
        ("last", "mail", 50.0, 2_500.0),
        ("first", "search", 30.0, 1_500.0),
        ("last", "search", 10.0, 500.0),
        ("first", "tv", 10.0, 500.0),
        ("last", "tv", 20.0, 1_000.0),
        ("first", "word of mouth", 20.0, 900.0),
        ("last", "word of mouth", 20.0, 900.0),
    ],
    columns=["model", "channel", "conversions", "value"],
)
SPEND = pd.DataFrame({"channel": ["mail", "search", "tv", "radio"], "spend": [200.0, 300.0, 900.0, 50.0]})
NEW = pd.DataFrame({"model": ["first", "last"], "channel": ["search"] * 2, "new_customers": [12.0, 8.0]})


def test_ratios_are_what_their_names_say() -> None:
    found = economics(CREDIT, SPEND, margin=0.4).models.set_index(["model", "channel"])
    mail = found.loc[("first", "mail")]
    assert mail[["roas", "profit", "roi", "cost_per_order"]].tolist() == pytest.approx([10, 600, 3, 5])
    assert math.isnan(found.loc[("last", "word of mouth"), "roas"])


def test_verdict_is_undecided_where_the_sign_hangs_on_the_model() -> None:
    found = economics(CREDIT, SPEND, margin=0.4).channels.set_index("channel")
    assert found["verdict"].to_dict() == {
        "mail": LUCRATIVE,
        "search": UNDECIDED,
        "tv": LOSS,
        "radio": NO_TOUCH_SEEN,
        "word of mouth": NO_SPEND,
    }
    assert found.loc["search", ["profit_low", "profit_high"]].tolist() == pytest.approx([-100, 300])
    assert found.loc["radio", ["profit_low", "profit_high"]].tolist() == [-50, -50]


def test_interval_across_zero_is_undecided_although_all_models_agree() -> None:
    credit = CREDIT[CREDIT["channel"] == "mail"].assign(value_lower=400.0, value_upper=3_000.0)
    found = economics(credit, SPEND.iloc[:1], margin=0.4).channels
    assert found["verdict"].tolist() == [UNDECIDED]


def test_cost_of_winning_a_customer_and_payback() -> None:
    found = economics(CREDIT, SPEND, 0.4, NEW, customer_value=60.0).channels.set_index("channel")
    assert found.loc["search", ["cac", "value_per_cac", "payback_months"]].tolist() == pytest.approx(
        [30, 2, 6]
    )
    assert math.isnan(found.loc["tv", "cac"])


def test_without_any_spend_all_is_told_but_money() -> None:
    found = economics(CREDIT, None, margin=0.4)
    assert set(found.channels["verdict"]) == {NO_SPEND}
    assert found.models["value"].sum() == CREDIT["value"].sum()


@pytest.mark.parametrize(
    ("spend", "margin", "says"),
    [(SPEND, 0.0, "margin = 0.0"), (SPEND.assign(spend=-1.0), 0.4, "spend is negative for mail")],
)
def test_wrong_numbers_say_so(spend: pd.DataFrame, margin: float, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        economics(CREDIT, spend, margin)
