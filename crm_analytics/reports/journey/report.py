"""What the journey report is made from: one whole period, and the same a year ago where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses import rfm
from crm_analytics.analyses.actions import Action, expected_margin, ranked
from crm_analytics.analyses.comparison import YEAR
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK, LAPSED
from crm_analytics.analyses.journey import kpis as figures
from crm_analytics.analyses.journey.breakdowns import funnel_by_device, looked_at_and_left
from crm_analytics.analyses.journey.period import Period, period_of, stopped_lately
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.overview import overview
from crm_analytics.errors import NotEnoughData
from crm_analytics.pages import words
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue, slug
from crm_analytics.tables.days import shift

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

VOICE, VOICE_SPAN = "net_promoter_score", "-13w"  # as in the report on surveys
KPIS = ("funnel_completion", "bought_again_soon", "days_to_next_purchase", VOICE, "journeys")
NEW, RETURNING = "New customers", "Returning customers"
OPEN_BASKET, NOT_YET = "open_basket", "no purchase"


@dataclass(frozen=True, kw_only=True, eq=False)
class JourneyReport(Report):
    """Everything the sections show; a part that the data do not hold is None.

    Attributes
    ----------
    against : which period `before` is: "year", "before" or ""
    devices, goods : of `analyses.journey.breakdowns`
    """

    t: Sentences
    plan: Plans
    now: Period
    before: Period | None
    against: str
    within: float
    devices: pd.DataFrame | None
    goods: pd.DataFrame | None
    handed: HandedIn
    own_actions: tuple[Action, ...] = ()

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page; answers to surveys are those of the weeks that every page tells."""
        given = self.plan.given
        found = measure(given, [name for name in KPIS if name != VOICE])
        found |= measure(given.over(VOICE_SPAN), [VOICE])
        return {name: found[name] for name in KPIS}

    @property
    def tracked(self) -> Period | None:
        """The last period, where anything before a purchase is known of it."""
        return self.now if self.now.tracked else None

    def event(self, name: object, letters: int = 24) -> str:
        """What an event is called in the language; a name of the source's own stays as it is."""
        message = f"event.{slug(name)}"
        return self.t(message) if self.t.knows(message) else words.clean(name, letters)

    def stage(self, name: object) -> str:
        """What a stage is called."""
        message = f"stage.{slug(name)}"
        return self.t(message) if self.t.knows(message) else words.clean(name, 24)


def prepare(
    base: CustomerBase,
    *,
    funnel: str = "Product Viewed -> Product Added -> Checkout Started -> Order Completed",
    within: float = 30.0,
    session_minutes: float = 30.0,
    compare_to: str = "-52w",
    effect: float = 0.05,
    language: str = "en",
    show_customers: bool = False,
    run: str = "",
) -> JourneyReport | SmallReport:
    """Put the steps of the last period in order, and of the same a year ago where the data reach so far.

    Parameters
    ----------
    funnel : events in order, with "->" between; those that are not in the data are passed over
    within : days in which a customer must go on to the next stage to count
    session_minutes : a silence longer than this begins a new session
    compare_to : length of the period ("-52w")
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page; empty outside a run

    Returns
    -------
    the small form, too, where the last period holds none of the steps: only returns, say
    """
    if small := too_small(base, show_customers, language=language):
        return small
    t = catalogue(language, __file__, base.currency)
    steps = tuple(step.strip() for step in funnel.split("->") if step.strip())
    after = max(shift(base.day, compare_to), base.first_day - timedelta(days=1))
    now = attempt({}, "now", lambda: period_of(base, after, steps, within, session_minutes), NotEnoughData)
    if now is None:
        return SmallReport(
            base=base, show_customers=show_customers, seen=overview(base), language=language,
            nothing=t("none.headline", day=after), table="events",
        )  # fmt: skip
    plan = plans(base, span=compare_to, effect=effect)
    before, against = _earlier(base, plan, now, compare_to, (steps, within, session_minutes))
    missing: dict[str, str] = {}
    devices = attempt(missing, "devices", lambda: _devices(now))
    goods = (
        attempt(missing, "goods", lambda: looked_at_and_left(base, after, *now.steps[:2]))
        if (now.funnel is not None)
        else None
    )
    actions = _actions(plan, now)
    write_lists(base, (*actions, *plan.actions), run, show_customers)
    return JourneyReport(
        base=base,
        show_customers=show_customers,
        language=language,
        t=t,
        plan=plan,
        missing=missing,
        now=now,
        before=before,
        against=against,
        within=within,
        devices=devices,
        goods=goods,
        handed=handed_in(run),
        own_actions=actions,
    )


