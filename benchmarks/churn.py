"""Churn features of a million customers in the engine and in pandas; then training and scoring.

``python -m benchmarks.churn [--customers 1000000] [--lines 25]`` draws purchases, tickets, campaign members,
visits and answers, and reduces them to the features of `churn.features` twice: by the engine, and in pandas
as one would write it there (whole columns, no Python a row). The features are those of a training day: the
tables go on for 90 days more, and neither side may see them. Both begin with their tables opened, each in a
process of its own, three times in turn, and the numbers must be equal. Then a model is trained and everybody
scored, in a process whose peak is told.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from crm_analytics import CustomerBase

ROOT = Path(__file__).resolve().parent.parent
LAST, DAYS, AFTER = pd.Timestamp("2025-12-31"), 900, 90  # the last day; days before and after the day
DAY = LAST - pd.Timedelta(days=AFTER)  # of which the features are
END = DAY + pd.Timedelta(days=1)
TODAY = "2026-12-31"
GOAL, MEMORY = 5.0, 6.0  # times pandas, GiB
PAIRS = 3  # of runs, pandas and the engine in turn
LINE_COLUMNS = [
    "customer_id", "transaction_date", "product_id", "unit_quantity", "unit_spend", "unit_cost", "discount",
    "coupon", "channel",
]  # fmt: skip
LINES, BASKET = 25, 2.4  # lines a customer, and an order, on average, as in the demo company
TABLES = (
    "customers", "transactions", "products", "tickets", "campaign_members", "events", "survey_responses",
)  # fmt: skip


def write_base(folder: Path, customers: int, lines: float = LINES, seed: int = 5) -> None:
    """A shop's tables as Parquet; every customer has their own pace, and stops buying some day."""
    rng = np.random.default_rng(seed)
    ids = np.char.add("c", np.arange(customers).astype("U9"))

    def some(n: int) -> np.ndarray:
        return ids[rng.integers(0, customers, n)]

    def when(n: int) -> pd.Series:
        seconds = rng.integers(0, (DAYS + AFTER) * 86_400, n)
        return pd.Series(LAST + pd.Timedelta(hours=23) - pd.to_timedelta(seconds, unit="s")).dt.as_unit("us")

    begun = rng.integers(AFTER, AFTER + DAYS, customers)
    stayed = np.minimum(rng.exponential(300, customers), begun).astype(int) + 1
    # orders of a customer, and lines of an order
    orders = rng.geometric(BASKET / lines, customers)
    whose = np.repeat(np.arange(customers), orders)
    ordered = begun[whose] - (rng.random(len(whose)) * stayed[whose]).astype(int)
    many = rng.geometric(1 / BASKET, len(whose))
    who, day = np.repeat(whose, many), np.repeat(ordered, many)
    number = np.repeat(np.arange(len(whose)), many)
    n = len(who)
    spend = np.round(rng.gamma(2, 10, n), 2) * np.where(rng.random(n) < 0.03, -1, 1)
    pd.DataFrame({
        "transaction_line_id": np.arange(n).astype("U9"),
        "transaction_id": np.char.add("o", number.astype("U9")),
        "customer_id": ids[who],
        "transaction_date": pd.Series(LAST - pd.to_timedelta(day, unit="D")).dt.as_unit("us"),
        "product_id": np.char.add("p", rng.integers(0, 500, n).astype("U4")),
        "unit_quantity": 1.0, "unit_spend": spend, "unit_cost": np.round(np.abs(spend) * 0.6, 2),
        "discount": np.where(rng.random(n) < 0.2, 1.0, 0.0),
        "coupon": np.where(rng.random(n) < 0.15, "SAVE", None),
        "channel": np.array(["web", "shop", "app"])[rng.integers(0, 3, n)],
    }).to_parquet(folder / "transactions.parquet")  # fmt: skip
    pd.DataFrame({
        "customer_id": ids,
        "acquisition_channel": np.array(["search", "friend", "shop"])[rng.integers(0, 3, customers)],
    }).to_parquet(folder / "customers.parquet")  # fmt: skip
    products = np.arange(500)
    pd.DataFrame({
        "product_id": np.char.add("p", products.astype("U4")),
        "product_name": np.char.add("P", products.astype("U4")),
        "category_0_name": np.char.add("K", (products % 12).astype("U2")),
    }).to_parquet(folder / "products.parquet")  # fmt: skip
    m = customers // 2
    opened = when(m)
    pd.DataFrame({
        "ticket_id": np.arange(m).astype("U9"), "customer_id": some(m), "created_at": opened,
        "is_complaint": rng.random(m) < 0.4,
        "first_solved_at": opened + pd.to_timedelta(rng.integers(600, 90_000, m), unit="s"),
        "last_solved_at": opened + pd.to_timedelta(rng.integers(90_000, 200_000, m), unit="s"),
        "satisfaction_score": rng.integers(1, 6, m).astype(float),
    }).to_parquet(folder / "tickets.parquet")  # fmt: skip
    m = customers * 2
    sent = when(m)
    later = sent + pd.to_timedelta(rng.integers(60, 80_000, m), unit="s")
    pd.DataFrame({
        "member_id": np.arange(m).astype("U9"), "campaign_id": "x", "customer_id": some(m),
        "treatment": np.where(rng.random(m) < 0.8, "treated", "control"), "sent_at": sent,
        "opened_at": later.where(rng.random(m) < 0.3), "responded_at": later.where(rng.random(m) < 0.05),
        "unsubscribed_at": later.where(rng.random(m) < 0.01),
    }).to_parquet(folder / "campaign_members.parquet")  # fmt: skip
    m = customers * 2
    pd.DataFrame({
        "event_id": np.arange(m).astype("U9"), "timestamp": when(m), "event": "Page Viewed",
        "channel": "search", "customer_id": some(m),
    }).to_parquet(folder / "events.parquet")  # fmt: skip
    m = customers // 2
    pd.DataFrame({
        "response_id": np.arange(m).astype("U9"), "respondent_id": some(m), "responded_at": when(m),
        "instrument": rng.choice(["nps", "csat", "ces"], m, p=[0.4, 0.4, 0.2]), "question": "?",
        "score": rng.integers(0, 11, m).astype(float),
        "scale_min": 0.0, "scale_max": 10.0, "customer_id": some(m),
    }).to_parquet(folder / "survey_responses.parquet")  # fmt: skip


