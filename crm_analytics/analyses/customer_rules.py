"""Rules of one's own: ranges of what customers did, and values of any column of `customers`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import ibis

from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables.base_filter import Condition, conditions_of
from crm_analytics.tables.contract import TABLES

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

CUSTOMERS = "customers"
INFINITY = float("inf")

Made = TypeVar("Made")


class HasWhere(Protocol):
    """A rule of segments or stages."""

    @property
    def where(self) -> Mapping[str, Any]:
        """Field -> range, or column of customers -> value, values or span."""


def ranges(rule: HasWhere, fields: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Of a rule, what is asked of what customers did."""
    return {field: wanted for field, wanted in rule.where.items() if field in fields}


def conditions(rule: HasWhere, fields: Sequence[str]) -> tuple[Condition, ...]:
    """Of a rule, what is asked of columns of `customers`."""
    own = {f"{CUSTOMERS}.{c}": wanted for c, wanted in rule.where.items() if c not in fields}
    return conditions_of(own, {CUSTOMERS: TABLES[CUSTOMERS].names}) if own else ()


def check_field(kind: str, field: str, wanted: Any, fields: Sequence[str]) -> None:
    """Refuse a field that is neither a figure nor a column of `customers`, and a range that is none.

    Raises
    ------
    ParameterError : says where, with the nearest name.
    """
    known = [*fields, *TABLES[CUSTOMERS].names]
    if field not in known:
        raise ParameterError(f"{kind}: unknown field '{field}'{nearest(field, known)}")
    if field not in fields:
        return
    pair = isinstance(wanted, (tuple, list)) and len(wanted) == 2
    if not pair or not all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in wanted):
        raise ParameterError(
            f"{kind}: {field} takes a range like [2, 5], or a text like '2..', got {wanted!r}"
        )


def flagged(
    base: CustomerBase, table: ir.Table, rules: Sequence[HasWhere], fields: Sequence[str]
) -> tuple[ir.Table, dict[int, str]]:
    """A table of customers with a column for each rule that asks for columns of `customers`.

    Returns
    -------
    The table, and the column by the rule's place. Who is not in `customers` fits no such rule.

    Raises
    ------
    DataError : there is no table of customers, or it lacks a column.
    """
    asked = {n: found for n, rule in enumerate(rules) if (found := conditions(rule, fields))}
    if not asked:
        return table, {}
    people = base.tables.get(CUSTOMERS)
    if people is None:
        raise DataError("rules by columns of customers need the table 'customers', which is not there")
    for one in (one for found in asked.values() for one in found):
        if one.column not in people.columns:
            raise DataError(f"a rule asks for customers.{one.column}{nearest(one.column, people.columns)}")
    fits = {}
    for n, found in asked.items():
        whole: ir.BooleanValue = ibis.literal(True)
        for one in found:
            whole &= one.holds(people[one.column])
        fits[f"_rule_{n}"] = whole
    flags = people.select(_whose=people.customer_id, **fits)
    joined = table.left_join(flags, table.customer_id == flags["_whose"]).drop("_whose")
    names = {n: f"_rule_{n}" for n in asked}
    return joined.mutate(**{name: joined[name].fill_null(False) for name in names.values()}), names


def read_where(kind: str, where: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Conditions as a file says them: a range may be a text with two dots.

    >>> read_where("segment 'A'", {"revenue": "1000..", "region": "Berlin"}, ("revenue",))
    {'revenue': (1000.0, inf), 'region': 'Berlin'}
    """
    found = {}
    for field, wanted in where.items():
        value = wanted
        if field in fields and isinstance(wanted, str) and ".." in wanted:
            low, high = (part.strip() for part in wanted.split("..", 1))
            try:
                value = (float(low) if low else -INFINITY, float(high) if high else INFINITY)
            except ValueError:
                value = wanted
        elif field in fields and isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
            value = (float(wanted), float(wanted))
        check_field(kind, field, value, fields)
        found[field] = tuple(value) if field in fields else value
    return found


def rules_as_said(
    kind: str,
    make: Callable[[str, dict[str, Any], str], Made],
    given: Iterable[Mapping[str, Any]],
    fields: Sequence[str],
) -> tuple[Made, ...]:
    """Rules as a file says them, each with a name, where and play.

    Parameters
    ----------
    kind : what a rule makes, for messages: "segment"
    make : a rule of name, where and play
    fields : measures that may be a range
    """
    return tuple(
        make(
            str(one["name"]),
            read_where(f"{kind} '{one['name']}'", one.get("where", {}), fields),
            str(one.get("play", "")),
        )
        for one in given
    )
