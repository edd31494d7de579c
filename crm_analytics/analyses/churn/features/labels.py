"""Who left: no purchase in the days after a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis

from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.days import as_day

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase


def labels(base: CustomerBase, day: str | date, window: int) -> ir.Table:
    """Of every customer who had bought by the end of `day`: whether nothing was bought in the window after.

    Parameters
    ----------
    base : a base that reaches over the window
    day : up to which features look
    window : days after it, (day, day + window]

    Returns
    -------
    Ibis table: customer_id, left (boolean)

    Raises
    ------
    ParameterError : the window is shorter than a day
    DataError : the window runs past the data, or the day lies outside them

    Examples
    --------
    >>> import pandas as pd
    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "a", "b"], "unit_spend": [10, 30, 5],
    ...     "transaction_date": ["2026-01-01", "2026-03-02", "2026-01-05"]}), today="2026-04-01")
    >>> labels(base, "2026-01-31", 30).order_by("customer_id").to_pandas()["left"].tolist()
    [False, True]
    """
    if window < 1:
        raise ParameterError(f"window must be 1 day or more, got {window}")
    begin = as_day(day, "day")
    end = begin + timedelta(days=window)
    if end > base.day:
        raise DataError(
            f"the window of {window} days after {begin} ends on {end}, after the data ({base.day}): "
            "who has left is not known yet. Take an earlier day or a shorter window"
        )
    known = base.as_of(begin).exact_occasions.select("customer_id").distinct()
    later = base.between(begin, end).exact_occasions.select("customer_id").distinct()
    came = later.mutate(came=ibis.literal(True))
    joined = known.left_join(came, "customer_id")
    return joined.select("customer_id", left=joined.came.isnull())
