"""The lifetime-value report on data that its models cannot take as they are: it says so and goes on."""

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.reports import lifetime_value
from crm_analytics.reports.lifetime_value.data_warnings import odd_dates

SECTIONS = [name for name in lifetime_value.__all__ if name not in {"ValueReport", "prepare"}]


def buyers(n, until, *, tail, start, seed=1, step=1):
    """Rows of customers who buy at random and leave; spend has a mean where `tail` is above 1."""
    draw = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        t, rate, leave = draw.uniform(*start), draw.gamma(0.8, 1 / 14), draw.beta(0.8, 3)
        level = draw.gamma(tail, 1 / (20 * tail))
        while t < until:
            day = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(t) // step * step)
            rows.append((f"{start[0]}-{i}", day, max(round(draw.gamma(3) / level, 2), 0.01)))
            if draw.random() < leave:
                break
            t += draw.exponential(1 / rate)
    return rows


pytestmark = pytest.mark.usefixtures("somewhere")


def base_of(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open(frame, today="2027-01-01")


@pytest.fixture(scope="module")
def unpriced():
    return lifetime_value.prepare(base_of(buyers(500, 400, tail=0.7, start=(0, 150))), holdout="26w")


def test_spend_without_a_mean_says_why_and_forecasts_purchases(unpriced):
    found = {name: getattr(lifetime_value, name)(unpriced) for name in SECTIONS}
    first = repr(found["headline"])
    assert "purchases in the next 52 weeks" in first
    assert "What the purchases will bring cannot be told" in first
    assert "purchase model alone" in repr(found["did_the_last_forecast_hold"])
    assert "NBD" in repr(found["against_simple_rules"])
    assert "Discounted value" not in repr(found["against_simple_rules"])
    assert "will buy in the next 13 weeks" in repr(found["who_will_buy"])
    assert "largest amounts" in repr(found["actions"])
    facts = found["record"].payload["facts"]
    assert facts["value_to_come"] is None
    assert "value_discounted" not in facts
    assert facts["purchases_to_come"] == pytest.approx(unpriced.forecast.purchases.mean)


def test_spend_without_a_mean_and_no_holdout_is_forecast_all_the_same():
    report = lifetime_value.prepare(base_of(buyers(300, 300, tail=0.6, start=(0, 150))), holdout="52w")
    assert report.evidence is None
    assert report.kpis["value_to_come"].value is None
    for name in SECTIONS:
        assert "nan" not in repr(getattr(lifetime_value, name)(report)).lower()


def test_an_earlier_fit_without_a_mean_leaves_the_value_without_comparison():
    old, young = (0, 150), (300, 330)
    rows = buyers(250, 400, tail=0.7, start=old) + buyers(800, 400, tail=8.0, start=young)
    report = lifetime_value.prepare(base_of(rows), holdout="4w", compare_to="-15w")
    assert report.growth is None
    assert "no earlier forecast" in repr(lifetime_value.kpis(report))
    assert "no earlier forecast to compare with" in repr(lifetime_value.what_has_changed(report))


def test_weekly_totals_say_on_the_first_screen_what_they_do():
    rows = buyers(300, 300, tail=4.0, start=(0, 100), step=7)
    report = lifetime_value.prepare(base_of(rows))
    lede = lifetime_value.headline(report).payload["lede"]
    assert lede.startswith("The dates look like totals by week")
    assert "Give the day of each purchase" in lede
    said = repr(lifetime_value.method(report))
    assert 'unit "W"' not in said
    assert said.index("Dates:") < said.index("Revenue to come:")


def test_dates_of_the_first_of_a_month_are_called_those_of_months():
    draw = np.random.default_rng(1)
    days = pd.date_range("2024-01-01", periods=18, freq="MS")
    rows = [(f"c{i}", day, 5.0) for i in range(60) for day in days if draw.random() < 0.5]
    assert odd_dates(base_of(rows)) == "month"


def test_a_base_in_which_nobody_leaves_is_not_called_alive():
    # steady buyers, drawn without dropout: BG/NBD and MBG/NBD run to a boundary, and the page says so first
    draw = np.random.default_rng(4)
    rows = []
    for i in range(400):
        start = draw.integers(0, 100)
        days = start + np.concatenate([[0], np.cumsum(draw.exponential(1 / draw.gamma(2, 0.02), 60))])
        first = pd.Timestamp("2025-01-01")
        rows += [(f"c{i}", first + pd.Timedelta(days=int(d)), 20.0 + i % 9) for d in days if d < 500]
    report = lifetime_value.prepare(base_of(rows))
    assert not report.forecast.tells_who_left
    found = {name: getattr(lifetime_value, name)(report) for name in SECTIONS}
    assert "do not tell who has left" in repr(found["headline"])
    assert report.kpis["still_customers"].value is None
    assert "nobody is called lapsed by the model" in repr(found["headline"])
    assert "do not tell who has left" in repr(found["who_is_still_there"])
    assert "BG/NBD, whose fit ran to a limit" in repr(found["method"])
    assert "NBD" in {r[0] for r in found["against_simple_rules"].payload["table"]["rows"]}
    assert "no second fit to compare" in repr(found["second_opinion"])
    assert "Still a customer" not in repr(found["best_customers"])


def test_where_customers_buy_regularly_the_regular_model_stands_beside_the_others():
    draw = np.random.default_rng(5)
    rows = []
    for i in range(500):
        start, rate = draw.integers(0, 150), draw.gamma(2, 1 / 30)
        days = start + np.concatenate([[0], np.cumsum(draw.gamma(2, 1 / (2 * rate), 60))])
        stays = days[: draw.geometric(draw.beta(0.9, 3))]
        rows += [
            (f"c{i}", pd.Timestamp("2025-01-01") + pd.Timedelta(days=int(d)), 20.0 + i % 9) for d in stays
        ]
    base = base_of([row for row in rows if row[1] < pd.Timestamp("2026-01-15")])
    report = lifetime_value.prepare(base, holdout="13w")
    assert report.evidence.comparison.winner == "MBG/CNBD-k"
    chosen = report.details.chosen
    assert chosen.lower < chosen.mean < chosen.upper
    block = lifetime_value.against_simple_rules(report)
    assert {"NBD", "MBG/CNBD-k"} <= {row[0] for row in block.payload["table"]["rows"]}
    assert f"by it the discounted value would be {report.money(chosen.mean)}" in block.payload["finding"]
