"""Modules by their names of version 0.1: they still import, with a warning, until version 0.3."""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any

_HERE = "crm_analytics.analyses."
# package of old -> package of today: the modules that moved, with their new names where these differ
_MOVED = """
. -> .: groups=disclosure levels=disclosure
. -> portfolio: significant=strategic_customers value_grid value_tiers
. -> profiling: demography favourites needs=needs_clusters traits
. -> rfm: migration plays segment_rules=rules
attribution -> attribution: heard=self_reported
audit -> audit: apart=source_comparison
btyd -> btyd.checks: calibration choosing=model_choice cohort_effects cohort_trends comparison
btyd -> btyd.checks: concentration=ranking_curve dependence drift evidence frozen_models
btyd -> btyd.checks: money_held=holdout_value naive=baselines ranks seasonal spend_bands
btyd -> btyd.checks: second_opinion=lifetimes_check
btyd -> btyd.contracts: contract_cells contract_likelihood contract_models endless=infinite_sums
btyd -> btyd.contracts: rising=increasing_hazard
btyd -> btyd.covariates: covariate_cells covariate_coding covariate_likelihood covariate_tests
btyd -> btyd.discounting: draws=simulation lifetime_value=discounting periods
btyd -> btyd.fitting: boundary=boundary_messages cadence fitted histories lifetimes_bridge opportunities
btyd -> btyd.fitting: optimise parameter_intervals pymc_bridge special summary units
btyd -> btyd.forecasts: active=purchase_probability dert drawn_total=simulated_total holdout
btyd -> btyd.forecasts: next_purchases predictive scoring textbook value_parts value_totals
btyd -> btyd.opportunity_models: bg_bb bg_bb_likelihood
btyd -> btyd.purchases: beta_geo dropout=dropout_likelihood dropout_model individual=customer_parameters
btyd -> btyd.purchases: modified_beta_geo nbd pareto=pareto_nbd_likelihood pareto_nbd purchase_model
btyd -> btyd.purchases: regular_likelihood regular_model regular_worth regularity
btyd -> btyd.spend: banded_spend gamma_gamma
btyd -> btyd.totals: uncertainty
campaigns -> .: given=arguments known=customer_facts
campaigns -> campaigns.incentives: baskets membership offers
campaigns -> campaigns.lists: buying_rules calendar_rules contacts=contact_pressure exporting
campaigns -> campaigns.lists: leaving=churn_scores rules service_rules suppression
campaigns -> campaigns.lists: tallies=list_summaries terms=contact_policy where=audience_filter
campaigns -> campaigns.measurement: arms=treatment_effects balance evaluation measuring outcomes
campaigns -> campaigns.measurement: proneness=deal_proneness qini response uplift waves=campaign_arms
churn -> .: contract_lives kaplan_meier
churn -> churn.contracts: contract_scores contract_value
churn -> churn.features: btyd_features contract_features different=distinct_counts
churn -> churn.features: labels windows
churn -> churn.measures: grades profit ranking subgroups
churn -> churn.model: apart=serialisation calibrating=probability_calibration card=model_card
churn -> churn.model: columns=feature_encoding inputs=input_checks keeping=persistence leaks=target_leakage
churn -> churn.model: learners leavers=positive_label linear reasons=explanations rule=recency_rule trees
churn -> churn.survival: complaints cox definition
cohorts -> cohorts: comparing=cohort_comparison reduction=cohort_cells result=cohorts
journey -> journey: chain=ordered_match feelings=emotion mapping=journey_map merging=event_log
journey -> journey: path=steps steps_between=transitions
lifecycle -> lifecycle: dwelling=dwell_times fitting=chain_fit staging=stage_history worth=stage_value
"""


def _table() -> dict[str, str]:
    found = {}
    for line in _MOVED.strip().splitlines():
        places, _, modules = line.partition(": ")
        before, after = (_HERE if place == "." else f"{_HERE}{place}." for place in places.split(" -> "))
        for module in modules.split():
            old, _, new = module.partition("=")
            found[before + old] = after + (new or old)
    return found


FORMER = _table()


class _Former(ModuleType):
    """Stands in `sys.modules` under the name of old, and gives what the module of today has.

    A proxy, for an alias would be bound in its package, where facades have functions of the same names.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        today = FORMER[self.__name__]
        warnings.warn(f"{self.__name__} is called {today} now", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(today), name)


def know() -> None:
    """Let Python find modules by their former names."""
    for name in FORMER:
        sys.modules.setdefault(name, _Former(name))
