"""What is odd in the tables beside the purchases: nobody's ids, sums among the rows, dates before their time.

A consent, a ticket or a referral that is read wrong is as wrong as an amount. Each question is a small
aggregate in the engine, asked when somebody looks at a base.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.contract import TABLES, Table
from crm_analytics.tables.findings import Finding, counted
from crm_analytics.tables.line_facts import LineFacts
from crm_analytics.tables.odd_ids import is_exponent, is_nobody
from crm_analytics.tables.total_rows import is_total_word, shown_word

_PERSON = "customer_id"
_PARENT = "parent_customer_id"  # a company, which need not buy
_MOST_WORDS = 6
_FEWEST_IDS = 5  # that none of them is a customer's is no chance
_KNOWN = 0.5  # of the ids of a table, below which it is told
_EARLY = 0.05  # of the dates of a column, from which those before their row are a serious fault
_ASKED = {
    "email": ("consent_email", "do_not_contact"),
    "phone": ("consent_phone", "consent_sms", "do_not_contact"),
}
_SUMS = ("channel", "campaign_id", "product_id", "product_name")
_COSTS = {"channel_spend": "spend", "campaign_members": "cost", "events": "cost", "tickets": "cost"}


def side_tables(tables: dict[str, ir.Table], facts: LineFacts) -> list[Finding]:
    """What is odd in every table but the purchases.

    Parameters
    ----------
    tables : as opened, by the contract's names
    facts : of the purchase lines
    """
    found: list[Finding | None] = []
    for name, rows in tables.items():
        if name == "transactions":
            continue
        contract = TABLES[name]
        for column in persons(contract):
            if column in rows.columns:
                ids = rows.filter(rows[column].notnull()).group_by(customer_id=rows[column])
                by_id = ids.aggregate(rows=lambda t: t.count())
                found += [*_worded(name, column, by_id), _exponents(name, column, by_id),
                          _strangers(name, column, by_id, tables, facts)]  # fmt: skip
        found += [_sums(name, rows), _negative(name, rows)]
        found += [_early(contract, rows, column.name) for column in contract.columns if column.known_from]
    if "customers" in tables:
        found.append(_shared_contacts(tables["customers"]))
    return [one for one in found if one is not None]


def persons(contract: Table) -> list[str]:
    """The columns of a table that hold ids of customers."""
    return [name for name in contract.names if name.endswith(_PERSON) and name != _PARENT]


def _row(table: ir.Table, **wanted: Any) -> dict[str, Any]:
    return dict(table.aggregate(**wanted).to_pyarrow().to_pylist()[0])


def _worded(name: str, column: str, by_id: ir.Table) -> list[Finding]:
    """Ids that say that there is no customer, or that the row is a sum."""
    found = []
    ids = by_id.customer_id
    for kind, is_word, says_of in (
        ("nobody", is_nobody(ids), "nobody's id"),
        ("total_word", is_total_word(ids), "a sum of others?"),
    ):
        hit = by_id.filter(is_word).order_by(ibis.desc("rows"), _PERSON).limit(_MOST_WORDS)
        words = hit.to_pyarrow().to_pylist()
        if not words:
            continue
        rows = sum(row["rows"] for row in words)
        shown = [str(row[_PERSON]) if kind == "nobody" else shown_word(str(row[_PERSON])) for row in words]
        says = f"{counted(rows, 'row')} of {name} with {', '.join(map(repr, shown))} in {column}: {says_of}."
        listed = ", ".join(f'"{word}"' for word in shown)
        settles = f"anonymous = [{listed}]" if kind == "nobody" else _except(name, column, listed)
        found.append(Finding(kind, "warning", name, column, says, rows, settles=settles))
    return found


def _except(name: str, column: str, listed: str) -> str:
    return f"[{name}]\nexcept = {{ {column} = [{listed}] }}"


def _exponents(name: str, column: str, by_id: ir.Table) -> Finding | None:
    """Ids that a spreadsheet shortened: many customers become one."""
    row = _row(by_id.filter(is_exponent(by_id.customer_id)), rows=ibis._.rows.sum())
    if not row["rows"]:
        return None
    says = (
        f"{counted(row['rows'], 'row')} of {name} with an id in exponent form (like 4.68769E+15) in "
        f"{column}: a spreadsheet has cut the numbers. Export the ids anew as text."
    )
    return Finding("exponent_ids", "serious", name, column, says, int(row["rows"]))


def _strangers(
    name: str, column: str, by_id: ir.Table, tables: dict[str, ir.Table], facts: LineFacts
) -> Finding | None:
    """A table whose ids are not those of the customers: its consents and facts are nobody's."""
    buyers, people = facts.by_id.select(_PERSON), tables.get("customers")
    if name == "customers":  # customers may not have bought yet, but buyers should be customers
        asked, known, what = buyers, by_id.select(_PERSON), "customers who bought stand in customers"
    else:
        asked, known = by_id.select(_PERSON), buyers
        if people is not None:
            known = known.union(people.select(_PERSON))
        what = f"ids in {name}.{column} are those of customers"
    asked = asked.filter(asked.customer_id.notnull())
    row = _row(asked, of=asked.count(), met=asked.customer_id.isin(known.customer_id).sum())
    of, met = int(row["of"]), int(row["met"] or 0)
    if of < _FEWEST_IDS or met >= _KNOWN * of:
        return None
    folded = known.select(key=_bare(known.customer_id))
    alike = int(_row(asked, n=_bare(asked.customer_id).isin(folded.key).sum())["n"] or 0)
    says = f"{'None' if not met else f'Only {met:,}'} of {of:,} {what}"
    if alike > met:
        says += (
            f"; without zeros in front, signs, and large letters it would be {alike:,}. Export the "
            "ids in one way"
        )
    return Finding("strangers", "warning" if met else "serious", name, column, says + ".", of - met)


