"""An unknown column or choice is refused in one way: with the nearest name, and what there is."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from datetime import date

import ibis
import pandas as pd
import pytest

import crm_analytics.analyses
from crm_analytics import CustomerBase
from crm_analytics.analyses import attribution, audit, btyd, calendar, cohorts, drivers, products, profiling
from crm_analytics.analyses.calendar.daily import sold_lines
from crm_analytics.analyses.churn.survival.cox import cox
from crm_analytics.analyses.concentration import concentration
from crm_analytics.analyses.disclosure import publishable
from crm_analytics.errors import ParameterError, check_name

NAMES = ("by", "column", "columns", "group", "attributes", "level", "measure")
# A unit of time, and a name that the caller gives to numbers of his own.
OTHERS = {"btyd.cohort_effects", "calendar.calendar_of"}

DAYS = pd.date_range("2024-01-01", periods=400, freq="2D")
LINES = pd.DataFrame(
    {
        "customer_id": [f"c{n % 40}" for n in range(400)],
        "transaction_date": DAYS,
        "unit_spend": 9.0,
        "product_id": [f"p{n % 5}" for n in range(400)],
        "channel": ["web", "shop"] * 200,
    }
)
PEOPLE = pd.DataFrame({"customer_id": [f"c{n}" for n in range(40)], "region": ["N", "S"] * 20})
GOODS = pd.DataFrame({"product_id": [f"p{n}" for n in range(5)], "category_0_name": list("aabbc")})
TABLE = ibis.memtable(PEOPLE)
SPELLS = pd.DataFrame({"duration": [9.0] * 40, "event": [1] * 40, "region": range(40)})
PATHS = pd.DataFrame({"path": ["a > b", "b"], "conversions": [1, 1], "nulls": [0, 1], "value": [1.0, 2.0]})


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    return CustomerBase.open(
        {"transactions": LINES, "customers": PEOPLE, "products": GOODS}, today="2027-01-01"
    )


CALLS: dict[str, tuple[Callable[[CustomerBase, str], object], str, str]] = {
    "cohorts.cohorts": (lambda b, x: cohorts.cohorts(b, by=x), "regoin", "region"),
    "audit.gain_loss_by": (lambda b, x: audit.gain_loss_by(b, "-13w", x), "category_name", "category_0_name"),
    "btyd.with_covariates": (
        lambda b, x: btyd.with_covariates(btyd.summarize(b), TABLE, [x]), "regoin", "region"),
    "calendar.calendar": (calendar.calendar, "ordrs", "orders"),
    "calendar.daily": (calendar.daily, "ordrs", "orders"),
    "calendar.daily_by": (lambda b, x: calendar.daily_by(b, sold_lines(b), x), "prodct_id", "product_id"),
    "drivers.by_attribute": (lambda b, x: drivers.by_attribute(b, "-13w", (x,)), "regoin", "region"),
    "drivers.leaving_by_attribute": (
        lambda b, x: drivers.leaving_by_attribute(b, 91, (x,)), "regoin", "region"),
    "drivers.change_at": (
        lambda b, x: drivers.change_at(b, date(2026, 1, 1), measure=x), "ordrs", "orders"),
    "products.affinity": (lambda b, x: products.affinity(b, level=x), "categry", "category"),
    "products.category_months": (lambda b, x: products.category_months(b, level=x), "categry", "category"),
    "products.cross_shop": (lambda b, x: products.cross_shop(b, level=x), "categry", "category"),
    "products.first_products": (lambda b, x: products.first_products(b, level=x), "categry", "category"),
    "products.likely_buyers": (lambda b, x: products.likely_buyers(b, "a", level=x), "categry", "category"),
    "products.movers": (lambda b, x: products.movers(b, level=x), "categry", "category"),
    "profiling.demography": (lambda b, x: profiling.demography(b, (x,)), "regoin", "region"),
    "profiling.habits_by_demography": (
        lambda b, x: profiling.habits_by_demography(b, TABLE, (x,)), "regoin", "region"),
    "profiling.traits": (
        lambda b, x: profiling.traits(b, TABLE, TABLE, "region", (x,)), "categry", "category"),
    "profiling.traits, group": (lambda b, x: profiling.traits(b, TABLE, TABLE, x), "regoin", "region"),
    "concentration": (lambda b, x: concentration(b, TABLE, x), "regoin", "region"),
    "attribution.attribute": (
        lambda b, x: attribution.attribute(PATHS, value=x), "conversion", "conversions"),
    "attribution.attribute, models": (lambda b, x: attribution.attribute(PATHS, [x]), "marcov", "markov"),
    "disclosure.publishable": (lambda b, x: publishable(PEOPLE.assign(customers=9), x), "regoin", "region"),
    "survival.cox": (lambda b, x: cox(SPELLS, features=[x]), "regoin", "region"),
    "base.filter": (lambda b, x: b.filter({x: "N"}), "regoin", "region"),
}  # fmt: skip


def public() -> Iterator[tuple[str, object]]:
    """Public functions of the analyses that take the name of a column or choice."""
    for found in pkgutil.iter_modules(crm_analytics.analyses.__path__):
        package = importlib.import_module(f"crm_analytics.analyses.{found.name}")
        for name in getattr(package, "__all__", ()) if found.ispkg else ():
            one = getattr(package, name)
            if inspect.isfunction(one) and any(
                p.name in NAMES and "str" in str(p.annotation)
                for p in inspect.signature(one).parameters.values()
            ):
                yield f"{found.name}.{name}", one


def test_every_analysis_that_takes_a_name_is_asked_here_law() -> None:
    found = {name for name, _ in public()}
    assert len(found) >= 15
    assert found - OTHERS - CALLS.keys() == set()


@pytest.mark.parametrize("name", CALLS)
def test_an_unknown_name_says_the_nearest_and_what_there_is(base: CustomerBase, name: str) -> None:
    call, typo, meant = CALLS[name]
    with pytest.raises(ParameterError, match=rf"'{typo}'; did you mean '{meant}'\? There is .*\b{meant}\b"):
        call(base, typo)
    with pytest.raises(ParameterError, match=rf"'qqq'\. There is .*\b{meant}\b"):
        call(base, "qqq")


def test_a_column_that_this_source_lacks_is_no_mistake(base: CustomerBase) -> None:
    assert audit.gain_loss_by(base, "-13w", "brand_name") is None
    assert profiling.demography(base, ("gender", "region")) is not None
    assert "country" not in set(drivers.by_attribute(base, "-13w", ("country",))["attribute"])


def test_a_long_list_of_names_is_cut() -> None:
    with pytest.raises(ParameterError, match=r"column_29 and 70 more$"):
        check_name("unknown column", "z", [f"column_{n}" for n in range(100)])
    with pytest.raises(ParameterError, match=r"'z'\. There is none$"):
        check_name("unknown column", "z", [])
