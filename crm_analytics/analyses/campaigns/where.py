"""The demographic filter of a list: which customers it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.demography import age_in_years
from crm_analytics.errors import DataError, ParameterError, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

AGE = "age"


def matching(base: CustomerBase, where: Mapping[str, Any]) -> ir.Table:
    """Customers of whom every condition holds; who leaves a condition unknown is not among them.

    Parameters
    ----------
    where : column of the customers table -> a value, or several of which one must fit; ``age`` -> (from, to)
        in whole years on the base's day, both included

    Raises
    ------
    DataError : there is no customers table
    ParameterError : an unknown column, or an age that is no pair of numbers
    """
    people = base.tables.get("customers")
    if people is None:
        raise DataError(
            "a filter by region, age and the like needs the table 'customers', which is not there"
        )
    found = people
    for name, wanted in where.items():
        if name == AGE and "birth_date" in people.columns:
            low, high = _ages(wanted)
            years = age_in_years(found.birth_date, base.day)
            found = found.filter(years >= low, years <= high)
        elif name in people.columns:
            several = list(wanted) if isinstance(wanted, (list, tuple, set)) else [wanted]
            found = found.filter(found[name].isin(several))
        else:
            raise ParameterError(f"where: unknown column '{name}'{nearest(name, [*people.columns, AGE])}")
    return found.select("customer_id")


def _ages(wanted: Any) -> tuple[int, int]:
    try:
        low, high = (int(one) for one in wanted)
    except (TypeError, ValueError):
        raise ParameterError("where: age must be two whole numbers, from and to, like [30, 49]") from None
    if low > high:
        raise ParameterError(f"where: age = [{low}, {high}]: the first must not be larger")
    return low, high
