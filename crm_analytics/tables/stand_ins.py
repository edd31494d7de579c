"""Values that are no facts: guests as one customer, totals as a person, a day that was imported twice.

Asked of a base when somebody looks at it, not when it is opened: each is a small aggregate in the engine.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.line_facts import TEST_TEXTS, LineFacts, is_test
from crm_analytics.tables.odd_ids import (
    forms_of,
    is_exponent,
    is_long,
    is_masked,
    is_nobody,
    is_odd,
    ungrouped,
)
from crm_analytics.tables.total_rows import is_total_word

_CUSTOMERS = 20  # fewer, and one with many lines is only a good one
_SHARE = 0.05  # of all lines, held by one id
_TIMES = 20  # the lines of the customer in the middle: surely no person
_PERHAPS = {"share": 0.1, "middle": 5, "next": 2}  # of all lines; times the middle and the next: look at it
_CUT_IDS = 12  # long ids that are all even: by chance once in 4,096
NINES = [float("9" * digits + cents) for digits in range(3, 13) for cents in ("", ".9", ".99")]
_FOLDED = ("customer_id", "channel")


def stand_ins(tables: dict[str, ir.Table], facts: LineFacts) -> list[Finding]:
    """Ids and texts of a base that look like something else.

    Parameters
    ----------
    tables : as opened, by the contract's names
    facts : of its purchase lines
    """
    by_id = facts.by_id
    forms = forms_of(by_id) if facts.forms is None else facts.forms
    few = by_id.filter(is_odd(by_id.customer_id) if facts.odd is None else by_id.customer_id.isin(facts.odd))
    few = few.cache()  # words are looked for once
    found = [
        _dominant(by_id, few),
        *_worded(few),
        _exponents(few),
        _masked(few),
        None if forms.short else _cut(by_id),
        None if forms.plain else _two_spellings(by_id),
        _tests(tables, facts),
        _nines(tables["transactions"], facts),
    ]
    for name, table in tables.items():
        for column in _FOLDED:
            if column in table.columns:
                if (name, column) != ("transactions", "customer_id"):
                    found.append(_two_cases(name, table, column, None))
                elif not forms.one_case:
                    found.append(_two_cases(name, table, column, by_id))
    return [one for one in found if one is not None]


def _row(table: ir.Table, **wanted: Any) -> dict[str, Any]:
    return dict(table.aggregate(**wanted).to_pyarrow().to_pylist()[0])


def _dominant(by_id: ir.Table, few: ir.Table) -> Finding | None:
    """One id with an implausible share of all lines."""
    whole = _row(by_id, n=by_id.count(), lines=by_id.lines.sum(), middle=by_id.lines.median())
    if (whole["n"] or 0) < _CUSTOMERS:
        return None
    named = by_id.anti_join(few.filter(is_nobody(few.customer_id)), "customer_id")
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
        .order_by(ibis.desc("lines"), "customer_id")
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
    sums = by_id.filter(is_total_word(by_id.customer_id)).order_by("customer_id").limit(6)
    totals = sums.to_pyarrow().to_pylist()
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
    short = by_id.filter(is_exponent(by_id.customer_id))
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


def _masked(by_id: ir.Table) -> Finding | None:
    """Ids of which a part was hidden: many customers become one."""
    hidden = by_id.filter(is_masked(by_id.customer_id))
    row = _row(hidden, n=hidden.count(), lines=hidden.lines.sum(), money=hidden.money.sum())
    if not row["n"]:
        return None
    says = (
        f"{counted(row['n'], 'customer id')} with a hidden part (like ***1234): several customers may be "
        "one. Export the ids with a key that is whole, or hashed."
    )
    return Finding("masked_ids", "serious", "transactions", "customer_id", says, int(row["lines"]),
                   float(row["money"] or 0))  # fmt: skip


def _cut(by_id: ir.Table) -> Finding | None:
    """Long numbers that all end in zeros or are all even: a spreadsheet keeps 15 digits, a float 53 bits."""
    long = by_id.filter(is_long(by_id.customer_id))
    long = long.mutate(digit=long.customer_id.re_extract(r"([0-9])([.]0)?$", 1))
    row = _row(long, n=long.count(), lines=long.lines.sum(), money=long.money.sum(),
               zero=(long.digit == "0").all(), even=long.digit.isin(list("02468")).all())  # fmt: skip
    if row["n"] < _CUT_IDS or not row["even"]:
        return None
    how = "end in 0" if row["zero"] else "are even"
    says = (
        f"All {row['n']:,} customer ids of 16 and more digits {how}: a spreadsheet or a float seems to have "
        "cut them, and several customers may be one. Export the ids anew as text."
    )
    weight, money = "serious" if row["zero"] else "warning", float(row["money"] or 0)
    return Finding("cut_ids", weight, "transactions", "customer_id", says, int(row["lines"]), money)


@ibis.udf.scalar.builtin
def nfc_normalize(text: str) -> str:  # type: ignore[empty-body]
    """DuckDB's own composition of accents."""


