"""What a contact changes and what it costs: measured where the data tell, stated where they do not.

An effect that was measured in past campaigns is used by every report in place of an assumed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_analytics.analyses.campaigns.measurement.campaign_arms import past_waves
from crm_analytics.analyses.campaigns.measurement.treatment_effects import differences, moments, slopes
from crm_analytics.errors import DataError, ParameterError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

MEASURED, STATED, UNKNOWN = "measured", "stated", "unknown"
STATED_EFFECT = 0.05  # nothing was measured: one purchase in twenty more, and perhaps none


@dataclass(frozen=True)
class ContactEffect:
    """By what share a contact raises the purchases of those who get it.

    Attributes
    ----------
    value, lower, upper : of the purchases they make without it (0.05: one in twenty more), with 95 % interval
    source : "measured" or "stated"
    campaigns, contacts : measured over so many; 0 where it is stated
    per_hundred, per_hundred_lower, per_hundred_upper : orders added by a hundred contacts; None where stated
    """

    value: float
    lower: float
    upper: float
    source: str
    campaigns: int = 0
    contacts: int = 0
    per_hundred: float | None = None
    per_hundred_lower: float | None = None
    per_hundred_upper: float | None = None


def fixed(effect: float) -> ContactEffect:
    """An effect that is taken as known, to see what would follow from it."""
    return ContactEffect(effect, effect, effect, STATED)


@dataclass(frozen=True)
class ContactCost:
    """What one contact costs: money, or None; and "measured", "stated" or "unknown"."""

    amount: float | None
    source: str


def contact_effect(base: CustomerBase, stated: float = STATED_EFFECT) -> ContactEffect:
    """The effect measured over all past campaigns with a control group; else the stated one.

    The measured one is the orders that the campaigns added, by intention to treat and sharpened by the
    purchases before (CUPED), over the orders of the controls. A stated effect has the interval from none to
    twice as much.

    Raises
    ------
    ParameterError : the stated effect is no share between 0 and 1.
    """
    if not 0 <= stated <= 1:
        raise ParameterError(f"effect is a share between 0 and 1, got {stated}")
    assumed = ContactEffect(stated, 0.0, 2 * stated, STATED)
    try:
        waves = past_waves(base)
    except DataError:  # no campaigns, or none with a control group
        return assumed
    pairs = {"orders": waves.outcomes["orders"]}
    theta = slopes(moments(base, waves.rows, pairs, ()), pairs)
    found = differences(base, waves.rows, pairs, theta)
    if found.empty or not found.iloc[0]["control_mean"] > 0:
        return assumed
    row = found.iloc[0]
    added = [float(row[name]) for name in ("adjusted", "adjusted_lower", "adjusted_upper")]
    value, lower, upper = (x / float(row["control_mean"]) for x in added)
    return ContactEffect(
        value,
        lower,
        upper,
        MEASURED,
        len(waves.campaigns),
        int(waves.campaigns["treated"].sum()),
        *(100 * x for x in added),
    )


def contact_cost(base: CustomerBase, stated: float | None = None) -> ContactCost:
    """What a contact cost in past campaigns, on average; else what is stated; else unknown.

    Raises
    ------
    ParameterError : the stated cost is negative.
    """
    if stated is not None and stated < 0:
        raise ParameterError(f"the cost of a contact cannot be negative, got {stated}")
    members = base.tables.get("campaign_members")
    if members is not None and "cost" in members.columns:
        paid = members.filter(members.cost.notnull(), members.cost > 0)
        mean = paid.cost.cast("float64").mean().to_pyarrow().as_py()
        if mean:
            return ContactCost(float(mean), MEASURED)
    return ContactCost(stated, UNKNOWN if stated is None else STATED)