def _earlier(
    base: CustomerBase,
    plan: Plans,
    now: Period,
    span: str,
    how: tuple[tuple[str, ...], float, float],
) -> tuple[Period | None, str]:
    """The period that the last one is held against, for key figures too, and which it is."""
    given = plan.given
    given.once(figures.NOW, lambda: now)

    def ago(days: int) -> Period | None:
        day = base.day - timedelta(days=days)
        after = shift(day, span)
        if after < base.first_day - timedelta(days=1):
            return None
        return attempt({}, "before", lambda: period_of(base.as_of(day), after, *how), NotEnoughData)

    found = given.once(figures.YEAR_AGO, lambda: ago(YEAR))
    if found is not None:
        return found, "year"
    found = given.once(figures.BEFORE, lambda: ago((base.day - shift(base.day, span)).days))
    return found, "before" if found is not None else ""


def _devices(now: Period) -> pd.DataFrame | None:
    if now.funnel is None:
        return None
    found = funnel_by_device(now.journey, now.steps, now.after, now.within)
    return found if len(found) > 1 else None


def _actions(plan: Plans, now: Period) -> tuple[Action, ...]:
    """Whom to write to: customers who filled a basket lately and have not bought since, without the lapsed.

    What it can bring is told of those who have bought before: nothing is known of the others' purchases.
    """
    if len(now.steps) < 2 or not now.tracked:
        return ()
    base = now.journey.base
    groups = plan.audiences.customers if plan.audiences is not None else plan.given.standings
    stopped = base.materialise(stopped_lately(now))
    lapsed = plan.given.standings.filter(plan.given.standings.standing == LAPSED)
    mine = base.materialise(stopped.anti_join(lapsed, "customer_id"))
    n = int(mine.count().to_pyarrow().as_py())
    if not n:
        return ()
    bought = base.materialise(groups.semi_join(mine, "customer_id"))
    known = int(bought.count().to_pyarrow().as_py())
    worth = None
    if plan.audiences is not None and known == n:
        near = plan.audiences.near.of_groups(bought.select("customer_id", segment=ibis.literal("open")))
        value, low, high = (float(near.iloc[0][c]) for c in ("value", "lower", "upper"))
        worth = expected_margin(value, low, high, n, plan.given.margin, plan.effect, plan.cost)
    whom = {"standing": (ACTIVE, AT_RISK, NOT_YET), "basket": ("open",)}
    audience = bought if known == n else mine
    letter = Action(
        OPEN_BASKET, "shop", "write", whom, n, OPEN_BASKET, worth, plan.effect, plan.cost, audience
    )
    return tuple(ranked([letter]))


def segments_before(report: JourneyReport, period: Period) -> ir.Table:
    """customer_id, segment: the RFM segment when the period began; new customers have their own.

    What happens in the period cannot move anybody into a segment, so segments may be compared by it.
    """
    base = report.base
    known = base.purchase_history.filter(lambda t: t.first_day.notnull())
    new = known.filter(known.first_day > ibis.literal(period.after)).select(
        "customer_id", segment=ibis.literal(NEW)
    )
    if period.after < base.first_day:
        return new
    past = base.as_of(period.after)
    scores = attempt({}, "segments", lambda: rfm.score(past))
    if scores is not None:
        return new.union(scores.customers.select("customer_id", "segment"))
    old = past.purchase_history.filter(lambda t: t.first_day.notnull())
    return new.union(old.select("customer_id", segment=ibis.literal(RETURNING)))
