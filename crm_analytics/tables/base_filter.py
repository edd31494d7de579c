"""Conditions that cut a base to some customers or some purchase lines, as a day cuts it in time.

A condition on a column of `customers` keeps customers; one on a column of `transactions`, or of the products
that were bought, keeps lines, and with them the customers of at least one such line up to the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

import ibis

from crm_analytics.errors import DataError, ParameterError, check_name, nearest
from crm_analytics.tables.contract import TABLES, Column

if TYPE_CHECKING:
    import ibis.expr.types as ir

CUSTOMERS, LINES, PRODUCTS = "customers", "transactions", "products"
WHERE = (CUSTOMERS, LINES, PRODUCTS)  # where a bare name is looked for, in this order
SHORT = {"brand": "products.brand_name", "category": "products.category_0_name"}
# What names one person: a page would say it in its head.
_OF_ONE = (
    "customer_id", "parent_customer_id", "household_id", "first_name", "last_name", "email", "phone",
    "birth_date", "postal_code", "transaction_id", "transaction_line_id", "attributes",
)  # fmt: skip
_LONGEST = 60  # letters of a value that a message repeats
_LISTED = 5_000  # values looked at for a near name
Value = str | float | bool


@dataclass(frozen=True)
class Condition:
    """One column and what it may be.

    Attributes
    ----------
    table, column : of the contract
    values : of which one must fit; of a span its ends (None: open)
    span : whether `values` are the two ends of a span, both included
    """

    table: str
    column: str
    values: tuple[Value | None, ...]
    span: bool = False

    @property
    def name(self) -> str:
        """The column as its user knows it, in words."""
        return self.column.removesuffix("_name").replace("category_0", "category").replace("_", " ")

    @property
    def words(self) -> str:
        """The condition for people.

        >>> Condition("products", "brand_name", ("Alba", "Nero")).words
        'brand Alba, Nero'
        >>> Condition("customers", "acquisition_cost", (5.0, None), span=True).words
        'acquisition cost from 5'
        """
        shown = [None if value is None else _shown(value) for value in self.values]
        if not self.span:
            return f"{self.name} {', '.join(one or '' for one in shown)}"
        low, high = shown
        ends = [f"from {low}"] * (low is not None) + [f"to {high}"] * (high is not None)
        return f"{self.name} {' '.join(ends)}"

    def as_list(self) -> list[Any]:
        """What JSON holds of it."""
        return [self.table, self.column, list(self.values), self.span]

    def holds(self, column: ir.Column) -> ir.BooleanValue:
        """Whether the values of a column fit; an unknown value fits nothing."""
        kind = TABLES[self.table][self.column].type
        if not self.span:
            value = column.cast("date").cast("string") if kind in ("time", "date") else column
            wanted = [_as_number(v) for v in self.values] if kind in _NUMBERS else list(self.values)
            return (value.cast("float64") if kind in _NUMBERS else value).isin(wanted).fill_null(False)
        low, high = self.values
        dated = kind in ("time", "date")
        value = column.cast("date") if dated else column.cast("float64")
        fits: ir.BooleanValue = value.notnull()
        for end, least in ((low, True), (high, False)):
            if end is not None:
                bound = ibis.literal(date.fromisoformat(str(end)) if dated else float(end))
                fits &= (value >= bound) if least else (value <= bound)
        return fits


_NUMBERS = ("number", "count", "money")
Conditions = tuple[Condition, ...]


def said(conditions: Iterable[Condition]) -> str:
    """All conditions as a short text; empty where there is none.

    >>> said([Condition("customers", "country", ("DE",)), Condition("transactions", "channel", ("web",))])
    'country DE; channel web'
    """
    return "; ".join(one.words for one in conditions)


def conditions_of(
    given: Mapping[str, Any], have: Mapping[str, Sequence[str]], *, current_state: bool = False
) -> Conditions:
    """Conditions as a user gives them, with their tables.

    Parameters
    ----------
    given : column, or table.column -> a value, several of which one must fit, or a span as text (``"5.."``,
        ``"2025-01-01..2025-06-30"``)
    have : the columns of each table of the source
    current_state : accept columns that hold only the state of today

    Raises
    ------
    ParameterError : a column is unknown, names one person, holds only the state of today, or a value is not
        of its kind.
    DataError : the source does not have the column.
    """
    found = []
    for name, wanted in given.items():
        table, column = _allowed(str(name), have, current_state=current_state)
        found.append(_condition(table, column, wanted))
    if not found:
        raise ParameterError('filter: no column is given, such as country="DE"')
    return tuple(found)


def _allowed(name: str, have: Mapping[str, Sequence[str]], *, current_state: bool) -> tuple[str, Column]:
    """The table and column of a name, where it may be a filter."""
    table, column = _place(name, have)
    if column.name in _OF_ONE:
        raise ParameterError(
            f"filter: {column.name} names one person, and every page would say it. "
            "Filter by what many share, such as country or channel"
        )
    if column.current_state and not current_state:
        raise ParameterError(
            f"filter: {table}.{column.name} holds only the state of today, and would choose the "
            "customers of earlier days by what came later. In Python current_state=True allows it"
        )
    if column.known_from is not None:
        raise ParameterError(f"filter: {table}.{column.name} is known only later, so it cannot be a cut")
    return table, column


def _place(name: str, have: Mapping[str, Sequence[str]]) -> tuple[str, Column]:
    """The table and column that a name means."""
    known = {f"{t}.{c}": (t, c) for t in WHERE for c in TABLES[t].names}
    bare: dict[str, tuple[str, str]] = {}
    for table in WHERE:  # a column the source has goes before one of the same name that it has not
        for has in (True, False):
            for column in TABLES[table].names:
                if (column in have.get(table, ())) is has:
                    bare.setdefault(column, (table, column))
    for table, column in known.values():
        if column in have.get(table, ()) and bare[column][1] not in have.get(bare[column][0], ()):
            bare[column] = (table, column)
    names = bare | known | {short: known[whole] for short, whole in SHORT.items()}
    if name not in names:
        there = [n for n, (t, c) in names.items() if c in have.get(t, ())]
        check_name("filter: unknown column", name, there, names)
    table, column = names[name]
    if column not in have.get(table, ()):
        raise DataError(f"filter: this source has no {table}.{column}{nearest(column, have.get(table, ()))}")
    if table == PRODUCTS and "product_id" not in have.get(LINES, ()):
        raise DataError(f"filter: purchases name no product_id, so nobody knows their {column}")
    return table, TABLES[table][column]


def _condition(table: str, column: Column, wanted: Any) -> Condition:
    several = list(wanted) if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]
    if not several:
        raise ParameterError(f"filter: {column.name} needs at least one value")
    if column.type not in ("text", "word", "flag") and len(several) == 1 and ".." in str(several[0]):
        low, high = (part.strip() for part in str(several[0]).split("..", 1))
        ends = tuple(_value(column, part) if part else None for part in (low, high))
        if ends == (None, None):
            raise ParameterError(f"filter: {column.name} = '..' has no end")
        if None not in ends and ends[0] > ends[1]:  # type: ignore[operator]
            raise ParameterError(f"filter: {column.name}: the span {low} to {high} is empty")
        return Condition(table, column.name, ends, span=True)
    values = sorted({_value(column, one) for one in several}, key=str)
    return Condition(table, column.name, tuple(values))


def _value(column: Column, given: Any) -> Value:
    """A value of the column's kind, of a text or a Python value."""
    if column.type in ("text", "word"):
        if isinstance(given, str) and given.strip():
            return given.strip().lower() if column.type == "word" else given
        raise ParameterError(f"filter: {column.name} is a text, got {_short(given)}")
    if column.type == "flag":
        flag = {"true": True, "false": False}.get(str(given).strip().lower())
        if flag is None:
            raise ParameterError(f"filter: {column.name} is true or false, got {_short(given)}")
        return flag
    if column.type in _NUMBERS:
        try:
            number = float("nan") if isinstance(given, bool) else float(given)
        except (TypeError, ValueError):
            number = float("nan")
        if not abs(number) < float("inf"):
            raise ParameterError(
                f"filter: {column.name} is a number or a span like 5..20, got {_short(given)}"
            )
        return number
    try:
        day = given.date() if isinstance(given, datetime) else given
        return (day if isinstance(day, date) else date.fromisoformat(str(day))).isoformat()
    except ValueError:
        raise ParameterError(
            f"filter: {column.name} is a day or a span like 2025-01-01..2025-06-30, got {_short(given)}"
        ) from None


