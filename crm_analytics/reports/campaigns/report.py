"""What the campaigns report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import campaigns
from crm_analytics.analyses.actions import ranked
from crm_analytics.analyses.campaigns import Evaluation, Incentives
from crm_analytics.analyses.campaigns.kpis import FOUND
from crm_analytics.analyses.campaigns.measurement.sequential import running
from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.campaigns.answers import by_group
from crm_analytics.reports.campaigns.due import DUE, Due, what_is_due
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.actions import Action
    from crm_analytics.tables.customer_base import CustomerBase

SEGMENT = "needs_segment"
HUNDRED = 100  # members: effects on visits, buyers and orders are said of so many
COUNTED = ("visit", "conversion", "orders")
KPIS = ("orders_per_hundred_contacts", "campaign_margin")


@dataclass(frozen=True, kw_only=True, eq=False)
class CampaignsReport(Report):
    """Everything the sections show; a part that the data do not hold is None, and why stands in `missing`.

    Attributes
    ----------
    waves : all campaigns whose window is over
    running : campaigns whose window is not over, as they may be read tonight
    earlier : what was known of all campaigns at an earlier day; None without
    due : whom to contact now
    groups : who answered by region, age and channel, see `by_group`; empty without any
    own_actions : what to do, the most to gain first
    """

    t: Sentences
    plan: Plans
    waves: Evaluation | None
    running: pd.DataFrame
    earlier: Evaluation | None
    incentives: Incentives | None
    due: Due | None
    groups: pd.DataFrame
    own_actions: tuple[Action, ...]
    handed: HandedIn

    @property
    def listed(self) -> Due | None:
        """Whom to contact now, where any list names anybody."""
        return None if self.due is None or self.due.lists.empty else self.due

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS)


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-26w",
    effect: float = 0.05,
    before: int = 182,
    seed: int = 1,
    days: int = 7,
    holdout: float = 0.1,
    language: str = "en",
    show_customers: bool = False,
    run: str = "",
) -> CampaignsReport | SmallReport:
    """Measure past campaigns and incentives, and list whom to contact now.

    Parameters
    ----------
    compare_to : how far back what was known of the campaigns is compared ("-26w")
    effect : of a contact, where the data hold no measured one
    before : days before a sending that sharpen the comparison
    seed : of the bootstrap of the ranking
    days : that the lists of whom to contact now reach ahead
    holdout : share of each list that is held back as control
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    plan, segments, handed = plans(base, effect=effect), _segments(base), handed_in(run)
    every: dict[str, Any] = {"before": before, "segments": segments, "seed": seed, "nightly": True}
    waves = attempt(missing, "waves", lambda: campaigns.evaluate(base, **every))
    plan.given.once(FOUND, lambda: waves)
    plan.given.once("campaigns.effect", lambda: plan.effect)
    past = base.earlier(compare_to) if waves is not None else None
    quick = every | {"learner": None}
    earlier = attempt(missing, "earlier", lambda: campaigns.evaluate(past, **quick)) if past else None
    due = attempt(missing, "due", lambda: what_is_due(base, plan, days=days, holdout=holdout))
    actions = _actions(plan, due)
    write_lists(base, actions, run, show_customers)
    return CampaignsReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=plan,
        waves=waves,
        running=running(base),
        earlier=earlier,
        incentives=attempt(missing, "incentives", lambda: campaigns.incentives(base, segments=segments)),
        due=due,
        groups=pd.DataFrame() if waves is None else by_group(waves, handed),
        own_actions=actions,
        handed=handed,
    )


def _actions(plan: Plans, due: Due | None) -> tuple[Action, ...]:
    """The lists that are due, beside the groups of every report; those who are spared stand last."""
    mine = [due.action] if due is not None and due.action is not None else []
    priced = [one for one in plan.actions if one.verb != "leave_alone"]
    spared = [one for one in plan.actions if one.verb == "leave_alone"]
    first = [one for one in ranked([*mine, *priced]) if one.id == DUE]
    return (*first, *(one for one in ranked(priced)), *spared)


def _segments(base: CustomerBase) -> ir.Table | None:
    """The needs segments; a name that few customers share is not said."""
    listed = base.tables.get("customers")
    if listed is None or SEGMENT not in listed.columns:
        return None
    named = listed.filter(listed[SEGMENT].notnull()).select("customer_id", segment=listed[SEGMENT])
    if not named.count().to_pyarrow().as_py():
        return None
    return shared(named, "segment", ON_A_PAGE)


def per_hundred(frame: pd.DataFrame) -> pd.DataFrame:
    """The effects on counts as of a hundred members."""
    columns = ["treated_mean", "control_mean", "effect", "lower", "upper",
               "adjusted", "adjusted_lower", "adjusted_upper"]  # fmt: skip
    by = frame["outcome"].isin(COUNTED).map({True: HUNDRED, False: 1})
    return frame.assign(**{c: frame[c] * by for c in columns})
