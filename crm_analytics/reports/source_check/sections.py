"""What a newcomer must know of a source before any report: rows, readings, findings, what is possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.pages import blocks, figures, words
from crm_analytics.pages.blocks import Block
from crm_analytics.tables.column_examples import field_examples

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.findings import Finding

_MOST_ACTIONS = 3
_MONTHS = 60  # columns that a chart can hold on a phone
_STATUS = {"ready": "ready", "thin": "short form", "missing": "not yet"}
_ORDER = ("serious", "warning", "note")


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """What one report would be able to say of these data.

    status : "ready", "thin" (its small form) or "missing"
    """

    name: str
    question: str
    status: str
    next_step: str


def headline(base: CustomerBase, findings: Sequence[Finding]) -> Block:
    """Whether the data can be used, in one sentence."""
    rows, people = base.counts["rows"], base.counts["customers"]
    serious = sum(f.severity == "serious" for f in findings)
    lost = sum(a.broken for a in base.snapshot.accounts.values())
    usable = f"{words.plural(rows, 'purchase line')} of {words.plural(people, 'customer')}"
    days = f"They run from {words.date(base.first_day)} to {words.date(base.day)}."
    aside = f"{words.plural(lost, 'row')} could not be used." if lost else "No row was lost."
    if serious:
        sentence = f"{usable} were read, and {words.plural(serious, 'finding')} may make the numbers wrong"
    elif findings:
        sentence = f"{usable} can be used; {words.plural(len(findings), 'finding')} should be looked at"
    else:
        sentence = f"{usable} can be used as they are"
    return blocks.headline(sentence, lede=f"{days} {aside}")


def key_numbers(base: CustomerBase) -> Block:
    """Read, lost, merged, and what the rows are worth."""
    account = base.snapshot.accounts.get("transactions")
    items = []
    if account is not None:
        worth = f"about {words.percent(account.share_of_money)} of the money" if account.money else ""
        items = [
            blocks.kpi("Rows read", words.count(account.read)),
            blocks.kpi("Rows lost", words.count(account.broken), note=worth if account.broken else ""),
            blocks.kpi("Rows merged", words.count(account.merged), note="they repeat a key"),
        ]
    revenue = words.money(base.counts["revenue"], base.currency)
    known = "" if base.currency else "currency not said"
    return blocks.kpis(*items, blocks.kpi("Revenue", revenue, note=known))


def next_steps(findings: Sequence[Finding], base: CustomerBase) -> Block | None:
    """The lines of mapping.toml that settle the gravest findings."""
    settled = [f for f in findings if f.settles]
    items = [
        blocks.action(
            f"Decide on {_place(f)}, and say it in mapping.toml: {_one_line(f.settles)}",
            why=f.says + ("" if not f.money else f" It touches {words.money(abs(f.money), base.currency)}."),
        )
        for f in settled[:_MOST_ACTIONS]
    ]
    if not base.currency:
        items.append(blocks.action('Say the currency in mapping.toml: currency = "EUR"'))
    return blocks.actions(*items) if items else None


def accounts(base: CustomerBase) -> Block:
    """Each table's rows, counted once."""
    told = [a.as_dict() for a in base.snapshot.accounts.values()]
    if not told:
        return blocks.note("This base was checked when it was saved", "Its rows are not counted again.")
    frame = pd.DataFrame(told)
    lost = int(frame["broken"].sum())
    finding = f"{words.plural(lost, 'row')} of {words.count(frame['read'].sum())} could not be used"
    money = f"money:{base.currency}"
    renamed = frame.rename(
        columns={"totals": "total_rows", "money": "worth", "lost_money": "worth_of_broken"}
    )
    return blocks.table(
        renamed,
        finding=finding if lost else f"All {words.count(frame['read'].sum())} rows could be used",
        caption="Broken rows break a rule. Merged rows repeat a key, and the newest stays. Left out are the "
        "rows that mapping.toml excludes. Total rows are sums of others. Where a broken row's amount could "
        "not be read, its worth is estimated by the mean.",
        formats={"worth": money, "worth_of_broken": money},
    )


def found(findings: Sequence[Finding], base: CustomerBase) -> Block:
    """All findings, the gravest first."""
    if not findings:
        return blocks.note(
            "Nothing looks wrong", "No stand-in, no odd day and no ambiguous column was found."
        )
    frame = pd.DataFrame(
        {
            "severity": [f.severity for f in findings],
            "where": [_place(f) for f in findings],
            "what": [f.says for f in findings],
            "rows": [f.rows for f in findings],
            "money": [None if f.money is None else abs(f.money) for f in findings],
            "settle it with": [_one_line(f.settles) for f in findings],
        }
    )
    counts = [(kind, n) for kind in _ORDER if (n := sum(f.severity == kind for f in findings))]
    told = [f"{n} serious" if kind == "serious" else words.plural(n, kind) for kind, n in counts]
    return blocks.table(
        frame,
        finding=f"What was found: {words.listing(told)}",
        caption="Serious means that numbers are probably wrong. A warning wants a look. A note says what was "
        "done with the data.",
        formats={"money": f"money:{base.currency}"},
    )


