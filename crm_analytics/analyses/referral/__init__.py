"""Referral CRM: who brings whom, how far it carries, what it is worth, and who refers next."""

from crm_analytics.analyses.referral.forest import Forest
from crm_analytics.analyses.referral.invitations import Invitations, invitations
from crm_analytics.analyses.referral.likelihood import ReferralLikelihood, referral_likelihood
from crm_analytics.analyses.referral.referral_value import ReferralValue, referral_value
from crm_analytics.analyses.referral.referred_customers import ReferredCustomers, referred_customers
from crm_analytics.analyses.referral.value_matrix import ValueMatrix, value_matrix
from crm_analytics.analyses.referral.virality import Virality, viral, virality
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "Forest",
    "Invitations",
    "ReferralLikelihood",
    "ReferralValue",
    "ReferredCustomers",
    "ValueMatrix",
    "Virality",
    "invitations",
    "referral_likelihood",
    "referral_value",
    "referred_customers",
    "value_matrix",
    "viral",
    "virality",
]

know_names(globals())
