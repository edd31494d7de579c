"""Sections of the two reports: findings hold on real and on odd bases, and the small form speaks."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.reports import lifetime_value, segments
from crm_analytics.tables import demo

SECTIONS = {
    segments: [
        "headline", "kpis", "actions", "findings", "who_brings_the_money", "glossary", "whom_to_contact",
        "what_changed", "when_customers_come_back", "where_the_money_sits", "does_80_20_hold", "method",
        "record",
    ],
    lifetime_value: [
        "headline", "kpis", "actions", "findings", "who_carries_it", "glossary", "value_by_segment",
        "today_and_to_come", "who_is_overlooked", "who_is_still_there", "who_will_buy", "best_customers",
        "spend_and_frequency", "did_the_last_forecast_hold", "by_purchases_before", "what_has_changed",
        "against_simple_rules", "by_the_textbook", "second_opinion", "method", "record",
    ],
}  # fmt: skip
HOSTILE = ["<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "\u202eevil", "a\u200bb", "x" * 1_000_000]


pytestmark = pytest.mark.usefixtures("somewhere")


@pytest.fixture(scope="module")
def cdnow(somewhere):
    return CustomerBase.open(demo.write_demo("cdnow", somewhere / "data"))


@pytest.fixture(scope="module")
def lemonade(somewhere):
    return CustomerBase.open(demo.write_demo("lemonade", somewhere / "data"))


def sections(report_module, report):
    return {name: getattr(report_module, name)(report) for name in SECTIONS[report_module]}


def texts(found):
    return "\n".join(repr(block) for block in found.values())


def rows_of(block):
    return {row[0]: row[1:] for row in block.payload["table"]["rows"]}


def base_of(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open(frame, today="2027-01-01")


@pytest.fixture(scope="module")
def segment_report(cdnow):
    return segments.prepare(cdnow)


@pytest.fixture(scope="module")
def value_report(cdnow):
    return lifetime_value.prepare(cdnow)


def test_segments_say_the_numbers_that_were_counted(segment_report, cdnow):
    found = sections(segments, segment_report)
    lines = cdnow.collect(cdnow.transactions)
    revenue = lines.groupby("customer_id")["unit_spend"].sum().sort_values(ascending=False)
    share = revenue.head(round(0.2 * len(revenue))).sum() / revenue.sum()
    assert f"The top fifth brings {100 * share:.0f} % of revenue" in repr(found["does_80_20_hold"])
    facts = found["record"].payload["facts"]
    assert facts["customers"] == 2357
    assert facts["revenue_of_known_customers"] == pytest.approx(revenue.sum())
    day = lines["transaction_date"].dt.normalize()
    last, before = (
        lines.loc[(day > end - pd.Timedelta(weeks=13)) & (day <= end), "unit_spend"].sum()
        for end in (pd.Timestamp(cdnow.day), pd.Timestamp(cdnow.day) - pd.Timedelta(days=364))
    )
    assert f"is down {100 * (1 - last / before):.0f} % on a year ago" in repr(found["headline"])
    silence = (pd.Timestamp(cdnow.day) - day.groupby(lines["customer_id"]).max()).dt.days
    at_risk = silence.between(facts["at_risk_days"], facts["lapsed_days"] - 1).sum()
    assert facts["customers_at_risk"] == at_risk
    assert f"Customers at risk | {at_risk}" in repr(found["kpis"])


def test_segments_show_no_customer_unless_allowed(segment_report, cdnow):
    ids = set(cdnow.collect(cdnow.customers.select("customer_id"))["customer_id"])
    table = segments.whom_to_contact(segment_report).payload["table"]
    shown = {row[0] for row in table["rows"]}
    assert len(shown) == 10
    assert not shown & ids
    named = replace(segment_report, show_customers=True)
    allowed = segments.whom_to_contact(named).payload["table"]
    assert {row[0] for row in allowed["rows"]} <= ids


def test_lifetime_value_says_that_the_holdout_falls_outside_the_interval(value_report):
    found = sections(lifetime_value, value_report)
    facts = found["record"].payload["facts"]
    assert facts["holdout_actual"] == 1882
    assert facts["holdout_forecast"] == pytest.approx(1653.41, abs=0.005)
    assert facts["holdout_upper"] < 1882
    assert "Less than two years of data." in repr(found["headline"])
    assert "was tried at 1 earlier day and was off by" in repr(found["headline"])
    assert "1,882 came, which lies outside the range" in repr(found["did_the_last_forecast_hold"])
    assert "The purchase model alone was 12 % too low, outside its range" in repr(
        found["did_the_last_forecast_hold"]
    )
    assert "The package lifetimes finds the same parameters" in repr(found["second_opinion"])


def test_lifetime_value_adds_up(value_report):
    forecast = value_report.forecast
    assert forecast.tiers.tiers["value"].sum() == pytest.approx(forecast.value.mean, rel=1e-6)
    assert forecast.tiers.statuses["value"].sum() == pytest.approx(forecast.value.mean, rel=1e-6)
    assert forecast.tiers.tiers["customers"].sum() == 2357
    assert forecast.value.lower < forecast.value.mean < forecast.value.upper


def test_models_stand_beside_simple_rules_and_one_is_chosen(value_report):
    block = lifetime_value.against_simple_rules(value_report)
    rows = rows_of(block)
    assert list(rows) == [
        "BG/NBD", "MBG/NBD", "Pareto/NBD", "NBD", "last period repeated", "average rate", "RFM-cell mean",
    ]  # fmt: skip
    chosen = value_report.details.chosen
    assert block.payload["finding"] == (
        "Pareto/NBD was nearest to what came; by it the discounted value would be "
        f"{value_report.money(chosen.mean)}"
    )
    said = repr(block)
    for word in ("1,653", "1,577", "1,666", "0.755", "−9,595.0", "AIC", "BIC", "19,172.3"):
        assert word in said
    assert "The page keeps BG/NBD" in said
    values = value_report.details.by_model.set_index("model")["value"]
    assert values["Pareto/NBD"] == pytest.approx(chosen.mean, rel=1e-9)
    plain = value_report.outlook.plain
    alone = btyd.value_total(plain.summary, plain.model, plain.spend, horizon=(52, "W"), rate=0.15)
    assert values["BG/NBD"] == pytest.approx(alone.mean, rel=1e-9)


def test_the_table_and_the_first_screen_say_the_same_interval(value_report):
    total = value_report.evidence.model.total
    row = value_report.evidence.comparison.holdout.set_index("model").loc["BG/NBD"]
    assert (row["lower"], row["upper"]) == (total.lower, total.upper)


def test_chances_of_buying_count_every_customer_once(value_report):
    chances = value_report.details.chances
    assert chances["customers"].sum() == 2357
    near = value_report.plan.audiences.near
    assert chances["buyers"].sum() == pytest.approx(near.buyers.mean)
    assert near.buyers.lower < near.buyers.mean < near.buyers.upper
    said = repr(lifetime_value.who_will_buy(value_report))
    assert "will buy in the next 13 weeks" in said
    assert "buyers were expected, 684 came" in said


def test_segments_add_up_to_the_value_and_carry_intervals(value_report):
    table = value_report.carriers.segments
    assert table["value"].sum() == pytest.approx(value_report.outlook.total.mean, rel=1e-3)
    assert ((table["lower"] <= table["value"]) & (table["value"] <= table["upper"])).all()
    block = lifetime_value.value_by_segment(value_report)
    assert block.payload["finding"].startswith(table.iloc[0]["segment"])
    assert "comes later than these 52 weeks" in repr(block)


def test_today_against_to_come_holds_every_customer_once(value_report):
    fields = value_report.carriers.grid.fields
    assert fields["customers"].sum() == value_report.forecast.value.customers
    assert "are not among today's best" in lifetime_value.today_and_to_come(value_report).payload["finding"]


def test_drift_since_the_earlier_fit_is_shown_with_its_limits(value_report):
    block = lifetime_value.what_has_changed(value_report)
    last = value_report.carriers.drift.tracking.iloc[-1]
    beyond = abs(last["cusum"]) > 3.5 * last["standard_error"]
    word = "fewer than the model expected" if beyond else "about as the model expected"
    assert word in block.payload["finding"]
    assert "31 March 1998" in block.payload["finding"]


def test_spend_and_frequency_says_what_dependence_does_to_the_value(value_report):
    block = lifetime_value.spend_and_frequency(value_report)
    assert block.payload["finding"] == "Customers who buy more often spend more on a purchase"
    assert "without any link it would be" in repr(block)
    banded = value_report.details.banded_value
    assert f"the discounted value would be {value_report.money(banded)}" in repr(block)
    discounted = 1 + value_report.details.dependence.change
    alone = value_report.details.by_model.set_index("model").loc["BG/NBD", "value"]
    assert banded / alone == pytest.approx(discounted, abs=1e-3)
    assert len(rows_of(block)) == len(value_report.details.dependence.bands)


def test_bands_carry_their_interval_and_the_ranking(value_report):
    said = repr(lifetime_value.by_purchases_before(value_report))
    assert "The group with 1 made 76 purchases more than expected" in said
    assert "Expected, in all" in said
    table = lifetime_value.by_purchases_before(value_report).payload["table"]["rows"]
    by = pd.Series([row[0] for row in table]).value_counts().to_dict()
    assert sorted(by.values()) == [3, 5, 8, 10]  # cohorts, fifths by silence, frequencies, tenths
    assert "The tenth of customers with the highest forecast made 47 % of all purchases" in said


def test_growth_is_new_customers_and_the_others(value_report):
    growth, total = value_report.growth, value_report.outlook.total
    assert growth.before + growth.new + growth.known == pytest.approx(total.mean, rel=1e-9)
    assert growth.new == 0  # CDNOW won all its customers in its first quarter
    assert "no new customers" in repr(lifetime_value.findings(value_report))


def test_method_tells_of_cohorts_and_season(value_report):
    said = repr(lifetime_value.method(value_report))
    assert "Cohorts: " in said
    assert "A season is seen in 1 whole year" in said


def test_lifetime_value_without_a_holdout_says_so():
    draw = np.random.default_rng(2)
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(draw.integers(0, 150, 900), unit="D")
    who, money = draw.integers(0, 250, 900).astype(str), 5.0 + draw.gamma(2, 3, 900).round(2)
    base = base_of({"customer_id": who, "transaction_date": days, "unit_spend": money})
    found = sections(lifetime_value, lifetime_value.prepare(base, holdout="39w"))
    assert "do not reach back far enough" in repr(found["headline"])
    assert "No earlier forecast can be held" in repr(found["did_the_last_forecast_hold"])
    assert "A customer will bring" in repr(found["kpis"])


@pytest.mark.parametrize("module", SECTIONS, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_small_form_says_what_is_known_and_where_models_begin(module, lemonade):
    found = sections(module, module.prepare(lemonade))
    said = texts(found)
    assert found["headline"].payload["thin"]
    for word in ("40", "82", "$287", "Thank", "Mint lemonade", "Last visit", "Begins at", "Xenia"):
        assert word in said
    assert "n24" not in said  # names, not ids


def test_small_form_speaks_the_language_of_the_page(lemonade):
    english, german = (
        texts({name: block for name, block in found.items() if name != "record"})
        for found in (sections(segments, segments.prepare(lemonade, language=code)) for code in ("en", "de"))
    )
    for word in ("40 Kunden", "Danken Sie", "Letzter Besuch", "Beginnt bei", "Montag"):
        assert word in german
        assert word not in english
    for word in ("customer", "Thank", "Last visit", "Begins at", "Monday"):
        assert word in english
        assert word not in german


def test_small_form_of_lifetime_value_gives_the_textbook_value(lemonade):
    found = lifetime_value.prepare(lemonade)
    assert f"${found.textbook.value:.2f} by the textbook formula" in repr(lifetime_value.headline(found))
    assert "needs at least 100 customers, this base has 40" in repr(lifetime_value.headline(found))


@pytest.mark.parametrize("module", SECTIONS, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_hostile_ids_are_cleaned_and_kept_short_where_they_may_stand(module):
    rows = [(HOSTILE[i % 5] + str(i % 130), f"2026-0{1 + i % 6}-1{i % 9}", 9.0) for i in range(600)]
    said = texts(sections(module, module.prepare(base_of(rows), show_customers=True)))
    assert "\u202e" not in said
    assert len(said) < 100_000


def test_comparison_before_the_data_says_no_earlier_period(cdnow):
    early = segments.prepare(cdnow.as_of("1997-02-15"))
    assert early.earlier is None
    assert "no earlier period" in repr(segments.what_changed(early))
    assert "a year ago" not in repr(segments.kpis(early))


@pytest.mark.slow
def test_a_year_before_the_holdout_brings_a_line_with_season():
    draw = np.random.default_rng(3)
    days = pd.date_range("2024-01-01", "2025-12-31")
    rows = []
    for i in range(700):
        rate = draw.gamma(2.0, 0.02)
        season = np.where(days.month.isin([11, 12]), 3.0, 1.0)
        start = draw.integers(0, 90)
        came = np.flatnonzero(draw.random(len(days)) < rate * season * (np.arange(len(days)) > start))
        stays = draw.exponential(500)
        rows += [(f"c{i}", days[d], 20.0 + i % 9) for d in [start, *came] if d < start + stays]
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    base = CustomerBase.open(frame, today="2026-06-01")
    report = lifetime_value.prepare(base, holdout="52w")
    block = lifetime_value.did_the_last_forecast_hold(report)
    assert "With season" in repr(block)
    assert "figure: 3 traces" in repr(block)


def test_money_of_fewer_than_five_customers_is_on_no_segment():
    often = [
        (f"often-{who}", f"2025-{1 + n:02}-0{1 + who % 9}", 20.0) for who in range(120) for n in range(9)
    ]
    once = [(f"once-{who}", "2023-02-01", 10.0) for who in range(60)] + [("great", "2023-02-01", 777_123.0)]
    report = segments.prepare(base_of([*often, *once]))
    shown = segments.who_brings_the_money(report)
    columns = {column["name"]: column["values"] for column in shown.payload["table"]["columns"]}
    few = [n for n, customers in enumerate(columns["customers"]) if customers < 5]
    assert few
    assert all(columns[name][n] is None for name in ("revenue", "revenue_share", "order_value") for n in few)
    assert not any("777" in repr(block) for name, block in sections(segments, report).items()
                   if name in ("who_brings_the_money", "what_changed"))  # fmt: skip


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_shop_that_stopped_gets_the_small_form(language):
    rng = np.random.default_rng(4)
    start = pd.Timestamp("2024-01-01")
    rows = [
        (f"c{n:03}", start + pd.Timedelta(days=int(day)), 20.0)
        for n in range(300)
        for day in np.unique(rng.integers(0, 600, rng.integers(2, 9)))
    ]
    rows.append(("c000", start + pd.Timedelta(days=760), -5.0))
    report = lifetime_value.prepare(base_of(rows), language=language)
    said = texts(sections(lifetime_value, report))
    assert {"en": "purchase in the last 91 days", "de": "Kauf in den letzten 91 Tagen"}[language] in said


@pytest.mark.parametrize(
    ("language", "word"), [("en", "other lapsed customer"), ("de", "weiteren? verlorenen Kunden")]
)
def test_an_action_that_spares_some_lapsed_customers_tells_of_the_others(small_company, language, word):
    report = segments.prepare(small_company, language=language)
    rows = small_company.collect(report.plan.audiences.customers)
    lapsed = rows[rows["standing"] == "lapsed"]
    others = int((lapsed["group"] != "does not pay").sum())
    assert 0 < others < len(lapsed)
    (said,) = [one for one in segments.actions(report).payload["items"] if one["fact"]["id"] == "leave_alone"]
    assert re.search(rf"\b{others} {word}", re.sub(r"(?<=\d)[.,](?=\d)", "", said["why"]))


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_tiny_base_shows_five_regulars_and_folds_the_rest(lemonade, language):
    found = sections(segments, segments.prepare(lemonade, language=language))
    assert len(found["findings"].payload["table"]["rows"]) == 5
    assert len(found["who_brings_the_money"].payload["table"]["rows"]) == 10
    first = [name for name, block in found.items() if block.kind in ("table", "chart")
             and "layer" not in block.payload]  # fmt: skip
    assert set(first) == {"findings", "where_the_money_sits"}
    begins = [name for name, block in found.items() if "BG/NBD" in repr(block)]
    assert len(begins) == 1
