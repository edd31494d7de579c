"""What the campaigns report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns import Evaluation, Incentives
from crm_analytics.analyses.disclosure import ON_A_PAGE, shared
from crm_analytics.analyses.overview import overview
from crm_analytics.errors import DataError
from crm_analytics.pages import blocks, words
from crm_analytics.reports.campaigns.due import Due, what_is_due
from crm_analytics.reports.shared.report import InMoney
from crm_analytics.reports.shared.small_form import SEGMENTS_FROM, SmallReport

if TYPE_CHECKING:
    from collections.abc import Callable

    import ibis.expr.types as ir

    from crm_analytics.pages.blocks import Block
    from crm_analytics.tables.customer_base import CustomerBase

SEGMENT = "needs_segment"
HUNDRED = 100  # members: effects on visits, buyers and orders are said of so many
COUNTED = ("visit", "conversion", "orders")


@dataclass(frozen=True)
class CampaignsReport(InMoney):
    """Everything the sections show; a part that the data do not hold is None, and why stands in `missing`.

    Attributes
    ----------
    waves : all campaigns whose window is over
    last : the newest of them alone
    earlier : what was known of all campaigns at an earlier day; None without
    due : whom to contact now
    """

    base: CustomerBase
    show_customers: bool
    waves: Evaluation | None
    last: Evaluation | None
    earlier: Evaluation | None
    incentives: Incentives | None
    due: Due | None
    missing: dict[str, str]

    def why(self, part: str) -> str:
        """Why a part is not there, as a sentence."""
        said = self.missing.get(part, "")
        return f"{said[:1].upper()}{said[1:]}." if said else ""


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
    seen = overview(base)
    if seen.customers < SEGMENTS_FROM or seen.revenue <= 0:
        return SmallReport(base, seen, show_customers)
    missing: dict[str, str] = {}
    told: dict[str, Any] = {"margin": margin or None, "contact_cost": contact_cost or None}
    segments = _segments(base)
    every: dict[str, Any] = {**told, "before": before, "segments": segments, "seed": seed}
    waves = last = earlier = None
    try:
        waves = campaigns.evaluate(base, **every)
        if segments is not None:
            waves = replace(waves, segments_are="needs segments, as the customers table says them today")
        newest = str(waves.waves.campaigns["campaign_id"].iloc[-1])
        last = campaigns.evaluate(base, newest, **every | {"learner": None})
    except DataError as error:
        missing["waves"] = str(error)
    past = base.earlier(compare_to) if waves else None
    try:
        earlier = campaigns.evaluate(past, **every | {"learner": None}) if past else None
    except DataError as error:
        missing["earlier"] = str(error)
    try:
        found = campaigns.incentives(base, segments=segments, **told)
    except DataError as error:
        found, missing["incentives"] = None, str(error)
    try:
        due = what_is_due(base, waves, days=days, holdout=holdout, margin=margin, contact_cost=contact_cost)
    except DataError as error:
        due, missing["due"] = None, str(error)
    return CampaignsReport(base, show_customers, waves, last, earlier, found, due, missing)


def _segments(base: CustomerBase) -> ir.Table | None:
    """The needs segments; a name that few customers share is not said."""
    listed = base.tables.get("customers")
    if listed is None or SEGMENT not in listed.columns:
        return None
    named = listed.filter(listed[SEGMENT].notnull()).select("customer_id", segment=listed[SEGMENT])
    if not named.count().to_pyarrow().as_py():
        return None
    return shared(named, "segment", ON_A_PAGE)


def measured(section: Callable[[CampaignsReport, Evaluation], Block]) -> Callable[[Any], Block]:
    """A section that needs past campaigns; elsewhere it says what is missing."""

    @wraps(section)
    def shown(report: Any) -> Block:
        if isinstance(report, SmallReport):
            n = words.plural(report.seen.customers, "customer")
            return blocks.note(
                "Campaigns are not measured yet", f"That begins with {SEGMENTS_FROM}; there are {n}."
            )
        if report.waves is None:
            return blocks.note("What past campaigns did is not known", report.why("waves"))
        return section(report, report.waves)

    return shown


def per_hundred(frame: pd.DataFrame) -> pd.DataFrame:
    """The effects on counts as of a hundred members."""
    columns = ["treated_mean", "control_mean", "effect", "lower", "upper",
               "adjusted", "adjusted_lower", "adjusted_upper"]  # fmt: skip
    by = frame["outcome"].isin(COUNTED).map({True: HUNDRED, False: 1})
    return frame.assign(**{c: frame[c] * by for c in columns})


def listed(section: Callable[[CampaignsReport, Due], Block]) -> Callable[[Any], Block]:
    """A section that needs contact lists; elsewhere it says what is missing."""

    @wraps(section)
    def shown(report: Any) -> Block:
        if isinstance(report, SmallReport):
            n = report.seen.customers
            return blocks.note("No contact lists yet", f"They begin with 100 customers; there are {n}.")
        if report.due is None:
            return blocks.note("Contact lists cannot be made", report.why("due"))
        if report.due.lists.empty:
            return blocks.note("Nobody is due a contact", "No rule names anybody in the coming days.")
        return section(report, report.due)

    return shown
