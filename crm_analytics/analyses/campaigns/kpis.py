"""Key figures of campaigns: what a hundred contacts added, and what the campaigns earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_analytics.analyses.campaigns.measurement.evaluation import Evaluation, evaluate
from crm_analytics.analyses.contact_effect import contact_effect
from crm_analytics.analyses.kpi import MONEY, NUMBER, UP, Kpi, refused
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.analyses.measured import Measured

REPORT = "campaigns"  # that explains them
FOUND = "campaigns.evaluation"  # what the report keeps with `Measured.once`
NO_CONTROL = "no campaign held anybody back"
TOO_LITTLE = "too little was bought after the campaigns"
NO_MONEY = "the margin or the cost of a contact is not known"


def orders_per_hundred_contacts(given: Measured) -> Kpi:
    """Orders that a hundred contacts of past campaigns added, against customers who were held back."""
    name = "orders_per_hundred_contacts"
    found = given.once("campaigns.effect", lambda: contact_effect(given.base))
    if found.per_hundred is None:
        measured = given.once(FOUND, lambda: _evaluated(given))
        return refused(name, NUMBER, UP, NO_CONTROL if measured is None else TOO_LITTLE, REPORT)
    return Kpi(
        name, NUMBER, UP, found.per_hundred, found.contacts, found.per_hundred_lower,
        found.per_hundred_upper, explained_in=REPORT,
    )  # fmt: skip


def campaign_margin(given: Measured) -> Kpi:
    """Margin that past campaigns added, less their contacts and their budgets."""
    found = given.once(FOUND, lambda: _evaluated(given))
    if found is None or found.profit.empty:
        return refused("campaign_margin", MONEY, UP, NO_CONTROL if found is None else NO_MONEY, REPORT)
    row = found.profit.iloc[0]
    low, high = (float(row[f"total_{end}"]) for end in ("lower", "upper"))
    spent = budget_of(found)
    return Kpi(
        "campaign_margin", MONEY, UP, float(row["total"]) - spent, int(row["treated"]), low - spent,
        high - spent, explained_in=REPORT,
    )  # fmt: skip


def budget_of(found: Evaluation) -> float:
    """What the campaigns cost beside their contacts, where the data tell; else nothing."""
    return float(found.waves.campaigns["budget"].astype("float64").sum())


def _evaluated(given: Measured) -> Evaluation | None:
    try:
        return evaluate(given.base, learner=None)
    except DataError:
        return None


KPIS: tuple[Callable[[Measured], Kpi], ...] = (orders_per_hundred_contacts, campaign_margin)
