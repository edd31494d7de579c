"""Small companies in which a finding is there, or is not; drawn without any code of the product.

Kinds without a finding, by name: *equal* (all customers buy at one rate and draw weekday, category, channel
and price from one law), *unlike* (rates and lifetimes differ, and go with nothing), *season* (December sells
three times as much, and other things), *growth* (customers join ever faster). Each takes a `link` under which
one thing is really there, and only that.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_analytics import CustomerBase

KINDS = ("equal", "unlike", "season", "growth")
START = pd.Timestamp("2024-01-01")
TODAY = "2026-12-31"
CATEGORIES = ("Tea", "Coffee", "Cups", "Cake")
CHANNELS = ("web", "shop", "phone")
EVENTS = ("Product Viewed", "Search Made", "Help Read", "Review Read", "Guide Read", "Product Added")


def open_base(tables: dict[str, pd.DataFrame]) -> CustomerBase:
    """As a base; nothing of it lies after `TODAY`."""
    return CustomerBase.open(tables, today=TODAY)


def lives(
    rng: np.random.Generator, kind: str, customers: int, days: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When each customer joins and leaves (days), and purchases a day."""
    place = rng.random(customers)
    join = days * (np.sqrt(place) if kind == "growth" else place) * 0.75
    leave = np.full(customers, float(days))
    rate = np.full(customers, 0.1 / 7)
    if kind == "unlike":
        rate = rate * rng.gamma(1.0, 1.0, customers)
        leave = np.minimum(days, join + rng.exponential(400, customers))
    return join, leave, rate


def weight_of(kind: str, day: np.ndarray) -> np.ndarray:
    """How much a day sells, 0..1: Saturdays twice as much as others, and December three times in `season`."""
    date = START + pd.to_timedelta(np.floor(day), unit="D")
    weight = np.where(date.day_of_week == 5, 1.0, 0.5)
    return weight * np.where(date.month == 12, 1.0, 1 / 3) if kind == "season" else weight


