"""docs/cluster.md: reduced by its SQL, the numbers are those of all lines. Its Python: `tests/spark`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import btyd, rfm

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "cluster.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    """The one block of a kind."""
    (found,) = re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def lines(small_company: CustomerBase) -> pd.DataFrame:
    """Purchase lines with orders of which a part, or more than all, was sent back on the same day."""
    frame = small_company.collect(small_company.transactions)
    frame = frame[["customer_id", "transaction_id", "transaction_date", "unit_spend"]].head(6000)
    back = frame.iloc[::7].assign(unit_spend=lambda f: -2 * f["unit_spend"])
    return pd.concat([frame, back, back.head(50)], ignore_index=True)


def test_reduced_by_the_sql_the_numbers_stay(lines: pd.DataFrame, tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "shop.duckdb") as engine:
        engine.execute(
            "CREATE TABLE order_lines AS SELECT customer_id, transaction_id AS order_id, "
            "transaction_date AS ordered_at, unit_spend::DECIMAL(18, 4) AS amount FROM lines"
        )
        engine.execute(block("sql"))
        rows = engine.sql("SELECT count(*) FROM reduced").fetchone()
    whole = CustomerBase.open(lines, today="2026-01-01")
    reduced = CustomerBase.open(
        tmp_path / "shop.duckdb", mapping=tomllib.loads(block("toml")), today="2026-01-01"
    )
    assert rows[0] == reduced.counts["rows"] < whole.counts["rows"]
    for made in ("customer_days", "purchase_history"):
        one, two = (base.collect(getattr(base, made)) for base in (whole, reduced))
        keys = list(one.columns[:2])
        pd.testing.assert_frame_equal(*(f.sort_values(keys, ignore_index=True) for f in (one, two)))
    pd.testing.assert_frame_equal(rfm.score(whole).segments, rfm.score(reduced).segments)
    pd.testing.assert_frame_equal(btyd.summarize(whole).cells, btyd.summarize(reduced).cells)
