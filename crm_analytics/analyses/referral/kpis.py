"""Key figures of referrals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_analytics.analyses.kpi import COUNT, DOWN, MONEY, NUMBER, SHARE, UP, Kpi, refused
from crm_analytics.analyses.referral.invitations import invitations
from crm_analytics.analyses.referral.referral_value import referral_value
from crm_analytics.analyses.referral.virality import virality
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.analyses.measured import Measured
    from crm_analytics.analyses.referral.invitations import Invitations
    from crm_analytics.analyses.referral.referral_value import ReferralValue
    from crm_analytics.analyses.referral.virality import Virality

REFERRALS = "referrals"  # the report that explains them


def of_invitations(sent: Invitations) -> Kpi:
    """Customers who were brought by another, each counted once."""
    n = sent.forest.referred
    return Kpi("referred_customers", COUNT, UP, n, int(sent.base.counts["customers"]), explained_in=REFERRALS)


def of_virality(found: Virality) -> tuple[Kpi, Kpi, Kpi]:
    """K, the conversion of invitations, and the days of a round."""
    conversion = found.conversion
    bounds = (100 * found.k_lower, 100 * found.k_upper)
    k = Kpi(
        "referred_per_hundred", NUMBER, UP, 100 * found.k, found.customers, *bounds, explained_in=REFERRALS
    )
    share = Kpi(
        "referral_conversion", SHARE, UP, conversion.value, found.invitations, conversion.lower,
        conversion.upper, explained_in=REFERRALS,
    )  # fmt: skip
    if found.cycle_days is None:
        return k, share, refused("referral_cycle_days", NUMBER, DOWN, "too few invitations", REFERRALS)
    days = Kpi(
        "referral_cycle_days", NUMBER, DOWN, found.cycle_days, found.converted, found.cycle_lower,
        found.cycle_upper, explained_in=REFERRALS,
    )  # fmt: skip
    return k, share, days


def of_value(found: ReferralValue) -> Kpi:
    """What referrals brought to date, by Kumar's two types."""
    n = int(found.referrers.count().to_pyarrow().as_py())
    return Kpi(
        "referral_value_to_date", MONEY, UP, found.total, n, found.lower, found.upper, explained_in=REFERRALS
    )


def referred_customers(given: Measured) -> Kpi:
    """Customers who were brought by another, each counted once."""
    return _made(given, "referred_customers", COUNT, of_invitations)


def referred_per_hundred(given: Measured) -> Kpi:
    """Customers that a hundred customers have brought so far: 100 K, invitations × conversion."""
    return _made(given, "referred_per_hundred", NUMBER, lambda sent: of_virality(virality(sent))[0])


def referral_conversion(given: Measured) -> Kpi:
    """Share of invitations that brought a customer."""
    return _made(given, "referral_conversion", SHARE, lambda sent: of_virality(virality(sent))[1])


def referral_cycle_days(given: Measured) -> Kpi:
    """Median days from an invitation to the new customer."""
    return _made(given, "referral_cycle_days", NUMBER, lambda sent: of_virality(virality(sent))[2], DOWN)


def referral_value_to_date(given: Measured) -> Kpi:
    """What referrals brought to date, by Kumar's two types."""
    return _made(
        given, "referral_value_to_date", MONEY, lambda s: of_value(referral_value(s, margin=given.margin))
    )


def _made(given: Measured, name: str, unit: str, make: Callable[[Invitations], Kpi], good: str = UP) -> Kpi:
    try:
        return make(invitations(given.base))
    except DataError as error:
        return refused(name, unit, good, str(error), REFERRALS)


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    referred_customers, referred_per_hundred, referral_conversion, referral_cycle_days,
    referral_value_to_date,
)  # fmt: skip
