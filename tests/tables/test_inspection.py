"""`inspect` tells rows, freshness, completeness and what was set aside."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.tables.inspection import inspect


@pytest.fixture
def seen(tmp_path):
    good = [f"c{i % 5},2026-01-{1 + i % 28:02d},{i},web,1" for i in range(100)]
    bad = ["a,soon,1,web,1", "b,2026-01-01,x,,1", "c,soon,1,,1", ",2026-01-02,7.5,,two", "d,2026-01-03,-2,,1"]
    header = "customer_id,transaction_date,unit_spend,channel,unit_quantity"
    (tmp_path / "transactions.csv").write_text("\n".join([header, *good, good[0], *bad]))
    (tmp_path / "customers.csv").write_text("customer_id,city,created_at\nc1,Bern,2025-12-01\nc2,,\n")
    (tmp_path / "events.csv").write_text("a\n1\n")
    base = CustomerBase.open(tmp_path, today="2026-02-01")
    return inspect(base, "2026-02-01")


def test_tables_tell_rows_rejects_and_age(seen) -> None:
    tables = seen.tables.set_index("table")
    assert tables.loc["transactions", ["rows", "rejected", "age_days"]].tolist() == [103, 3, 4]
    assert tables.loc["customers", ["rows", "rejected", "age_days"]].tolist() == [2, 0, 62]
    assert tables.loc["transactions", "newest"].isoformat() == "2026-01-28"


def test_fields_tell_how_much_is_filled(seen) -> None:
    filled = seen.fields.set_index(["table", "field"])["filled"]
    assert filled["customers", "city"] == 0.5
    assert filled["customers", "customer_id"] == 1
    assert filled["transactions", "customer_id"] == pytest.approx(102 / 103)
    assert filled["transactions", "channel"] == pytest.approx(101 / 103)
    assert filled.between(0, 1).all()


def test_rejects_tell_the_rule_how_often_and_where_first(seen) -> None:
    found = [
        tuple(r)
        for r in seen.rejected[["column", "rule", "rows", "first_row", "drops_row"]].itertuples(index=False)
    ]
    assert found[0] == ("transaction_date", "is not a date", 2, 102, True)
    assert ("unit_spend", "is not a number", 1, 103, True) in found
    assert [r[4] for r in found if r[0] == "unit_quantity"] == [False]


def test_what_is_kept_is_told_too(seen) -> None:
    assert (seen.equal_lines, seen.returns) == (1, 1)
    assert (seen.anonymous_rows, seen.anonymous_spend) == (1, 7.5)
    assert list(seen.skipped) == ["events"]
    assert (seen.customers, seen.day.isoformat()) == (6, "2026-01-28")


def test_a_clean_base_has_nothing_to_tell() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-01"], "unit_spend": [1]})
    seen = inspect(CustomerBase.open(frame, today="2026-02-01"), "2026-02-01")
    assert len(seen.rejected) == 0
    assert seen.fields["filled"].tolist() == [1.0, 1.0, 1.0]
