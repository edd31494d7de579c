"""What drives a change of buying: which customers changed otherwise than the others, and from which day."""

from crm_analytics.analyses.drivers.attributes import ATTRIBUTES, by_attribute
from crm_analytics.analyses.drivers.dates import ChangeAt, change_at, changes
from crm_analytics.analyses.drivers.leaving import leaving_by_attribute
from crm_analytics.tables.wrong_calls import know_names

__all__ = ["ATTRIBUTES", "ChangeAt", "by_attribute", "change_at", "changes", "leaving_by_attribute"]

know_names(globals())
