"""Who will leave, when and why: from what was known on a day to calibrated probabilities."""

from crm_analytics.analyses.churn import complaints, contracts, measures, subgroups, survival
from crm_analytics.analyses.churn.card import ModelCard
from crm_analytics.analyses.churn.contract_scores import ContractScores, contract_scores
from crm_analytics.analyses.churn.contract_value import ContractValue, contract_value
from crm_analytics.analyses.churn.definition import Definition, definition
from crm_analytics.analyses.churn.features import BTYD, FEATURES, WORDS, Feature, features
from crm_analytics.analyses.churn.grades import MINIMUMS, Grade, grade
from crm_analytics.analyses.churn.keeping import load, save
from crm_analytics.analyses.churn.labels import labels
from crm_analytics.analyses.churn.leaks import Leak
from crm_analytics.analyses.churn.model import ChurnModel
from crm_analytics.analyses.churn.profit import ProfitCurve, profit_curve
from crm_analytics.analyses.churn.reasons import Contributions, partial_dependence, permutation_reasons
from crm_analytics.analyses.churn.rule import RecencyRule, recency_rule
from crm_analytics.analyses.churn.scoring import score
from crm_analytics.analyses.churn.training import Churn, HeldOut, train
from crm_analytics.analyses.churn.windows import Window, windows

__all__ = [
    "BTYD",
    "FEATURES",
    "MINIMUMS",
    "WORDS",
    "Churn",
    "ChurnModel",
    "ContractScores",
    "ContractValue",
    "Contributions",
    "Definition",
    "Feature",
    "Grade",
    "HeldOut",
    "Leak",
    "ModelCard",
    "ProfitCurve",
    "RecencyRule",
    "Window",
    "complaints",
    "contract_scores",
    "contract_value",
    "contracts",
    "definition",
    "features",
    "grade",
    "labels",
    "load",
    "measures",
    "partial_dependence",
    "permutation_reasons",
    "profit_curve",
    "recency_rule",
    "save",
    "score",
    "subgroups",
    "survival",
    "train",
    "windows",
]
