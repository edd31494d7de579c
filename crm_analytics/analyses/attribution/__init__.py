"""Which channels earn their money: paths of touches, and what each channel is credited with."""

from crm_analytics.analyses.attribution.markov import Removal, removal_effects
from crm_analytics.analyses.attribution.models import MODELS, WITHOUT_TIMES, attribute, shapley_value
from crm_analytics.analyses.attribution.paths import NO_TOUCH, Paths, read_paths
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "MODELS",
    "NO_TOUCH",
    "WITHOUT_TIMES",
    "Paths",
    "Removal",
    "attribute",
    "read_paths",
    "removal_effects",
    "shapley_value",
]

know_names(globals())
