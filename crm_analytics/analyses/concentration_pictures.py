"""The picture of a concentration: its Lorenz curve."""

from __future__ import annotations

from crm_analytics.analyses.concentration import Concentration
from crm_analytics.analyses.plots import Picture
from crm_analytics.pages import figures


def lorenz(found: Concentration) -> Picture:
    """Share of the value by share of customers, the most valuable first."""
    return Picture(
        frame=found.lorenz,
        title=f"Value by customers, the best first (Gini {found.gini:.2f})",
        draw=figures.lorenz,
    )
