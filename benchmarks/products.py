"""Products on real data: what published figures say, what is found, and what is not.

``python -m benchmarks.products FOLDER`` reads ``online_retail/online_retail.parquet`` and
``complete_journey/`` in FOLDER (neither can be shipped) and prints the tables of docs/products-results.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from crm_analytics import CustomerBase
from crm_analytics.analyses.calendar import calendar, outlook, week_pattern
from crm_analytics.analyses.products.affinity import affinity
from crm_analytics.analyses.products.category_months import category_months
from crm_analytics.analyses.products.cross_shop import cross_shop
from crm_analytics.analyses.products.movers import movers
from crm_analytics.analyses.products.next_product import (
    MODELS,
    Histories,
    NextProduct,
    histories,
    score_split,
    split_last_days,
)
from crm_analytics.analyses.products.popularity import popularity
from crm_analytics.analyses.products.quality import quality

CLOCK = "ALARM CLOCK BAKELIKE"
PAIRS = (  # published: lift, then the confidence of the second given the first
    (f"{CLOCK} GREEN", f"{CLOCK} RED", 8.642959, 0.815789),
    (f"{CLOCK} RED", f"{CLOCK} GREEN", 8.642959, 0.837838),
    (f"{CLOCK} PINK", f"{CLOCK} RED", 7.681081, None),
    (f"{CLOCK} GREEN", f"{CLOCK} PINK", 7.478947, None),
    ("SET/6 RED SPOTTY PAPER CUPS", "SET/6 RED SPOTTY PAPER PLATES", 6.968889, 0.888889),
)


def online_retail(folder: Path) -> pd.DataFrame:
    """The lines as they are, with amounts."""
    lines = pd.read_parquet(folder / "online_retail" / "online_retail.parquet")
    return lines.assign(spend=lines["Quantity"] * lines["UnitPrice"], text=lines["Description"].str.strip())


def france(lines: pd.DataFrame) -> None:
    """Pairs of the French invoices against the published rules."""
    kept = lines[
        (lines["Country"] == "France") & ~lines["InvoiceNo"].str.contains("C") & lines["text"].notna()
    ]
    base = CustomerBase.open(
        pd.DataFrame(
            {
                "transaction_id": kept["InvoiceNo"], "product_id": kept["text"],
                "customer_id": kept["CustomerID"], "transaction_date": kept["InvoiceDate"],
                "unit_quantity": kept["Quantity"], "unit_spend": kept["spend"].clip(lower=0.01),
            }
        ),
        today="2012-01-01",
    )  # fmt: skip
    found = affinity(base, exclude={"POSTAGE"}, cap=1_000)
    within = ", ".join(found.checked) or "sizes of orders alone"
    print(
        f"Online Retail, France: {found.orders} invoices, {found.tested:,} pairs tested within {within}; "
        f"{len(found.found)} affinities shown.\n"
    )
    rows = []
    for one, other, lift, confidence in PAIRS:
        table = found.pairs
        row = table[table["product_a"].isin([one, other]) & table["product_b"].isin([one, other])].iloc[0]
        given = row["confidence_ab" if row["product_a"] == one else "confidence_ba"]
        assert abs(row["lift"] - lift) < 5e-7, one
        assert confidence is None or abs(given - confidence) < 5e-7, one
        rows.append(
            (one, other, lift, row["lift"], confidence or "", given, row["within_lift"], row["verdict"])
        )
    columns = ["first", "then", "lift published", "lift", "confidence published", "confidence",
               "lift within sizes", "verdict"]  # fmt: skip
    show(pd.DataFrame(rows, columns=columns), 6)


def last_day(lines: pd.DataFrame) -> None:
    """Recall on each customer's last day, as published."""
    kept = lines[lines["CustomerID"].notna() & (lines["Quantity"] > 0)]
    held = histories(
        pd.DataFrame(
            {
                "customer_id": kept["CustomerID"].astype(int).astype(str), "product": kept["StockCode"],
                "day": kept["InvoiceDate"].dt.normalize(),
            }
        )
    )  # fmt: skip
    days = pd.DataFrame({"who": held.who, "when": held.when}).drop_duplicates()
    often = np.bincount(days["who"], minlength=len(held.customers)) >= 4
    split = split_last_days(held)
    known = split.known.chosen(often[split.known.who])  # popular is what those customers bought
    counts = known.counts()
    published = {"popular": (popular(known), 0.0368, 0.391), "personal": (counts, 0.196, 0.784)}
    rows = []
    for way, (scores, recall, hit) in published.items():
        each = score_split(split, scores, 10).each.mean()
        assert abs(each["recall"] - recall) < 5e-4, way
        assert abs(each["hit"] - hit) < 5e-4, way
        rows.append((way, recall, each["recall"], hit, each["hit"], each["recall_repeats"]))
    columns = ["way", "recall@10 published", "recall@10", "hit@10 published", "hit@10", "of it repeats"]
    print(f"\nOnline Retail, last day of {len(split.rows):,} customers with four days or more.\n")
    show(pd.DataFrame(rows, columns=columns), 4)