def _shared_contacts(people: ir.Table) -> Finding | None:
    """Addresses of several customers who disagree on a consent: who says no may be reached all the same."""
    asked = [(c, w) for c, w in _ASKED.items() if c in people.columns and set(w) & set(people.columns)]
    differ, customers = 0, 0
    for contact, words in asked:
        named = people.filter(people[contact].notnull()).mutate(address=people[contact].strip().lower())
        disagrees = ibis.or_(
            *(
                named[w].cast("int8").min() != named[w].cast("int8").max()
                for w in words
                if w in people.columns
            )
        )
        groups = named.group_by("address").aggregate(n=named.customer_id.nunique(), differs=disagrees)
        hit = groups.filter((groups.n > 1) & groups.differs)
        row = _row(hit, addresses=hit.count(), customers=hit.n.sum())
        differ, customers = differ + int(row["addresses"]), customers + int(row["customers"] or 0)
    if not differ:
        return None
    says = (
        f"{differ:,} address{'es' if differ > 1 else ''} of {customers:,} customers who disagree "
        "on a consent or on do_not_contact: somebody who said no may be reached by another id. "
        "crm identities makes one customer of them, with the narrowest consent."
    )
    return Finding("shared_contacts", "serious", "customers", asked[0][0], says, customers)


def _bare(ids: ir.StringValue) -> ir.StringValue:
    """Letters and digits alone, small, without zeros in front of the number."""
    return ids.lower().re_replace(r"[^\p{L}\p{N}]+", "").re_replace(r"^([^0-9]*)0+([0-9])", r"\1\2")


def _sums(name: str, rows: ir.Table) -> Finding | None:
    """Rows that are the sum of the others, by a word in them."""
    columns = [c for c in _SUMS if c in rows.columns and c != _PERSON]
    if not columns:
        return None
    worded = {c: is_total_word(rows[c]).fill_null(False) for c in columns}
    row = _row(rows, rows=rows.count(), **{c: flag.sum() for c, flag in worded.items()})
    column = next((c for c in columns if row[c] and row[c] < row["rows"]), None)
    if column is None:
        return None
    found = rows.filter(worded[column]).select(word=rows[column]).distinct().order_by("word")
    words = list(dict.fromkeys(map(shown_word, found.limit(_MOST_WORDS).to_pyarrow()["word"].to_pylist())))
    listed = ", ".join(f'"{word}"' for word in words)
    says = (
        f"{counted(row[column], 'row')} of {name} called {', '.join(map(repr, words))} in {column}: a sum of "
        "others? It counts beside them."
    )
    weight = "serious" if name in _COSTS else "warning"
    return Finding("total_word", weight, name, column, says, int(row[column]),
                   settles=_except(name, column, listed))  # fmt: skip


def _negative(name: str, rows: ir.Table) -> Finding | None:
    """Costs with a minus, as books write what goes out: they would count as money that came in."""
    column = _COSTS.get(name)
    if column is None or column not in rows.columns:
        return None
    row = _row(rows, below=(rows[column] < 0).sum(), above=(rows[column] > 0).sum(), money=rows[column].sum())
    if not row["below"]:
        return None
    says = f"{counted(row['below'], 'row')} of {name} with less than nothing in {column}"
    says += ": costs are written without a sign here." if not row["above"] else ", others with more."
    settles = f'[{name}]\n{column} = "0 - <your column>"' if not row["above"] else ""
    weight = "warning" if row["above"] else "serious"
    return Finding("signs_reversed", weight, name, column, says, int(row["below"]),
                   float(row["money"] or 0), settles)  # fmt: skip


def _early(contract: Table, rows: ir.Table, column: str) -> Finding | None:
    """Facts that are older than the row they belong to: a default of the system, or two columns mixed up."""
    start = contract.row_time
    if column not in rows.columns or start is None or start not in rows.columns or column == start:
        return None
    if contract[column].type not in ("time", "date"):
        return None
    late, early = rows[column].cast("date"), rows[start].cast("date")
    before = (late < early).fill_null(False)
    row = _row(rows, dated=(late.notnull() & early.notnull()).sum(), before=before.sum())
    if not row["before"]:
        return None
    days = rows.filter(before).group_by(day=late).aggregate(n=lambda t: t.count())
    first = days.order_by(ibis.desc("n"), "day").limit(2).to_pyarrow().to_pylist()
    shared = first[0]["n"] > 1 and (len(first) == 1 or first[0]["n"] > 2 * first[1]["n"])
    where = f"{contract.name}.{column}"
    says = f"{counted(row['before'], 'date')} of {row['dated']:,} in {where} lie before {start}"
    settles = ""
    if shared:
        day = first[0]["day"].isoformat()
        says += f", most often {day}: does it stand for unknown"
        settles = f'[{contract.name}]\nunknown_dates = ["{day}"]'
    weight = "serious" if row["before"] >= max(2, _EARLY * row["dated"]) else "warning"
    return Finding("early_dates", weight, contract.name, column, says + ("?" if shared else "."),
                   int(row["before"]), settles=settles)  # fmt: skip
