"""What the products report is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.analyses.calendar import (
    Calendar,
    HolidayEffects,
    Outlook,
    PayDays,
    WeekPattern,
    calendar,
    country_of,
    daily,
    daily_by,
    holiday_effects,
    outlook,
    pay_days,
    week_pattern,
)
from crm_analytics.analyses.contact_effect import contact_cost, contact_effect
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.products.affinity import Affinity, affinity
from crm_analytics.analyses.products.category_months import CategoryMonths, category_months
from crm_analytics.analyses.products.chosen_options import chosen_options
from crm_analytics.analyses.products.cross_shop import CrossShop, cross_shop
from crm_analytics.analyses.products.first_product import FirstProducts, first_products
from crm_analytics.analyses.products.habitual_day import HabitualDays, habitual_days
from crm_analytics.analyses.products.kpis import WEEKS
from crm_analytics.analyses.products.movers import Movers, movers
from crm_analytics.analyses.products.nameable_products import nameable_products
from crm_analytics.analyses.products.next_product import NextOffers, next_offers
from crm_analytics.analyses.products.popularity import Popularity, popularity
from crm_analytics.analyses.products.product_lines import product_facts, product_lines
from crm_analytics.analyses.products.quality import Quality, quality
from crm_analytics.analyses.products.sale_margins import extra_margin, sale_margins
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.pages import words
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.products.offers import offer_actions
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.margin import margin_of
from crm_analytics.reports.shared.plans import Plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

KPIS = ("sales_to_come", "bought_before_share", "products_per_order", "returned_share")
WITHOUT_PRODUCTS = ("sales_to_come", "revenue", "buyers", "bought_again")
CATEGORIES = 8  # the largest, whose next weeks are expected one by one
OF_PRODUCTS = (
    "popular", "moves", "category_months", "returns", "options", "together", "cross_shop", "first", "next",
    "offers",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class ProductReport(Report):
    """Everything the sections show; a part is None where the data do not hold it."""

    t: Sentences
    plan: Plans
    country: str | None
    handed: HandedIn
    facts_of: pd.DataFrame  # product, name, category
    popular: Popularity | None = None
    moves: Movers | None = None
    category_moves: Movers | None = None
    category_months: CategoryMonths | None = None
    calendar: Calendar | None = None
    ahead: Outlook | None = None
    ahead_by: pd.DataFrame | None = None
    week: WeekPattern | None = None
    holidays: HolidayEffects | None = None
    pay_days: PayDays | None = None
    own_day: HabitualDays | None = None
    returns: Quality | None = None
    options: pd.DataFrame | None = None
    together: Affinity | None = None
    pairs: pd.DataFrame | None = None
    cross_shop: CrossShop | None = None
    first: FirstProducts | None = None
    next: NextOffers | None = None
    of_products: tuple[str, ...] = field(default=OF_PRODUCTS)

    @property
    def has_products(self) -> bool:
        """Whether the data say what was bought."""
        return not self.facts_of.empty

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS if self.has_products else WITHOUT_PRODUCTS)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Product -> what the page calls it: its name, with the id where two have one name."""
        table = self.facts_of
        said = table["name"].map(lambda name: words.clean(name, words.LONGEST_LABEL))
        twice = said.str.lower().duplicated(keep=False)
        said = said.where(~twice, said + " (" + table["product"].map(str) + ")")
        return dict(zip(table["product"], said, strict=True))

    def name(self, product: object) -> str:
        """What the page calls a product; a category or brand is its own name."""
        return self._names.get(str(product), words.clean(product, words.LONGEST_LABEL))


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-13w",
    country: str = "",
    effect: float = 0.05,
    show_customers: bool = False,
    language: str = "en",
    run: str = "",
) -> ProductReport | SmallReport:
    """Measure what sells, when, together with what, and what to offer whom.

    Parameters
    ----------
    compare_to : length of the periods of movers and key figures
    country : alpha-2 code whose holidays are looked at; empty: where most customers live
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    t = catalogue(language, __file__, base.currency)
    given = Measured(base, compare_to, None, "", margin_of(base).share)
    plan = Plans(given, contact_effect(base, effect), contact_cost(base), None, ())
    country = country or country_of(base) or ""
    named = nameable_products(base)
    parts: dict[str, Any] = {
        name: attempt(missing, name, make)
        for name, make in _parts(named, compare_to, country, language).items()
    }
    facts = attempt(missing, "names", lambda: base.collect(product_facts(named)))
    facts = pd.DataFrame(columns=["product", "name", "category"]) if facts is None else facts
    together, actions = parts["together"], offer_actions(plan, parts["next"], parts["category_months"], base)
    plan = Plans(plan.given, plan.effect, plan.cost, None, actions)
    write_lists(base, plan.actions, run, show_customers)
    return ProductReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=t,
        plan=plan,
        country=country or None,
        handed=handed_in(run),
        facts_of=facts,
        pairs=None if together is None else extra_margin(together.pairs, sale_margins(base)),
        **parts,
    )


def _parts(base: CustomerBase, span: str, country: str, language: str) -> dict[str, Callable[[], Any]]:
    """Each part with what makes it."""
    said = "de" if language == "de" else "en_US"
    return {
        "popular": partial(popularity, base),
        "moves": partial(movers, base, span),
        "category_moves": partial(movers, base, span, "category"),
        "category_months": partial(category_months, base),
        "calendar": partial(calendar, base),
        "ahead": lambda: outlook(daily(base, "sales"), WEEKS),
        "ahead_by": partial(_ahead_by, base),
        "week": partial(week_pattern, base),
        "holidays": lambda: holiday_effects(daily(base, "orders"), _known(country), said),
        "pay_days": lambda: pay_days(daily(base, "orders")),
        "own_day": partial(habitual_days, base),
        "returns": partial(quality, base),
        "options": partial(_options, base),
        "together": lambda: affinity(base, segments=_segments(base)),
        "cross_shop": partial(cross_shop, base),
        "first": partial(_first, base),
        "next": partial(next_offers, base),
    }


def _known(country: str) -> str:
    if not country:
        raise DataError("no country is known: give one, or a column country of customers")
    return country


def _segments(base: CustomerBase) -> ir.Table:
    customers = rfm.score(base).customers
    return customers.select("customer_id", "segment")


def _options(base: CustomerBase) -> pd.DataFrame | None:
    found = chosen_options(base)
    return None if found.empty else found


def _first(base: CustomerBase) -> FirstProducts | None:
    """By category where there is one, else by product."""
    try:
        found = first_products(base, "category")
    except NotEnoughData:
        raise
    except DataError:
        found = first_products(base)
    return None if found.products.empty else found


def _ahead_by(base: CustomerBase) -> pd.DataFrame | None:
    """The next weeks of the largest categories, one row each.

    Money: expected, lower, upper, before (as many last weeks), year_ago (the same weeks). Pieces: units,
    units_lower, units_upper, units_before.
    """
    lines = product_lines(base, "category")
    lines = lines.filter(~lines.is_return)
    sums = base.collect(lines.group_by("product").aggregate(sales=lines.spend.sum().cast("float64")))
    kept = sums.nlargest(CATEGORIES, "sales")["product"].tolist()
    lines = lines.filter(lines["product"].isin(kept))
    money, units = (daily_by(base, lines, "product", measure) for measure in ("sales", "units"))
    rows = []
    for name in kept:
        try:
            due, pieces = outlook(money[name], WEEKS), outlook(units[name], WEEKS)
        except NotEnoughData:
            continue
        before = float(money[name].iloc[-7 * WEEKS :].sum())
        rows.append(
            {
                "category": name, "expected": due.expected, "lower": due.lower, "upper": due.upper,
                "before": before, "year_ago": due.year_ago, "units": pieces.expected,
                "units_lower": pieces.lower,
                "units_upper": pieces.upper, "units_before": float(units[name].iloc[-7 * WEEKS :].sum()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows) if rows else None