def popular(known: Histories) -> csr_array:
    """Customer-days of the whole past, the same for everybody."""
    days = np.bincount(known.what, minlength=len(known.items)).astype(float)
    best = np.sort(np.argsort(-days, kind="stable")[:50])
    n = len(known.customers)
    shape = (n, len(known.items))
    return csr_array((np.tile(days[best], n), np.tile(best, n), np.arange(n + 1) * len(best)), shape=shape)


def next_products(lines: pd.DataFrame, models: Iterable[str]) -> None:
    """Baselines and models on the last eight weeks."""
    kept = lines[lines["CustomerID"].notna()]
    frame = pd.DataFrame(
        {
            "customer_id": kept["CustomerID"].astype(int).astype(str), "product": kept["StockCode"],
            "day": kept["InvoiceDate"].dt.normalize(), "quantity": kept["Quantity"],
        }
    )  # fmt: skip
    found = NextProduct.fit(frame, models=tuple(models))
    print("\nOnline Retail, the last eight weeks held out.\n")
    columns = ["way", "customers", "recall", "recall_lower", "recall_upper", "recall_repeats",
               "recall_discoveries", "hit", "ndcg", "coverage"]  # fmt: skip
    show(found.evaluation[columns], 4)
    print()
    show(found.differences, 4)
    print(f"\n{found.words}")


def seasons(lines: pd.DataFrame) -> None:
    """Calendar, movers, popularity and returns of all countries."""
    base = CustomerBase.open(
        pd.DataFrame(
            {
                "transaction_id": lines["InvoiceNo"], "product_id": lines["StockCode"],
                "customer_id": lines["CustomerID"], "transaction_date": lines["InvoiceDate"],
                "unit_quantity": lines["Quantity"], "unit_spend": lines["spend"],
            }
        ),
        today="2012-01-01",
    )  # fmt: skip
    months = calendar(base).months
    week = week_pattern(base)
    ahead = outlook(calendar(base).daily)
    found = movers(base, "-13w")
    many = popularity(base)
    bad = quality(base).products
    moved = (found.products["verdict"] == "moves").sum()
    rows = [
        ("calendar", f"{months.cycles} whole year, tested: {months.is_firm}"),
        ("weekdays", f"{(week.weekdays['orders'] == 0).sum()} without orders in {week.weeks} weeks"),
        ("next eight weeks, orders", f"{ahead.expected:,.0f} ({ahead.lower:,.0f} to {ahead.upper:,.0f})"),
        ("by", ahead.words),
        ("products", f"{len(many.products):,} sold, {many.free_lines:,} free lines"),
        ("movers of 13 weeks", f"{moved} of {len(found.products):,} looked at"),
        ("returned more than usual", f"{(bad['verdict'] == 'more').sum()} of {len(bad):,} looked at"),
        ("returned above sales", f"{bad['above_sales'].sum()}"),
    ]  # fmt: skip
    print("\nOnline Retail, all countries, one year and nine days.\n")
    show(pd.DataFrame(rows, columns=["what", "found"]), 2)


def complete_journey(folder: Path) -> None:
    """A sample of lines: its categories over the year; baskets are not whole, so pairs mean little."""
    lines = pd.read_parquet(folder / "complete_journey" / "transactions_sample.parquet")
    goods = pd.read_parquet(folder / "complete_journey" / "products.parquet")
    base = CustomerBase.open(
        {
            "transactions": pd.DataFrame(
                {
                    "transaction_id": lines["basket_id"], "product_id": lines["product_id"],
                    "customer_id": lines["household_id"], "transaction_date": lines["transaction_timestamp"],
                    "unit_spend": lines["sales_value"],
                }
            ),
            "products": pd.DataFrame(
                {"product_id": goods["product_id"], "category_0_name": goods["department"]}
            ),
        },
        today="2018-02-01",
    )  # fmt: skip
    cells = category_months(base).cells
    shop = cross_shop(base)
    pairs = affinity(base, "category")
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in pairs.pairs["verdict"].value_counts().items())
    rows = [
        ("categories by month", f"{cells['once'].sum()} of {len(cells)} beyond chance in the one year seen"),
        ("cross-shopping", f"{shop.pairs['clear'].sum()} of {len(shop.pairs)} pairs of departments clear"),
        ("affinity of departments", verdicts),
    ]  # fmt: skip
    print("\nComplete Journey, the sample of 75,000 lines.\n")
    show(pd.DataFrame(rows, columns=["what", "found"]), 2)


def show(table: pd.DataFrame, digits: int) -> None:
    """Print as Markdown."""
    print("| " + " | ".join(map(str, table.columns)) + " |")
    print("|" + "---|" * table.shape[1])
    for row in table.itertuples(index=False):
        cells = [f"{v:.{digits}f}" if isinstance(v, float) else str(v) for v in row]
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="*", default=list(MODELS), help="als needs the extra recommend")
    given = parser.parse_args()
    lines = online_retail(given.folder)
    france(lines)
    last_day(lines)
    next_products(lines, given.models)
    seasons(lines)
    complete_journey(given.folder)


if __name__ == "__main__":
    main()
