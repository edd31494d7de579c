"""Every public result with a frame draws itself, or stands here with the reason why not."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

from crm_analytics import analyses
from crm_analytics.analyses.plots import Plots

NOT_DRAWN = {
    "rows of records, customers or purchases: a list and no numbers": (
        "Card", "Contracts", "CustomerScores", "HeldOut", "Invitations", "Forest", "Likeness", "Matched",
        "Memory", "Mentions", "Influence", "NextOffers", "Offers", "Portfolio", "ReferralValue",
        "Significant", "Tickets", "Answers", "Waves", "LikelyBuyers",
    ),
    "coefficients with their covariance, or a rule: what is made with it draws": (
        "BetaGeoBetaBinomial", "ChoiceModel", "ModelCard", "ParameterPosterior", "RecencyRule", "NextProduct",
        "TimeVaryingFit",
    ),
    "a table of tests with intervals, of which each row is a sentence": (
        "Dependence", "Hazards", "HolidayEffects", "Incentives", "Lever", "PayDays", "ReferralLikelihood",
        "ReferredCustomers", "ResponseBias", "Quality",
    ),
    "its report composes the picture from this and other results": (
        "Acquisition", "Arrivals", "Calendar", "ContractScores", "ContractValue", "CostToServe",
        "FirstProducts", "LeadLag", "Needs", "Period", "Pipeline", "Plan", "Popularity", "RevenueTree",
        "Summary", "Topics", "ValueMatrix", "Virality", "Voice",
    ),
}  # fmt: skip


def results() -> dict[str, bool]:
    """Public dataclasses of `analyses` that hold a frame or a table, and whether they draw."""
    found: dict[str, bool] = {}
    modules = [
        importlib.import_module(one.name)
        for one in pkgutil.walk_packages(analyses.__path__, f"{analyses.__name__}.")
    ]
    public = {name for module in modules for name in getattr(module, "__all__", ())}
    for module in modules:
        for name, one in vars(module).items():
            own = isinstance(one, type) and one.__module__ == module.__name__ and name in public
            if own and dataclasses.is_dataclass(one):
                kinds = {str(field.type) for field in dataclasses.fields(one)}
                if any("DataFrame" in kind or "ir.Table" in kind for kind in kinds):
                    draws = any(isinstance(vars(each).get("plot"), Plots) for each in one.__mro__)
                    found[name] = found.get(name, True) and draws
    return found


def test_every_public_result_with_a_frame_draws_or_says_why_not() -> None:
    found = results()
    listed = [name for names in NOT_DRAWN.values() for name in names]
    assert len(set(listed)) == len(listed)
    assert {name for name, draws in found.items() if not draws} == set(listed)
    assert sum(found.values()) > 40
