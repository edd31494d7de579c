"""A first `mapping.toml` for a source nobody has mapped yet: by known exports, else by names and values.

Nothing is decided for the user: every line says how sure it is and why, and is meant to be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.types as ir

from crm_analytics.errors import DataError
from crm_analytics.tables.column_guesses import Guess, Sample, guess_fields, sample_of
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.export_kinds import EXPORTS, ExportKind, plain, recognise
from crm_analytics.tables.shelves import Shelf, open_shelf

_OF_ANYTHING = ("name", "title")  # among purchases these may be a customer's
SAMPLE = 2_000  # rows of each table that are looked at
_MOST_TABLES = 60
_NEEDED = {"transactions": ("customer_id", "transaction_date"), "events": ("timestamp", "event", "channel")}


@dataclass(frozen=True)
class DraftTable:
    """The section of one table.

    Attributes
    ----------
    origin : file, sheet or table it lies in
    kind : the system that wrote it, or empty
    settings : further lines of the section: key -> TOML
    missing : required fields for which no column was found
    """

    table: str
    origin: str
    kind: str
    fields: tuple[Guess, ...]
    settings: Mapping[str, str]
    missing: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Draft:
    """A whole draft: its sections, and the names that were no table of the contract."""

    tables: tuple[DraftTable, ...]
    label: str
    unused: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether purchases can be opened with it as it is."""
        return any(t.table == "transactions" and not t.missing for t in self.tables)

    def toml(self) -> str:
        """The text of the file; how sure each line is stands behind it."""
        lines = [
            "# A draft of `crm map`. How sure it is of a line stands behind it: sure, likely or guess.",
            "# Read them all, then: crm check SOURCE --mapping THIS FILE",
            f"label = {_quoted(self.label)}",
            '# currency = "EUR"                # of the amounts',
            '# timezone = "Europe/Berlin"      # whose days are the shop\'s days',
        ]
        for one in self.tables:
            lines += ["", *_section(one)]
        if self.unused:
            lines += ["", "# Not used: " + ", ".join(_comment(n) for n in self.unused[:20])]
        return "\n".join(lines) + "\n"


def draft_mapping(source: Any) -> Draft:
    """Look at a source and say which column may be which field.

    Parameters
    ----------
    source : as `CustomerBase.open` takes it

    Raises
    ------
    DataError : the source cannot be read, or holds no table.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"Kunde": ["a", "b"], "Datum": ["2026-01-05", "2026-01-06"],
    ...                       "Betrag": [5.5, 7.25]})
    >>> [(g.field, g.said) for g in draft_mapping(frame).tables[0].fields]
    [('customer_id', 'Kunde'), ('transaction_date', 'Datum'), ('unit_spend', 'Betrag')]
    """
    shelf = open_shelf(source, {}, most=SAMPLE)
    try:
        samples = list(_samples(shelf))
    finally:
        shelf.close()
    if not samples:
        raise DataError(f"{shelf.where} holds no table with rows")
    drafts = [draft for sample in samples for draft in _of_exports(sample)]
    taken = {d.origin for d in drafts}
    rest = [s for s in samples if s.name not in taken]
    if not any(d.table == "transactions" for d in drafts):
        purchases = _purchases(rest)
        if purchases is not None:
            drafts.insert(0, purchases)
    taken = {d.origin for d in drafts}
    drafts += [d for s in rest if s.name not in taken and (d := _by_name(s, drafts)) is not None]
    used = {d.origin for d in drafts} | {o for d in drafts for o in _joined(d)}
    order = list(TABLES)
    drafts.sort(key=lambda d: order.index(d.table))
    drafts += _names_on_lines(samples, drafts)
    return Draft(tuple(drafts), shelf.label, tuple(s.name for s in samples if s.name not in used))


def _samples(shelf: Shelf) -> Iterable[Sample]:
    for table, name in list(shelf.names.items())[:_MOST_TABLES]:
        try:
            rows: ir.Table = shelf.read(name, table).limit(SAMPLE)
            found = sample_of(name if table == "transactions" else table, rows.to_pyarrow())
        except DataError:
            continue  # one broken file of many hides no other; `crm check` says what is wrong with it
        if found.rows:
            yield replace(found, name=name or table)


def _of_exports(sample: Sample) -> list[DraftTable]:
    """The tables that a known export makes: events with purchases among them are two."""
    known = recognise(sample.columns)
    if known is None:
        return []
    best, share = known
    beside = [k for k in EXPORTS if k.table != best.table and set(k.marks) <= set(best.marks)]
    more = (_of_export(sample, kind, share) for kind in beside)
    return [_of_export(sample, best, share), *(draft for draft in more if not draft.missing)]


def _of_export(sample: Sample, kind: ExportKind, share: float) -> DraftTable:
    have = {plain(c): c for c in sample.columns}
    sure, fields = "sure" if share == 1 else "likely", []
    for name, choices in kind.fields.items():
        there = [s for choice in choices if (s := _present(choice, have))]
        column = next((s for s in there if sample.values.get(s, True)), there[0] if there else None)
        if column is not None:  # of several the first that holds anything
            fields.append(Guess(name, column, sure, f"{kind.name} have it there"))
    lacking, used = _missing(kind.table, fields), {g.said for g in fields}
    fields += [g for g in guess_fields(kind.table, sample) if g.field in lacking and g.said not in used]
    settings = {
        key: toml for key, (toml, needs) in kind.settings.items() if all(plain(n) in have for n in needs)
    }
    missing = _missing(kind.table, fields)
    return DraftTable(kind.table, sample.name, kind.name, tuple(fields), settings, missing, kind.note)


