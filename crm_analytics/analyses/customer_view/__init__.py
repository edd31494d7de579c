"""One customer, across all tables: a card of what is known, and a timeline of what happened."""

from crm_analytics.analyses.customer_view.card import Card, card
from crm_analytics.analyses.customer_view.standing import Standing, standing
from crm_analytics.analyses.customer_view.timeline import timeline

__all__ = ["Card", "Standing", "card", "standing", "timeline"]


def __dir__() -> list[str]:
    """The public names: what completion offers."""
    return sorted(__all__)