def in_pandas(t: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The features of the day as one writes them with pandas."""
    lines = t["transactions"]
    lines = lines.loc[lines["transaction_date"] < END, LINE_COLUMNS].merge(
        t["products"][["product_id", "category_0_name"]], on="product_id", how="left"
    )
    lines["bought"] = lines["unit_spend"] >= 0
    days = lines.groupby(["customer_id", "transaction_date"], sort=False).agg(
        spend=("unit_spend", "sum"), bought=("bought", "any")
    )
    days = days.reset_index()
    days["ago"] = (DAY - days["transaction_date"]).dt.days
    whole = days.groupby("customer_id").agg(revenue=("spend", "sum"))
    order = days[days["bought"] & (days["spend"].round(4) >= 0)]  # floats that should sum to 0 do not quite
    one = order.groupby("customer_id").agg(
        recency_days=("ago", "min"), tenure_days=("ago", "max"), order_count=("ago", "size")
    )
    for name, low, high in (("recent", 0, 90), ("before", 90, 180), ("year", 0, 365)):
        part, money = (f[(f["ago"] >= low) & (f["ago"] < high)].groupby("customer_id") for f in (order, days))
        one[f"orders_{name}"] = part.size()
        one[f"revenue_{name}"] = money["spend"].sum()
    one = one.fillna(0.0).join(whole)
    one["mean_gap_days"] = (one["tenure_days"] - one["recency_days"]) / (one["order_count"] - 1).where(
        one["order_count"] > 1
    )
    one["overdue"] = one["recency_days"] / one["mean_gap_days"].where(one["mean_gap_days"] > 0)
    one["order_value"] = one["revenue"] / one["order_count"]
    one["orders_trend"] = one["orders_recent"] - one["orders_before"]
    one["revenue_trend"] = one["revenue_recent"] - one["revenue_before"]
    lines["returned"], lines["couponed"] = lines["unit_spend"] < 0, lines["coupon"].notna()
    lines["paid"] = lines["unit_spend"].clip(lower=0)
    lines["margin"] = lines["unit_spend"] - lines["unit_cost"] * lines["unit_quantity"] * np.sign(
        lines["unit_spend"]
    )
    each = lines.groupby("customer_id").agg(
        products=("product_id", "nunique"), categories=("category_0_name", "nunique"),
        returned_share=("returned", "mean"), coupon_share=("couponed", "mean"), off=("discount", "sum"),
        paid=("paid", "sum"), channels=("channel", "nunique"), margin=("margin", "sum"),
        sold=("unit_spend", "sum"),
    )  # fmt: skip
    each["discount_share"] = each["off"] / (each["paid"] + each["off"]).where(lambda x: x > 0)
    sold = each["sold"].round(4)
    each["margin_share"] = each["margin"] / sold.where(sold != 0)
    one = one.join(each)
    seen = t["events"]
    recent = seen[(seen["timestamp"] < END) & ((DAY - seen["timestamp"].dt.normalize()).dt.days < 90)]
    one["visits_recent"] = recent.groupby("customer_id").size()
    tickets = t["tickets"]
    tickets = tickets[tickets["created_at"] < END].copy()
    tickets["hours"] = (tickets["first_solved_at"] - tickets["created_at"]).dt.total_seconds() / 3600
    # late facts: known only once they have happened
    tickets["hours"] = tickets["hours"].where(tickets["first_solved_at"] < END)
    tickets["told"] = tickets["satisfaction_score"].where(tickets["last_solved_at"] < END)
    served = tickets.groupby("customer_id").agg(
        tickets=("hours", "size"), complaints=("is_complaint", "sum"), waiting_hours=("hours", "mean"),
        satisfaction=("told", "mean"),
    )  # fmt: skip
    served["open_tickets"] = tickets["hours"].isna().groupby(tickets["customer_id"]).sum()
    upset = tickets[tickets["is_complaint"]]
    since = (DAY - upset["created_at"].dt.normalize()).dt.days
    served["complaint_days"] = since.groupby(upset["customer_id"]).min()
    served["complaints_recent"] = (since < 90).groupby(upset["customer_id"]).sum()
    answers = t["survey_responses"]
    answers = answers[answers["responded_at"] < END]
    share = (answers["score"] - answers["scale_min"]) / (answers["scale_max"] - answers["scale_min"])
    one = one.join(served).join(share.groupby(answers["customer_id"]).mean().rename("survey_score"))
    mails = t["campaign_members"]
    mails = mails[(mails["treatment"] == "treated") & (mails["sent_at"] < END)]
    mails = mails.assign(
        opened=mails["opened_at"] < END,
        responded=mails["responded_at"] < END,
        left=(mails["unsubscribed_at"] < END).astype("int64"),
    )
    reached = mails.groupby("customer_id").agg(
        mails=("opened", "size"), opened_share=("opened", "mean"), responded_share=("responded", "mean"),
        unsubscribed=("left", "max"),
    )  # fmt: skip
    one = one.join(reached)
    last = answers.assign(share=share).sort_values(["responded_at", "score"], ascending=[True, False])
    one["nps"] = last[last["instrument"] == "nps"].groupby("customer_id")["score"].last()
    one["ease"] = last[last["instrument"] == "ces"].groupby("customer_id")["share"].last()
    one = one.join(t["customers"].set_index("customer_id")["acquisition_channel"].rename("acquired_by"))
    counts = [
        "visits_recent", "tickets", "complaints", "complaints_recent", "open_tickets", "mails",
        "unsubscribed",
    ]  # fmt: skip
    one[counts] = one[counts].fillna(0)
    gone = ["orders_before", "revenue_recent", "revenue_before", "off", "paid", "margin", "sold"]
    return one.drop(columns=gone).sort_index()


def theirs(folder: Path) -> dict[str, Any]:
    """Pandas: read, then reduce."""
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    gc.collect()  # what opening left behind is no part of the reduction
    began = time.perf_counter()
    found = in_pandas(tables)
    seconds = time.perf_counter() - began
    found.to_parquet(_kept(folder, "pandas"))
    return {"seconds": seconds, "gib": _peak()}


def _kept(folder: Path, side: str) -> Path:
    """Beside the base, which takes every file of its folder for a table."""
    return folder.parent / f"{folder.name}-{side}.parquet"


def ours(folder: Path) -> dict[str, Any]:
    """The engine: open with all checks, then reduce."""
    from crm_analytics.analyses import churn

    base, opened = _opened(folder)
    began = time.perf_counter()
    table = base.materialise(churn.features(base.as_of(DAY.date())))
    seconds = time.perf_counter() - began
    table.to_parquet(_kept(folder, "engine"))
    return {"opened": opened, "seconds": seconds, "gib": _peak()}


def used(folder: Path) -> dict[str, Any]:
    """What the features are for: a model trained on windows of them, and the scores of everybody."""
    from crm_analytics.analyses import churn

    base, _ = _opened(folder)
    began = time.perf_counter()
    trained = churn.train(base)
    told = {"train": time.perf_counter() - began}
    began = time.perf_counter()
    scored = base.materialise(churn.score(base, trained))
    told["score"] = time.perf_counter() - began
    customers = int(scored.count().to_pyarrow().as_py())
    return {**told, "customers": customers, "method": trained.method, "gib": _peak()}


def _opened(folder: Path) -> tuple[CustomerBase, float]:
    from crm_analytics import CustomerBase

    began = time.perf_counter()
    base = CustomerBase.open(folder, today=TODAY)
    seconds = time.perf_counter() - began
    gc.collect()  # as for pandas
    return base, seconds


def _equal(folder: Path) -> int:
    """Compare what the two gave; the number of columns that are equal."""
    other = pd.read_parquet(_kept(folder, "pandas"))
    mine = pd.read_parquet(_kept(folder, "engine")).set_index("customer_id").sort_index()
    alone = set(other.columns) ^ set(mine.columns)
    assert not alone, f"only one side has {alone}"
    assert mine.index.equals(other.index), "other customers"
    for name in mine.columns:
        if name == "acquired_by":
            assert mine[name].equals(other[name].astype(mine[name].dtype)), f"{name} differs"
            continue
        a, b = mine[name].astype("float64").to_numpy(), other[name].astype("float64").to_numpy()
        assert np.allclose(a, b, rtol=1e-9, atol=1e-7, equal_nan=True), f"{name} differs"
    return len(mine.columns)


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 / (1024 if sys.platform == "darwin" else 1)


SIDES = {"pandas": theirs, "engine": ours, "used": used}


def run(customers: int, lines: float) -> dict[str, list[dict[str, Any]]]:
    """Draw the tables, measure both sides in turn, then train and score."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as name:
        folder = Path(name) / "base"
        folder.mkdir()
        found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        # the drawing, too, is a process: one that is started inherits the peak of the one that starts it
        for step in ("drawn", *("pandas", "engine") * PAIRS, "used"):
            call = [sys.executable, "-m", "benchmarks.churn", "--measure", step, "--folder", str(folder)]
            call += ["--customers", str(customers), "--lines", str(lines)]
            done = subprocess.run(call, check=False, capture_output=True, text=True, cwd=ROOT)
            if done.returncode:
                raise SystemExit(done.stderr)
            if step in SIDES:
                found[step].append(json.loads(done.stdout.splitlines()[-1]))
        found["used"][0]["columns"] = _equal(folder)
    return found


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--lines", type=float, default=LINES, help="purchase lines a customer, on average")
    parser.add_argument("--measure", choices=["drawn", *SIDES], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure == "drawn":
        write_base(given.folder, given.customers, given.lines)
        return
    if given.measure:
        print(json.dumps(SIDES[given.measure](given.folder)))
        return
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    found = run(given.customers, given.lines)
    there, here, after = found["pandas"], found["engine"], found["used"][0]
    print(f"features of {after['customers']:,} customers, {after['columns']} columns, equal to 1e-9")
    for name, side in (("pandas", there), ("crm-analytics", here)):
        seconds = "  ".join(f"{one['seconds']:6.2f}" for one in side)
        print(f"  {name:14} {seconds} s   peak {max(one['gib'] for one in side):.2f} GiB")
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(there, here, strict=True)]
    print(f"  {'ratio':14} {'  '.join(f'{ratio:6.1f}' for ratio in ratios)} x", end="   ")
    print(f"median {statistics.median(ratios):.1f} (goal: {GOAL:g} or more)")
    print(f"  opening and checking before: {min(one['opened'] for one in here):.1f} s")
    print(
        f"  training {after['train']:.1f} s ({after['method']}), scoring all {after['score']:.1f} s", end=""
    )
    print(f"; peak {after['gib']:.2f} GiB (goal: {MEMORY:g})")


if __name__ == "__main__":
    main()
