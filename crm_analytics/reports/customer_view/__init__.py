"""One customer on a card and a timeline, for whoever is about to talk to them.

It shows a person. So it is no report that a schedule makes, and its blocks refuse to be part of a published
page unless the owner of the data lets names stand on pages.
"""

from crm_analytics.reports.customer_view.sections import card, last_contacts, products, timeline
from crm_analytics.reports.customer_view.view import CustomerView, prepare

__all__ = ["CustomerView", "card", "last_contacts", "prepare", "products", "timeline"]
