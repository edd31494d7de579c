"""A shop with all tables: baskets, returns, deals, tickets, surveys, mentions and invitations.

Nothing goes with anything: what is bought, sent back, complained of, answered, said and recommended is drawn
for itself. Kinds are those of `tests.nulls.worlds`, and in "unlike" customers also differ in how often they
complain, send back, invite, and in how they answer. With the link "tastes" each customer has an item of their
own, which is no finding either. With "all" each of `LINKS` is there.

What one link does, another may undo: who leaves after a complaint answers no more. So what customers say of a
shop has links of its own. With "frequent" three customers in ten buy three times as often, answer 1.5 points
better and more often; with "complaints" answers are three points lower in the 30 days after a complaint; with
"promoters" those who like the shop buy more.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.nulls.worlds import KINDS, START, lives

LINKS = (
    "the first two items go together", "begins with Tea, spends twice", "item 5 comes back, is asked about",
    "a complaint makes customers leave and answer worse", "frequent customers answer better and more often",
    "promoters buy more", "talk gets worse in the last quarter", "sales follow talk by two weeks",
    "the topic of delivery sounds bad", "referred customers buy twice", "inviters invite again",
    "a deal takes margin", "frequent customers take dearer items", "Fridays sell twice",
)  # fmt: skip
CATEGORIES = ("Tea", "Coffee", "Cups", "Cake")
TOPICS = ("delivery", "taste", "price")


def bazaar(
    seed: int, kind: str = "equal", link: str = "", *, customers: int = 700, days: int = 728
) -> dict[str, pd.DataFrame]:
    """All tables of a shop; `link` is "", "tastes", "all", "frequent", "complaints" or "promoters"."""
    rng = np.random.default_rng([seed, KINDS.index(kind), 28])
    there, unlike = link == "all", kind == "unlike"
    join, leave, rate = lives(rng, kind, customers, days)
    first = rng.integers(0, 24, customers)  # item of the first purchase
    rate = rate * 1.4
    referrals, referred = _referrals(rng, join, there, unlike)
    if there:
        rate = rate * np.where(first < 6, 2.0, 1.0) * np.where(referred, 2.0, 1.0)
    heavy = rate > np.quantile(rate, 0.7) if unlike or there else rng.random(customers) < 0.3
    frequent = link == "frequent"
    likes = 1.2 if link == "promoters" else 1.0 if unlike else 0.0
    happy = rng.normal(0, likes, customers) + (1.5 * heavy if there or frequent else 0.0)
    if frequent:
        rate = rate * np.where(heavy, 3.0, 1.0)
    if link == "promoters":
        rate = rate * np.exp(0.5 * happy)
    if there:
        rate = rate * np.where(happy > 1, 1.3, 1.0)
    who, day = _bought(rng, kind, join, leave, rate)
    day = np.minimum(day, days - 0.01)
    tickets, complained = _tickets(rng, who, day, days, unlike, heavy)
    if there:
        gone = complained[who] + 40
        kept = (day < gone) | (rng.random(len(who)) < 0.15)
        friday = (np.floor(day).astype(int) % 7 == 4) | (rng.random(len(who)) < 0.6)
        kept &= friday | (np.arange(len(who)) < customers)
        who, day, tickets = who[kept], day[kept], tickets[kept]
    talk = rng.gamma(8.0, 0.125, days // 7 + 3)
    if kind == "season":
        talk[[w for w in range(len(talk)) if (START + pd.Timedelta(days=7 * w)).month == 12]] *= 3
    if there:
        busy = talk[np.clip(np.floor(day / 7).astype(int) - 2, 0, None)] / talk.max()
        kept = (rng.random(len(who)) < 0.3 + busy) | (np.arange(len(who)) < customers)
        who, day, tickets = who[kept], day[kept], tickets[kept]
    sales, products, items = _sales(rng, who, day, first, kind, link, heavy)
    return {
        "transactions": sales,
        "products": products,
        "customers": _people(rng, join, customers),
        "tickets": _ticket_table(rng, who, day, tickets, items, there),
        "survey_responses": _answers(
            rng, who, day, happy, complained, heavy, there or frequent, _hurt(link), days
        ),
        "mentions": _mentions(rng, talk, unlike, there, days),
        "referrals": referrals,
    }


def large_bazaar(seed: int, kind: str = "equal", link: str = "") -> dict[str, pd.DataFrame]:
    """The same with so many customers that some of them answer within a month after a complaint."""
    return bazaar(seed, kind, link, customers=2_400)


def long_bazaar(seed: int, kind: str = "equal", link: str = "") -> dict[str, pd.DataFrame]:
    """The same over two whole calendar years, as many as a season by month needs."""
    return bazaar(seed, kind, link, days=800)


def _bought(
    rng: np.random.Generator, kind: str, join: np.ndarray, leave: np.ndarray, rate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Who buys and when: once on joining, then at all hours alike; in "season" December sells three times."""
    many = rng.poisson(rate * (leave - join) * (3 if kind == "season" else 1))
    who = np.repeat(np.arange(len(join)), many)
    day = join[who] + rng.random(len(who)) * (leave - join)[who]
    if kind == "season":
        december = (START + pd.to_timedelta(np.floor(day), unit="D")).month == 12
        kept = rng.random(len(who)) < np.where(december, 1.0, 1 / 3)
        who, day = who[kept], day[kept]
    return np.concatenate([np.arange(len(join)), who]), np.concatenate([join, day])


