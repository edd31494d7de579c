"""Co-operation between companies: who is shared, who is new, whom each may be offered to.

Only tokens are compared, only records with consent take part, and no published count tells of a few people.
"""

from crm_analytics.analyses.partners.contribution import contribution
from crm_analytics.analyses.partners.likeness import Likeness, like_our_best, like_partner
from crm_analytics.analyses.partners.matching import Matched, match
from crm_analytics.analyses.partners.offers import Offers, offers
from crm_analytics.analyses.partners.overlap import number, overlap
from crm_analytics.analyses.partners.secret import Secret, partner_secret
from crm_analytics.analyses.partners.tokens import normalised, token
from crm_analytics.tables.wrong_calls import know_names

__all__ = [
    "Likeness",
    "Matched",
    "Offers",
    "Secret",
    "contribution",
    "like_our_best",
    "like_partner",
    "match",
    "normalised",
    "number",
    "offers",
    "overlap",
    "partner_secret",
    "token",
]

know_names(globals())
