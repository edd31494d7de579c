"""The reduction: counts of CDNOW, units, money, ties."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd
from crm_analytics.errors import ParameterError


def test_counts_match_clv_section_3(cdnow, past, summary, frame):
    assert int(cdnow.collect(cdnow.occasions.aggregate(n=cdnow.occasions.count()))["n"].iloc[0]) == 6_696
    assert int(past.collect(past.occasions.aggregate(n=past.occasions.count()))["n"].iloc[0]) == 4_814
    cells = summary.cells
    assert (summary.customer_count, len(cells), summary.repeat_buyers) == (2_357, 1_016, 946)
    assert (cells["frequency"] * cells["customers"]).sum() == 2_457
    assert cells["frequency"].max() == 29
    assert cells["T"].min() == 27
    assert cells["T"].max() == pytest.approx(272 / 7)
    bands = cells["customers"].groupby(cells["frequency"].clip(upper=7)).sum()
    assert bands.tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    one = frame[frame["customer_id"] == "1516"].iloc[0]
    assert one[["frequency", "recency", "T"]].tolist() == pytest.approx([26, 216 / 7, 31])


def test_shape_is_the_contract(summary, past):
    assert list(summary.customers.columns) == ["customer_id", "frequency", "recency", "T", "monetary_value"]
    assert list(summary.cells.columns) == ["frequency", "recency", "T", "customers"]
    assert list(summary.spend_cells.columns) == ["frequency", "monetary_value", "customers"]
    assert (summary.unit, summary.day, summary.base) == ("W", past.day, past)
    assert (summary.spend_cells["monetary_value"] > 0).all()
    assert (summary.spend_cells["frequency"] > 0).all()


def test_plain_pandas_gives_the_same(cdnow_lines, frame):
    """Frequency, recency, T and mean repeat spend, the slow way."""
    lines = cdnow_lines[cdnow_lines["transaction_date"] <= "1997-09-30"]
    days = lines.groupby(["customer_id", "transaction_date"])["unit_spend"].sum().reset_index()
    days = days.sort_values(["customer_id", "transaction_date"])
    group = days.groupby("customer_id")
    first, last = group["transaction_date"].min(), group["transaction_date"].max()
    repeats = days[days.duplicated("customer_id")].groupby("customer_id")["unit_spend"].mean()
    expected = pd.DataFrame(
        {
            "frequency": group.size() - 1,
            "recency": (last - first).dt.days / 7,
            "T": (pd.Timestamp("1997-09-30") - first).dt.days / 7,
            "monetary_value": repeats.reindex(first.index).fillna(0.0),
        }
    )
    found = frame.set_index("customer_id").sort_index()
    pd.testing.assert_frame_equal(found, expected.sort_index(), check_dtype=False, check_index_type=False)


def test_cells_hold_every_customer_once(summary, frame):
    counted = frame.groupby(["frequency", "recency", "T"]).size()
    cells = summary.cells.set_index(["frequency", "recency", "T"])["customers"]
    pd.testing.assert_series_equal(
        cells.sort_index(), counted.sort_index(), check_names=False, check_exact=True
    )


def test_permuting_rows_changes_nothing(cdnow_lines, summary):
    mixed = cdnow_lines.sample(frac=1.0, random_state=4)
    again = btyd.summarize(CustomerBase.open(mixed, today="2026-01-01").as_of("1997-09-30"))
    pd.testing.assert_frame_equal(again.cells, summary.cells, check_exact=True)
    pd.testing.assert_frame_equal(again.spend_cells, summary.spend_cells, check_exact=True)
    pd.testing.assert_frame_equal(again.cell_days, summary.cell_days, check_exact=True)


def test_rows_and_cells_after_the_day_are_invisible(cdnow_lines, summary):
    cut = cdnow_lines[cdnow_lines["transaction_date"] <= "1997-09-30"]
    again = btyd.summarize(CustomerBase.open(cut, today="2026-01-01"))
    pd.testing.assert_frame_equal(again.cells, summary.cells, check_exact=True)


@pytest.mark.parametrize(("unit", "days"), [("D", 1), ("W", 7), ("M", 365.25 / 12), ("Y", 365.25)])
def test_units_only_rescale(past, summary, unit, days):
    other = btyd.summarize(past, unit=unit)
    np.testing.assert_allclose(other.cells["T"] * days, summary.cells["T"] * 7, rtol=1e-12)
    np.testing.assert_allclose(other.cells["recency"] * days, summary.cells["recency"] * 7, rtol=1e-12)
    assert other.cells["customers"].tolist() == summary.cells["customers"].tolist()


def test_unknown_unit_says_which_there_are(past):
    with pytest.raises(ParameterError, match="unknown unit of time 'Q': use one of 'D', 'W', 'M', 'Y'"):
        btyd.summarize(past, unit="Q")


def test_money_of_the_first_purchase_is_left_out():
    lines = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b", "b"],
            "transaction_date": ["2026-01-01", "2026-01-02", "2026-01-02", "2026-01-01", "2026-01-09"],
            "unit_spend": [100.0, 0.1, 0.2, 9.99, 0.0],
        }
    )
    base = CustomerBase.open(lines, today="2026-02-01")
    found = base.collect(btyd.summarize(base, "D").customers).sort_values("customer_id")
    assert found["monetary_value"].tolist() == [0.3, 0.0]
    assert btyd.summarize(base, "D").spend_cells["customers"].sum() == 1
