"""Names of channels, categories and the like that enough customers share to stand on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from crm_analytics.analyses.groups import OTHERS

if TYPE_CHECKING:
    import ibis.expr.types as ir

ON_A_PAGE = 5  # customers: a name that fewer share may be one of them, written into the wrong field


def shared(table: ir.Table, column: str, minimum: int, who: str = "customer_id") -> ir.Table:
    """The table with every text of `column` that fewer than `minimum` different `who` have called "others".

    What is missing stays missing. A minimum of 1 changes nothing.

    >>> import ibis
    >>> rows = [("a", "web"), ("b", "web"), ("c", "Ann's mobile")]
    >>> table = ibis.memtable(rows, columns=["customer_id", "channel"])
    >>> shared(table, "channel", 2).order_by("customer_id").channel.execute().tolist()
    ['web', 'web', 'others']
    """
    if minimum <= 1:
        return table
    counted = table.group_by(name_=table[column]).aggregate(people_=table[who].nunique())
    common = counted.filter(counted.people_ >= minimum)
    joined = table.left_join(common, table[column] == common.name_)
    kept = joined.people_.notnull() | joined[column].isnull()
    named = joined.mutate(**{column: kept.ifelse(joined[column], ibis.literal(OTHERS))})
    return named.select(*table.columns)
