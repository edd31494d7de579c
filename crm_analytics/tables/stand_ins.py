"""Values that are no facts: guests as one customer, totals as a person, a day that was imported twice.

Asked of a base when somebody looks at it, not when it is opened: each is a small aggregate in the engine.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.total_rows import is_total_word

NOBODY = (
    "nan", "none", "null", "nil", "n/a", "na", "#n/a", "\\n", "undefined", "unknown", "guest", "anonymous",
    "anon", "-", "--", "?", ".", "no customer", "no name", "noname", "nobody", "walk-in", "walkin",
    "walk-in customer", "walk in", "guest checkout", "guest user", "cash", "cash sale", "cash customer",
    "counter", "counter sale", "pos", "gast", "gastkunde", "gastbestellung", "laufkunde", "laufkundschaft",
    "barverkauf", "unbekannt", "anonym", "invité", "inconnu", "anonyme", "client comptoir",
    "client de passage", "invitado", "anónimo", "desconocido", "público en general", "consumidor final",
    "ospite", "sconosciuto", "not set", "default", "dummy", "blank", "empty", "missing", "noreply",
    "no-reply", "donotreply", "nomail", "no-mail", "noemail", "no-email",
)  # fmt: skip
_BRACKETS = r"""^[(<\[{"']+|[)>\]}"']+$"""
_NO_ID = r"^(-[0-9]+|[0-]+)$"  # -1, 0, 000000, 00000000-0000-0000-0000-000000000000
_EXPONENT = r"^[0-9]([.,][0-9]+)?[eE][+]?[0-9]+$"
_TEST = r"(^|[^a-z])(test|testing|tester|dummy|probe)([^a-z]|$)"
_CUSTOMERS = 20  # fewer, and one with many lines is only a good one
_SHARE = 0.05  # of all lines, held by one id
_TIMES = 20  # the lines of the customer in the middle: surely no person
_PERHAPS = {"share": 0.1, "middle": 5, "next": 2}  # of all lines; times the middle and the next: look at it
_FOLDED = ("customer_id", "channel")


def stand_ins(tables: dict[str, ir.Table]) -> list[Finding]:
    """Ids and texts of a base that look like something else.

    Parameters
    ----------
    tables : as opened, by the contract's names
    """
    lines = tables["transactions"]
    by_id = _lines_by_id(lines)
    found = [_dominant(by_id), *_worded(by_id), _exponents(by_id), _tests(tables)]
    found += [_two_cases(name, table, column) for name, table in tables.items() for column in _FOLDED
              if column in table.columns]  # fmt: skip
    return [one for one in found if one is not None]


def _lines_by_id(lines: ir.Table) -> ir.Table:
    known = lines.filter(lines.customer_id.notnull())
    return known.group_by("customer_id").aggregate(lines=known.count(), money=known.unit_spend.sum()).cache()


def _row(table: ir.Table, **wanted: Any) -> dict[str, Any]:
    return dict(table.aggregate(**wanted).to_pyarrow().to_pylist()[0])


def is_nobody(ids: ir.StringValue) -> ir.BooleanValue:
    """Whether an id says that there is no customer: "guest", "(none)", "-1", "noreply@shop.example"."""
    word = ids.strip().lower().re_replace(_BRACKETS, "").strip()
    mailbox = word.re_replace("@.*$", "")
    return mailbox.isin(NOBODY) | word.re_search(_NO_ID)


def _dominant(by_id: ir.Table) -> Finding | None:
    """One id with an implausible share of all lines."""
    whole = _row(by_id, n=by_id.count(), lines=by_id.lines.sum(), middle=by_id.lines.median())
    if (whole["n"] or 0) < _CUSTOMERS:
        return None
    named = by_id.filter(~is_nobody(by_id.customer_id))
    first = named.order_by(ibis.desc("lines")).limit(2).lines.to_pyarrow().to_pylist()
    share, middle = _SHARE * whole["lines"], float(whole["middle"])
    enough, weight = max(share, _TIMES * middle), "serious"
    if first and first[0] < enough:
        share = _PERHAPS["share"] * whole["lines"]
        enough, weight = max(share, _PERHAPS["middle"] * middle, _PERHAPS["next"] * first[-1]), "warning"
    large = named.filter(named.lines >= enough)
    row = _row(large, n=large.count(), lines=large.lines.sum(), money=large.money.sum())
    if not row["n"]:
        return None
    who = "One customer holds" if row["n"] == 1 else f"{row['n']:,} customers hold"
    says = (
        f"{who} {100 * row['lines'] / whole['lines']:.0f} % of all lines of known customers; half of the "
        f"customers have {middle:,.0f} or fewer. Is it a placeholder for guests?"
    )
    return Finding("dominant_id", weight, "transactions", "customer_id", says, int(row["lines"]),
                   float(row["money"] or 0), _anonymous("<that id>"))  # fmt: skip


def _worded(by_id: ir.Table) -> list[Finding]:
    """Ids that say that there is no customer, or that the line is a sum."""
    nobody = (
        by_id.filter(is_nobody(by_id.customer_id))
        .order_by(ibis.desc("lines"))
        .limit(6)
        .to_pyarrow()
        .to_pylist()
    )
    found = []
    if nobody:
        words = [str(row["customer_id"]) for row in nobody]
        rows, money = sum(row["lines"] for row in nobody), sum(float(row["money"] or 0) for row in nobody)
        says = f"{counted(rows, 'line')} of a customer called {', '.join(map(repr, words))}: nobody's id."
        found.append(Finding("nobody", "serious", "transactions", "customer_id", says, rows, money,
                             _anonymous(*words)))  # fmt: skip
    totals = by_id.filter(is_total_word(by_id.customer_id)).limit(6).to_pyarrow().to_pylist()
    if totals:
        words = [str(row["customer_id"]) for row in totals]
        rows, money = sum(row["lines"] for row in totals), sum(float(row["money"] or 0) for row in totals)
        says = f"{counted(rows, 'line')} of a customer called {', '.join(map(repr, words))}: a sum of others?"
        listed = ", ".join(f'"{w}"' for w in words)
        found.append(Finding("total_word", "serious", "transactions", "customer_id", says, rows, money,
                             f"[transactions]\nexcept = {{ customer_id = [{listed}] }}"))  # fmt: skip
    return found


def _anonymous(*words: str) -> str:
    return "anonymous = [" + ", ".join(f'"{word}"' for word in words) + "]"


def _exponents(by_id: ir.Table) -> Finding | None:
    """Ids that a spreadsheet shortened: many customers become one."""
    short = by_id.filter(by_id.customer_id.re_search(_EXPONENT))
    row = _row(short, n=short.count(), lines=short.lines.sum(), money=short.money.sum())
    if not row["n"]:
        return None
    says = (
        f"{counted(row['n'], 'customer id')} in exponent form (like 4.68769E+15): a "
        f"spreadsheet has cut the numbers, "
        "and several customers may be one. Export the ids anew as text."
    )
    return Finding("exponent_ids", "serious", "transactions", "customer_id", says, int(row["lines"]),
                   float(row["money"] or 0))  # fmt: skip


def _two_cases(name: str, table: ir.Table, column: str) -> Finding | None:
    """One spelling in large and small letters is two ids, two channels."""
    values = table.filter(table[column].notnull()).group_by(value=table[column]).aggregate(n=ibis._.count())
    folded = values.group_by(folded=values.value.lower()).aggregate(
        spellings=values.count(), rows=values.n.sum()
    )
    twice = folded.filter(folded.spellings > 1)
    row = _row(twice, n=twice.count(), spellings=twice.spellings.sum(), rows=twice.rows.sum())
    if not row["n"]:
        return None
    what = "ids" if column == "customer_id" else "values"
    says = f"{int(row['spellings']):,} {what} of {name}.{column} differ only in large and small letters."
    return Finding("two_cases", "warning", name, column, says, int(row["rows"]),
                   settles=f'fold_case = ["{column}"]')  # fmt: skip


def _tests(tables: dict[str, ir.Table]) -> Finding | None:
    """Orders that somebody made to try the shop."""
    lines = tables["transactions"]
    texts = [c for c in ("customer_id", "transaction_id", "coupon", "channel") if c in lines.columns]
    trial = ibis.literal(False)
    for column in texts:
        trial |= lines[column].lower().re_search(_TEST).fill_null(False)
    rows = lines.filter(trial)
    if "customers" in tables:
        people = tables["customers"]
        named = ibis.literal(False)
        for column in ("email", "first_name", "last_name"):
            if column in people.columns:
                named |= people[column].lower().re_search(_TEST).fill_null(False)
        testers = people.filter(named).select("customer_id").distinct()
        rows = lines.filter(trial | lines.customer_id.isin(testers.customer_id))
    row = _row(rows, n=rows.count(), money=rows.unit_spend.sum())
    if not row["n"]:
        return None
    says = (
        f"{counted(row['n'], 'line')} of test orders, by the word in an id, a coupon, or a "
        f"customer's name or mail."
    )
    settles = '[transactions]\nexcept = { customer_id = ["<the test customer>"] }'
    return Finding("test_orders", "warning", "transactions", texts[0], says, int(row["n"]),
                   float(row["money"] or 0), settles)  # fmt: skip
