"""Businesses in which a forecast cannot know everything: each says what it can and cannot tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.forecasting.cautions import CONTRACTS, ONE_CYCLE, REGIME, SHORT
from crm_analytics.analyses.value_to_come import value_to_come
from crm_analytics.errors import DataError, NotEnoughData

START = pd.Timestamp("2021-01-04")


def shop(days, level=np.ones_like, customers=700, seed=1, currency=None):
    """Customers who buy about every six weeks and leave after two years; `level` thins what they buy."""
    rng = np.random.default_rng(seed)
    born = np.sort(rng.uniform(0, days, customers))
    owner = np.repeat(np.arange(customers), 80)
    gaps = rng.exponential(42 * rng.gamma(4, 0.25, customers)[owner])
    first = np.arange(0, len(owner), 80)
    gaps[first] = 0
    at = born[owner] + np.cumsum(gaps) - np.repeat(np.cumsum(gaps)[first], 80)
    lives = born + rng.exponential(730, customers)
    kept = (at < np.minimum(lives[owner], days)) & (rng.random(len(at)) < level(at))
    kept[first] = True
    lines = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in owner[kept]],
            "transaction_date": START + pd.to_timedelta(np.floor(at[kept]), unit="D"),
            "unit_spend": np.round(rng.lognormal(3.5, 0.5, kept.sum()), 2),
        }
    )
    return lines if currency is None else lines.assign(currency=currency(at[kept]))


def opened(lines, days, **more):
    whole = CustomerBase.open({"transactions": lines, **more}, today=START + pd.Timedelta(days=days))
    return whole.as_of(min((START + pd.Timedelta(days=days - 1)).date(), whole.day))


def cautions_of(outlook):
    return {one.kind: one.share for one in outlook.foundation.cautions}


def width(outlook):
    return (outlook.total.upper - outlook.total.lower) / outlook.total.mean


def test_a_business_begun_last_month_says_that_it_is_short_and_is_wide():
    lines, day = shop(400, customers=9000), 35
    known = lines[lines["transaction_date"] < START + pd.Timedelta(days=day)]
    outlook = value_to_come(opened(known, day), (13, "W"))
    later = lines[lines["customer_id"].isin(known["customer_id"])].drop(known.index)
    later = later[later["transaction_date"] < START + pd.Timedelta(days=day + 91)]
    assert SHORT in cautions_of(outlook)
    assert outlook.total.upper > 3 * outlook.total.lower
    assert outlook.total.covers(later["unit_spend"].sum())


def test_a_business_of_three_weeks_is_refused():
    with pytest.raises(NotEnoughData, match="at least 100 customers"):
        value_to_come(opened(shop(20, customers=60), 20))


def test_half_a_year_and_one_cycle_are_wider_than_four_years():
    wide = {}
    for days in (200, 500, 1460):
        outlook = value_to_come(opened(shop(days), days))
        wide[days] = width(outlook)
        assert (SHORT in cautions_of(outlook)) == (days == 200)
        assert (ONE_CYCLE in cautions_of(outlook)) == (days == 500)
    assert wide[200] > wide[500] > wide[1460]


def test_without_a_season_the_clock_is_that_of_the_calendar():
    outlook = value_to_come(opened(shop(1460), 1460))
    assert not outlook.foundation.models.time.is_used
    assert not {REGIME, SHORT, ONE_CYCLE, CONTRACTS} & set(cautions_of(outlook))


def test_a_second_regime_is_said_and_widens():
    """A moved warehouse: in the last 80 days customers buy a quarter of what they did."""
    moved = value_to_come(opened(shop(1460, lambda day: np.where(day > 1380, 0.25, 1.0)), 1460))
    assert cautions_of(moved)[REGIME] < -0.4
    assert width(moved) > width(value_to_come(opened(shop(1460), 1460)))


def test_a_shop_that_closed_has_no_forecast():
    lines = shop(1460, customers=500)
    lines = lines[lines["transaction_date"] < START + pd.Timedelta(days=1340)]
    back = pd.DataFrame(
        {"customer_id": ["c1"], "transaction_date": [START + pd.Timedelta(days=1459)], "unit_spend": [-1.0]}
    )
    base = opened(pd.concat([lines, back]), 1460)
    with pytest.raises(NotEnoughData, match="purchase in the last 91 days"):
        value_to_come(base)


def test_where_all_have_a_contract_that_is_said_first_and_payments_follow_it():
    rng = np.random.default_rng(5)
    born, months = np.sort(rng.uniform(0, 1400, 500)), rng.geometric(0.02, 500)
    lines, held = [], []
    for i, (b, m) in enumerate(zip(born, months, strict=True)):
        due = [b + 30.4375 * k for k in range(m) if b + 30.4375 * k < 1460]
        lines += [(f"c{i}", START + pd.Timedelta(days=int(t)), 20.0) for t in due]
        ends = b + 30.4375 * m - 1
        held.append((f"s{i}", f"c{i}", START + pd.Timedelta(days=int(b)), 1, ends))
    table = pd.DataFrame(lines, columns=["customer_id", "transaction_date", "unit_spend"])
    subscriptions = pd.DataFrame(
        held, columns=["subscription_id", "customer_id", "start_date", "recurrence_months", "ends"]
    )
    stop = START + pd.to_timedelta(subscriptions.pop("ends").clip(upper=1500), unit="D")
    subscriptions["cancelled_at"] = stop.where(stop < START + pd.Timedelta(days=1460))
    base = opened(table, 1460, subscriptions=subscriptions)
    outlook = value_to_come(base, (13, "W"))
    assert outlook.foundation.cautions[0].kind == CONTRACTS
    running = subscriptions["cancelled_at"].isna().sum()
    assert outlook.total.mean == pytest.approx(running * 20 * (0.98 + 0.98**2 + 0.98**3), rel=0.05)


def test_a_change_of_currency_is_no_change_of_spend():
    """Amounts in crowns until the third year, in euros after it: refused until a rate is given."""
    lines = shop(1460, currency=lambda day: np.where(day < 1000, "SEK", "EUR"))
    with pytest.raises(DataError, match="currenc"):
        opened(lines, 1460)
