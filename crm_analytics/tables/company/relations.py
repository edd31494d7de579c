"""Who is who and who brought whom: identities, duplicates, referrals, partners' records, subscriptions."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from crm_analytics.tables.company import plan
from crm_analytics.tables.company.block import Block


def choose_duplicates(chance: np.random.Generator, orders: pd.DataFrame, count: int) -> np.ndarray:
    """Customers (numbers) who are kept under two keys: some of those with two orders or more."""
    often = np.bincount(orders["who"].to_numpy()[orders["who"] >= 0], minlength=count) >= 2
    return np.flatnonzero(often & (chance.random(count) < plan.DUPLICATES))


def split_duplicates(
    chance: np.random.Generator, transactions: pd.DataFrame, table: pd.DataFrame, twice: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Give half of each one's orders to a second key, with the name kept and the mail mistyped.

    Returns transactions, customers, and the pairs (customer_id, duplicate_id).
    """
    ids = table["customer_id"].to_numpy(object)[twice]
    second = "D" + pd.Series(ids, dtype=object).str[1:].to_numpy(object)
    pairs = pd.DataFrame({"customer_id": ids, "duplicate_id": second})
    mine = transactions["customer_id"].isin(ids)
    orders = transactions.loc[mine, "transaction_id"].str.removesuffix("R").unique()
    moved = set(orders[chance.random(len(orders)) < 0.5])
    goes = mine & transactions["transaction_id"].str.removesuffix("R").isin(moved)
    key = transactions["customer_id"].map(dict(zip(ids, second, strict=True)))
    transactions = transactions.assign(customer_id=transactions["customer_id"].where(~goes, key))
    copies = table.iloc[twice].assign(
        customer_id=second,
        email=table["email"].iloc[twice].str.replace("mail.", "mial.", regex=False),
        phone=None,
        household_id=None,
        acquisition_cost=0.0,
        created_at=_first_time(transactions, second, table["created_at"].iloc[twice]),
    )
    return transactions, pd.concat([table, copies], ignore_index=True), pairs


def _first_time(transactions: pd.DataFrame, ids: np.ndarray, otherwise: pd.Series) -> np.ndarray:
    first = transactions.groupby("customer_id")["transaction_date"].min()
    return first.reindex(ids).fillna(pd.Series(otherwise.to_numpy(), index=ids)).to_numpy()


def make_identities(table: pd.DataFrame, truth: pd.DataFrame, first: int) -> pd.DataFrame:
    """Each customer's mail, and the visitor they were recognised as where clicks may be seen."""
    ids = table["customer_id"].to_numpy(object)
    seen = np.flatnonzero(truth["tracked"].to_numpy())
    since = table["created_at"]
    mail = pd.DataFrame(
        {"customer_id": ids, "source_system": "shop", "id_type": "email", "id_value": table["email"],
         "match_probability": 1.0, "valid_from": since, "valid_to": pd.NaT}
    )  # fmt: skip
    visitor = pd.DataFrame(
        {"customer_id": ids[seen], "source_system": "web", "id_type": "anonymous_id",
         "id_value": visitor_ids(first, seen), "match_probability": 1.0,
         "valid_from": since.iloc[seen], "valid_to": pd.NaT}
    )  # fmt: skip
    both = pd.concat([mail, visitor], ignore_index=True)
    both.insert(0, "identity_id", both["id_type"].str[:1] + "-" + both["customer_id"])
    return both


def visitor_ids(first: int, numbers: np.ndarray) -> np.ndarray:
    """Keys of visitors, customers or not, apart between blocks."""
    return np.array([f"v{first:07d}-{n}" for n in numbers], object)


