"""Buy-till-you-die models: how often customers will buy again, what they will spend, how sure that is.

`summarize` a cut base; fit `BetaGeo` (forecasts), `ModifiedBetaGeo` (who is still there) and `GammaGamma`
(spend a purchase); `score` every customer; ask `forecast_total` and `value_total` for intervals,
`evidence` for what such a forecast was worth before, and `textbook_value` where data are too thin.
"""

from crm_analytics.analyses.btyd.checks.calibration import Calibration, calibrate, frequency_counts
from crm_analytics.analyses.btyd.checks.cohort_effects import CohortEffects, cohort_effects
from crm_analytics.analyses.btyd.checks.comparison import Comparison, compare
from crm_analytics.analyses.btyd.checks.dependence import Dependence, dependence
from crm_analytics.analyses.btyd.checks.drift import Drift, drift
from crm_analytics.analyses.btyd.checks.evidence import Evidence, baselines, evidence
from crm_analytics.analyses.btyd.checks.frozen_models import FrozenModels, freeze
from crm_analytics.analyses.btyd.checks.lifetimes_check import SecondOpinion, second_opinion
from crm_analytics.analyses.btyd.checks.ranking_curve import Ranking
from crm_analytics.analyses.btyd.checks.seasonal import Season, SeasonalTracking, season, seasonal_tracking
from crm_analytics.analyses.btyd.checks.spend_bands import spend_held_by_band
from crm_analytics.analyses.btyd.contracts.contract_models import BetaDiscreteWeibull, ShiftedBetaGeo
from crm_analytics.analyses.btyd.covariates.covariate_coding import with_covariates
from crm_analytics.analyses.btyd.covariates.covariate_tests import covariate_tests
from crm_analytics.analyses.btyd.covariates.covariates import CovariateFit, fit_covariates
from crm_analytics.analyses.btyd.covariates.time_varying import TimeVaryingFit, fit_time_varying
from crm_analytics.analyses.btyd.fitting.cadence import cadence
from crm_analytics.analyses.btyd.fitting.optimise import Diagnosis
from crm_analytics.analyses.btyd.fitting.parameter_intervals import parameter_intervals
from crm_analytics.analyses.btyd.fitting.parameter_posterior import ParameterPosterior, parameter_posterior
from crm_analytics.analyses.btyd.fitting.pymc_bridge import posterior_of
from crm_analytics.analyses.btyd.fitting.summary import NEEDS, Summary, summarize
from crm_analytics.analyses.btyd.forecasts.dert import Residual, dert, residual, residual_value
from crm_analytics.analyses.btyd.forecasts.next_purchases import probability_of_next
from crm_analytics.analyses.btyd.forecasts.purchase_probability import (
    Reliability,
    active_customers,
    probability_active,
    reliability,
)
from crm_analytics.analyses.btyd.forecasts.scoring import score
from crm_analytics.analyses.btyd.forecasts.simulated_total import forecast_total
from crm_analytics.analyses.btyd.forecasts.textbook import TextbookValue, textbook_value
from crm_analytics.analyses.btyd.forecasts.value_parts import tops, value_by_group, value_intervals
from crm_analytics.analyses.btyd.forecasts.value_totals import value_total
from crm_analytics.analyses.btyd.opportunity_models.bg_bb import BetaGeoBetaBinomial
from crm_analytics.analyses.btyd.purchases.beta_geo import BetaGeo
from crm_analytics.analyses.btyd.purchases.gamma_gompertz import GammaGompertzNBD
from crm_analytics.analyses.btyd.purchases.modified_beta_geo import ModifiedBetaGeo
from crm_analytics.analyses.btyd.purchases.nbd import NBD
from crm_analytics.analyses.btyd.purchases.pareto_nbd import ParetoNBD
from crm_analytics.analyses.btyd.purchases.purchase_model import MINIMUM_CUSTOMERS, MINIMUM_REPEAT_BUYERS
from crm_analytics.analyses.btyd.purchases.regular_model import RegularBetaGeo, RegularModifiedBetaGeo
from crm_analytics.analyses.btyd.purchases.regularity import Regularity, regularity
from crm_analytics.analyses.btyd.spend.banded_spend import BandedGammaGamma
from crm_analytics.analyses.btyd.spend.gamma_gamma import GammaGamma
from crm_analytics.analyses.btyd.totals.uncertainty import TotalForecast
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "MINIMUM_CUSTOMERS",
    "MINIMUM_REPEAT_BUYERS",
    "NBD",
    "NEEDS",
    "BandedGammaGamma",
    "BetaDiscreteWeibull",
    "BetaGeo",
    "BetaGeoBetaBinomial",
    "Calibration",
    "CohortEffects",
    "Comparison",
    "CovariateFit",
    "Dependence",
    "Diagnosis",
    "Drift",
    "Evidence",
    "FrozenModels",
    "GammaGamma",
    "GammaGompertzNBD",
    "ModifiedBetaGeo",
    "ParameterPosterior",
    "ParetoNBD",
    "Ranking",
    "RegularBetaGeo",
    "RegularModifiedBetaGeo",
    "Regularity",
    "Reliability",
    "Residual",
    "Season",
    "SeasonalTracking",
    "SecondOpinion",
    "ShiftedBetaGeo",
    "Summary",
    "TextbookValue",
    "TimeVaryingFit",
    "TotalForecast",
    "active_customers",
    "baselines",
    "cadence",
    "calibrate",
    "cohort_effects",
    "compare",
    "covariate_tests",
    "dependence",
    "dert",
    "drift",
    "evidence",
    "fit_covariates",
    "fit_time_varying",
    "forecast_total",
    "freeze",
    "frequency_counts",
    "parameter_intervals",
    "parameter_posterior",
    "posterior_of",
    "probability_active",
    "probability_of_next",
    "regularity",
    "reliability",
    "residual",
    "residual_value",
    "score",
    "season",
    "seasonal_tracking",
    "second_opinion",
    "spend_held_by_band",
    "summarize",
    "textbook_value",
    "tops",
    "value_by_group",
    "value_intervals",
    "value_total",
    "with_covariates",
]

know_names(
    globals(),
    {
        "BetaGeoFitter": "btyd.BetaGeo.fit(summary)",
        "BetaGeoModel": "btyd.BetaGeo.fit(summary)",
        "ModifiedBetaGeoFitter": "btyd.ModifiedBetaGeo.fit(summary)",
        "ModifiedBetaGeoModel": "btyd.ModifiedBetaGeo.fit(summary)",
        "ParetoNBDFitter": "btyd.ParetoNBD.fit(summary)",
        "ParetoNBDModel": "btyd.ParetoNBD.fit(summary)",
        "BetaGeoBetaBinomFitter": "btyd.BetaGeoBetaBinomial.fit(summary)",
        "GammaGammaFitter": "btyd.GammaGamma.fit(summary)",
        "GammaGammaModel": "btyd.GammaGamma.fit(summary)",
        "summary_data_from_transaction_data": "btyd.summarize(base, unit='W')",
        "rfm_summary": "btyd.summarize(base, unit='W')",
        "calibration_and_holdout_data": "btyd.evidence(base.as_of(day), base.between(day, end), model)",
        "rfm_train_test_split": "btyd.evidence(base.as_of(day), base.between(day, end), model)",
        "customer_lifetime_value": "btyd.score(model, spend, summary, horizon='52w', rate=0.15)",
    },
)