def _as_number(value: Value | None) -> float:
    return float(value or 0)


def _short(value: Any) -> str:
    return repr(value)[:_LONGEST]


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else value[:_LONGEST]


class Cut(Protocol):
    """A base, as far as its values are asked for."""

    @property
    def tables(self) -> Mapping[str, ir.Table]:
        """By name, cut at the day."""


def values_of(base: Cut, name: str, most: int = 50) -> list[Any]:
    """The values of a column that somebody who bought has, in order.

    Raises
    ------
    ParameterError : there are more than `most`, or the column cannot be a filter.
    DataError : the source does not have it.
    """
    table, column = _allowed(name, {n: t.columns for n, t in base.tables.items()}, current_state=False)
    lines = base.tables[LINES]
    lines = lines.filter(lines.customer_id.notnull())
    rows = base.tables[table]
    if table == CUSTOMERS:
        rows = rows.semi_join(lines, "customer_id")
    elif table == PRODUCTS:
        rows = rows.semi_join(lines, "product_id")
    else:
        rows = lines
    named = rows.select(value=rows[column.name]).filter(lambda t: t.value.notnull()).distinct()
    found = sorted(named.limit(most + 1).to_pyarrow()["value"].to_pylist(), key=str)
    if len(found) > most:
        raise ParameterError(f"{name} has more than {most} values: group by a column of fewer")
    return found


