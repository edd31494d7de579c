"""What the demo company is drawn from: every number that an analysis is later asked to find again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

VERSION = 1
SEED = 2026
LAST_DAY = date(2025, 12, 31)
CURRENCY = "EUR"
BLOCK = 20_000  # customers drawn at a time


@dataclass(frozen=True)
class NeedsSegment:
    """Customers who want the same: how they buy, and how they leave.

    While alive a customer buys at a rate ~ Gamma(r, alpha) a day, times the season; the time to leaving is
    exponential with a hazard ~ Gamma(s, beta) a day (a Pareto/NBD of the segment's own).
    """

    name: str
    share: float
    r: float
    alpha: float  # days
    s: float
    beta: float  # days
    lines: float  # mean lines of an order beyond the first
    quantity: float
    season: float  # 0: flat, 1: the whole planted season, above: more
    weekend: float  # weight of Saturday and Sunday against a weekday
    price_level: float  # tends to cheap (-1) or dear (+1) products
    deal_prone: float  # share of orders made with a coupon when one is at hand
    lift: float  # added orders of a treated customer, still there, in the two weeks after a campaign
    complaint: float  # probability that an order leads to a complaint
    online: float  # share of orders by web or app
    tastes: tuple[float, ...]  # weights of the product categories


SEGMENTS = (
    NeedsSegment("regulars", 0.30, 2.0, 60.0, 1.5, 1500.0, 1.4, 1.3, 0.6, 1.6, 0.2,
                 0.15, 0.03, 0.020, 0.5, (5, 3, 1, 1, 1, 2)),
    NeedsSegment("bargain hunters", 0.20, 1.4, 70.0, 1.5, 1000.0, 1.0, 1.6, 0.8, 1.2, -1.2,
                 0.70, 0.08, 0.025, 0.8, (2, 2, 4, 1, 1, 1)),
    NeedsSegment("gift buyers", 0.15, 1.5, 150.0, 1.5, 1400.0, 0.7, 1.1, 2.0, 2.2, 1.2,
                 0.20, 0.00, 0.015, 0.6, (1, 1, 1, 6, 3, 1)),
    NeedsSegment("businesses", 0.10, 3.0, 70.0, 2.0, 3500.0, 2.4, 4.0, 0.1, 0.15, 0.0,
                 0.05, 0.02, 0.030, 0.7, (6, 1, 1, 1, 1, 5)),
    NeedsSegment("one-time try-outs", 0.25, 0.6, 150.0, 1.2, 220.0, 0.5, 1.0, 0.8, 1.3, -0.3,
                 0.35, 0.00, 0.040, 0.75, (2, 2, 3, 2, 1, 1)),
)  # fmt: skip

CATEGORIES = ("Coffee", "Tea", "Snacks", "Gifts", "Tableware", "Equipment")
SEASON = (0.85, 0.80, 0.90, 0.95, 0.95, 0.90, 0.80, 0.85, 1.00, 1.05, 1.30, 1.65)  # January to December
COMPLAINT_HAZARD = 3.0  # a first complaint multiplies the hazard of leaving by this
RETURN_SHARE = 0.035  # of lines
ANONYMOUS_SHARE = 0.03  # orders nobody is named for, of all
NEVER_BOUGHT = 0.06  # of the people in the customers table
DUPLICATES = 0.02  # of customers: the same person under a second id

COUPON_DISCOUNT = 0.10
COUPON_BASKET = 1.25  # a coupon multiplies the lines beyond the first by this
COUPON_DAYS = 14  # after a campaign that carries one, for the treated
SALE_MONTHS, SALE_DAYS = (3, 6, 9, 11), 7  # the first days of these months: a coupon for everybody
LOYALTY_MEMBERS = 0.5  # of customers, at random
LOYALTY_RATE = 1.15  # what membership does to the buying rate
FAVOURITE_SHARE = 0.35  # of lines are the customer's favourite product
TAX_RATE = 0.19
TRACKED = 0.4  # of customers let their clicks be seen
CAMPAIGN_EVERY = 45  # days
CAMPAIGN_WINDOW = 14  # days in which a campaign works
CONTROL_SHARE = 0.2
CAMPAIGN_REACH = 0.5  # of those who may be mailed


@dataclass(frozen=True)
class Channel:
    """A marketing channel: how often it is touched, what a touch does, what it costs."""

    name: str
    touches: float  # share of all touches
    effect: float  # a path converts with 1 - (1 - base) * product of (1 - effect) over its channels
    cost: float  # money a touch
    acquires: float  # share of new customers
    quality: float  # buying rate of those it won, against the segment's


CHANNELS = (
    Channel("search", 0.28, 0.20, 3.00, 0.24, 1.1),
    Channel("email", 0.20, 0.24, 0.40, 0.02, 1.2),
    Channel("social", 0.17, 0.06, 5.00, 0.18, 0.8),
    Channel("display", 0.15, 0.00, 9.00, 0.08, 0.7),
    Channel("affiliate", 0.06, 0.15, 4.00, 0.10, 0.9),
    Channel("direct", 0.14, 0.08, 0.00, 0.12, 1.1),
)
CONVERSION_BASE = 0.05  # of a path without any effect
PATH_STOPS = 0.38  # after each touch: a path's length is geometric
WORD_OF_MOUTH = 0.16  # of new customers; the rest of the acquisition shares is "shop"
ACQUISITION_COST = {"search": 14.0, "email": 2.0, "social": 11.0, "display": 19.0, "affiliate": 16.0,
                    "direct": 1.0, "referral": 5.0, "shop": 4.0}  # fmt: skip

BRANDS = ("Ours", "Rival", "Other")
BRAND_LAST = 1.0  # brand choice: utility of the brand bought last
BRAND_DRIVERS = {"quality": 0.5, "price": 0.3, "service": 0.2}  # and of each point of its rating
HEARD_HONEST = 0.7  # say the channel that won them; the others say: a friend
REFERRAL_WOULD_HAVE_JOINED = 0.35  # of the referred
SUBSCRIPTION_CANCEL = 0.035  # a month