def _present(choice: str, have: Mapping[str, str]) -> str | None:
    """The source's own spelling of a column, or of arithmetic whose columns are all there."""
    if '"' not in choice:
        return have.get(plain(choice))
    names = choice.split('"')[1::2]
    if not all(plain(n) in have for n in names):
        return None
    for name in names:
        choice = choice.replace(f'"{name}"', f'"{have[plain(name)]}"')
    return choice


def _missing(table: str, fields: Iterable[Guess]) -> tuple[str, ...]:
    found = {g.field for g in fields}
    needed = list(dict.fromkeys([*_NEEDED.get(table, ()), *TABLES[table].required]))
    if {"unit_quantity", "unit_price"} <= found and "unit_spend" in needed:
        needed.remove("unit_spend")
    return tuple(name for name in needed if name not in found)


def _purchases(samples: list[Sample]) -> DraftTable | None:
    """The table that looks most like purchase lines, joined with another where it lacks customer or day."""
    found: list[tuple[int, float, DraftTable]] = []
    for sample in samples:
        fields = guess_fields("transactions", sample)
        missing = _missing("transactions", fields)
        draft = DraftTable("transactions", sample.name, "", tuple(fields), {}, missing)
        if missing and "unit_spend" not in missing:
            draft = _with_join(draft, sample, samples)
        named = plain(sample.stem) in (
            "transactions",
            "orders",
            "sales",
            "purchases",
            "invoices",
            "orderlines",
        )
        weight = sum({"sure": 3, "likely": 2, "guess": 1}[g.sure] for g in draft.fields) + 4 * named
        found.append((-len(draft.missing), weight, draft))
    found = [f for f in found if len(f[2].missing) < 2]
    return max(found, key=lambda f: f[:2])[2] if found else None


def _with_join(draft: DraftTable, sample: Sample, samples: list[Sample]) -> DraftTable:
    """Lines without customer or day, with the table that has them by a key both have."""
    for other in samples:
        shared = [c for c in sample.columns if c in other.columns and other.is_key(c)]
        if other.name == sample.name or not shared:
            continue
        added = [g for g in guess_fields("transactions", other) if g.field in draft.missing]
        if {g.field for g in added} == set(draft.missing):
            kept = [g for g in draft.fields if g.said != shared[0] or g.field == "transaction_id"]
            fields = [*added, *kept]
            join = f"[{{ from = {_quoted(other.stem)}, on = {_quoted(shared[0])} }}]"
            return replace(draft, fields=tuple(fields), settings={"join": join}, missing=())
    return draft


def _by_name(sample: Sample, drafts: list[DraftTable]) -> DraftTable | None:
    """A further table, where the file is called as the contract calls it."""
    taken = {d.table for d in drafts}
    names = {plain(t).rstrip("s"): t for t in TABLES if t != "transactions" and t not in taken}
    table = names.get(plain(sample.stem).rstrip("s"))
    if table is None:
        return None
    fields = guess_fields(table, sample)
    missing = _missing(table, fields)
    return None if missing or not fields else DraftTable(table, sample.name, "", tuple(fields), {}, ())


def _names_on_lines(samples: list[Sample], drafts: list[DraftTable]) -> list[DraftTable]:
    """The products, where the purchases name them on every line and no table of their own does."""
    lines = next((d for d in drafts if d.table == "transactions"), None)
    sample = next((s for s in samples if lines is not None and s.name == lines.origin), None)
    if lines is None or sample is None or any(d.table == "products" for d in drafts):
        return []
    key = next((g for g in lines.fields if g.field == "product_id" and g.said in sample.columns), None)
    taken = {g.said for g in lines.fields}
    name = next(
        (g for g in guess_fields("products", sample)
         if g.field == "product_name" and g.said not in taken and plain(g.said) not in _OF_ANYTHING),
        None,
    )  # fmt: skip
    if key is None or name is None:
        return []
    says = "Purchases name their products: of each the commonest name is taken."
    return [DraftTable("products", lines.origin, "", (key, name), {}, (), says)]


def _joined(draft: DraftTable) -> list[str]:
    return [draft.settings["join"].split('"')[1]] if "join" in draft.settings else []


def _section(one: DraftTable) -> list[str]:
    head = [f"[{one.table}]" + (f"    # {one.kind}" if one.kind else "")]
    head += [f"# {one.note}"] if one.note else []
    head += [f"from = {_quoted(one.origin)}"] if one.origin else []
    head += [f"{key} = {toml}" for key, toml in one.settings.items()]
    width = max((len(g.field) + len(_quoted(g.said)) + 3 for g in one.fields), default=0)
    lines = [
        f"{f'{g.field} = {_quoted(g.said)}':<{width}}    # {g.sure}: {_comment(g.why)}" for g in one.fields
    ]
    lost = [f'# {name} = "..."    # needed, and no column looks like it' for name in one.missing]
    return head + lines + lost


def _quoted(text: str) -> str:
    """A text as TOML writes it: JSON's escapes are TOML's, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
