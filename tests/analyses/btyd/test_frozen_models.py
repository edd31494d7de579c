"""Models kept apart from their data, and the watch that says when they no longer hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.analyses.btyd.checks.drift import drift, psi
from crm_analytics.analyses.btyd.checks.frozen_models import FrozenModels, Spread, freeze
from crm_analytics.errors import DataError, NotEnoughData, ParameterError

FIT = "2024-12-31"


def purchases(change: float = 1.0, customers: int = 600, seed: int = 4) -> pd.DataFrame:
    """Pareto/NBD customers from 2024 on, whose rates are multiplied by `change` after the fit."""
    draw = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        at, rate, leaves = (
            draw.uniform(0, 180),
            draw.gamma(2.0, 1 / 40),
            draw.exponential(1 / draw.gamma(0.7, 1 / 200)),
        )
        leaves += at
        while at < 730 and at < leaves:
            rows.append((f"c{i}", int(at), round(draw.gamma(3, 10), 2)))
            at += draw.exponential(1 / (rate * (change if at > 366 else 1.0)))
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "unit_spend"])
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame.assign(transaction_date=days)


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    return CustomerBase.open(purchases(), today="2026-01-01")


@pytest.fixture(scope="module")
def frozen(base) -> FrozenModels:
    summary = btyd.summarize(base.as_of(FIT), "W")
    return freeze(summary, btyd.ParetoNBD.fit(summary), btyd.GammaGamma.fit(summary))


def test_a_file_gives_back_the_same_models_and_the_same_bytes(frozen, tmp_path):
    path = frozen.save(tmp_path / "models.json")
    again = FrozenModels.load(path)
    assert again.purchases.params == frozen.purchases.params
    pd.testing.assert_frame_equal(again.purchases.covariance, frozen.purchases.covariance)
    assert again.spreads == frozen.spreads
    assert again.save(tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_file_made_before_the_modules_moved_is_read():
    again = FrozenModels.load(Path(__file__).parents[2] / "data" / "frozen_models_format_1.json")
    assert [type(m).__name__ for m in (again.purchases, again.status, again.spend)] == [
        "BetaGeo",
        "ModifiedBetaGeo",
        "GammaGamma",
    ]
    assert again.purchases.params["r"] == 1.4004283780707008
    assert (again.unit, again.customers, again.day.isoformat()) == ("W", 420, "2025-09-01")


def test_scores_of_a_later_day_are_those_of_the_fitted_models(base, frozen, tmp_path):
    later = btyd.summarize(base, "W")
    loaded = FrozenModels.load(frozen.save(tmp_path / "models.json"))
    ours = loaded.score(later, horizon=(26, "W"), rate=0.1).order_by("customer_id").to_pandas()
    direct = btyd.score(later, frozen.purchases, frozen.spend, horizon=(26, "W"), rate=0.1)
    pd.testing.assert_frame_equal(ours, direct.order_by("customer_id").to_pandas())


def test_a_changed_file_is_refused(frozen, tmp_path):
    path = frozen.save(tmp_path / "models.json")
    facts = json.loads(path.read_text())
    facts["models"]["purchases"]["params"]["r"] *= 2
    path.write_text(json.dumps(facts))
    with pytest.raises(DataError, match="was changed after it was written"):
        FrozenModels.load(path)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 99}', "\x00"])
def test_other_files_say_that_they_are_none(tmp_path, text):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(DataError, match="no file of frozen models"):
        FrozenModels.load(tmp_path / "m.json")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(DataError, match="there is no file of models"):
        FrozenModels.load(tmp_path / "m.json")


def test_no_customer_is_in_the_file(frozen, tmp_path):
    text = frozen.save(tmp_path / "models.json").read_text()
    assert '"c1' not in text


def test_models_of_another_unit_are_refused(base):
    summary = btyd.summarize(base, "W")
    with pytest.raises(ParameterError, match="fitted in 'D', the summary is in 'W'"):
        freeze(summary, btyd.BetaGeo({"r": 0.2, "alpha": 4.0, "a": 0.8, "b": 2.4}, unit="D"))


def test_customers_who_go_on_as_before_raise_no_alarm(base, frozen):
    found = drift(frozen, base)
    assert not found.past_changed
    assert found.reasons == ()
    assert not found.refit
    reading = found.stability.set_index("of")["reading"]
    assert reading["frequency given T"] == "stable"
    assert reading["T"] == "far"  # nobody has come since: all are a year older


def test_the_last_sum_is_the_holdout_less_its_forecast(base, frozen):
    table = drift(frozen, base).tracking
    then, future = btyd.summarize(base.as_of(FIT), "W"), base.between(FIT, "2025-12-30")
    known = set(then.customers.to_pandas()["customer_id"])
    lines = future.occasions.to_pandas()
    came = lines["customer_id"].isin(known) & (
        pd.to_datetime(lines["day"]) <= pd.Timestamp(table["day"].iloc[-1])
    )
    total = btyd.forecast_total(then, frozen.purchases, float(len(table)), draws=100)
    assert table["cusum"].iloc[-1] == pytest.approx(came.sum() - total.mean)
    assert table["actual"].sum() == came.sum()


@pytest.mark.parametrize(("change", "says"), [(0.5, "bought less"), (1.8, "bought more")])
def test_a_planted_change_of_rates_is_seen(frozen, change, says):
    found = drift(frozen, CustomerBase.open(purchases(change), today="2026-01-01"))
    assert found.refit
    assert says in found.reasons[0]


def test_another_past_is_noticed(frozen):
    other = purchases()
    found = drift(frozen, CustomerBase.open(other[other["customer_id"] != "c1"], today="2026-01-01"))
    assert found.past_changed
    assert "not the one the models were fitted on" in found.reasons[-1]


def test_no_time_passed_or_too_little_is_refused(base, frozen):
    with pytest.raises(ParameterError, match="no time has passed"):
        drift(frozen, base.as_of(FIT))
    with pytest.raises(NotEnoughData, match="drift watch"):
        drift(frozen, base.as_of("2025-01-10"))


def test_the_index_is_symmetric_and_zero_for_equal_shares():
    a, b = Spread((1.0, 2.0), (10, 30, 60)), Spread((1.0, 2.0), (40, 40, 20))
    assert psi(a, b) == pytest.approx(psi(b, a))
    assert psi(a, a) == 0
    with pytest.raises(ParameterError, match="same bands"):
        psi(a, Spread((1.0, 3.0), (1, 1, 1)))
