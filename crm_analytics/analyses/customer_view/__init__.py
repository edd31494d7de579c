"""One customer, across all tables: a card of what is known, and a timeline of what happened."""

from crm_analytics.analyses.customer_view.card import Card, card
from crm_analytics.analyses.customer_view.standing import Standing, standing
from crm_analytics.analyses.customer_view.timeline import timeline
from crm_analytics.tables.wrong_calls import know_names

__all__ = ["Card", "Standing", "card", "standing", "timeline"]

know_names(globals())
