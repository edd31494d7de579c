"""Who was contacted is known again under every id that a customer had."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.campaigns.lists.exporting import MEMBERS, WAVE, issued
from crm_analytics.tables.export import pseudonyms
from crm_analytics.tables.identity_map import IdentityMap

KEY = b"0123456789abcdef"


def wave(root: Path, day: str, one: str) -> Path:
    """A wave of a day that reached one customer."""
    folder = root / "weekly" / day
    folder.mkdir(parents=True)
    rows = pd.DataFrame({"list": ["welcome"], "customer": pseudonyms([one], KEY), "reason_code": "welcome",
                         "channel": "email", "treatment": "control"})  # fmt: skip
    table = pa.Table.from_pandas(rows, preserve_index=False)
    table = table.append_column("issued_on", pa.array([date.fromisoformat(day)], pa.date32()))
    pq.write_table(table, folder / MEMBERS)
    (folder / WAVE).write_text("{}")
    return folder


@pytest.fixture
def base() -> CustomerBase:
    sales = pd.DataFrame({"customer_id": ["p", "q", "r"], "unit_spend": [1.0, 2.0, 3.0],
                          "transaction_date": ["2026-01-05", "2026-02-05", "2026-02-06"]})  # fmt: skip
    return CustomerBase.open(sales, today="2026-05-01")


def reached(base: CustomerBase, folder: Path) -> set[str]:
    table = issued(base, [folder], KEY)
    assert table is not None
    found = base.collect(table)
    assert set(found["treatment"]) <= {"control"}  # the arm goes with the contact
    return set(found["customer_id"])


def test_a_contact_under_a_record_that_was_merged_since_counts_for_the_customer(
    base: CustomerBase, tmp_path: Path
) -> None:
    merged = base.with_identities({"p": "p", "q": "p"})
    assert reached(merged, wave(tmp_path, "2026-03-05", "q")) == {"p"}


def test_a_contact_of_merged_records_counts_for_both_after_they_are_parted(
    base: CustomerBase, tmp_path: Path
) -> None:
    people = pd.DataFrame({"record_id": ["p", "q"], "customer_id": ["p", "q"]}, dtype="str")
    known = pd.DataFrame({"known_id": ["p"], "customer_id": ["q"], "since": ["2026-03-01"],
                          "until": ["2026-03-09"]}, dtype="str")  # fmt: skip
    parted = base.with_identities(IdentityMap(people, known))
    assert reached(parted, wave(tmp_path, "2026-03-05", "p")) == {"p", "q"}
    assert reached(parted, wave(tmp_path, "2026-03-20", "p")) == {"p"}
