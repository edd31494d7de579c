"""What the pages on products, service, voice, social, referrals and the headlines claim of a shop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from crm_analytics import CustomerBase
from crm_analytics.analyses import rfm, service, voice
from crm_analytics.analyses.calendar import calendar, daily, holiday_effects, pay_days, week_pattern
from crm_analytics.analyses.churn.survival.complaints import after_complaint
from crm_analytics.analyses.definitions import ACTIVE, definitions
from crm_analytics.analyses.evidence import Evidence, grade
from crm_analytics.analyses.kpis import customers_active, measure
from crm_analytics.analyses.lifecycle import standing_changes
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.products.affinity import affinity
from crm_analytics.analyses.products.cross_shop import cross_shop
from crm_analytics.analyses.products.first_product import first_products
from crm_analytics.analyses.products.habitual_day import habitual_days
from crm_analytics.analyses.products.movers import movers
from crm_analytics.analyses.products.quality import quality
from crm_analytics.analyses.referral.invitations import invitations
from crm_analytics.analyses.referral.likelihood import referral_likelihood
from crm_analytics.analyses.referral.referred_customers import referred_customers
from crm_analytics.analyses.social.lead_lag import lead_lag
from crm_analytics.analyses.social.mentions import mentions
from crm_analytics.analyses.social.volume import Voice, worst_topic
from crm_analytics.analyses.social.volume import voice as spoken
from crm_analytics.errors import CrmError

Claim = Callable[[CustomerBase], bool]


def _season(base: CustomerBase) -> bool:
    return calendar(base).months.is_shown


def _weekday(base: CustomerBase) -> bool:
    return week_pattern(base).strongest is not None


def _days_of_month(base: CustomerBase) -> bool:
    return pay_days(daily(base, "orders")).best is not None


def _holiday(base: CustomerBase) -> bool:
    return bool(holiday_effects(daily(base, "orders"), "GB", "en_US").table["clear"].any())


def _moved(base: CustomerBase) -> bool:
    return any(bool((movers(base, "-13w", level).products["verdict"] == "moves").any())
               for level in ("product", "category"))  # fmt: skip


def _pair(base: CustomerBase) -> bool:
    segments = rfm.score(base).customers.select("customer_id", "segment")
    return len(affinity(base, segments=segments).found) > 0


def _cross_shop(base: CustomerBase) -> bool:
    return bool(cross_shop(base).pairs["clear"].any())


def _first(base: CustomerBase) -> bool:
    found = first_products(base, "category").products
    return bool((found["clear"] & (found["difference"] > 0)).any())


def _comes_back(base: CustomerBase) -> bool:
    return bool((quality(base).products["verdict"] == "more").any())


def _own_day(base: CustomerBase) -> bool:
    return habitual_days(base).share > 0


def _product_tickets(base: CustomerBase) -> bool:
    found = service.drivers_by_product(service.tickets(base))
    return bool((found["clear"] & (found["ratio"] > 1)).any())


def _quick_help(base: CustomerBase) -> bool:
    return service.recovery(base).evidence is Evidence.SHOWN


def _complaint(base: CustomerBase) -> bool:
    row = after_complaint(base).hazards.table.iloc[0]
    return not row["lower"] <= 1 <= row["upper"]


def _busy_hour(base: CustomerBase) -> bool:
    return service.arrivals(service.tickets(base)).is_uneven


def _answers(base: CustomerBase) -> tuple[voice.Answers, voice.Answers]:
    return voice.answers(base), voice.answers(base, base.day - timedelta(days=365))


def _score(base: CustomerBase) -> bool:
    last = voice.score(_answers(base)[1], voice.NPS)
    before = base.earlier("-52w")
    assert before is not None
    year = voice.score(voice.answers(before, before.day - timedelta(days=365)), voice.NPS)
    return grade(*voice.difference(last, year), min(last.n, year.n)).is_news


def _segment_answers(base: CustomerBase) -> bool:
    groups = rfm.score(base).customers.select("customer_id", "segment")
    found = voice.scores_by_group(_answers(base)[1], voice.NPS, groups)
    return voice.apart(found) is not None


def _driver(base: CustomerBase) -> bool:
    found = voice.score_drivers(voice.answers(base), voice.NPS)
    return bool(len(found) and (found["clear"] & (found["difference"] < 0)).any())


def _response(base: CustomerBase) -> bool:
    groups = rfm.score(base).customers.select("customer_id", "segment")
    start = base.day - timedelta(days=365)
    return bool(voice.response_bias(voice.answers(base, start), groups, start).groups["clear"].any())


def _promoters(base: CustomerBase) -> bool:
    until = base.day - timedelta(days=voice.FOLLOWED)
    found = voice.said_and_done(voice.answers(base, end=until))
    return bool(
        len(found) and (found.iloc[0]["difference_lower"] > 0 or found.iloc[0]["difference_upper"] < 0)
    )


def _voice(base: CustomerBase) -> Voice:
    return spoken(mentions(base), "-13w")


def _tone(base: CustomerBase) -> bool:
    found = _voice(base)
    assert found.before is not None
    assert found.sentiment_change is not None
    n = min(found.now.sentiment.clusters, found.before.sentiment.clusters)
    return grade(*found.sentiment_change, n).is_news


def _topic(base: CustomerBase) -> bool:
    found = _voice(base)
    return worst_topic(found.topics, found.now.sentiment.value) is not None


def _talk_and_sales(base: CustomerBase) -> bool:
    return bool(lead_lag(mentions(base), _voice(base).weeks).clear)


def _referred(base: CustomerBase) -> bool:
    found = referred_customers(invitations(base))
    row = found.of("revenue")
    return grade(row["difference"], row["lower"], row["upper"], found.matched).is_news


def _next_referrer(base: CustomerBase) -> bool:
    return bool(referral_likelihood(base).used)


def active_changed(base: CustomerBase) -> bool:
    """Lifecycle: more or fewer active customers than a year ago."""
    words = definitions(base)
    change = standing_changes(base, words).get(ACTIVE)
    n = customers_active(Measured(base, "-13w")).n
    return change is not None and grade(change.change, change.lower, change.upper, n).is_news


def _tickets_per_order(base: CustomerBase) -> bool:
    found = measure(Measured(base, "-13w"), ("contacts_per_100_orders",))["contacts_per_100_orders"]
    change = found.against_year
    return change is not None and grade(change.change, change.lower, change.upper, found.n).is_news


CLAIMS: dict[str, Claim] = {
    "products.month": _season, "products.weekday": _weekday, "products.days_of_month": _days_of_month,
    "products.holiday": _holiday, "products.product_moved": _moved, "products.pair": _pair,
    "products.cross_shop": _cross_shop, "products.first_product": _first,
    "products.comes_back": _comes_back, "products.own_day": _own_day,
    "service.product_tickets": _product_tickets, "service.quick_help": _quick_help,
    "service.complaint": _complaint, "service.busy_hour": _busy_hour,
    "service.rate_changed": _tickets_per_order,
    "voice.score_changed": _score, "voice.segment_differs": _segment_answers, "voice.driver": _driver,
    "voice.response_differs": _response, "voice.promoters_return": _promoters,
    "social.tone_changed": _tone, "social.topic_worse": _topic, "social.talk_and_sales": _talk_and_sales,
    "referrals.referred_differ": _referred, "referrals.next_referrer": _next_referrer,
}  # fmt: skip

THERE = {  # of a kind of world, besides what is linked
    "referrals.next_referrer": "unlike",  # customers differ in how often they invite
    "products.month": "season",
}

PLANTED = (  # by the link "all"
    "products.weekday", "products.pair", "products.first_product", "products.comes_back",
    "service.product_tickets", "service.complaint", "social.tone_changed", "social.topic_worse",
    "social.talk_and_sales", "referrals.referred_differ",
)  # fmt: skip
ALONE = {  # by a link of its own
    "voice.segment_differs": "frequent", "voice.response_differs": "frequent", "voice.driver": "complaints",
    "voice.promoters_return": "promoters",
}  # fmt: skip
LARGE, LONG = ("voice.driver",), ("products.month",)  # of larger, or longer, worlds
OF_PRODUCTS = (  # of these, that each customer has an item of their own is one null world more
    "products.product_moved", "products.pair", "products.cross_shop", "products.first_product",
    "products.comes_back", "service.product_tickets",
)  # fmt: skip


def claims(kind: str, base: CustomerBase) -> bool:
    """Whether a kind of finding is claimed of a base; not where the data are too few to say it."""
    try:
        return bool(CLAIMS[kind](base))
    except CrmError:
        return False
