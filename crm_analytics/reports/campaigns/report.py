"""What the campaigns report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns import Evaluation, Incentives
from crm_analytics.analyses.campaigns.measurement.sequential import running
from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.pages import blocks
from crm_analytics.reports.campaigns.due import Due, what_is_due
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_few, too_small

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.pages.blocks import Block
    from crm_analytics.tables.customer_base import CustomerBase

SEGMENT = "needs_segment"
HUNDRED = 100  # members: effects on visits, buyers and orders are said of so many
COUNTED = ("visit", "conversion", "orders")
UNMEASURED = "What past campaigns did is not known"
FEW = too_few("Campaigns are not measured yet", "That begins with {needed}; there are {customers}.")
FEW_LISTS = too_few("No contact lists yet", "They begin with {needed} customers; there are {number}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class CampaignsReport(Report):
    """Everything the sections show; a part that the data do not hold is None, and why stands in `missing`.

    Attributes
    ----------
    waves : all campaigns whose window is over
    running : campaigns whose window is not over, as they may be read tonight
    earlier : what was known of all campaigns at an earlier day; None without
    due : whom to contact now
    """

    waves: Evaluation | None
    running: pd.DataFrame
    earlier: Evaluation | None
    incentives: Incentives | None
    due: Due | None

    @property
    def listed(self) -> Due | None:
        """Whom to contact now, where any list names anybody."""
        return None if self.due is None or self.due.lists.empty else self.due


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-26w",
    margin: float = 0.0,
    contact_cost: float = 0.0,
    before: int = 182,
    seed: int = 1,
    days: int = 7,
    holdout: float = 0.1,
    show_customers: bool = False,
) -> CampaignsReport | SmallReport:
    """Measure past campaigns and incentives.

    Parameters
    ----------
    compare_to : how far back what was known of the campaigns is compared ("-26w")
    margin : share of the spend left after the cost of the goods; 0 takes it from the data
    contact_cost : money a contact; 0 takes it from the members' table
    before : days before a sending that sharpen the comparison
    seed : of the bootstrap of the ranking
    days : that the lists of whom to contact now reach ahead
    holdout : share of each list that is held back as control
    """
    if small := too_small(base, show_customers):
        return small
    missing: dict[str, str] = {}
    told: dict[str, Any] = {"margin": margin or None, "contact_cost": contact_cost or None}
    segments = _segments(base)
    every: dict[str, Any] = {**told, "before": before, "segments": segments, "seed": seed, "nightly": True}
    quick = every | {"learner": None}
    waves = attempt(missing, "waves", lambda: campaigns.evaluate(base, **every))
    earlier = None
    if waves is not None:
        if segments is not None:
            waves = replace(waves, segments_are="needs segments, as the customers table says them today")
        past = base.earlier(compare_to)
        earlier = attempt(missing, "earlier", lambda: campaigns.evaluate(past, **quick)) if past else None
    due = partial(what_is_due, days=days, holdout=holdout, margin=margin, contact_cost=contact_cost)
    return CampaignsReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        waves=waves,
        running=running(base),
        earlier=earlier,
        incentives=attempt(
            missing, "incentives", lambda: campaigns.incentives(base, segments=segments, **told)
        ),
        due=attempt(missing, "due", lambda: due(base, waves)),
    )


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


def no_list(report: CampaignsReport) -> Block:
    """Why nobody is listed."""
    if report.due is None:
        return blocks.note("Contact lists cannot be made", report.why("due"))
    return blocks.note("Nobody is due a contact", "No rule names anybody in the coming days.")
