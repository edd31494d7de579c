"""Days that are not like the others: imported twice, in another unit, missing, or shared by too many."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.findings import Finding
from crm_analytics.tables.line_facts import LineFacts
from crm_analytics.tables.placeholder_dates import USUAL

_OLDEST = date(1980, 1, 1)  # of a last purchase
_LINES = 8  # of a day, from which its copies and its unit can be judged
_MANY_LINES = 40  # of which nearly all are copies: no chance
_RUN = 4  # days of sales on end that are copied, from which days of fewer lines are judged together
_COPIED = 0.9  # of a day's lines that stand there twice
_RARELY = 0.25  # of the lines of other days
_JUMP = (40.0, 250.0)  # how much larger or smaller a day in another unit is: about a hundredfold
_STRETCHES = 4  # of days, on either side of a change of unit
_APART = 0.9  # powers of ten between all stretches before and all after
_CHANGES = 4  # of the unit: files of months change seldom, dear and cheap days often
_THOUSAND = (400.0, 2500.0)  # the same of amounts in thousands
_GAP_DAYS = 6  # without a line
_EXPECTED = 20.0  # lines that such a gap should have had
_SHARED = 0.1  # of the customers that one date may be shared by
_FOLD = 8  # times as many as on the day in the middle
_DAYS = 8  # fewer, and every one of them is shared
_DAYS_OF_SALES = 60  # a fair or a festival is no default: only in a long history is one told
_CUSTOMERS = 20


def odd_days(tables: dict[str, ir.Table], facts: LineFacts) -> list[Finding]:
    """Days of the purchases, and dates of other tables, that look like a fault of the export.

    Parameters
    ----------
    tables : as opened, by the contract's names
    facts : of its purchase lines
    """
    days = facts.days
    found = [
        _upside_down(days),
        _whole_twice(days),
        _twice(days),
        _changed_unit(days) or _other_unit(days),
        _gap(days),
        *_default_days(days),
        _long_ago(days),
    ]
    if (people := tables.get("customers")) is not None:
        dates = [column for column in ("created_at", "closed_at") if column in people.columns]
        found += [_shared("customers", *_dated(people, column), column) for column in dates]
    sales = days[days["known"] > 0].rename(columns={"known": "rows", "lines": "every"})
    whole = int(facts.by_id.count().to_pyarrow().as_py())
    found.append(_shared("transactions", sales, whole, "transaction_date"))
    return [one for one in found if one is not None]


def _upside_down(days: pd.DataFrame) -> Finding | None:
    """Amounts that add up to less than nothing: books that write income with a minus."""
    money = float(days["money"].sum())
    if not len(days) or money >= 0 or float((days["money"] < 0).mean()) <= 0.5:
        return None
    says = (
        "More money goes out than comes in, on most days too: purchases seem to be written with a minus, and "
        "count as returns."
    )
    settles = '[transactions]\nunit_spend = "0 - <your column>"'
    rows = int(days["lines"].sum())
    return Finding("signs_reversed", "serious", "transactions", "unit_spend", says, rows, money, settles)


def _whole_twice(days: pd.DataFrame) -> Finding | None:
    """Nearly every line of all days equals another one."""
    lines, copied = int(days["lines"].sum()), int(days["copied"].sum())
    if lines < _MANY_LINES or copied < _COPIED * lines:
        return None
    says = (
        f"{100 * copied / lines:.0f} % of all lines stand there twice: the data were probably imported "
        f"twice. About {copied // 2:,} lines are too many."
    )
    money = float(days["copies"].sum())
    return Finding("imported_twice", "serious", "transactions", "transaction_date", says, copied, money)


def _in_a_run(copied: pd.Series, lines: pd.Series) -> pd.Series:
    """Days of a stretch of copied days that has lines enough together."""
    run = (copied != copied.shift()).cumsum()
    days, all_lines = copied.groupby(run).transform("size"), lines.groupby(run).transform("sum")
    return copied & (days >= _RUN) & (all_lines >= _LINES)


def _twice(frame: pd.DataFrame) -> Finding | None:
    """Days whose lines nearly all equal another line of the day, while those of other days do not."""
    share = frame["copied"] / frame["lines"]
    doubled = (share >= _COPIED) & ((frame["lines"] >= _LINES) | _in_a_run(share >= _COPIED, frame["lines"]))
    rest = frame[~doubled]
    if (
        not doubled.any()
        or (len(rest) and rest["copied"].sum() > _RARELY * rest["lines"].sum())
        or not len(rest)
    ):
        return None
    hit = frame[doubled]
    says = (
        f"Every line of {_days(hit['day'])} stands there twice: the day was probably imported twice. About "
        f"{int(hit['lines'].sum() // 2):,} lines are too many."
    )
    rows, money = int(hit["lines"].sum()), float(hit["copies"].sum())
    return Finding("imported_twice", "serious", "transactions", "transaction_date", says, rows, money)


def _other_unit(days: pd.DataFrame) -> Finding | None:
    """Days whose amounts are a hundredfold, or a hundredth, of all others."""
    known = days[(days["lines"] >= 3) & days["middle"].notna()]
    if len(known) < 5:
        return None
    usual = float(known["middle"].median())
    times = known["middle"] / usual
    low, high = _JUMP
    odd = known[((times >= low) & (times <= high)) | ((1 / times >= low) & (1 / times <= high))]
    if odd.empty or len(odd) > len(known) / 2:
        return None
    factor = float((odd["middle"] / usual).median())
    way = f"{factor:,.0f} times as large as" if factor > 1 else f"a {1 / factor:,.0f}th of those"
    says = f"Amounts of {_days(odd['day'])} are about {way} on other days: probably another unit (cents)."
    return Finding("other_unit", "serious", "transactions", "unit_spend", says, int(odd["lines"].sum()),
                   float(odd["money"].sum()))  # fmt: skip


def _changed_unit(days: pd.DataFrame) -> Finding | None:
    """A stretch of many days, or of few lines each, in another unit: the files of some months in cents."""
    known = days[days["middle"].notna() & (days["middle"] > 0)]
    stretch = (known["lines"].cumsum() - known["lines"]) // 3  # days on end with about three lines together
    grouped = known.assign(size=np.log10(known["middle"].astype("float64"))).groupby(stretch)
    runs = grouped.agg(size=("size", "median"), first=("day", "min"))
    if len(runs) < 2 * _STRETCHES:
        return None
    ranked = np.sort(runs["size"].to_numpy())
    steps = np.diff(ranked)
    large = runs["size"] >= ranked[int(steps.argmax()) + 1]
    times = 10 ** float(runs["size"][large].median() - runs["size"][~large].median())
    changes = int((large != large.shift()).sum()) - 1
    sides = min(int(large.sum()), int((~large).sum()))
    if float(steps.max()) < _APART or changes > _CHANGES or sides < _STRETCHES:
        return None
    if not any(low <= times <= high for low, high in (_JUMP, _THOUSAND)):
        return None
    since = _days(runs["first"][large != large.shift()].iloc[1:])
    says = f"Amounts change about {times:,.0f}-fold on {since}: probably another unit, such as cents."
    hit = known[stretch.isin(runs.index[large])]
    return Finding("other_unit", "serious", "transactions", "unit_spend", says, int(hit["lines"].sum()),
                   float(hit["money"].sum()))  # fmt: skip


def _gap(days: pd.DataFrame) -> Finding | None:
    """A week without one line in a shop that sells every day."""
    if len(days) < 15:
        return None
    moments = pd.to_datetime(days["day"])
    away = moments.diff().dt.days.fillna(1).to_numpy() - 1
    rate = float(days["lines"].sum()) / (
        (moments.iloc[-1] - moments.iloc[0]).days + 1 - float(away[away > 2].sum())
    )
    usual = float(np.quantile(away, 0.95))
    wide = (away >= _GAP_DAYS) & (away * rate >= _EXPECTED) & (away > 3 * usual)
    if not wide.any() or wide.sum() > 5:
        return None
    spans = [
        f"{(day - timedelta(days=int(n))).date()} to {(day - timedelta(days=1)).date()}"
        for day, n in zip(moments[wide], away[wide], strict=True)
    ]
    says = (
        f"There is not one line from {' and from '.join(spans[:3])}: was the shop closed, "
        f"or are files missing?"
    )
    return Finding("missing_days", "warning", "transactions", "transaction_date", says,
                   int(away[wide].sum() * rate))  # fmt: skip


def _default_days(days: pd.DataFrame) -> list[Finding]:
    """Purchases on a day that stands for unknown."""
    first = [d for d in pd.to_datetime(days["day"]).dt.date if d in USUAL and d.year < 1995]
    rest = days[~pd.to_datetime(days["day"]).dt.date.isin(first)]
    if not first or rest.empty or pd.to_datetime(rest["day"]).min().date() < date(1996, 1, 1):
        return []
    hit = days[pd.to_datetime(days["day"]).dt.date.isin(first)]
    listed = ", ".join(f'"{d.isoformat()}"' for d in first)
    says = f"{int(hit['lines'].sum()):,} lines are of {_days(hit['day'])}: dates that stand for unknown."
    rows, money, settles = int(hit["lines"].sum()), float(hit["money"].sum()), f"unknown_dates = [{listed}]"
    return [
        Finding("placeholder_date", "serious", "transactions", "transaction_date", says, rows, money, settles)
    ]


def _long_ago(days: pd.DataFrame) -> Finding | None:
    """All purchases before there were tills with a memory: years of another calendar or century."""
    if days.empty or pd.to_datetime(days["day"]).max().date() >= _OLDEST:
        return None
    last = pd.Timestamp(days["day"].max()).date().isoformat()
    says = (
        f"The last purchase is of {last}: are the years of another calendar (Thai 68 is 2025, Indian 1947 is "
        "2025), or of another century?"
    )
    rows, money = int(days["lines"].sum()), float(days["money"].sum())
    return Finding("old_days", "serious", "transactions", "transaction_date", says, rows, money)


def _dated(table: ir.Table, column: str) -> tuple[pd.DataFrame, int]:
    """Customers and rows by the day in a column, and how many customers have one."""
    dated = table.filter(table[column].notnull() & table.customer_id.notnull())
    every = dated.group_by(day=dated[column].cast("date")).aggregate(
        customers=dated.customer_id.nunique(), rows=dated.count()
    )
    whole = int(dated.customer_id.nunique().to_pyarrow().as_py() or 0)
    return every.order_by("day").to_pyarrow().to_pandas(date_as_object=False), whole


def _shared(name: str, every: pd.DataFrame, whole: int, column: str) -> Finding | None:
    """A date that a tenth of the customers share."""
    sales = TABLES[name].row_time == column and TABLES[name][column].required
    if whole < _CUSTOMERS or len(every) < (_DAYS_OF_SALES if sales else _DAYS):
        return None
    top = every[every["customers"] >= max(_SHARED * whole, _FOLD * float(every["customers"].median()))]
    hit = top.head(4).assign(day=[d.date() for d in pd.to_datetime(top["day"].head(4))])
    if hit.empty or len(hit) > 3:
        return None
    listed = ", ".join(f'"{d}"' for d in hit["day"])
    says = (
        f"{100 * hit['customers'].max() / whole:.0f} % of the customers share "
        f"{_days(hit['day'])} in {column}: a "
        "default, an import or a great day?"
    )
    return Finding("shared_date", "note" if sales else "warning", name, column, says, int(hit["rows"].sum()),
                   settles=f"[{name}]\nunknown_dates = [{listed}]")  # fmt: skip


def _days(days: Any) -> str:
    shown = [pd.Timestamp(d).date().isoformat() for d in days]
    more = len(shown) - 3
    return ", ".join(shown[:3]) + (f" and {more:,} more day{'s' if more > 1 else ''}" if more > 0 else "")