def _time(day: np.ndarray) -> pd.Series:
    return pd.Series(START + pd.to_timedelta(np.asarray(day, float), unit="D")).dt.floor("s")


def _names(who: np.ndarray) -> np.ndarray:
    return np.char.add("c", np.asarray(who).astype(str))


def _people(rng: np.random.Generator, join: np.ndarray, customers: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": _names(np.arange(customers)),
            "created_at": _time(np.floor(join)),
            "region": rng.choice(["north", "south", "east"], customers),
            "country": "GB",
        }
    )


def _sales(
    rng: np.random.Generator, who: np.ndarray, day: np.ndarray, first: np.ndarray, kind: str, link: str,
    heavy: np.ndarray,
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:  # fmt: skip
    """Lines, products, and the item of the first line of each order."""
    there = link == "all"
    price = np.round(rng.lognormal(2.5, 0.5, 24), 2)
    if there:  # dearer within each category
        price = np.round(price[np.lexsort((price, np.repeat(np.arange(4), 6)))], 2)
    share = rng.dirichlet(np.full(24, 6.0))
    orders = len(who)
    main = rng.choice(24, orders, p=share)
    if link == "tastes":
        main = np.where(rng.random(orders) < 0.7, rng.choice(24, len(first), p=share)[who], main)
    main[: len(first)] = first  # everybody's first purchase
    if there:
        dear = heavy[who] & (rng.random(orders) < 0.5)
        main = np.where(dear & (np.arange(orders) >= len(first)), main // 6 * 6 + 5, main)
    more = rng.poisson(0.7, orders)
    order = np.concatenate([np.arange(orders), np.repeat(np.arange(orders), more)])
    item = np.concatenate([main, rng.choice(24, more.sum(), p=share)])
    if there:
        pair = np.flatnonzero((main == 0) & (rng.random(orders) < 0.6))
        order, item = np.concatenate([order, pair]), np.concatenate([item, np.ones(len(pair), int)])
    if kind == "season":
        december = (START + pd.to_timedelta(np.floor(day[order]), unit="D")).month == 12
        item = np.where(december & (rng.random(len(item)) < 0.5), rng.integers(12, 18, len(item)), item)
    amount = 1 + rng.poisson(0.3, len(item))
    deal = (rng.random(orders) < 0.15)[order]
    off = np.where(deal, 0.2 if there else 0.0, 0.0)
    value = np.round(price[item] * amount, 2)
    sales = pd.DataFrame(
        {
            "transaction_id": np.char.add("o", order.astype(str)),
            "customer_id": _names(who[order]),
            "transaction_date": _time(day[order]),
            "product_id": np.char.add("p", item.astype(str)),
            "unit_quantity": amount.astype(float),
            "unit_spend": np.round(value * (1 - off), 2),
            "unit_cost": np.round(0.6 * price[item], 2),
            "coupon": np.where(deal, "NEWS", None),
            "channel": rng.choice(["web", "shop"], orders)[order],
            "is_return": False,
        }
    )
    prone = rng.gamma(0.5, 2.0, len(first))[who[order]] if kind == "unlike" else 1.0
    back = rng.random(len(sales)) < 0.06 * prone * np.where(there & (item == 5), 5.0, 1.0)
    returned = sales[back].assign(is_return=True, coupon=None)
    later = returned["transaction_date"] + pd.to_timedelta(5, unit="D")
    returned["transaction_date"] = later.clip(upper=sales["transaction_date"].max())
    returned["unit_quantity"], returned["unit_spend"] = -returned["unit_quantity"], -returned["unit_spend"]
    returned["transaction_id"] = "r" + returned["transaction_id"]
    products = pd.DataFrame(
        {
            "product_id": [f"p{i}" for i in range(24)],
            "product_name": [f"Item {i}" for i in range(24)],
            "category_0_name": np.repeat(CATEGORIES, 6),
            "list_price": price,
        }
    )
    return pd.concat([sales, returned], ignore_index=True), products, main


def _tickets(
    rng: np.random.Generator, who: np.ndarray, day: np.ndarray, days: int, unlike: bool, heavy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether an order leads to a ticket (2: a complaint); the day of a customer's first complaint."""
    prone = rng.gamma(0.7, 1 / 0.7, len(heavy)) if unlike else np.ones(len(heavy))
    lot = rng.random(len(who))
    kind = np.where(lot < 0.05 * prone[who], 2, np.where(lot < 0.13 * prone[who], 1, 0))
    complained = np.full(len(heavy), np.inf)
    np.minimum.at(complained, who[kind == 2], day[kind == 2] + 2)
    return kind, complained


def _ticket_table(
    rng: np.random.Generator,
    who: np.ndarray,
    day: np.ndarray,
    kind: np.ndarray,
    items: np.ndarray,
    there: bool,
) -> pd.DataFrame:
    if there:
        bad = (items == 5) & (rng.random(len(items)) < 0.5)
        kind = np.where(bad & (kind == 0), 1, kind)
    at = np.flatnonzero(kind)
    opened = day[at] + rng.exponential(3, len(at))
    reply = opened + rng.lognormal(-1.5, 1.0, len(at))
    solved = reply + rng.lognormal(0.0, 1.0, len(at))
    table = pd.DataFrame(
        {
            "ticket_id": [f"t{i}" for i in range(len(at))],
            "customer_id": _names(who[at]),
            "created_at": _time(opened),
            "type": rng.choice(["delivery", "question", "fault"], len(at)),
            "is_complaint": kind[at] == 2,
            "transaction_id": np.char.add("o", at.astype(str)),
            "first_reply_at": _time(reply),
            "first_solved_at": _time(solved),
            "last_solved_at": _time(solved),
        }
    )
    last = START + pd.Timedelta(days=float(day.max()))
    for column in ("first_reply_at", "first_solved_at", "last_solved_at"):
        table[column] = table[column].where(table[column] <= last)
    return table[table["created_at"] <= last].reset_index(drop=True)


def _hurt(link: str) -> float:
    """Points that an answer is lower by in the 30 days after a complaint."""
    return {"all": 4.0, "complaints": 3.0}.get(link, 0.0)


def _answers(
    rng: np.random.Generator, who: np.ndarray, day: np.ndarray, happy: np.ndarray, complained: np.ndarray,
    heavy: np.ndarray, eager: bool, hurt: float, days: int,
) -> pd.DataFrame:  # fmt: skip
    """In each year of two a customer is asked on a day of their own, whether they buy then or not."""
    start = np.full(len(happy), np.inf)
    np.minimum.at(start, who, day)
    rounds = []
    for opens, ends in ((0, 364), (364, days)):
        asked = (rng.random(len(happy)) < np.where(heavy & eager, 0.7, 0.45)) & (start < ends - 14)
        person = np.flatnonzero(asked)
        since = np.maximum(start[person], opens)
        rounds.append((person, since + rng.random(len(person)) * (ends - since)))
    person, when = (np.concatenate(both) for both in zip(*rounds, strict=True))
    score = 7.5 + happy[person] + rng.normal(0, 2.0, len(person))
    if hurt:
        score -= hurt * ((when > complained[person]) & (when < complained[person] + 30))
    return pd.DataFrame(
        {
            "response_id": [f"s{i}" for i in range(len(person))],
            "respondent_id": _names(person),
            "customer_id": _names(person),
            "responded_at": _time(when),
            "instrument": "nps",
            "question": "Would you recommend us?",
            "score": np.clip(np.round(score), 0, 10),
            "scale_min": 0.0,
            "scale_max": 10.0,
        }
    )


def _mentions(
    rng: np.random.Generator, talk: np.ndarray, unlike: bool, there: bool, days: int
) -> pd.DataFrame:
    weeks = days // 7
    many = rng.poisson(12 * talk[:weeks])
    week = np.repeat(np.arange(weeks), many)
    when = 7 * (week + rng.random(len(week)))
    author = rng.integers(0, 150, len(week))
    if unlike:  # a few speak most
        author = np.floor(150 * rng.random(len(week)) ** 2).astype(int)
    topic = rng.integers(0, 3, len(week))
    tone = rng.normal(0, 0.3, 150)[author] + rng.normal(0.1, 0.4, len(week))
    if there:
        tone = tone - 0.4 * (when > days - 91) - 0.4 * (topic == 0)
    return pd.DataFrame(
        {
            "mention_id": [f"m{i}" for i in range(len(week))],
            "created_timestamp": _time(when),
            "platform": "forum",
            "author_handle": [f"a{i}" for i in author],
            "brand": "ours",
            "sentiment": np.clip(tone, -1, 1).round(2),
            "topic": np.array(TOPICS)[topic],
        }
    )


def _referrals(
    rng: np.random.Generator, join: np.ndarray, there: bool, unlike: bool
) -> tuple[pd.DataFrame, np.ndarray]:
    """Invitations, and who of the customers came by one."""
    customers = len(join)
    prone = rng.gamma(0.3, 1 / 0.3, customers) if unlike or there else np.ones(customers)
    came = rng.random(customers) < 0.15
    rows = []
    for person in np.flatnonzero(came):
        earlier = np.flatnonzero(join < join[person] - 10)
        if not len(earlier):
            came[person] = False
            continue
        by = rng.choice(earlier, p=prone[earlier] / prone[earlier].sum())
        rows.append((by, max(join[person] - rng.exponential(3), join[by]), person, join[person]))
    lost = rng.choice(customers, 2 * len(rows), p=prone / prone.sum())
    rows += [(by, join[by] + rng.random() * (728 - join[by]), -1, np.nan) for by in lost]
    table = pd.DataFrame(rows, columns=["by", "invited", "person", "joined"])
    return pd.DataFrame(
        {
            "referral_id": [f"r{i}" for i in range(len(table))],
            "referrer_customer_id": _names(table["by"]),
            "invited_at": _time(table["invited"]),
            "referred_customer_id": np.where(table["person"] < 0, None, _names(table["person"])),
            "converted_at": _time(table["joined"].fillna(0)).where(table["joined"].notna()),
        }
    ), came
