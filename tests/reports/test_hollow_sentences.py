"""Sentences that say nothing, or say less than they claim, do not stand on a page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.comparison import Change
from crm_analytics.analyses.kpi import COUNT, DOWN, SHARE, UP, Kpi
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.analyses.measured import Measured
from crm_analytics.reports import collaboration, overview, referrals, social
from crm_analytics.reports.overview import OverviewReport
from crm_analytics.reports.shared import small_form
from crm_analytics.reports.shared.spoken import catalogue
from crm_analytics.reports.shared.tiles import tile

TODAY = "2026-01-10"


def base_of(rows: list[tuple[str, str, float]], **more: Any) -> CustomerBase:
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open({"transactions": frame.assign(**more)}, today=TODAY)


@pytest.fixture(scope="module")
def half_as_much() -> CustomerBase:
    """Two hundred customers who bought each month of two years, for half the money in the second."""
    days = pd.date_range("2023-12-11", "2025-12-29", freq="28D")
    rows = [
        (f"c{k:03d}", f"{day:%Y-%m-%d}", (30.0 if day.year == 2025 else 40.0) + k % 7)
        for k in range(200)
        for day in days
    ]
    return base_of(rows, channel="rep")


def test_a_handful_has_no_per_cent() -> None:
    t = catalogue("en", small_form.__file__, "EUR")
    few = Kpi("customers_at_risk", COUNT, DOWN, 4, 4, against_year=Change(4, 3, 0.33, -1.0, 2.02))
    many = Kpi("customers_at_risk", COUNT, DOWN, 40, 40, against_year=Change(40, 30, 0.33, -0.1, 0.8))
    assert not tile(t, few).get("change")
    assert "33 %" in tile(t, many)["change"]


@pytest.mark.parametrize(
    ("step", "said"),
    [(Change(114.0, 100.0, 0.14, -0.05, 0.35), "Revenue against the 4 weeks before: no clear change"),
     (Change(140.0, 100.0, 0.4, 0.2, 0.6), "Revenue rose 40 % on the 4 weeks before (20 % to 60 %)")],
)  # fmt: skip
def test_a_step_of_revenue_is_told_with_its_range(
    half_as_much: CustomerBase, step: Change, said: str
) -> None:
    report = overview.prepare(half_as_much, compare_to="-4w")
    assert isinstance(report, OverviewReport)
    revenue = replace(report.figures["revenue"], against_previous=step)
    stepped = OverviewReport(**{**vars(report), "figures": {**report.figures, "revenue": revenue}})
    assert any(one["text"].startswith(said) for one in overview.findings(stepped).payload["items"])


def test_a_handful_has_no_per_cent_beside_its_year(half_as_much: CustomerBase) -> None:
    report = overview.prepare(half_as_much, compare_to="-4w")
    assert isinstance(report, OverviewReport)
    few = Kpi("customers_at_risk", COUNT, DOWN, 4, 4, against_year=Change(4, 3, 0.33, -1.0, 2.02),
              against_previous=Change(4, 3, 0.33, -1.0, 2.02))  # fmt: skip
    cover = OverviewReport(**{**vars(report), "figures": {"customers_at_risk": few}})
    assert "33 %" not in repr(overview.kpis(cover))


def test_a_change_that_rounds_to_nothing_has_no_arrow() -> None:
    t = catalogue("en", small_form.__file__, "EUR")
    same = Kpi("buyers", COUNT, UP, 4374, 4374, against_year=Change(4374, 4373, 0.0002, -0.03, 0.03))
    assert tile(t, same)["change"].startswith("± 0 %")


def test_an_interval_of_one_number_is_none() -> None:
    t = catalogue("en", small_form.__file__, "EUR")
    assert tile(t, Kpi("bought_again", SHARE, UP, 1.0, 900, 0.9996, 1.0))["note"] == ""
    assert tile(t, Kpi("bought_again", SHARE, UP, 0.99, 900, 0.98, 1.0))["note"] == "98 % to 100 %"


def test_a_year_that_fell_is_news_on_the_cover(half_as_much: CustomerBase) -> None:
    report = overview.prepare(half_as_much, compare_to="-4w")
    assert isinstance(report, OverviewReport)
    said = overview.headline(report).payload["sentence"]
    assert "less than" in said
    steady = OverviewReport(**{**vars(report), "figures": {}})
    assert "Revenue of the last 52 weeks: " in overview.headline(steady).payload["sentence"]


def test_one_team_is_not_compared_with_itself(half_as_much: CustomerBase) -> None:
    kpi = REGISTRY["seen_by_one_team"](Measured(half_as_much))
    assert kpi.refusal == "the data hold contacts of one team alone"
    report = collaboration.prepare(half_as_much)
    said = repr(collaboration.headline(report))
    assert "nothing to compare" in said
    assert "no contacts" not in repr(collaboration.findings(report))
    assert "100 %" not in said


@pytest.mark.parametrize(
    ("module", "none", "table"),
    [(social, "no public mentions", "public mentions"), (referrals, "no referrals", "referrals")],
)
def test_a_table_that_is_not_there_is_named(
    half_as_much: CustomerBase, module: Any, none: str, table: str
) -> None:
    report = module.prepare(half_as_much)
    assert none in module.headline(report).payload["sentence"]
    assert f"Bring a table of {table}, where there is one." in repr(module.actions(report))


def test_the_busiest_day_is_busier_beyond_chance() -> None:
    days = pd.date_range("2025-01-06", periods=70, freq="D")
    even = [(f"c{k % 9}", f"{day:%Y-%m-%d}", 5.0) for k, day in enumerate(days)]
    most = [*even, *((f"d{k}", "2025-03-10", 5.0) for k in range(40))]
    for rows, said in ((even, "No day of the week is clearly busier"), (most, "Monday is the busiest day")):
        small = small_form.too_small(base_of(rows), False, language="en")
        assert small is not None
        assert small_form.weekdays(small).payload["finding"].startswith(said)