def _two_spellings(by_id: ir.Table) -> Finding | None:
    """Ids that differ in what nobody sees: blanks, zeros in front, invisible signs, a sheet's wrapping."""
    text = by_id.customer_id
    if by_id.get_backend().name == "duckdb":
        text = nfc_normalize(text)
    text = text.re_replace(r"[\p{Z}\s]+", " ").re_replace(r"\p{Cf}", "").re_replace(r'^="?|"$', "").strip()
    text = ungrouped(text)
    text = text.re_search("^[0-9]+$").ifelse(text.re_replace("^0+", ""), text)
    folded = by_id.select("lines", text=text).group_by("text").aggregate(n=_.count(), lines=_.lines.sum())
    twice = folded.filter((folded.n > 1) & (folded.text != ""))
    row = _row(twice, n=twice.n.sum(), lines=twice.lines.sum())
    if not row["n"]:
        return None
    says = (
        f"{int(row['n']):,} customer ids differ from another one only in blanks, zeros in front, groups of "
        "digits or signs that nobody sees: they count as different customers. Export the ids as text, all in "
        "one way."
    )
    return Finding("two_spellings", "warning", "transactions", "customer_id", says, int(row["lines"]))


def _two_cases(name: str, table: ir.Table, column: str, by_id: ir.Table | None) -> Finding | None:
    """One spelling in large and small letters is two ids, two channels."""
    texts = table.filter(table[column].notnull())
    values = texts.group_by(value=texts[column]).aggregate(n=ibis._.count())
    if by_id is not None:
        values = by_id.select(value=by_id.customer_id, n=by_id.lines)
    cases = _row(values, small=(values.value == values.value.lower()).all(),
                 large=(values.value == values.value.upper()).all())  # fmt: skip
    if cases["small"] or cases["large"]:  # all are written in one way: no two differ in that alone
        return None
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


def _nines(lines: ir.Table, facts: LineFacts) -> Finding | None:
    """Amounts of nines alone, far from what lines are worth: a till's or a clerk's word for unknown."""
    middle = float(facts.days["middle"].median()) if len(facts.days) else 0.0
    if not middle > 0:  # no amounts, or none but zeros
        return None
    likely = [one for one in NINES if one > _TIMES * middle]
    rows = lines.filter(lines.unit_spend.abs().cast("float64").isin(likely)) if likely else None
    row = {"n": 0} if rows is None else _row(rows, n=rows.count(), money=rows.unit_spend.sum())
    if not row["n"]:
        return None
    says = (
        f"{counted(row['n'], 'line')} of an amount of nines alone, such as 9999.99 or 999999, and more than "
        f"{_TIMES} times what lines are worth on a usual day. Does it stand for unknown?"
    )
    settles = '[transactions]\nexcept = { <amount column> = ["<that amount>"] }'
    return Finding("placeholder_amount", "serious", "transactions", "unit_spend", says, int(row["n"]),
                   float(row["money"] or 0), settles)  # fmt: skip


def _tests(tables: dict[str, ir.Table], facts: LineFacts) -> Finding | None:
    """Orders that somebody made to try the shop."""
    lines = tables["transactions"]
    texts = [c for c in TEST_TEXTS if c in lines.columns]
    row: dict[str, Any] = {"n": facts.tests[0], "money": facts.tests[1]}
    if "customers" in tables:
        people = tables["customers"]
        named = is_test(people, ("email", "first_name", "last_name"))
        testers = people.filter(named).select("customer_id").distinct()
        if testers.count().to_pyarrow().as_py():
            trial = is_test(lines, TEST_TEXTS)
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