# --- on tables ----------------------------------------------------------------------------------------------


def of_lines(conditions: Iterable[Condition]) -> Conditions:
    """Those that choose lines."""
    return tuple(one for one in conditions if one.table != CUSTOMERS)


def of_customers(conditions: Iterable[Condition]) -> Conditions:
    """Those that choose customers."""
    return tuple(one for one in conditions if one.table == CUSTOMERS)


def matching_lines(tables: Mapping[str, ir.Table], conditions: Iterable[Condition]) -> ir.Table:
    """The purchase lines that fit, whoever bought them."""
    lines = tables[LINES]
    for one in of_lines(conditions):
        if one.table == LINES:
            lines = lines.filter(one.holds(lines[one.column]))
        else:
            products = tables[PRODUCTS]
            fitting = products.filter(one.holds(products[one.column])).select("product_id").distinct()
            lines = lines.semi_join(fitting, "product_id")
    return lines


def matching_customers(tables: Mapping[str, ir.Table], conditions: Conditions) -> ir.Table:
    """customer_id of those who fit, by tables cut at a day whose lines fit already."""
    chosen = None
    if own := of_customers(conditions):
        people = tables[CUSTOMERS]
        for one in own:
            people = people.filter(one.holds(people[one.column]))
        chosen = people.select("customer_id").distinct()
    if of_lines(conditions):
        lines = tables[LINES]
        bought = lines.filter(lines.customer_id.notnull()).select("customer_id").distinct()
        chosen = bought if chosen is None else chosen.semi_join(bought, "customer_id")
    assert chosen is not None
    return chosen