def make_referrals(block: Block, table: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Who brought the referred: an earlier customer, rather a frequent buyer; and vain invitations."""
    chance, calendar = block.chance, block.calendar
    joined, ids = truth["joined"].to_numpy(), table["customer_id"].to_numpy(object)
    order = np.argsort(joined)
    came = np.flatnonzero(
        (table["acquisition_channel"] == "referral").to_numpy() & truth["bought"].to_numpy()
    )
    before = np.searchsorted(joined[order], joined[came] - 5)
    came, before = came[before > 0], before[before > 0]
    weight = np.cumsum(np.sqrt(truth["rate"].to_numpy()[order]))
    giver = order[np.searchsorted(weight, chance.random(len(came)) * weight[before - 1])]
    invited = joined[came] - chance.uniform(0.5, 5, len(came))
    vain = chance.choice(len(ids), int(1.5 * len(came))) if len(came) else came
    at = np.append(
        invited, np.minimum(joined[vain] + chance.uniform(10, 200, len(vain)), calendar.days - 0.5)
    )
    converted = np.arange(len(at)) < len(came)
    end = np.append(joined[came], np.zeros(len(vain)))
    would = chance.beta(8, 8 * (1 / plan.REFERRAL_WOULD_HAVE_JOINED - 1), len(at))
    return pd.DataFrame(
        {
            "referral_id": np.array([f"F{block.number:03d}{n:06d}" for n in range(len(at))], object),
            "referrer_customer_id": ids[np.append(giver, vain)],
            "invited_at": calendar.stamp(at),
            "referred_customer_id": np.append(ids[came], np.full(len(vain), None, object)),
            "channel": np.array(["mail", "link", "word"], object)[chance.integers(0, 3, len(at))],
            "campaign_id": None,
            "converted_at": pd.Series(calendar.stamp(end)).where(converted),
            "reward_cost": np.where(converted, 5.0, np.nan),
            "p_would_have_joined": np.round(would, 3),
        }
    )


def make_partner_records(block: Block, table: pd.DataFrame) -> pd.DataFrame:
    """What three partners know of our customers and of strangers, by a hash of the mail."""
    chance, calendar = block.chance, block.calendar
    parts = []
    for number, name in enumerate(("Alba Roasters", "Book & Bean", "Casa Ruiz"), 1):
        mails = table["email"].loc[chance.random(len(table)) < 0.12].tolist()
        mails += [f"p{number}-{block.number}-{n}@mail.example" for n in range(len(mails))]
        tokens = [hashlib.sha256(mail.encode()).hexdigest()[:32] for mail in mails]
        count = len(tokens)
        kinds = ("customer", "prospect", "opportunity")
        parts.append(
            pd.DataFrame(
                {"partner_id": f"B{number}", "partner_name": name, "token": tokens,
                 "population": np.array(kinds, object)[chance.choice(3, count, p=(0.7, 0.2, 0.1))],
                 "category": np.array(["food", "books", "home"], object)[chance.integers(0, 3, count)],
                 "recency_days": np.round(chance.exponential(120, count)),
                 "frequency": chance.poisson(3, count).astype(float),
                 "monetary_band": np.array(["low", "middle", "high"], object)[chance.integers(0, 3, count)],
                 "consent": chance.random(count) < 0.9,
                 "contributed_at": calendar.first + pd.Timedelta(days=calendar.days - 30)}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def make_subscriptions(block: Block, ids: np.ndarray, truth: pd.DataFrame) -> pd.DataFrame:
    """Monthly coffee boxes of one customer in twelve; each month a constant share of them is cancelled."""
    chance, calendar = block.chance, block.calendar
    some = np.flatnonzero(truth["bought"].to_numpy() & (chance.random(len(truth)) < 1 / 12))
    start = truth["joined"].to_numpy()[some] + chance.uniform(1, 60, len(some))
    some, start = some[start < calendar.days], start[start < calendar.days]
    months = chance.geometric(plan.SUBSCRIPTION_CANCEL, len(some))
    end = start + months * 30.4375
    over = end < calendar.days
    return pd.DataFrame(
        {
            "subscription_id": "A" + pd.Series(ids[some], dtype=object).str[1:].to_numpy(object),
            "customer_id": ids[some],
            "product_id": "P000",
            "start_date": calendar.stamp(start),
            "end_date": pd.NaT,
            "recurrence_months": 1.0,
            "is_recurring": True,
            "amount": np.array([12.9, 19.9, 29.9])[chance.integers(0, 3, len(some))],
            "cancelled_at": pd.Series(calendar.stamp(np.where(over, end, 0.0))).where(over),
            "cancel_reason": pd.Series("price", index=range(len(some))).where(over),
        }
    )
