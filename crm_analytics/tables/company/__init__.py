"""The demo company: all tables of the contract, drawn from a plan that is written beside them.

A shop for coffee, tea and gifts. `plan` holds every number it is drawn from; `truth.json` tells them, and
``truth_customers.feather`` what each customer was drawn with, so that an analysis can be asked to find them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.errors import ParameterError
from crm_analytics.tables.company import (
    baskets,
    behaviour,
    contacts,
    dirt,
    goods,
    mailings,
    people,
    plan,
    relations,
    scorecards,
    service,
    truth,
)
from crm_analytics.tables.company.block import Block, Calendar, Campaigns, only
from crm_analytics.tables.company.files import Files

TRUTH = "truth.json"
TRUTH_CUSTOMERS = "truth_customers.feather"  # no table: a source leaves it alone

_MAPPING = f"""\
# A company made up by `crm demo company`; what it was drawn from stands in {TRUTH}.
label = "Tea & Co. (demo)"
currency = "{plan.CURRENCY}"
"""


def write_company(
    folder: Path, *, customers: int = 5_000, years: int = 3, seed: int = plan.SEED, dirty: bool = False
) -> Path:
    """Write the tables of the company, the mapping and the truth into `folder`, a new or an empty one.

    Parameters
    ----------
    customers : 10 or more; drawn in blocks of `plan.BLOCK`, so that memory does not grow with them
    years : of history, 1 to 10, ending on `plan.LAST_DAY`
    seed : the same seed gives the same bytes
    dirty : transactions as a CSV with broken, repeated and future rows, their numbers told in the truth

    Raises
    ------
    ParameterError : a number is out of its range.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_company(Path(folder), customers=50, years=1)
    ...     print(json.loads((Path(folder) / TRUTH).read_text())["segments"]["regulars"]["share"])
    0.3
    """
    _check(customers, years, seed)
    folder.mkdir(parents=True, exist_ok=True)
    calendar = Calendar.of(years)
    campaigns = Campaigns.of(calendar)
    products = goods.make_products(np.random.default_rng([seed, 0]), calendar.first)
    spend: list[np.ndarray] = []
    with Files(folder) as files:
        files.add("products", products)
        files.add("campaigns", mailings.make_campaigns(campaigns, calendar))
        for number, first in enumerate(range(0, customers, plan.BLOCK), 1):
            chance = np.random.default_rng([seed, 1, number])
            block = Block(number, first + 1, chance, calendar, campaigns, products)
            cost, touches = _write_block(files, block, min(plan.BLOCK, customers - first))
            spend = [cost, touches] if not spend else [spend[0] + cost, spend[1] + touches]
        last = np.random.default_rng([seed, 1, 0])
        files.add("channel_spend", contacts.make_spend(last, spend[0], spend[1], calendar))
        files.add("assessments", scorecards.make_assessments(last, pd.Timestamp(plan.LAST_DAY)))
    planted = truth.planted(calendar, campaigns, customers, seed) | {"rows": files.rows}
    if dirty:
        planted["dirt"] = dirt.spoil(folder / "transactions.parquet", np.random.default_rng([seed, 2]))
    (folder / TRUTH).write_text(json.dumps(planted, indent=2) + "\n", encoding="utf-8")
    (folder / "mapping.toml").write_text(_MAPPING, encoding="utf-8")
    return folder


def _check(customers: int, years: int, seed: int) -> None:
    for name, value, low, high in (
        ("customers", customers, 10, 50_000_000),
        ("years", years, 1, 10),
        ("seed", seed, 0, 2**32 - 1),
    ):
        if not low <= value <= high:
            raise ParameterError(f"{name} is {value}: it must be {low:,} to {high:,}")


def _write_block(files: Files, block: Block, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw so many customers and all they do; their touches' cost and number by day and channel."""
    crowd = people.make_people(block, count)
    table, drawn = crowd.table, crowd.truth
    ids = table["customer_id"].to_numpy(object)
    orders, drawn["leaves"] = behaviour.make_orders(block.chance, drawn, block.calendar)
    waves = mailings.make_waves(block, table, drawn)
    orders = mailings.add_campaign_orders(block, orders, waves, drawn)
    orders = baskets.dress_orders(block, orders, drawn, waves)
    lines = baskets.fill_baskets(block, orders, count)
    worth = np.bincount(lines["order"], lines["spend"], len(orders)).round(2)
    top = lines.loc[lines["line"] == 0, "product"].to_numpy()

    seen = contacts.make_events(block, orders, drawn, worth, top)
    files.add("events", _events(block, seen, ids))
    won = orders.assign(worth=worth).loc[orders["campaign"] >= 0, ["who", "campaign", "at", "worth"]]
    won = won.drop_duplicates(["who", "campaign"])
    files.add("campaign_members", mailings.make_members(block, waves, drawn, won, ids))
    files.add("tickets", service.make_tickets(block, orders, ids))
    files.add("mentions", service.make_mentions(block, orders, ids))
    files.add("survey_responses", service.make_surveys(block, orders, drawn, table))
    files.add("referrals", relations.make_referrals(block, table, drawn))
    files.add("partner_records", relations.make_partner_records(block, table))
    files.add("subscriptions", relations.make_subscriptions(block, ids, drawn))
    files.add("customer_identities", relations.make_identities(table, drawn, block.first))

    sold = baskets.make_transactions(block, orders, lines, ids)
    twice = relations.choose_duplicates(block.chance, orders, count)
    sold, table, pairs = relations.split_duplicates(block.chance, sold, table, twice)
    files.add("transactions", sold)
    files.add("customers", table.assign(loyalty_tier=_tiers(table, sold, drawn, ids)))
    files.add_beside(TRUTH_CUSTOMERS, _truth_of(block, drawn, ids, pairs))
    return contacts.spend_of(seen, block.calendar)


