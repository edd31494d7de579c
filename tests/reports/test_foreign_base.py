"""Pages of a shop that nobody built the product for: they agree, in both languages, and with pandas."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_analytics.pages.blocks import Block
from tests.all_reports import REPORTS
from tests.reports import corner_shop
from tests.reports.in_process import shown_by
from tests.reports.one_truth import disagreements, facts_of, items_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("somewhere")]
YEAR, QUARTER = pd.Timedelta(days=365), pd.Timedelta(days=91)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, list[Block]]]:
    """Every report of the shop in a language, with the lists beside its page."""
    base = corner_shop.opened().keeping(tmp_path_factory.mktemp("kept"))

    @cache
    def made(language: str) -> dict[str, list[Block]]:
        found = {}
        for name, report in REPORTS.items():
            folder = tmp_path_factory.mktemp(name)
            shown = shown_by(report, base, run=str(folder), language=language)
            found[name] = [one.block for one in shown]
            lists_agree(found[name], folder)
        return found

    return made


def lists_agree(page: list[Block], folder: Path) -> None:
    """Every list has as many rows as its action says."""
    for item in items_of(page, "actions"):
        if item.get("list", {}).get("count"):
            rows = pq.read_table(folder / "lists" / f"{item['list']['name']}.parquet")
            assert rows.num_rows == item["list"]["count"], item["do"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_pages_agree(pages: Callable[[str], dict[str, list[Block]]], language: str) -> None:
    assert disagreements(pages(language)) == []


def test_both_languages_record_the_same_figures(pages: Callable[[str], dict[str, list[Block]]]) -> None:
    for name in REPORTS:
        english, german = (json.dumps(facts_of(pages(x)[name]), default=str) for x in ("en", "de"))
        assert english == german, name


def test_figures_are_those_of_pandas(pages: Callable[[str], dict[str, list[Block]]]) -> None:
    recorded: dict[str, Any] = {}
    for page in pages("en").values():
        recorded |= facts_of(page)
    recorded |= facts_of(pages("en")["segments"])
    expected = by_hand(recorded)
    assert {name: recorded[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def by_hand(recorded: dict[str, Any]) -> dict[str, float]:
    """Key figures straight from the tables; only the two days of silence are taken from the page."""
    found = corner_shop.tables()
    lines, people = found["transactions"], found["customers"].set_index("customer_id")
    known = lines.dropna(subset=["customer_id"])
    # an order is a day on which a customer bought, returns alone are none
    bought = known[known["unit_spend"] > 0].drop_duplicates(["customer_id", "transaction_date"])
    orders = bought.groupby("customer_id")["transaction_date"].agg(["min", "max", "count"])
    silent = (corner_shop.LAST - orders["max"]).dt.days
    start = corner_shop.LAST - QUARTER
    recent = known["transaction_date"] > start
    money = known.groupby("customer_id")["unit_spend"].sum().sort_values(ascending=False)
    new = orders.index[orders["min"] > corner_shop.LAST - YEAR]
    spend = found["channel_spend"]
    spent = spend.loc[spend["date_day"] > corner_shop.LAST - YEAR, "spend"].sum()
    at_risk, lapsed = (days_of(recorded, word) for word in ("at_risk", "lapsed"))
    fifth = int(np.ceil(0.2 * len(money)))
    return {
        "revenue": known.loc[recent, "unit_spend"].sum(),
        "buyers": bought.loc[bought["transaction_date"] > start, "customer_id"].nunique(),
        "revenue_to_date": lines["unit_spend"].sum(),
        "revenue_of_known_customers": known["unit_spend"].sum(),
        "customers_bought": len(orders),
        "bought_again": (orders["count"] > 1).mean(),
        "top_fifth_revenue_share": money.iloc[:fifth].sum() / money.sum(),
        "customers_active": (silent < at_risk).sum(),
        "customers_at_risk": ((silent >= at_risk) & (silent < lapsed)).sum(),
        "customers_lapsed": (silent >= lapsed).sum(),
        "acquisition_cost": people.loc[new, "acquisition_cost"].mean() + spent / len(new),
    }


def days_of(recorded: dict[str, Any], word: str) -> int:
    """From which silence on a word holds, as recorded."""
    return int(recorded[f"{word}_days"])
