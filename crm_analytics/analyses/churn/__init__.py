"""Who will leave, when and why: from what was known on a day to calibrated probabilities."""

from crm_analytics.analyses.churn.contracts import contracts
from crm_analytics.analyses.churn.contracts.contract_scores import ContractScores, contract_scores
from crm_analytics.analyses.churn.contracts.contract_value import ContractValue, contract_value
from crm_analytics.analyses.churn.features.features import BTYD, FEATURES, WORDS, Feature, features
from crm_analytics.analyses.churn.features.labels import labels
from crm_analytics.analyses.churn.features.windows import Window, windows
from crm_analytics.analyses.churn.measures import measures, subgroups
from crm_analytics.analyses.churn.measures.grades import MINIMUMS, Grade, grade
from crm_analytics.analyses.churn.measures.profit import ProfitCurve, profit_curve
from crm_analytics.analyses.churn.model.contributions import Contributions
from crm_analytics.analyses.churn.model.explanations import partial_dependence, permutation_reasons
from crm_analytics.analyses.churn.model.model import ChurnModel
from crm_analytics.analyses.churn.model.model_card import ModelCard
from crm_analytics.analyses.churn.model.persistence import load, save
from crm_analytics.analyses.churn.model.recency_rule import RecencyRule, recency_rule
from crm_analytics.analyses.churn.model.target_leakage import Leak
from crm_analytics.analyses.churn.scoring import score
from crm_analytics.analyses.churn.silence import Silence, expected_silence, fell_silent, shared_window
from crm_analytics.analyses.churn.survival import complaints, survival
from crm_analytics.analyses.churn.survival.definition import Definition, definition
from crm_analytics.analyses.churn.training import Churn, HeldOut, train
from crm_analytics.tables.wrong_calls import know_names

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
    "Silence",
    "Window",
    "complaints",
    "contract_scores",
    "contract_value",
    "contracts",
    "definition",
    "expected_silence",
    "features",
    "fell_silent",
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
    "shared_window",
    "subgroups",
    "survival",
    "train",
    "windows",
]

know_names(globals())
