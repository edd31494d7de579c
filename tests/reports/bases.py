"""Bases every report must speak of: whole, poor, small, odd, hostile, and in currencies of small units."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.demo import write_demo

TODAY = "2027-01-01"
HOSTILE = "<img src=x onerror=alert(1)>"
MARKED = ("2024-11-29", "2025-03-01", "2025-10-01")  # days that a company marks itself
COMPANY_ID, LEMONADE_ID, OWN_ID = r"\bK\d{7}\b", r"\bn\d{2}\b", r"zq7-\d+"
# Texts of the contract that a shop writes as it likes; the others are keys, or words that analyses look for.
FREE_TEXTS = {
    "first_name", "last_name", "city", "region", "acquisition_channel", "needs_segment", "account_manager",
    "loyalty_tier", "product_name", "category_0_name", "category_1_name", "brand_name", "store_id", "coupon",
    "campaign_name", "list_name", "source", "device", "type", "priority", "resolution", "subject",
    "description", "text", "driver", "brand", "message", "topic", "partner_name", "cancel_reason",
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """A base with what the laws need to know of it."""

    base: CustomerBase
    ids: str  # a pattern of its customers' ids
    thin: bool | None = None  # the small form is due (or must not be); None: either
    hostile: str = ""
    parameters: dict[str, object] = field(default_factory=dict)


def named(number: int) -> str:
    """An id that stands nowhere else."""
    return f"zq7-{number}"


def opened(rows: list[tuple[int, str, float]], currency: str = "") -> CustomerBase:
    """Transactions of numbered customers."""
    frame = pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])
    frame["customer_id"] = frame["customer_id"].map(named)
    return CustomerBase.open(frame, today=TODAY, mapping={"currency": currency} if currency else None)


def purchases(mean: float, customers: int = 120, seed: int = 3) -> list[tuple[int, str, float]]:
    """Customers who buy at random days of two years and then stop; a purchase costs about `mean`."""
    draw = np.random.default_rng(seed)
    rows = []
    for who in range(customers):
        start = draw.integers(0, 500)
        days = np.unique(draw.integers(start, min(729, start + draw.integers(60, 500)), draw.integers(1, 9)))
        rows += [
            (who, str(np.datetime64("2025-01-01") + day), float(round(mean * draw.gamma(2, 0.5))))
            for day in days.tolist()
        ]
    return rows


HALVES = ("2024-03-01", "2025-09-01")
ODD: dict[str, list[tuple[int, str, float]]] = {
    "one customer": [(0, "2026-01-01", 5.0)],
    "everybody once": [(i, f"2026-{1 + i % 12:02}-01", 5.0 + i % 7) for i in range(150)],
    "one day": [(i, "2026-06-01", 5.0 + i) for i in range(150)],
    "nobody stays": [(i, HALVES[i % 2], 5.0) for i in range(150)] + [(999, "2026-01-01", 1.0)],
    "only returns now": [(i, "2025-01-01", 5.0) for i in range(150)]
    + [(i, "2026-06-01", -5.0) for i in range(100)] + [(999, "2023-01-01", 900.0)],
    "only returns but one": [(0, "2026-01-01", 5.0)] + [(1 + i, "2026-01-01", -5.0) for i in range(50)],
    "nothing before": [(i, "2026-06-01", 5.0) for i in range(150)] + [(999, "2022-01-01", 1.0)],
    "worth nothing": [(i, f"{2024 + i % 3}-06-01", 0.0) for i in range(150)],
    "all equal": [(i % 120, f"{2024 + i % 3}-06-{1 + i // 360:02}", 1e9) for i in range(720)],
}  # fmt: skip
# Spend of one purchase: a basket in the supermarket, a month's shopping, a wholesaler's order.
SMALL_UNITS = {"JPY": 10_000_000.0, "KRW": 40_000_000.0, "VND": 900_000_000.0, "IDR": 25_000_000_000.0}


def poor(folder: Path) -> Given:
    """The sales of the company, and nothing else: not who, not what."""
    columns = ["customer_id", "transaction_date", "unit_spend"]
    sales = pd.read_parquet(folder / "transactions.parquet", columns=columns)
    few = sorted(sales["customer_id"].dropna().unique())[:250]
    kept = sales[sales["customer_id"].isin(few)]
    return Given(CustomerBase.open(kept, today=TODAY), COMPANY_ID)


def hostile(folder: Path) -> Given:
    """Some of the company, an attack in every text that a shop writes, names allowed, a target for all."""
    sales = pd.read_parquet(folder / "transactions.parquet")
    few = set(sorted(sales["customer_id"].dropna().unique())[:250])
    tables = {}
    for path in sorted(folder.glob("*.parquet")):
        table = sales if path.stem == "transactions" else pd.read_parquet(path)
        who = next((c for c in ("customer_id", "referrer_customer_id") if c in table), None)
        table = table[table[who].isna() | table[who].isin(few)] if who and path.stem != "events" else table
        for column in FREE_TEXTS & set(table.columns) & set(TABLES[path.stem].names):
            text = table[column].astype("string")
            table = table.assign(**{column: (HOSTILE + text).where(text.notna(), None)})
        tables[path.stem] = table
    marks = [{"day": day, "label": HOSTILE} for day in MARKED]
    says = {"label": HOSTILE, "currency": "EUR", "annotation": marks}
    base = CustomerBase.open(tables, today=TODAY, mapping=says)
    base = base.with_rules(targets=[{"kpi": name, "at_least": 0.25} for name in REGISTRY])
    return Given(base, OWN_ID, hostile=HOSTILE, parameters={"show_customers": True})


def lemonade(folder: Path) -> Given:
    """Forty neighbours, whose names may stand on the page and whose ids may not."""
    with tempfile.TemporaryDirectory() as place:
        base = CustomerBase.open(write_demo("lemonade", Path(place)), today=TODAY)
    return Given(base, LEMONADE_ID, thin=True)


def company(folder: Path) -> Given:
    """Everything the contract knows."""
    return Given(CustomerBase.open(folder, today=TODAY), COMPANY_ID, thin=False)


def odd(name: str, _: Path) -> Given:
    """Purchases that no shop would plan for."""
    return Given(opened(ODD[name]), OWN_ID, thin=True if name == "one customer" else None)


def in_small_units(unit: str, _: Path) -> Given:
    """A shop whose customers spend millions."""
    return Given(opened(purchases(SMALL_UNITS[unit]), unit), OWN_ID)


BASES: dict[str, Callable[[Path], Given]] = {
    "company": company,
    "poor": poor,
    "lemonade": lemonade,
    "hostile": hostile,
    **{name: partial(odd, name) for name in ODD},
    **{f"in {unit}": partial(in_small_units, unit) for unit in SMALL_UNITS},
}
