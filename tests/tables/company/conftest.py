"""One company for all its tests, and what it was drawn from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crm_analytics.tables.company import TRUTH, TRUTH_CUSTOMERS


@dataclass(frozen=True)
class Company:
    """Its folder and the truth."""

    folder: Path
    truth: dict[str, Any]
    customers: pd.DataFrame

    def table(self, name: str) -> pd.DataFrame:
        """A table as written; money as floats."""
        frame = pd.read_parquet(self.folder / f"{name}.parquet")
        money = [c for c in frame if len(frame) and type(frame[c].iloc[0]).__name__ == "Decimal"]
        return frame.astype(dict.fromkeys(money, float))

    def orders(self) -> pd.DataFrame:
        """Orders of the known with what their customer was drawn with; duplicates joined again."""
        lines = self.table("transactions")
        lines = lines.loc[~lines["is_return"] & lines["customer_id"].notna()]
        same = dict(zip(self.customers["duplicate_id"], self.customers["customer_id"], strict=True))
        who = lines["customer_id"].map(lambda i: same.get(i, i))
        found = lines.assign(customer_id=who).groupby("transaction_id", as_index=False).agg(
            customer_id=("customer_id", "first"), at=("transaction_date", "min"),
            lines=("product_id", "size"), coupon=("coupon", "first"),
            campaign_id=("campaign_id", "first"),
        )  # fmt: skip
        return found.merge(self.customers, on="customer_id")


def open_company(folder: Path) -> Company:
    """A company that has been written."""
    truth = json.loads((folder / TRUTH).read_text())
    return Company(folder, truth, pd.read_feather(folder / TRUTH_CUSTOMERS))


@pytest.fixture(scope="session")
def company(demo_company_folder: Path) -> Company:
    return open_company(demo_company_folder)