def only(tables: Mapping[str, ir.Table], conditions: Conditions, kept: ir.Table) -> dict[str, ir.Table]:
    """Every table with the rows of the customers kept; what belongs to no customer stays as it is.

    The lines fit already: whether one does changes on no day, so they are chosen once in the snapshot.
    """
    found = dict(tables)
    for name, table in tables.items():
        if name == LINES:
            if of_customers(conditions):
                found[name] = table.semi_join(kept, "customer_id")
        elif name == "referrals":
            found[name] = _of_both(table, kept)
        elif name == "events" and "anonymous_id" in table.columns and "customer_id" in table.columns:
            found[name] = _with_their_visits(table, kept)
        elif "customer_id" in table.columns:
            found[name] = table.semi_join(kept, "customer_id")
    return found


def _of_both(referrals: ir.Table, kept: ir.Table) -> ir.Table:
    """Invitations of customers who fit, to somebody who fits or has not come."""
    mine = referrals.semi_join(kept, referrals.referrer_customer_id == kept.customer_id)
    if "referred_customer_id" not in mine.columns:
        return mine
    came = kept.select(_came=kept.customer_id)
    joined = mine.left_join(came, mine.referred_customer_id == came["_came"])
    return joined.filter(joined.referred_customer_id.isnull() | joined["_came"].notnull()).drop("_came")


def _with_their_visits(events: ir.Table, kept: ir.Table) -> ir.Table:
    """Their events, and those without a name from the same devices."""
    theirs = events.semi_join(kept, "customer_id")
    devices = theirs.filter(theirs.anonymous_id.notnull()).select("anonymous_id").distinct()
    unnamed = events.filter(events.customer_id.isnull()).semi_join(devices, "anonymous_id")
    return theirs.union(unnamed)


def check_values(tables: Mapping[str, ir.Table], conditions: Conditions) -> None:
    """Refuse a value that nobody has.

    Raises
    ------
    ParameterError : with the nearest value there is.
    """
    for one in conditions:
        table = tables[one.table]
        column = table[one.column]
        if one.span:
            if is_empty(table.filter(one.holds(column))):
                raise ParameterError(f"filter: nobody has {one.words}")
            continue
        for value in one.values:
            alone = Condition(one.table, one.column, (value,))
            if is_empty(table.filter(alone.holds(column))):
                raise ParameterError(f"filter: nobody has {alone.words}{_near_value(value, column)}")


def is_empty(rows: ir.Table) -> bool:
    """Whether a table has no row."""
    return not rows.limit(1).count().to_pyarrow().as_py()


def _near_value(value: Value | None, column: ir.Column) -> str:
    if not isinstance(value, str):
        return ""
    named = column.cast("string").name("value").as_table()
    counted = named.filter(named.value.notnull()).group_by("value").aggregate(n=lambda t: t.count())
    counted = counted.order_by(ibis.desc("n"), "value").limit(_LISTED)
    known = [v for v in counted.to_pyarrow()["value"].to_pylist() if len(v) <= _LONGEST]
    few = known if len(known) <= 5 else []
    return nearest(value, known) or (f". There is {', '.join(few)}" if few else "")


def as_given(conditions: Iterable[Condition]) -> dict[str, Any]:
    """Conditions as `conditions_of` takes them.

    >>> as_given([Condition("customers", "acquisition_cost", (5.0, None), span=True)])
    {'customers.acquisition_cost': '5.0..'}
    """
    return {
        f"{one.table}.{one.column}": "..".join("" if v is None else str(v) for v in one.values)
        if one.span
        else list(one.values)
        for one in conditions
    }


def read_conditions(content: Any) -> Conditions:
    """What `Condition.as_list` gave.

    Raises
    ------
    ValueError : it is something else.
    """
    found = []
    for table, column, values, span in content:
        if table not in WHERE or column not in TABLES[table].names or not isinstance(values, list):
            raise ValueError("not a filter")
        if not isinstance(span, bool) or (span and len(values) != 2):
            raise ValueError("not a filter")
        if not all(value is None or isinstance(value, (str, float, int)) for value in values):
            raise ValueError("not a filter")
        found.append(Condition(table, column, tuple(values), span))
    return tuple(found)
