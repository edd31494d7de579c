"""The one policy for exact money: three DECIMAL types, and what does not fit is refused.

==========  ================  ==================================================================
``MONEY``   DECIMAL(18, 4)    a line, and any sum of lines (a base's money stays under `LIMIT`)
``SQUARES`` DECIMAL(38, 4)    squares and products of money, and their sums
``SHARES``  DECIMAL(38, 12)   money times a share or a weight, and their sums
==========  ================  ==================================================================

Sums are of DECIMAL, so that no order of rows changes them. A base whose amounts sum to `LIMIT` or more, or
whose amounts need more than four decimals, is refused when it is opened: no analysis has to ask again.
"""

from __future__ import annotations

import ibis.expr.types as ir

MONEY = "decimal(18, 4)"
SQUARES = "decimal(38, 4)"
SHARES = "decimal(38, 12)"
LIMIT = 10**14  # MONEY holds fourteen digits before the point
ROUNDING = 1e-4  # share of all money that four decimals may change; more is refused


def square(amount: ir.Value) -> ir.Value:
    """The square of an amount of money, exact to four decimals, so that a sum of it knows no order of rows.

    >>> import ibis
    >>> ibis.duckdb.connect().execute(square(ibis.literal(20_000_000).cast(MONEY))) == 4 * 10**14
    True
    """
    return (amount.cast("float64") ** 2).round(4).cast(SQUARES)
