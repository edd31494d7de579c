"""Cohorts: how customers won at the same time age, how they compare, and what they add up to.

Lenses 3 to 5 of the customer-base audit. A customer belongs to the period of the first purchase *seen*;
age counts periods from there.

Source: P. S. Fader, B. G. S. Hardie & M. Ross, *The Customer-Base Audit* (2022), ch. 5-7; C3 is their
customer cohort chart.
"""

from crm_analytics.analyses.cohorts.cohort_comparison import Comparison, Fading
from crm_analytics.analyses.cohorts.cohorts import NEEDS, Cohorts, cohorts
from crm_analytics.analyses.cohorts.triangles import MINIMUM, NOBODY
from crm_analytics.tables.wrong_calls import know_names

__all__ = ["MINIMUM", "NEEDS", "NOBODY", "Cohorts", "Comparison", "Fading", "cohorts"]

know_names(globals())
