"""The customer lifecycle: stages, moves between them, and what a customer in each state is worth."""

from crm_analytics.analyses.lifecycle import chain
from crm_analytics.analyses.lifecycle.chain import RecencyChain
from crm_analytics.analyses.lifecycle.chain_check import ChainCheck, check_chain
from crm_analytics.analyses.lifecycle.chain_fit import FittedChain, fit_chain
from crm_analytics.analyses.lifecycle.dwell_times import Dwell, dwell
from crm_analytics.analyses.lifecycle.flows import Flows, flows
from crm_analytics.analyses.lifecycle.forecasting import Forecast, forecast
from crm_analytics.analyses.lifecycle.rules import StageRule, default_rules, read_rules, shared_rules
from crm_analytics.analyses.lifecycle.stage_history import Stages, stages
from crm_analytics.analyses.lifecycle.standing_changes import standing_changes
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "ChainCheck",
    "Dwell",
    "FittedChain",
    "Flows",
    "Forecast",
    "RecencyChain",
    "StageRule",
    "Stages",
    "chain",
    "check_chain",
    "default_rules",
    "dwell",
    "fit_chain",
    "flows",
    "forecast",
    "read_rules",
    "shared_rules",
    "stages",
    "standing_changes",
]

know_names(globals())
