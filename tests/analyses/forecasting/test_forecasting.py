"""Forecasts learnt from a base's own past: clock, quarters, ways, doubt, and what is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.worlds.contracts import BOX
from benchmarks.worlds.rivals import base_of, day_of
from benchmarks.worlds.shops import SHOPS
from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.forecasting.business_time import BusinessTime, business_time
from crm_analytics.analyses.forecasting.cautions import CONTRACTS, ONE_CYCLE, SHORT
from crm_analytics.analyses.forecasting.doubt import doubt_of
from crm_analytics.analyses.forecasting.learnt import learnt
from crm_analytics.analyses.forecasting.quarters import DAYS, quarters
from crm_analytics.analyses.forecasting.truncation import share_older
from crm_analytics.analyses.forecasting.ways import AGES, LEVEL, MODEL, of_quarters
from crm_analytics.analyses.forecasting.ways import CONTRACTS as CONTRACT_WAY
from crm_analytics.analyses.portfolio.fading_accounts import _Account, _adjusted, fading_accounts
from crm_analytics.analyses.value_to_come import value_to_come
from crm_analytics.errors import NotEnoughData

WORLDS = {one.name: one for one in SHOPS}
END = 1368  # late September of the fourth year


@pytest.fixture(scope="module")
def fashion():
    drawn = WORLDS["fashion"].draw(7)
    return drawn, base_of(drawn).as_of(day_of(END))


@pytest.fixture(scope="module")
def fashion_outlook(fashion):
    return value_to_come(fashion[1])


def tried(errors, way=MODEL, window=4):
    """Trials in which a way was off by so much, latest first."""
    rows = [(way, "value", window, window + i, 100.0, 100.0 * np.exp(e)) for i, e in enumerate(errors)]
    return pd.DataFrame(rows, columns=["way", "what", "window", "back", "said", "came"])


def said_of(trials, said, **more):
    wanted = {"what": "value", "window": 4, "volume": np.full(16, 100.0), "chance": 0.03} | more
    return learnt(trials, said, **wanted)


# The quarters


def test_quarters_add_up_to_what_the_base_holds(fashion):
    drawn, base = fashion
    found = quarters(base, (1, 4))
    lines = drawn.lines[drawn.lines["day"].between(0, END)]
    assert found.net.sum() == pytest.approx(lines["amount"].sum(), abs=0.5)
    assert found.customers.sum() == len(drawn.known(END))


@pytest.mark.parametrize("window", [1, 4])
def test_what_came_after_an_earlier_day_is_what_the_lines_of_then_hold(fashion, window):
    drawn, base = fashion
    found, back = quarters(base, (1, 4)), 5
    came = drawn.came(END - back * DAYS, 13 * window)
    for what in ("purchases", "value", "buyers"):
        # occasions merge days, and a day whose returns are larger than its purchases is none
        assert found.came(what, back, window) == pytest.approx(came[what], rel=0.02)


def test_ways_of_quarters_know_nothing_before_two_cycles(fashion):
    found = quarters(fashion[1], (1, 4))
    assert np.isfinite(of_quarters(found, AGES, "value", 4, 4))
    assert np.isnan(of_quarters(found, AGES, "value", len(found.customers) - 6, 4))


# The clock


def test_business_time_of_a_shop_without_season_is_that_of_the_calendar():
    base = base_of(WORLDS["steady"].draw(3)).as_of(day_of(END))
    summary = btyd.summarize(base, unit="W")
    found = business_time(summary, btyd.BetaGeo.fit(summary))
    flat = BusinessTime(found.season, is_used=False)
    assert flat.of(summary) is summary
    assert flat.ahead(base.day, 91) == 91


def test_a_planted_season_runs_the_clock(fashion):
    summary = btyd.summarize(fashion[1], unit="W")
    found = business_time(summary, btyd.BetaGeo.fit(summary))
    inside = found.of(summary)
    assert found.is_used
    assert inside.cells["customers"].sum() == summary.cells["customers"].sum()
    assert (inside.cells["recency"] <= inside.cells["T"] + 1e-9).all()
    planted = WORLDS["fashion"].season(np.arange(END + 1, END + 365.0))
    for start in (0, 91, 182, 273):
        one = found.ahead(day_of(END + start), 91) / 91
        assert one == pytest.approx(planted[start : start + 91].mean(), rel=0.2)


# What is learnt


def test_a_planted_shift_is_found_and_taken_out():
    found = said_of(tried([0.3] * 8), {MODEL: 100.0})
    assert found.mean == pytest.approx(100 * np.exp(0.3), rel=0.05)
    assert found.ways["shift"].item() == pytest.approx(np.log(found.mean / 100))
    assert said_of(tried([]), {MODEL: 100.0}).mean == pytest.approx(100)


def test_a_shift_is_taken_out_as_far_as_purchases_determine_it():
    """Errors of a few purchases are chance first."""
    errors = tried([0.15, 0.1, 0.2, 0.15], window=1)
    many, few = (said_of(errors, {MODEL: 100.0}, window=1, chance=c).mean for c in (0.03, 0.3))
    assert 100 < few < 104 < 107 < many


def test_what_a_way_was_off_by_lately_counts_for_more_than_what_it_was_off_by_long_ago():
    """A business that began to shrink a year ago: the shift follows, though most days knew nothing of it."""
    now, before = (
        said_of(tried(e, window=1), {MODEL: 100.0}, window=1)
        for e in ([-0.15] * 2 + [0.0] * 4, [0.0] * 4 + [-0.15] * 2)
    )
    assert now.mean < before.mean < 100


def lately(rng, step=0.0, noise=0.05, since=5, length=16):
    """Trials, made without our covariance, of a way that says the mean of all quarters before.

    The level lies off by `step` in the last quarters.
    """
    log = noise * rng.normal(size=length) + np.where(np.arange(length) < since, step, 0.0)  # the last first
    level = 1000 * np.exp(log)
    rows = [
        (MODEL, "value", w, back, w * level[back:].mean(), level[back - w : back].sum())
        for back in (1, 2, 3, 4, 5, 6, 8)
        for w in (1, 4)
        if w <= back
    ]
    table = pd.DataFrame(rows, columns=["way", "what", "window", "back", "said", "came"])
    return table, level


def test_a_step_of_the_level_is_found_and_the_forecast_follows_it():
    for seed in range(5):
        trials, level = lately(np.random.default_rng(seed), step=-0.8)
        found = said_of(trials, {MODEL: 4 * level.mean()}, volume=level)
        assert [one.back for one in found.steps] == pytest.approx([5.0], abs=0.5)
        assert found.steps[0].size == pytest.approx(-0.8, abs=0.2)
        assert abs(np.log(found.mean / (4 * level[:5].mean()))) < 0.25


def test_where_the_level_stepped_lately_it_may_go_back():
    trials, level = lately(np.random.default_rng(1), step=-0.8, since=3)
    calm, steady = lately(np.random.default_rng(1))
    wide = said_of(trials, {MODEL: 4 * level.mean()}, volume=level)
    narrow = said_of(calm, {MODEL: 4000.0}, volume=steady)
    assert wide.doubt.half() > 2 * narrow.doubt.half()


def test_noise_is_no_step_and_little_of_it_is_learnt():
    """Without trend and steps the mean of the errors is chance: less of it is taken than all."""
    steps, learnt_off, as_said, all_taken = 0, [], [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        trials, level = lately(rng, noise=0.15)
        said = 4 * level.mean()
        found = said_of(trials, {MODEL: said}, volume=level, chance=0.075)
        came = np.log(4000 * np.exp(0.15 * rng.normal(size=4)).mean())
        year = trials[trials["window"] == 4]
        learnt_off.append(np.log(found.mean) - came)
        as_said.append(np.log(said) - came)
        all_taken.append(np.log(said) + np.log(year["came"] / year["said"]).mean() - came)
        steps += bool(found.steps)
    assert steps <= 5
    none, some, whole = (np.square(off).mean() for off in (as_said, learnt_off, all_taken))
    assert some - none < 0.7 * (whole - none)


def test_what_contracts_pay_is_not_as_doubtful_as_what_the_models_make_of_it():
    """Yearly and monthly payers scatter for a model of spend; the amount of a contract is known."""
    tried_contracts = tried([0.02, -0.02, 0.01, 0.0], CONTRACT_WAY)
    trials = pd.concat([tried([0.3, -0.3, 0.2, -0.2]), tried_contracts])
    wanted = {MODEL: 100.0, CONTRACT_WAY: 100.0}
    wide, narrow = (said_of(trials, wanted, chance=chance).doubt.half() for chance in (0.25, 0.0))
    assert wide < 1.6 * narrow
    alone = said_of(tried([0.3, -0.3, 0.2, -0.2]), {MODEL: 100.0}, chance=0.25)
    assert alone.doubt.half() > 2 * wide


def test_larger_errors_widen_and_more_days_narrow():
    calm, wild = (said_of(tried(np.tile([e, -e], 4)), {MODEL: 100.0}) for e in (0.02, 0.4))
    assert wild.doubt.half() > 2 * calm.doubt.half()
    few, many = (doubt_of(np.full(n, 0.05), 1.0, 0.03, 0.1).half() for n in (1, 20))
    assert many < few


def test_an_interval_is_never_narrower_than_chance():
    assert doubt_of(np.zeros(40), 1.0, chance=0.1, assumed=0.0).scale >= 0.1


def test_of_two_ways_the_one_that_erred_less_weighs_more():
    trials = pd.concat([tried([0.4, -0.4, 0.4, -0.4]), tried([0.01, -0.01, 0.02, 0.0], AGES)])
    found = said_of(trials, {MODEL: 100.0, AGES: 200.0, LEVEL: np.nan}).ways.set_index("way")
    assert found["weight"].sum() == pytest.approx(1)
    assert found.loc[AGES, "weight"] > found.loc[MODEL, "weight"]


def test_a_season_that_is_not_known_widens():
    trials = tried([0.02, -0.02, 0.01], window=1)
    known, unknown = (
        said_of(trials, {MODEL: 1.0}, window=1, knows_season=knows).doubt.half() for knows in (True, False)
    )
    assert unknown > 2 * known


def test_small_errors_of_a_few_days_do_not_narrow_and_large_ones_widen():
    none, small, large = (
        said_of(tried(errors, window=1), {MODEL: 100.0}, window=1).doubt
        for errors in ([], [0.0, 0.0], [0.5, -0.5])
    )
    assert small.scale < none.scale < large.scale
    assert none.freedom < small.freedom == large.freedom


def test_a_shop_that_opens_again_is_forecast_at_the_level_since():
    """Shut most of the time for fifteen months, open again for four: neither mean nor last year holds."""
    drawn = WORLDS["lockdown"].draw(7)
    day = 1003
    found = value_to_come(base_of(drawn).as_of(day_of(day))).purchases
    came = drawn.came(day, 52)["purchases"]
    assert found.covers(came)
    assert found.mean == pytest.approx(came, rel=0.25)


# The outlook of a base


def test_value_is_net_of_the_goods_that_will_come_back(fashion, fashion_outlook):
    drawn, _ = fashion
    came = drawn.came(END, 52)["value"]
    later = drawn.lines[drawn.lines["day"].between(END + 1, END + 364)]
    gross = later.loc[later["customer"].isin(drawn.known(END)) & (later["amount"] > 0), "amount"].sum()
    found = fashion_outlook.total
    assert found.covers(came)
    assert abs(found.mean - came) < abs(found.mean - gross)


def test_values_of_customers_add_up_to_the_total(fashion_outlook):
    total = float(fashion_outlook.scored.value_to_come.sum().to_pyarrow().as_py())
    assert total == pytest.approx(fashion_outlook.total.mean, rel=1e-6)


def test_another_horizon_rests_on_the_same_foundation(fashion_outlook):
    soon = fashion_outlook.over((13, "W"))
    assert soon.foundation is fashion_outlook.foundation
    assert soon.total.mean < fashion_outlook.total.mean


@pytest.mark.parametrize("horizon", [(10, "D"), (13, "W"), (6, "M"), (39, "W"), (2, "Y")])
def test_every_span_has_its_forecast(fashion_outlook, horizon):
    """Half a year and three quarters, too: the buyers of each span are counted."""
    found = fashion_outlook.over(horizon)
    for total in (found.total, found.purchases, found.buyers):
        assert 0 < total.lower < total.mean < total.upper
    assert found.buyers.mean < found.purchases.mean


def cut(drawn, first, last):
    """The business as if its data began at a day."""
    table = drawn.transactions(until=last)
    table = table[table["transaction_date"] >= pd.Timestamp(day_of(first))]
    return CustomerBase.open(table, today=day_of(last + 90)).as_of(table["transaction_date"].max().date())


@pytest.mark.parametrize(("days", "kind"), [(240, SHORT), (500, ONE_CYCLE)])
def test_short_data_says_what_they_cannot_tell(days, kind):
    base = cut(WORLDS["lockdown"].draw(2), 0, days)
    assert kind in [one.kind for one in value_to_come(base).foundation.cautions]


def test_a_closed_shop_says_that_nothing_was_bought():
    drawn = WORLDS["fashion"].draw(2)
    lines = drawn.transactions(until=1000)
    late = pd.DataFrame(
        {"customer_id": ["late"], "transaction_date": [pd.Timestamp(day_of(1120))], "unit_spend": [-1.0]}
    )
    base = CustomerBase.open(pd.concat([lines, late]), today=day_of(1121)).as_of(day_of(1120))
    with pytest.raises(NotEnoughData, match="purchase in the last 91 days"):
        value_to_come(base)


def test_running_contracts_are_said():
    base = base_of(BOX.draw(2)).as_of(day_of(600))
    kinds = {one.kind: one.share for one in value_to_come(base).foundation.cautions}
    people = BOX.draw(2).people
    alive = ((people["born"] < 601) & (people["dead"] > 601)).sum() / (people["born"] < 601).sum()
    assert kinds.get(CONTRACTS, alive) == pytest.approx(alive, abs=0.01)


# Customers older than the data


def seen_first(name, seed, day):
    """Customers first seen in each whole span of four weeks, counted without the engine."""
    lines = WORLDS[name].draw(seed).lines
    lines = lines[(lines["day"] >= 0) & (lines["amount"] > 0)]
    first = lines.groupby("customer")["day"].min().to_numpy()
    whole = (day - first.min() + 1) // 28
    at = (first[first <= day] - first.min()) // 28
    return np.bincount(at, minlength=whole)[:whole]


@pytest.mark.parametrize("seed", [51, 52, 53])
def test_customers_older_than_the_data_are_detected(seed):
    assert share_older(seen_first("old house", seed, 729)) > 0.1


@pytest.mark.parametrize("name", [n for n in WORLDS if n not in {"old house", "trade"}])
def test_a_business_seen_from_its_beginning_is_no_false_alarm(name):
    assert [share_older(seen_first(name, seed, END)) for seed in (51, 52, 53)] == [0.0, 0.0, 0.0]


def test_a_single_cohort_is_not_taken_for_old_customers():
    assert share_older(np.array([900.0, 800, 300] + [0.0] * 20)) == 0.0


# Key accounts


def accounts(rng, fading, scale=120, since=620, spread=0.0):
    """Ten accounts that order every week or so for two and a half years; the first ones fade since a day."""
    rows = []
    for i in range(10):
        days = np.cumsum(rng.gamma(4, 7 / 4, 400))
        days = days[days < 910]
        if i < fading:
            days = days[rng.random(len(days)) < np.exp(-np.maximum(days - since, 0) / scale)]
        spend = (900.0 - 60 * i) * rng.lognormal(0, spread, len(days))
        rows += [
            (f"k{i}", pd.Timestamp("2023-01-01") + pd.Timedelta(days=int(d)), round(float(x), 2))
            for d, x in zip(days, spend, strict=True)
        ]
    rows.append(("z", pd.Timestamp("2025-06-30"), 1.0))
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    return CustomerBase.open(frame, today="2025-07-01")


def test_accounts_that_fade_are_named_and_no_others():
    found = fading_accounts(accounts(np.random.default_rng(5), 2))
    assert set(found.fading["customer_id"]) == {"k0", "k1"}
    assert (found.fading["orders"] < found.fading["usual"]).all()


def test_where_nobody_fades_nobody_is_named():
    found = fading_accounts(accounts(np.random.default_rng(6), 0))
    assert found.fading.empty
    assert found.false_alarms == 0.05


def test_an_account_whose_last_quarter_alone_is_low_is_named_in_that_quarter():
    """Half a year that holds one usual quarter hides it."""
    found = fading_accounts(accounts(np.random.default_rng(8), 1, scale=10, since=825, spread=0.4))
    assert set(found.fading["customer_id"]) == {"k0"}


def quarters_of_accounts(rng, number, regular, spread, drift=0.0):
    """Orders and money of accounts by quarter back; without drift nobody fades."""
    orders, money = np.zeros((number, 10)), np.zeros((number, 10))
    for i in range(number):
        days = np.cumsum(rng.gamma(regular, 91 / rng.uniform(5, 15) / regular, 400))
        days = days[days < 910]
        days = days[rng.random(len(days)) < np.exp(-drift * np.maximum(days - 700, 0))]
        at = ((910 - 1e-9 - days) // 91).astype(int)
        orders[i] = np.bincount(at, minlength=10)
        money[i] = np.bincount(at, rng.lognormal(8, spread, len(days)), minlength=10)
    return [_Account.of(o, m, np.ones(10), 8) for o, m in zip(orders, money, strict=True)]


@pytest.mark.parametrize(("number", "regular", "spread"), [(8, 4, 0.35), (15, 4, 0.6), (20, 1, 1.0)])
def test_where_nobody_fades_somebody_is_named_in_one_table_of_twenty_at_most(number, regular, spread):
    rng = np.random.default_rng(11)
    named = [(_adjusted(quarters_of_accounts(rng, number, regular, spread)) < 0.05).any() for _ in range(150)]
    assert np.mean(named) <= 0.05


def test_goods_all_sent_back_do_not_break_the_chart():
    orders = np.full(10, 12.0)
    account = _Account.of(orders, np.full(10, -5.0), np.ones(10), 8)
    assert 0 <= account.p((0.25, 0.25)) <= 1