def times(
    rng: np.random.Generator, kind: str, join: np.ndarray, leave: np.ndarray, rate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Who buys, and on which day: once on joining, then by a Poisson process thinned by `weight_of`."""
    scale = 3.5 if kind == "season" else 1.75
    many = rng.poisson(scale * rate * (leave - join))
    who = np.repeat(np.arange(len(join)), many)
    day = join[who] + rng.random(len(who)) * (leave - join)[who]
    kept = rng.random(len(who)) < weight_of(kind, day)
    return np.concatenate([np.arange(len(join)), who[kept]]), np.concatenate([join, day[kept]])


def shop(
    seed: int, kind: str = "equal", link: str = "", *, customers: int = 800, days: int = 728
) -> dict[str, pd.DataFrame]:
    """Transactions, products and customers of a shop.

    link : "category", "channel", "price", "weekday": who buys three times as often has a taste of their own
        in it; "region": so has the north; "source": customers won by a friend buy twice as often; "cohort":
        who joined late buys less than half as often; "tier": members buy half as often again; "region
        rate": the north buys three times as often, and likes the same; "tastes": everybody has a category of
        their own; "manager": customers of one of three account managers buy half as often from day 546 on;
        "deserted": they leave, 250 days after joining on average; "settled": all joined in the first month;
        "dearer": the same, and from day 546 on everybody buys 40 % less
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), 24])
    join, leave, rate = lives(rng, kind, customers, days)
    if link in ("settled", "dearer"):
        join = join / days * 40
    heavy = rng.random(customers) < 0.25
    region = rng.choice(["north", "south", "east"], customers)
    source = rng.choice(["ad", "friend", "search", "shop window"], customers)
    member = rng.random(customers) < 0.4
    if link in ("category", "channel", "price", "weekday"):
        rate = rate * np.where(heavy, 3.0, 1.0)
    rate = rate * np.where((link == "source") & (source == "friend"), 2.0, 1.0)
    rate = rate * np.where((link == "region rate") & (region == "north"), 3.0, 1.0)
    rate = rate * np.where((link == "cohort") & (join > 0.6 * days), 0.4, 1.0)
    rate = rate * np.where((link == "tier") & member, 1.5, 1.0)
    who, day = times(rng, kind, join, leave, rate)
    manager = rng.choice(["Ash", "Birch", "Cedar"], customers)
    if link in ("deserted", "manager", "dearer"):
        gone = join + (rng.exponential(250, customers) if link == "deserted" else np.full(customers, days))
        lot, mine = rng.random(len(who)), manager[who] == "Cedar"
        kept = {
            "deserted": ~mine | (day < gone[who]) | (np.arange(len(who)) < customers),
            "manager": (lot < 0.5) | (day < 546) | ~mine,
            "dearer": (lot < 0.6) | (day < 546) | (np.arange(len(who)) < customers),
        }[link]
        who, day = who[kept], day[kept]
    own = heavy[who] & (rng.random(len(who)) < 0.6)
    if link == "weekday":
        day = np.where(own, np.floor(day / 7) * 7 + 2.5, day)
    day = np.clip(day, 0, days - 0.01)
    products = pd.DataFrame({"product_id": [f"p{i:02d}" for i in range(24)]})
    products["product_name"] = "Item " + products["product_id"]
    products["category_0_name"] = np.repeat(CATEGORIES, 6)
    products["list_price"] = np.round(rng.lognormal(2.5, 0.6, 24), 2)
    price = products["list_price"].to_numpy()
    item = rng.choice(24, len(who), p=rng.dirichlet(np.full(24, 5.0)))
    if link == "category":
        item = np.where(own, rng.integers(6, 12, len(who)), item)
    if link == "region":
        north = (region[who] == "north") & (rng.random(len(who)) < 0.5)
        item = np.where(north, rng.integers(18, 24, len(who)), item)
    if link == "tastes":
        mine = rng.integers(0, 4, customers)[who]
        item = np.where(rng.random(len(who)) < 0.8, 6 * mine + rng.integers(0, 6, len(who)), item)
    if link == "price":
        dear = np.concatenate([6 * k + np.argsort(price[6 * k : 6 * k + 6])[-2:] for k in range(4)])
        item = np.where(own, rng.choice(dear, len(who)), item)
    if kind == "season":
        date = START + pd.to_timedelta(np.floor(day), unit="D")
        item = np.where(
            (date.month == 12) & (rng.random(len(who)) < 0.5), rng.integers(12, 18, len(who)), item
        )
    channel = np.array(CHANNELS)[rng.choice(3, len(who), p=[0.5, 0.3, 0.2])]
    if link == "channel":
        channel = np.where(own, "phone", channel)
    sales = pd.DataFrame(
        {
            "customer_id": np.char.add("c", who.astype(str)),
            "transaction_date": START + pd.to_timedelta(day, unit="D").floor("s"),
            "product_id": products["product_id"].to_numpy()[item],
            "unit_spend": np.round(price[item] * (1 + rng.poisson(0.5, len(who))), 2),
            "channel": channel,
        }
    )
    people = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(customers)],
            "region": region,
            "acquisition_channel": source,
            "loyalty_tier": np.where(member, "club", None),
            "account_manager": manager,
        }
    )
    return {"transactions": sales, "products": products, "customers": people}


def large_shop(seed: int, kind: str = "equal", link: str = "") -> dict[str, pd.DataFrame]:
    """As `shop`, large enough for a model of who leaves."""
    return shop(seed, kind, link, customers=1_800)