def broken(rejected: pd.DataFrame) -> Block | None:
    """What was wrong with rows that were set aside, and values left empty."""
    if rejected.empty:
        return None
    shown = rejected.assign(
        what=rejected["rule"], then=rejected["drops_row"].map({True: "row", False: "value"})
    )
    shown = shown[["table", "column", "what", "then", "rows", "first_row"]]
    return blocks.table(
        shown.rename(columns={"then": "set aside", "first_row": "first in row"}),
        finding=f"Why rows and values were set aside: {words.plural(len(shown), 'reason')}",
    )


def readings(base: CustomerBase, *, show_customers: bool) -> Block:
    """Each field: how it was read, how often it is filled, three values."""
    told = field_examples(base, show_customers=show_customers)
    frame = pd.DataFrame(
        {
            "column": [f"{f.table}.{f.field}" for f in told],
            "read as": [f.how for f in told],
            "filled": [f.filled for f in told],
            "for example": ["  ·  ".join(f.examples) for f in told],
        }
    )
    masked = any(f.masked for f in told)
    return blocks.table(
        frame,
        finding=f"{words.plural(len(told), 'column')} and how each was read",
        caption="Values that may name a person show their shape alone: X and x for letters, 9 for digits."
        if masked
        else "",
        formats={"filled": "percent"},
    )


def months(base: CustomerBase) -> Block | None:
    """Purchase lines by month: a hole or a jump is seen at once."""
    lines = base.transactions
    month = lines.transaction_date.truncate("M").date()
    by_month = lines.group_by(month=month).aggregate(lines=lines.count(), money=lines.unit_spend.sum())
    frame = base.collect(by_month.order_by(ibis.asc("month")))
    if len(frame) < 2:
        return None
    frame["month"] = pd.to_datetime(frame["month"])
    every = pd.DataFrame({"month": pd.date_range(frame["month"].min(), frame["month"].max(), freq="MS")})
    frame = every.merge(frame, how="left").fillna({"lines": 0, "money": 0})
    empty = int((frame["lines"] == 0).sum())
    frame = frame.tail(_MONTHS).assign(month=lambda f: f["month"].dt.strftime("%Y-%m"))
    frame["lines"] = frame["lines"].astype("int64")
    said = f"{words.plural(empty, 'month')} without any purchase" if empty else "every month has purchases"
    return blocks.chart(
        figures.columns(frame, "month", ["lines"], {"lines": "purchase lines"}, fmt="count"),
        finding=f"From {frame['month'].iloc[0]} to {frame['month'].iloc[-1]}, {said}",
        data=frame,
        formats={"money": f"money:{base.currency}"},
    )


def possible(reports: Sequence[Readiness]) -> Block | None:
    """What each report would be able to say."""
    if not reports:
        return None
    ready = [r for r in reports if r.status == "ready"]
    frame = pd.DataFrame(
        {
            "report": [r.name for r in reports],
            "question": [r.question for r in reports],
            "now": [_STATUS.get(r.status, r.status) for r in reports],
        }
    )
    if len(ready) < len(reports):
        frame["what it needs"] = ["" if r.status == "ready" else r.next_step for r in reports]
    command = f" Make one: {ready[0].next_step}." if ready else ""
    return blocks.table(
        frame,
        finding=f"{len(ready)} of {words.plural(len(reports), 'report')} can be made in full",
        caption="A short form says what is known where there are too few customers for every model. Not yet "
        f"means that a table or column is missing.{command}",
    )


def method(base: CustomerBase) -> Block:
    """How the source was read."""
    zone = base.snapshot.timezone or "the clock the data were written by; mapping.toml can say timezone"
    skipped = "; ".join(base.snapshot.skipped.values())
    items = {
        "Days": f"Days are counted on {zone}.",
        "Amounts": f"In {base.currency}." if base.currency else 'Unknown currency: say currency = "EUR".',
        "Limit": "Reports stop where more than 5 % of a table's rows, or of its money, is broken.",
    }
    return blocks.method({**items, **({"Left out": skipped} if skipped else {})})


def record(base: CustomerBase, findings: Sequence[Finding]) -> Block:
    """Key numbers for machines."""
    sums: dict[str, Any] = {"read": 0, "kept": 0, "broken": 0, "merged": 0}
    for account in base.snapshot.accounts.values():
        sums = {name: n + getattr(account, name) for name, n in sums.items()}
    severities = {f"findings_{s}": sum(f.severity == s for f in findings) for s in _ORDER}
    return blocks.record(day=base.day, customers=base.counts["customers"], **sums, **severities)


def _place(one: Finding) -> str:
    return f"{one.table}.{one.column}" if one.column else one.table


def _one_line(text: str) -> str:
    return "  ".join(line.strip() for line in text.splitlines() if line.strip())
