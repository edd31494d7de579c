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
KINDS = (
    ("referred_customers", COUNT, UP), ("referred_per_hundred", NUMBER, UP),
    ("referral_conversion", SHARE, UP), ("referral_cycle_days", NUMBER, DOWN),
    ("referral_value_to_date", MONEY, UP),
)  # fmt: skip


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
    return _all(given)["referred_customers"]


def referred_per_hundred(given: Measured) -> Kpi:
    """Customers that a hundred customers have brought so far: 100 K, invitations × conversion."""
    return _all(given)["referred_per_hundred"]


def referral_conversion(given: Measured) -> Kpi:
    """Share of invitations that brought a customer."""
    return _all(given)["referral_conversion"]


def referral_cycle_days(given: Measured) -> Kpi:
    """Median days from an invitation to the new customer."""
    return _all(given)["referral_cycle_days"]


def referral_value_to_date(given: Measured) -> Kpi:
    """What referrals brought to date, by Kumar's two types."""
    return _all(given)["referral_value_to_date"]


def _all(given: Measured) -> dict[str, Kpi]:
    """All of them: the first that is asked for counts for the others."""
    return given.once("referral.kpis", lambda: _made(given))


def _made(given: Measured) -> dict[str, Kpi]:
    found: dict[str, Kpi] = {}
    why = ""
    try:
        sent = invitations(given.base)
        found |= _named(of_invitations(sent))
        found |= _named(*of_virality(virality(sent)))
        found |= _named(of_value(referral_value(sent, margin=given.margin)))
    except DataError as error:  # what comes after it needs what it lacks
        why = str(error)
    left = {n: refused(n, unit, good, why, REFERRALS) for n, unit, good in KINDS if n not in found}
    return found | left


def _named(*kpis: Kpi) -> dict[str, Kpi]:
    return {kpi.id: kpi for kpi in kpis}


KPIS: tuple[Callable[[Measured], Kpi], ...] = (
    referred_customers, referred_per_hundred, referral_conversion, referral_cycle_days,
    referral_value_to_date,
)  # fmt: skip