def visits(
    seed: int, kind: str = "equal", link: str = "", *, customers: int = 700, days: int = 420
) -> dict[str, pd.DataFrame]:
    """Events and purchases: who sees what goes with nothing.

    kind : as above; in "unlike" some do everything, buying too, at a higher pace
    link : "review": having read a review makes the next three weeks' purchases four times as likely
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), 25])
    join = rng.random(customers) * days * 0.7
    pace = rng.gamma(1.0, 1.0, customers) + 0.1 if kind == "unlike" else np.ones(customers)
    weight = 3.0 if kind == "season" else 1.0
    many = 1 + rng.poisson(pace * 0.03 * (days - join) * weight)
    who = np.repeat(np.arange(customers), many)
    day = join[who] + rng.random(len(who)) * (days - join)[who]
    if kind == "season":
        late = rng.random(len(who)) < np.where((day > days - 90) & (day < days - 59), 1.0, 1 / 3)
        who, day = who[late], day[late]
    event = rng.choice(EVENTS, len(who), p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1])
    if kind == "season":
        then = (day > days - 90) & (day < days - 59) & (rng.random(len(who)) < 0.4)
        event = np.where(then, "Guide Read", event)
    buys = rng.poisson(pace * 0.006 * (days - join) * weight)
    buyer = np.repeat(np.arange(customers), buys)
    bought = join[buyer] + rng.random(len(buyer)) * (days - join)[buyer]
    if kind == "season":
        late = rng.random(len(buyer)) < np.where((bought > days - 90) & (bought < days - 59), 1.0, 1 / 3)
        buyer, bought = buyer[late], bought[late]
    if link == "review":
        more = (event == "Review Read") & (rng.random(len(who)) < 0.35)
        buyer = np.concatenate([buyer, who[more]])
        bought = np.concatenate([bought, day[more] + rng.random(more.sum()) * 5])
    stream = pd.DataFrame(
        {
            "customer_id": np.char.add("c", who.astype(str)),
            "timestamp": START + pd.to_timedelta(day, unit="D").floor("s"),
            "event": event,
            "channel": "web",
        }
    )
    kept = bought < days
    sales = pd.DataFrame(
        {
            "customer_id": np.char.add("c", buyer[kept].astype(str)),
            "transaction_date": START + pd.to_timedelta(bought[kept], unit="D").floor("s"),
            "unit_spend": np.round(rng.lognormal(3, 0.5, int(kept.sum())), 2),
        }
    )
    return {"transactions": sales, "events": stream}


def campaigns(
    seed: int, kind: str = "equal", link: str = "", *, customers: int = 1200, waves: int = 3
) -> dict[str, pd.DataFrame]:
    """Campaigns whose arms were drawn by lot.

    link : "" moves nobody; "all" gives everybody the same effect; "often": only those who buy often are
        moved; "anyway": offers with a code that everybody takes who buys anyway; "offer": the same, and
        it moves
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), 26])
    days = 546
    join, leave, rate = lives(rng, kind, customers, days)
    join = join / 2
    taste = rng.random(customers) < 0.5
    rate = rate * 2 * np.where((link == "often") & taste, 2.5, 1.0)
    who, day = times(rng, kind, join, leave, rate)
    group = np.where(taste, "quality", "price")
    members, extra_who, extra_day = [], [], []
    for k in range(waves):
        sent = 330 + 60 * k
        treated = rng.random(customers) < 0.5
        moved = {"": 0.0, "anyway": 0.0, "all": 0.15, "offer": 0.15, "often": 0.3}[link]
        hit = treated & (rng.random(customers) < moved) & (taste if link == "often" else True)
        extra_who.append(np.flatnonzero(hit))
        extra_day.append(sent + 1 + rng.random(hit.sum()) * 28)
        members.append(
            pd.DataFrame(
                {
                    "campaign_id": f"w{k}",
                    "customer_id": np.char.add("c", np.arange(customers).astype(str)),
                    "treatment": np.where(treated, "treated", "control"),
                    "sent_at": START + pd.Timedelta(days=sent),
                    "cost": np.where(treated, 0.1, np.nan),
                }
            )
        )
    got = [m["treatment"].to_numpy() == "treated" for m in members]
    who, day = np.concatenate([who, *extra_who]), np.concatenate([day, *extra_day])
    coupon = np.full(len(who), None, dtype=object)
    if link in ("anyway", "offer"):
        for k in range(waves):
            mine = (day >= 330 + 60 * k) & (day < 360 + 60 * k) & got[k][who]
            coupon[mine] = f"CODE{k}"
    value = np.round(rng.lognormal(3, 0.5, len(who)), 2)
    off = np.where(coupon == None, 0.0, np.round(0.1 * value, 2))  # noqa: E711
    sales = pd.DataFrame(
        {
            "customer_id": np.char.add("c", who.astype(str)),
            "transaction_date": START + pd.to_timedelta(day, unit="D").floor("s"),
            "unit_spend": value - off,
            "coupon": coupon,
            "discount": off,
        }
    )
    listed = pd.DataFrame(
        {
            "campaign_id": [f"w{k}" for k in range(waves)],
            "campaign_name": [f"Wave {k}" for k in range(waves)],
            "start_date": [START + pd.Timedelta(days=330 + 60 * k) for k in range(waves)],
            "end_date": [START + pd.Timedelta(days=360 + 60 * k) for k in range(waves)],
            "offer_code": [f"CODE{k}" for k in range(waves)],
        }
    )
    people = pd.DataFrame(
        {"customer_id": np.char.add("c", np.arange(customers).astype(str)), "needs_segment": group}
    )
    return {
        "transactions": sales,
        "campaigns": listed,
        "campaign_members": pd.concat(members, ignore_index=True),
        "customers": people,
    }


