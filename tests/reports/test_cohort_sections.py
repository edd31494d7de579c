"""Cohorts on the page: findings say what was counted, partial cells are hatched, little data is said."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.cohorts import NOBODY, cohorts
from crm_analytics.pages import cohort_figures, drawing, theme
from crm_analytics.reports import audit
from crm_analytics.reports.audit import cohort_sections, cohort_words
from crm_analytics.reports.audit.report import AuditReport
from crm_analytics.reports.shared.handed_in import HandedIn
from crm_analytics.reports.shared.spoken import catalogue
from crm_analytics.tables import demo

SECTIONS = (
    "do_they_come_back",
    "how_a_cohort_ages",
    "what_a_cohort_is_worth",
    "who_brings_todays_revenue",
)


def report_of(base, every="auto"):
    return AuditReport(
        base=base, t=catalogue("en", audit.__file__, base.currency), plan=None, handed=HandedIn(),
        spread=None, change=None, acquisition=None, winning=None, drivers=None,
        cohorts=cohorts(base, every),
    )  # fmt: skip


def texts(report):
    return {name: repr(getattr(cohort_sections, name)(report)) for name in SECTIONS}


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory):
    return CustomerBase.open(demo.write_demo("cdnow", tmp_path_factory.mktemp("data")))


def shop(until: str, growth: float = 0.3, seed: int = 5) -> CustomerBase:
    """60 customers won each month from February 2025 on; a share comes back each month, up to a day."""
    draw = np.random.default_rng(seed)
    rows = []
    months = pd.period_range("2025-02", pd.Timestamp(until).to_period("M"), freq="M")
    for month in months:
        for age, later in enumerate(months[months >= month]):
            came = range(60) if age == 0 else np.flatnonzero(draw.random(60) < growth)
            rows += [(f"{month}-{i}", f"{later}-{1 + i % 9:02d}", 10.0 + i) for i in came]
    rows.append(("2025-02-0", until, 1.0))
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open(frame, today="2027-01-01")


def test_cdnow_says_the_numbers_that_were_counted(cdnow):
    said = texts(report_of(cdnow))
    assert (
        "15 % of 2,357 new customers bought again in the month after their first (13 % to 16 %)"
        in said["do_they_come_back"]
    )
    assert "no clear difference (−1.6 to 2.7 points)" in said["do_they_come_back"]
    assert "Customers buy less often with time: 16 % buy 1 month later, 6 %" in said["how_a_cohort_ages"]
    assert "A new customer brings $40.24 in the first month" in said["what_a_cohort_is_worth"]
    assert "nobody new since March 1997" in said["who_brings_todays_revenue"]
    assert "Hatched" not in "".join(said.values())  # every month of CDNOW is whole


def test_numbers_in_the_findings_are_those_of_plain_pandas(cdnow):
    days = cdnow.collect(cdnow.occasions)
    month = days["day"].dt.to_period("M")
    first = month.groupby(days["customer_id"]).transform("min")
    age = (month - first).map(lambda step: step.n)
    again = days.loc[age == 1, "customer_id"].nunique() / days["customer_id"].nunique()
    value = days.loc[age == 0, "spend"].sum() / days["customer_id"].nunique()
    said = texts(report_of(cdnow))
    assert f"{100 * again:.0f} % of 2,357 new customers bought again" in said["do_they_come_back"]
    assert f"${value:.2f} in the first month" in said["what_a_cohort_is_worth"]


def test_a_month_that_has_not_ended_is_hatched_and_in_no_finding():
    whole, partial = report_of(shop("2025-08-31")), report_of(shop("2025-09-09"))
    for report, expected in ((whole, False), (partial, True)):
        for name in SECTIONS[0], SECTIONS[2], SECTIONS[3]:
            block = getattr(cohort_sections, name)(report)
            assert ("September 2025 has not ended on 9 September 2025" in repr(block)) == expected
    triangle = cohort_sections.do_they_come_back(partial).figure
    hatch = triangle.data[2]
    assert hatch.mode == "lines"
    assert (len(triangle.data), len(cohort_sections.do_they_come_back(whole).figure.data)) == (3, 2)
    assert "August 2025" in repr(cohort_sections.who_brings_todays_revenue(partial)).splitlines()[1]
    rows = cohort_sections.who_brings_todays_revenue(partial).payload["table"]["rows"]
    assert rows[-1][0] == "Sep 2025 (not whole)"


def test_old_customers_are_starred_and_explained():
    frame = pd.DataFrame(
        [(f"old{i}", f"2025-02-{1 + i % 28:02d}", 5.0) for i in range(300)]
        + [(f"{m}-{i}", f"2025-{m:02d}-{1 + i % 28:02d}", 5.0) for m in range(3, 8) for i in range(60)]
        + [(f"{m}-{i}", f"2025-{m + 1:02d}-{1 + i % 28:02d}", 5.0) for m in range(3, 7) for i in range(20)]
        + [("old1", "2025-07-31", 5.0)],
        columns=["customer_id", "transaction_date", "unit_spend"],
    )
    report = report_of(CustomerBase.open(frame, today="2027-01-01"))
    block = cohort_sections.do_they_come_back(report)
    assert block.payload["table"]["rows"][0][0] == "Feb 2025*"
    assert "may have bought before the data begin on 1 February 2025" in block.payload["caption"]
    assert block.payload["finding"].startswith("33 % of 240 new customers")  # 20 of 60, the old ones left out


def test_every_row_carries_its_denominator_and_its_interval():
    block = cohort_sections.do_they_come_back(report_of(shop("2025-08-31")))
    labels = [c["label"] for c in block.payload["table"]["columns"]]
    assert {"Bought", "Customers", "Share", "Lower", "Upper"} <= set(labels)
    place = labels.index("Customers")
    assert {row[place] for row in block.payload["table"]["rows"]} == {"60"}


def test_cohorts_too_young_or_too_small_for_a_curve_say_so():
    young = report_of(shop("2025-02-28"))
    said = texts(young)
    assert "whole month after their first; there are 0" in said["do_they_come_back"]
    assert "there are 0" in said["how_a_cohort_ages"]
    assert "no second whole month" in said["who_brings_todays_revenue"]
    rows = [(f"{m}-{i}", f"2025-{m:02d}-01", 5.0) for m in (1, 2, 3) for i in range(6)]
    rows += [("1-0", "2025-03-31", 5.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    said = texts(report_of(CustomerBase.open(frame, today="2027-01-01")))
    for name in ("do_they_come_back", "how_a_cohort_ages", "what_a_cohort_is_worth"):
        assert "30 new customers with a whole month after their first; there are 12" in said[name]
    nobody = replace(young, cohorts=None)
    assert "nobody has bought yet" in "".join(texts(nobody).values())


@pytest.mark.parametrize("every", ["month", "quarter", "year"])
def test_sections_hold_at_every_length_of_period(every):
    for base in (shop("2025-08-31"), shop("2026-05-17"), shop("2026-05-17").as_of("2025-12-02")):
        said = texts(report_of(base, every))
        assert all(said.values())
        assert "nan" not in "".join(said.values()).lower()


def test_long_histories_are_stacked_in_at_most_five_shades_and_lose_nothing():
    report = report_of(shop("2026-12-31"), "month")
    figure = cohort_sections.who_brings_todays_revenue(report).figure
    assert len(figure.data) <= 6
    drawn = sum(v for trace in figure.data for v in trace.y if v is not None)
    assert drawn == pytest.approx(report.cohorts.periods["revenue"].sum())
    triangle = cohort_sections.do_they_come_back(report)
    assert len(triangle.figure.layout.yaxis.ticktext) == cohort_sections.MOST_ROWS
    assert "newest cohorts; the table has" in triangle.payload["caption"]


def test_definitions_speak_of_the_same_day_and_of_partial_periods(cdnow):
    report = report_of(cdnow)
    said = cohort_words.definitions(report.t, report.cohorts)
    assert "a second purchase on the same day is none" in said["retention"]
    assert "whole periods" in said["comparing"]
    assert cohort_words.definitions(report.t, None) == {}


# --- figures ------------------------------------------------------------------------------------------------

CELLS = pd.DataFrame(
    {
        "cohort": ["Q1", "Q1", "Q2", "Q2", "Q3"],
        "age": [1, 2, 1, 2, 1],
        "share": [0.9, 0.8, 0.4, 0.2, 0.1],
        "partial": [False, False, False, True, True],
        "aside": [True, True, False, False, False],
    }
)


def test_the_shade_of_a_triangle_is_set_by_the_cells_that_may_be_compared():
    figure = cohort_figures.triangle(
        CELLS, "cohort", "age", "share", "partial", aside="aside", fmt="percent:0"
    )
    heat, text = figure.data[:2]
    assert heat.zmax == pytest.approx(40)
    assert heat.z[0][0] == pytest.approx(40)  # the strongest step, not beyond
    assert list(heat.z[2]) == [0.0, None]  # partial: no shade; not lived: nothing
    assert list(text.text) == ["90 %", "80 %", "40 %", "20 %", "10 %"]
    assert list(text.textfont.color) == [theme.ON_STRONG] * 3 + [theme.ON_PALE] * 2


def test_partial_columns_of_a_stack_are_hatched():
    frame = pd.DataFrame(
        {"month": ["Jan", "Feb", "Feb", "Feb"], "won": ["Jan", "Jan", "Feb", NOBODY], "eur": [9.0, 4, 6, -1]}
    )
    figure = cohort_figures.stack(frame, "month", "won", "eur", partial={"Feb"}, quiet=NOBODY)
    assert [trace.name for trace in figure.data] == ["Jan", "Feb", NOBODY]
    assert all(list(trace.marker.pattern.shape) == ["", "/"] for trace in figure.data)
    assert figure.data[-1].marker.color == theme.CONTEXT
    assert len({trace.marker.color for trace in figure.data}) == 3


def test_every_color_of_cohorts_has_its_twin_in_the_dark():
    both = pd.DataFrame({"age": [1, 2], **{f"{c}{s}": [0.4, 0.3] for c in "vlu" for s in ("", "_earlier")}})
    stacked = pd.DataFrame({"x": list("abcdef"), "won": list("abcdef"), "v": range(6)})
    made = [
        cohort_figures.triangle(CELLS, "cohort", "age", "share", "partial"),
        cohort_figures.ribbons(both, "age", "v", "l", "u", names=("new", "old")),
        cohort_figures.stack(stacked, "x", "won", "v", partial={"f"}, quiet="a"),
    ]
    written = json.dumps([*map(drawing.to_json, made)])
    used = set(re.findall(r"#[0-9a-f]{6}\b|rgba\([^)]*\)", written)) - {"rgba(0,0,0,0)"}
    assert used <= set(theme.DARK)
