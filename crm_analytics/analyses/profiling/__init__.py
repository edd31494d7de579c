"""Who the customers are: traits, demography, favourites, clusters of needs."""

from crm_analytics.analyses.profiling.demography import demography, habits_by_demography
from crm_analytics.analyses.profiling.favourites import favourites, purchase_lines
from crm_analytics.analyses.profiling.needs_clusters import Needs, NoStructureError, needs
from crm_analytics.analyses.profiling.traits import traits
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "Needs",
    "NoStructureError",
    "demography",
    "favourites",
    "habits_by_demography",
    "needs",
    "purchase_lines",
    "traits",
]

know_names(globals())