def clicks(
    seed: int, kind: str = "equal", link: str = "", *, customers: int = 700
) -> dict[str, pd.DataFrame]:
    """Touches of four channels, purchases and spend; *brand* stands shortly before purchases and causes none.

    link : "display": touches of display make a purchase as likely again within a week
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), 27])
    days = 182
    join, _, rate = lives(rng, kind, customers, days)
    join = join * 0
    who, day = times(rng, kind, join, np.full(customers, float(days)), rate * 1.5)
    who, day = who[customers:], day[customers:]
    touch_who, touch_day, touch = [], [], []
    brand = rng.random(len(who)) < 0.5  # they buy anyway, and look the shop up first
    touch_who.append(who[brand])
    touch_day.append(np.maximum(day[brand] - rng.random(brand.sum()) * 2, 0))
    touch.append(np.full(int(brand.sum()), "brand search"))
    for name in ("display", "email", "affiliate"):
        seen = rng.poisson(0.02 * days, customers)
        mine = np.repeat(np.arange(customers), seen)
        when = rng.random(len(mine)) * days
        touch_who.append(mine)
        touch_day.append(when)
        touch.append(np.full(len(mine), name))
        if link == name:
            more = rng.random(len(mine)) < 0.2
            who, day = (
                np.concatenate([who, mine[more]]),
                np.concatenate([day, when[more] + 7 * rng.random(more.sum())]),
            )
    kept = day < days
    who, day = who[kept], day[kept]
    sales = pd.DataFrame(
        {
            "customer_id": np.char.add("c", who.astype(str)),
            "transaction_date": START + pd.to_timedelta(day, unit="D").floor("s"),
            "unit_spend": np.round(rng.lognormal(3, 0.5, len(who)), 2),
        }
    )
    stream = pd.DataFrame(
        {
            "customer_id": np.char.add("c", np.concatenate(touch_who).astype(str)),
            "timestamp": START + pd.to_timedelta(np.concatenate(touch_day), unit="D").floor("s"),
            "event": "Visited",
            "channel": np.concatenate(touch),
        }
    )
    spend = pd.DataFrame(
        {
            "channel": np.repeat(["brand search", "display", "email", "affiliate"], 26),
            "date_day": np.tile(pd.date_range(START, periods=26, freq="7D"), 4),
            "spend": np.repeat([20.0, 90.0, 10.0, 60.0], 26),
        }
    )
    return {"transactions": sales, "events": stream, "channel_spend": spend}
