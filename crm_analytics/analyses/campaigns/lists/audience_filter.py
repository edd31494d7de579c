"""The demographic filter of a list: which customers it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.profiling.demography import age_in_years
from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables.contract import TABLES

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
    ParameterError : as `check_where` says, or a column that this source does not have
    """
    people = base.tables.get("customers")
    if people is None:
        raise DataError(
            "a filter by region, age and the like needs the table 'customers', which is not there"
        )
    check_where(where)
    found = people
    for name, wanted in where.items():
        column = "birth_date" if name == AGE else name
        if column not in people.columns:
            raise ParameterError(f"where: {name}: the customers of this source have no column '{column}'")
        if name == AGE:
            low, high = _ages(wanted)
            years = age_in_years(found.birth_date, base.day)
            found = found.filter(years >= low, years <= high)
        else:
            found = found.filter(found[name].isin(_several(wanted)))
    return found.select("customer_id")


def check_where(where: Mapping[str, Any]) -> None:
    """Whether a filter can be asked of a customers table; told without one.

    Raises
    ------
    ParameterError : an unknown column, a value that is not of its kind, an age that is no pair of numbers
    """
    if not isinstance(where, Mapping):
        raise ParameterError(f'where = {where!r}: columns and their values, such as {{ region = "North" }}')
    columns = {column.name: column.type for column in TABLES["customers"].columns}
    for name, wanted in where.items():
        if name == AGE:
            _ages(wanted)
        elif name not in columns:
            raise ParameterError(f"where: unknown column '{name}'{nearest(str(name), [*columns, AGE])}")
        else:
            kinds, words, right = KINDS[columns[name]]
            wrong = [one for one in _several(wanted) if not isinstance(one, kinds) or _is_flag(one, kinds)]
            if wrong or not _several(wanted):
                got = repr(wrong[0]) if wrong else "nothing"
                raise ParameterError(f"where: {name} is {words}, got {got}. Say {name} = {right(wrong)}")


Example = Callable[[list[Any]], str]


def _like(example: str) -> Example:
    return lambda wrong: example


def _quoted(wrong: list[Any]) -> str:
    plain = wrong and isinstance(wrong[0], (int, float)) and not isinstance(wrong[0], bool)
    return f'"{wrong[0]}"' if plain else '"..."'


_DATED = "date(2026, 1, 31), or filter by age"
KINDS: dict[str, tuple[tuple[type, ...], str, Example]] = {
    "text": ((str,), "a text", _quoted),
    "flag": ((bool,), "true or false", _like("true")),
    "count": ((int,), "a whole number", _like("3")),
    "number": ((int, float), "a number", _like("3.5")),
    "money": ((int, float, Decimal), "an amount", _like("9.90")),
    "date": ((date,), "a date", _like(_DATED)),
    "time": ((date,), "a date", _like(_DATED)),
}


def _is_flag(one: Any, kinds: tuple[type, ...]) -> bool:
    """True and False are numbers to Python, not to people."""
    return isinstance(one, bool) and bool not in kinds


def _several(wanted: Any) -> list[Any]:
    return list(wanted) if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]


def _ages(wanted: Any) -> tuple[int, int]:
    pair = _several(wanted)
    if len(pair) != 2 or not all(isinstance(one, int) and not isinstance(one, bool) for one in pair):
        raise ParameterError("where: age must be two whole numbers, from and to, like [30, 49]")
    low, high = pair
    if low > high:
        raise ParameterError(f"where: age = [{low}, {high}]: the first must not be larger")
    return low, high
