"""What a contact changes and what it costs: measured where the data tell, stated where they do not.

An effect that was measured in past campaigns is used by every report in place of an assumed one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.campaigns.measurement.campaign_arms import past_waves
from crm_analytics.analyses.campaigns.measurement.treatment_effects import differences, moments, slopes
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK, LAPSED
from crm_analytics.errors import DataError, ParameterError

if TYPE_CHECKING:
    from crm_analytics.analyses.definitions import Definitions
    from crm_analytics.tables.customer_base import CustomerBase
    from crm_analytics.tables.kept_results import Parts

MEASURED, STATED, UNKNOWN = "measured", "stated", "unknown"
ALL = "all members"
LEAST = 100  # members with a standing, in each arm, from which an effect on them is taken
ORDERS = 15  # orders of the controls among them
OF_THREE = 1.2214  # how much wider 95 % for three standings together is than for one
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
    found = _kept(base, ("on all",), lambda: {ALL: _on_all(base)})[ALL]
    return found or _assumed(stated)


def _on_all(base: CustomerBase) -> ContactEffect | None:
    try:
        waves = past_waves(base)
    except DataError:  # no campaigns, or none with a control group
        return None
    pairs = {"orders": waves.outcomes["orders"]}
    theta = slopes(moments(base, waves.rows, pairs, ()), pairs)
    found = differences(base, waves.rows, pairs, theta)
    if found.empty or not found.iloc[0]["control_mean"] > 0:
        return None
    return _measured(found.iloc[0], len(waves.campaigns))


def effects_by_standing(
    base: CustomerBase, words: Definitions, whole: ContactEffect, stated: float = STATED_EFFECT
) -> dict[str, ContactEffect]:
    """The effect of past campaigns on those who had a standing when they were sent; else the stated one.

    An effect holds for the customers on whom it was measured. Of fewer than `LEAST` members with a standing
    in an arm, or `ORDERS` orders of the controls among them, nothing is measured. Where enough of them were
    members, they have the effect on all members, unless theirs is shown to be another one.

    Parameters
    ----------
    words : of the base, by which its customers stand
    whole : the effect on all members, of `contact_effect`

    Returns
    -------
    standing -> effect; empty where no campaign held anybody back, or the base does not tell who is at risk
    """
    if words.at_risk_days is None:
        return {}
    asked = ("by standing", words.at_risk_days, words.lapsed_days)
    measured = _kept(base, asked, lambda: _on_each(base, words))
    effects = {}
    for standing, own in measured.items():
        effects[standing] = own or _assumed(stated)
        if own:
            side = own.value - own.lower if own.value > whole.value else own.upper - own.value
            effects[standing] = own if abs(own.value - whole.value) > OF_THREE * side else whole
    return effects


def _on_each(base: CustomerBase, words: Definitions) -> dict[str, ContactEffect | None]:
    """Of each standing what was measured on it, None where too few; empty where no campaign tells."""
    try:
        waves = past_waves(base)
    except DataError:
        return {}
    known = waves.rows.filter(waves.rows.recency_days.notnull())
    rows = base.materialise(known.mutate(standing=words.standing(known.recency_days)))
    found = differences(base, rows, {"orders": waves.outcomes["orders"]}, by=("standing",))
    effects: dict[str, ContactEffect | None] = dict.fromkeys((ACTIVE, AT_RISK, LAPSED))
    for _, row in found.iterrows():
        enough = min(row["treated"], row["control"]) >= LEAST
        if enough and row["control"] * row["control_mean"] >= ORDERS and row["adjusted_lower"] > -math.inf:
            effects[row["standing"]] = _measured(row, len(waves.campaigns))
    return effects


def _kept(
    base: CustomerBase, asked: tuple[Any, ...], make: Callable[[], dict[str, ContactEffect | None]]
) -> dict[str, ContactEffect | None]:
    """Effects that every page of a night wants, measured once."""

    def pack(found: dict[str, ContactEffect | None]) -> Parts:
        rows = [{"of": name, **asdict(one)} for name, one in found.items() if one]
        return {"measured": pd.DataFrame(rows), "all": list(found)}

    def unpack(parts: Parts) -> dict[str, ContactEffect | None]:
        rows = {row.pop("of"): ContactEffect(**row) for row in parts["measured"].to_dict("records")}
        return {name: rows.get(name) for name in parts["all"]}

    return base.remember(("contact_effect", *asked), make, pack, unpack)


def _assumed(stated: float) -> ContactEffect:
    return ContactEffect(stated, 0.0, 2 * stated, STATED)


def _measured(row: Mapping[str, Any] | pd.Series, campaigns: int) -> ContactEffect:
    added = [float(row[name]) for name in ("adjusted", "adjusted_lower", "adjusted_upper")]
    held, contacts = float(row["control_mean"]), int(row["treated"])
    value = added[0] / held
    # What the controls order is an estimate, too (a ratio by the delta method, both arms spread alike). It is
    # never narrower than the difference, so that one is not shown to be below zero where the other is not.
    share = contacts / (contacts + int(row["control"]))
    wider = max(1.0, math.sqrt(1 - share + (1 + value) ** 2 * share)) / held
    lower, upper = (value + wider * (end - added[0]) for end in added[1:])
    return ContactEffect(value, lower, upper, MEASURED, campaigns, contacts, *(100 * x for x in added))


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
