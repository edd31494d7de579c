"""Who will leave, when and why: from what was known on a day to calibrated probabilities."""

from crm_analytics.analyses.churn import measures
from crm_analytics.analyses.churn.card import ModelCard
from crm_analytics.analyses.churn.grades import MINIMUMS, Grade, grade
from crm_analytics.analyses.churn.keeping import load, save
from crm_analytics.analyses.churn.leaks import Leak
from crm_analytics.analyses.churn.model import ChurnModel
from crm_analytics.analyses.churn.profit import ProfitCurve, profit_curve
from crm_analytics.analyses.churn.reasons import Contributions, partial_dependence, permutation_reasons
from crm_analytics.analyses.churn.rule import RecencyRule, recency_rule

__all__ = [
    "MINIMUMS",
    "ChurnModel",
    "Contributions",
    "Grade",
    "Leak",
    "ModelCard",
    "ProfitCurve",
    "RecencyRule",
    "grade",
    "load",
    "measures",
    "partial_dependence",
    "permutation_reasons",
    "profit_curve",
    "recency_rule",
    "save",
]
