"""One row of several records of a customer: which value is kept, field by field, and from which record.

Fields that belong together (a name, an address) are kept from one record, so that no customer gets the city
of one address and the postal code of another. A consent is kept where every record gives it: a record that
denies it, or was never asked, narrows it for the customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir

from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.contract import MONEY, TABLES

NEWEST, OLDEST, COMPLETE, TRUSTED = "newest", "oldest", "most complete", "trusted source"
RULES = (NEWEST, OLDEST, COMPLETE, TRUSTED)
_GROUPS = (("first_name", "last_name"), ("city", "region", "postal_code", "country"))
_RULE_OF = {
    "first_name": COMPLETE, "last_name": COMPLETE, "birth_date": COMPLETE, "gender": COMPLETE,
    "acquisition_channel": OLDEST, "acquisition_campaign_id": OLDEST,
}  # fmt: skip
_FIXED = ("customer_id", "created_at", "acquisition_cost", "closed_at", "do_not_contact")
_CONSENT = "consent_"
_SOURCE = "_source"


@dataclass(frozen=True)
class Survivorship:
    """Which record's value is kept.

    Parameters
    ----------
    rules : by field, one of "newest" (the default of most), "oldest", "most complete" (the record with most
        fields filled; the default of names and birth dates), "trusted source"
    trusted : source systems, the most trusted first; records of others come last

    Raises
    ------
    ParameterError : no such rule or field, or a consent is to follow a rule: it is always the narrowest.
    """

    rules: Mapping[str, str] = field(default_factory=dict)
    trusted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = TABLES["customers"].names
        for name, rule in self.rules.items():
            if name not in names:
                raise ParameterError(f"survivorship: no field '{name}'{nearest(name, names)}")
            if name in _FIXED or name.startswith(_CONSENT):
                raise ParameterError(f"survivorship: {name} follows no rule; a consent is the narrowest one")
            if rule not in RULES:
                raise ParameterError(f"survivorship: no rule '{rule}'{nearest(rule, RULES)}")
        if TRUSTED in self.rules.values() and not self.trusted:
            raise ParameterError("survivorship: 'trusted source' needs the sources, the most trusted first")

    def rule_of(self, name: str) -> str:
        """The rule of a field; one for all fields of a name or of an address."""
        group = next((g for g in _GROUPS if name in g), (name,))
        chosen = next((self.rules[one] for one in group if one in self.rules), None)
        return chosen or _RULE_OF.get(name, NEWEST)


def merge_records(rows: ir.Table, every: ir.Table, people: ir.Table, rules: Survivorship) -> ir.Table:
    """Rows of `customers` with one row for all records of a customer.

    Parameters
    ----------
    rows : of the table, cut at a day
    every : of the table, not cut: consents are those of today, whatever the day
    people : record_id, customer_id [, source] of customers with two records or more
    """
    fields = [c for c in rows.columns if c != "customer_id"]
    alone = rows.anti_join(people, rows.customer_id == people.record_id)
    ranked = _ranked(rows, people, rules)
    kept = {name: _value(ranked, name, rules) for name in fields if not _is_permission(name)}
    merged = ranked.group_by("person").aggregate(**kept)
    permissions = [name for name in fields if _is_permission(name)]
    if permissions:
        whose = people.select(_record=people.record_id, _of=people.customer_id)
        parts = every.inner_join(whose, every.customer_id == whose["_record"])
        asked = parts.select("_of", *permissions)
        narrow = asked.group_by("_of").aggregate(**{name: _narrowest(asked[name]) for name in permissions})
        merged = merged.left_join(narrow, merged.person == narrow["_of"]).drop("_of")
    merged = merged.rename(customer_id="person").select(*rows.columns)
    schema = rows.schema()
    return alone.union(merged.cast({name: schema[name] for name in rows.columns}))


def kept_from(rows: ir.Table, people: ir.Table, rules: Survivorship) -> ir.Table:
    """From which record each value of a merged customer comes: customer_id, then each field with a record
    id.

    NULL where no record has a value, or where the value is made of all of them (consents, costs, days).
    """
    ranked = _ranked(rows, people, rules)
    fields = [c for c in rows.columns if c not in _FIXED and not _is_permission(c)]
    found = {name: _pick(ranked, name, ranked.record, rules) for name in fields}
    return ranked.group_by(customer_id="person").aggregate(**found)


def _is_permission(name: str) -> bool:
    return name == "do_not_contact" or name.startswith(_CONSENT)


def _narrowest(flag: ir.Value) -> ir.Value:
    """A consent: denied by one, denied; unknown of one, unknown. `do_not_contact`: said by one, said."""
    if flag.get_name() == "do_not_contact":
        return flag.cast("int8").max().cast("boolean")
    denied, unknown = (~flag).fill_null(False).any(), flag.isnull().any()
    return ibis.cases((denied, False), (unknown, ibis.null("boolean")), else_=True)


def _ranked(rows: ir.Table, people: ir.Table, rules: Survivorship) -> ir.Table:
    """The records of merged customers with their place by each rule; `person` and `record` are ids."""
    source = people["source"] if "source" in people.columns else ibis.null("string")
    whose = people.select(record=people.record_id, person=people.customer_id, **{_SOURCE: source})
    joined = rows.inner_join(whose, rows.customer_id == whose.record).drop("customer_id")
    filled = ibis.literal(0)
    for name in (c for c in rows.columns if c != "customer_id"):
        filled += joined[name].notnull().cast("int64")
    joined = joined.mutate(filled=filled, trust=_trust(joined[_SOURCE], rules.trusted))
    time = [joined.created_at] if "created_at" in rows.columns else []
    new = [ibis.desc(one, nulls_first=False) for one in time]
    orders = {
        NEWEST: [*new, joined.record],
        OLDEST: [*(ibis.asc(one, nulls_first=False) for one in time), joined.record],
        COMPLETE: [ibis.desc(joined.filled), *new, joined.record],
        TRUSTED: [joined.trust, *new, joined.record],
    }
    places = {
        _place(rule): ibis.row_number().over(ibis.window(group_by=joined.person, order_by=order))
        for rule, order in orders.items()
    }
    return joined.mutate(**places)


def _trust(source: ir.Value, trusted: tuple[str, ...]) -> ir.Value:
    if not trusted:
        return ibis.literal(0)
    return ibis.cases(*((source == name, n) for n, name in enumerate(trusted)), else_=len(trusted))


def _place(rule: str) -> str:
    return "place_" + rule.replace(" ", "_")


def _value(ranked: ir.Table, name: str, rules: Survivorship) -> ir.Value:
    column = ranked[name]
    if name == "created_at":
        return column.min()
    if name == "acquisition_cost":  # both were paid
        return column.sum().cast(MONEY)
    if name == "closed_at":  # closed when the last account is
        return column.isnull().any().ifelse(ibis.null(column.type()), column.max())
    return _pick(ranked, name, column, rules)


def _pick(ranked: ir.Table, name: str, of: ir.Value, rules: Survivorship) -> ir.Value:
    """The value of the first record, by the rule of a field, that has the field or one of its group."""
    group = [one for g in _GROUPS if name in g for one in g if one in ranked.columns] or [name]
    has = ibis.or_(*(ranked[one].notnull() for one in group))
    return _first(ranked, of, ranked[_place(rules.rule_of(name))], has)


def _first(ranked: ir.Table, of: ir.Value, place: ir.Value, has: ir.Value) -> ir.Value:
    """A NULL in a chosen record stays NULL, so the value is taken with its place, not skipped."""
    best = ibis.struct({"place": has.ifelse(place, ibis.null("int64")), "value": of})
    return best.argmin(place, where=has)["value"]
