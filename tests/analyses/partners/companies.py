"""Two companies that share planted customers: what each knows, and who is on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crm_analytics import CustomerBase

TODAY = "2027-01-01"
SHARED = 80  # the first of ours are the last of theirs
SCRIPTS = ("ann", "Жанна", "李娜", "نور", "Ångström", "ǅ")


def mail(number: int) -> str:
    """An address in some script."""
    return f"{SCRIPTS[number % len(SCRIPTS)]}.{number}@Mail.Example"


def people(first: int, count: int, prefix: str, refuse: int = 10) -> pd.DataFrame:
    """Customers with an address; each tenth has not consented to mail."""
    numbers = range(first, first + count)
    return pd.DataFrame(
        {
            "customer_id": [f"{prefix}{n}" for n in numbers],
            "first_name": "Zoe",
            "email": [mail(n) if n % 4 else None for n in numbers],
            "phone": [f"+49 30 {1000000 + n}" for n in numbers],
            "consent_email": [n % refuse != 0 for n in numbers],
            "consent_phone": False,
            "consent_sms": False,
            "consent_post": [n % refuse != 0 for n in numbers],
            "do_not_contact": [n % 25 == 7 for n in numbers],
            "created_at": "2025-01-01",
        }
    )


def sales(ids: list[str], often: set[str], seed: int) -> pd.DataFrame:
    """Purchases of two years; some customers buy four times as often as the others."""
    draw = np.random.default_rng(seed)
    rows = []
    for who in ids:
        days = np.unique(draw.integers(0, 700, 16 if who in often else 3)).tolist()
        rows += [
            (who, str(np.datetime64("2025-01-01") + day), float(5 + draw.integers(0, 40))) for day in days
        ]
    return pd.DataFrame(rows, columns=["customer_id", "transaction_date", "unit_spend"])


def ours(partner_records: pd.DataFrame | None = None, **more: Any) -> CustomerBase:
    """Our base: 240 customers, of whom the shared ones buy often."""
    table = people(0, 240, "zq7-")
    often = set(table["customer_id"][:SHARED])
    tables: dict[str, Any] = {"customers": table, "transactions": sales(list(table["customer_id"]), often, 1)}
    if partner_records is not None:
        tables["partner_records"] = partner_records
    return CustomerBase.open(tables | more, today=TODAY)


def theirs() -> CustomerBase:
    """The partner's base: 200 customers, of whom 60 are ours, each written in its own way."""
    table = people(SHARED - 200, 200, "P", refuse=1_000_000)
    strangers = table.index[: 200 - SHARED]
    table.loc[strangers, "email"] = [f"only.{n}@mail.example" for n in range(len(strangers))]
    table.loc[strangers, "phone"] = [f"+43 1 {2000000 + n}" for n in range(len(strangers))]
    table["consent_email"] = table["consent_post"] = True
    table["city"] = "Graz"
    table["email"] = "  " + table["email"].str.upper()
    table["do_not_contact"] = False
    return CustomerBase.open(
        {"customers": table, "transactions": sales(list(table["customer_id"]), set(), 2)}, today=TODAY
    )