def _events(block: Block, seen: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    """The table of events; who buys is known by the key, who looks only as a visitor."""
    calendar, products = block.calendar, block.products
    seen = seen.sort_values(["at", "path", "event"], ignore_index=True)
    who, product = seen["who"].to_numpy(), seen["product"].to_numpy()
    known = (who >= 0) & seen["event"].isin(["Checkout Started", "Order Completed", "Product Reviewed"])
    visit = seen["visitor"].astype(str) + "." + calendar.day(seen["at"].to_numpy()).astype(str)
    return pd.DataFrame(
        {
            "event_id": [f"E{block.number:03d}{number:08d}" for number in range(len(seen))],
            "timestamp": calendar.stamp(seen["at"].to_numpy()),
            "event": seen["event"],
            "customer_id": only(known, ids[who]),
            "anonymous_id": relations.visitor_ids(block.first, seen["visitor"].to_numpy()),
            "session_id": f"s{block.first}." + visit,
            "direction": "in",
            "channel": seen["channel"],
            "device": seen["device"],
            "stage": seen["stage"],
            "product_id": only(product >= 0, products["product_id"].to_numpy(object)[product]),
            "value": seen["value"],
            "cost": seen["cost"],
            "is_conversion": seen["is_conversion"].astype(bool),
        }
    )


def _tiers(table: pd.DataFrame, sold: pd.DataFrame, drawn: pd.DataFrame, ids: np.ndarray) -> pd.Series:
    """Members' tier by all they have spent; none for the others."""
    spent = table["customer_id"].map(sold.groupby("customer_id")["unit_spend"].sum()).fillna(0.0)
    tier = pd.Series(np.select([spent >= 800, spent >= 250], ["gold", "silver"], "bronze"), table.index)
    return tier.where(table["customer_id"].isin(ids[drawn["member"]]), None)


def _truth_of(block: Block, drawn: pd.DataFrame, ids: np.ndarray, pairs: pd.DataFrame) -> pd.DataFrame:
    """What each customer was drawn with; `leaves_at` is empty where that lies after the last day."""
    calendar = block.calendar
    gone = drawn["leaves"] < calendar.days
    second: dict[Any, Any] = dict(zip(pairs["customer_id"], pairs["duplicate_id"], strict=True))
    return pd.DataFrame(
        {
            "customer_id": ids,
            "segment": np.array([s.name for s in plan.SEGMENTS], object)[drawn["segment"]],
            "buying_rate": drawn["rate"],
            "leaving_hazard": drawn["hazard"],
            "bought": drawn["bought"],
            "member": drawn["member"],
            "tracked": drawn["tracked"],
            "leaves_at": pd.Series(calendar.stamp(np.where(gone, drawn["leaves"], 0.0))).where(gone),
            "duplicate_id": pd.Series([second.get(i) for i in ids], dtype="string"),
        }
    )
