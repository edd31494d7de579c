"""Who will leave, for the lists of those to save and to win back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_analytics.errors import NotEnoughData

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

EXPLAINED = 5_000  # of the likeliest to leave: the list of those to save says why


def leaving(base: CustomerBase) -> tuple[ir.Table | None, str]:
    """Train the churn model on a base and score everybody who is active, by the words of `definitions`.

    Returns
    -------
    (scores, ""), the scores as `lists` takes them; or (None, why that cannot be told).
    """
    from crm_analytics.analyses import churn

    try:
        return churn.score(base, churn.train(base, churn.shared_window(base)), explained=EXPLAINED), ""
    except NotEnoughData as error:
        return None, str(error)
