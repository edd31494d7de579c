"""Value today against value to come."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.portfolio.value_grid import value_grid
from crm_analytics.errors import ParameterError

DAY = "2026-12-31"


def shop(customers: int = 50, seed: int = 2) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    draw = np.random.default_rng(seed)
    who = [f"c{i:02d}" for i in range(customers)]
    sales = pd.DataFrame(
        {
            "customer_id": who,
            "transaction_date": pd.Timestamp("2026-06-01"),
            "unit_spend": draw.gamma(2, 20, customers).round(2),
        }
    )
    return {"transactions": sales}, pd.DataFrame(
        {"customer_id": who, "lifetime_value": draw.gamma(1, 50, customers)}
    )


def test_fields_hold_everybody_once_and_tiers_have_their_sizes():
    tables, forecast = shop()
    base = CustomerBase.open(tables, today="2027-01-01")
    fields = value_grid(base, base.to_engine(forecast), margin=0.5).fields
    assert len(fields) == 9
    assert fields["customers"].sum() == 50
    for side in ("today", "to_come"):
        assert fields.groupby(side, sort=False)["customers"].sum().tolist() == [10, 15, 25]
    assert fields["value"].sum() == pytest.approx(forecast["lifetime_value"].sum(), abs=0.01)
    assert fields["revenue"].sum() == pytest.approx(tables["transactions"]["unit_spend"].sum())
    full = fields[fields["customers"] > 0]
    np.testing.assert_allclose(full["ceiling"], 0.5 * full["value"] / full["customers"])


def test_overlooked_are_the_best_to_come_of_the_lower_half_whom_nobody_wrote_to():
    tables, forecast = shop()
    joined = tables["transactions"].merge(forecast, on="customer_id")
    best = set(joined.nlargest(10, "lifetime_value")["customer_id"])
    low = set(joined.nsmallest(25, "unit_spend")["customer_id"])
    wanted = best & low
    assert len(wanted) >= 3
    written, long_ago, held_back = sorted(wanted)[:3]
    tables["campaigns"] = pd.DataFrame({"campaign_id": ["m"]})
    tables["campaign_members"] = pd.DataFrame(
        {
            "member_id": ["1", "2", "3"],
            "campaign_id": "m",
            "customer_id": [written, long_ago, held_back],
            "treatment": ["treated", "treated", "control"],
            "sent_at": pd.to_datetime(["2026-12-01", "2026-01-05", "2026-12-01"]),
        }
    )
    late = pd.DataFrame({"customer_id": ["x"], "transaction_date": [pd.Timestamp(DAY)], "unit_spend": [1.0]})
    tables["transactions"] = pd.concat([tables["transactions"], late], ignore_index=True)
    base = CustomerBase.open(tables, today="2027-01-01").as_of(DAY)
    found = value_grid(base, base.to_engine(forecast))
    assert found.contacts_known
    assert set(found.overlooked.to_pandas()["customer_id"]) == wanted - {written}


def test_without_contacts_nobody_was_written_to_and_that_is_said():
    tables, forecast = shop()
    base = CustomerBase.open(tables, today="2027-01-01")
    found = value_grid(base, base.to_engine(forecast))
    assert not found.contacts_known
    assert found.overlooked.to_pandas()["last_contact"].isna().all()


def test_order_of_rows_changes_nothing():
    tables, forecast = shop()
    forecast["lifetime_value"] = forecast["lifetime_value"].round(-1)  # many ties
    mixed = {"transactions": tables["transactions"].sample(frac=1, random_state=1)}
    one, other = (CustomerBase.open(t, today="2027-01-01") for t in (tables, mixed))
    a = value_grid(one, one.to_engine(forecast)).fields
    b = value_grid(other, other.to_engine(forecast.sample(frac=1, random_state=3))).fields
    pd.testing.assert_frame_equal(a, b)


def test_a_margin_that_is_no_share_says_so():
    tables, forecast = shop()
    base = CustomerBase.open(tables, today="2027-01-01")
    with pytest.raises(ParameterError, match="margin is a share"):
        value_grid(base, base.to_engine(forecast), margin=40)
