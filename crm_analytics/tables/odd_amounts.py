"""Amounts of purchases that look like something else: one far above all others, or a balance that grows."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from crm_analytics.tables.findings import Finding
from crm_analytics.tables.line_facts import LineFacts

_FEWEST = 40  # lines
_LARGE = {"next": 5, "all": 0.1}  # times the next line; of all money
_HEAD = 20_000  # lines in which a balance is looked for
_PAIRS, _GROWS = 40, 0.97  # steps from day to day, and the share of them that must grow


def odd_amounts(lines: ir.Table, facts: LineFacts) -> list[Finding]:
    """What is odd in the amounts of all lines.

    Parameters
    ----------
    facts : of the lines
    """
    whole = float(facts.days["money"].sum())
    if int(facts.days["lines"].sum()) < _FEWEST:
        return []
    return [one for one in (_one_large(lines, whole), _running_total(lines)) if one is not None]


def _one_large(lines: ir.Table, whole: float) -> Finding | None:
    """One line far above the next: an opening balance, a lost decimal point, a sum."""
    tops = lines.filter(lines.unit_spend.notnull()).order_by(ibis.desc("unit_spend")).limit(2)
    amounts = [float(one) for one in tops.unit_spend.to_pyarrow().to_pylist()]
    if len(amounts) < 2 or amounts[1] <= 0:
        return None
    times, share = amounts[0] / amounts[1], amounts[0] / whole if whole > 0 else 1.0
    if times < _LARGE["next"] or share < _LARGE["all"]:
        return None
    says = (
        f"One line is {times:,.0f} times the next largest, and {100 * share:.0f} % of all money: a sum, a "
        "balance, or a decimal point that was lost?"
    )
    return Finding("one_large_line", "warning", "transactions", "unit_spend", says, 1, amounts[0])


def _running_total(lines: ir.Table) -> Finding | None:
    """Amounts that grow from purchase to purchase, of all or of each customer: a balance."""
    head = lines.filter(lines.unit_spend.notnull()).limit(_HEAD)
    for whose, by in (("", []), (" of a customer", ["customer_id"])):
        before = ibis.window(group_by=by, order_by=["transaction_date", "unit_spend"])
        pairs = head.select(
            now=head.unit_spend, last=head.unit_spend.lag().over(before), day=head.transaction_date,
            day_before=head.transaction_date.lag().over(before),
        )  # fmt: skip
        pairs = pairs.filter(pairs["last"].notnull() & (pairs.day_before < pairs.day))
        row = pairs.aggregate(n=pairs.count(), grows=(pairs.now > pairs["last"]).sum())
        found = row.to_pyarrow().to_pylist()[0]
        if found["n"] >= _PAIRS and found["grows"] >= _GROWS * found["n"]:
            steps = f"{found['grows']:,} of {found['n']:,} steps{whose}"
            says = (
                f"The amount grows in {steps} from one day to the next: it is probably a balance, and each "
                "line counts those before it again. Read the amount of the line."
            )
            return Finding("running_total", "serious", "transactions", "unit_spend", says, int(found["n"]))
    return None
