"""What the lifecycle report is made from, and which of its parts a base is long enough for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import lifecycle
from crm_analytics.analyses.actions import Action, ranked
from crm_analytics.analyses.audiences import PAYS, contact
from crm_analytics.analyses.comparison import Change
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK, LAPSED
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.analyses.lifecycle import rules
from crm_analytics.analyses.lifecycle.stage_value import contact_cost_of, stage_worth
from crm_analytics.analyses.overview import overview
from crm_analytics.errors import ParameterError
from crm_analytics.pages import words
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.margin import Margin, margin_of
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue, slug

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

EVERY = "4w"
ASSUMED_MARGIN = 0.4
ASSUMED_CONTACT = 0.02  # of an average purchase: small beside it, and never nothing
KPIS = (
    "customers_active", "customers_at_risk", "customers_lapsed", "value_at_risk", "customers_bought",
    "bought_again", "revenue_to_date",
)  # fmt: skip
CHANGING = {"customers_active": ACTIVE, "customers_at_risk": AT_RISK, "customers_lapsed": LAPSED}
NEWCOMERS = "new_customers"  # an action of this report


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the chain of buying again counts with.

    Attributes
    ----------
    margin : share of revenue, and where it is from
    contact_cost : money a customer and period, and where it is from: "given", "campaigns" or "assumed"
    rate : annual effective rate of discount
    """

    margin: Margin
    contact_cost: float
    cost_source: str
    rate: float


@dataclass(frozen=True, kw_only=True, eq=False)
class LifecycleReport(Report):
    """Everything the sections show; parts the data are too short for are None, and `missing` says why."""

    t: Sentences
    plan: Plans
    handed: HandedIn
    staged: lifecycle.Stages
    flows: lifecycle.Flows | None
    dwell: lifecycle.Dwell
    forecast: lifecycle.Forecast | None
    chain: lifecycle.FittedChain | None
    check: lifecycle.ChainCheck | None
    worth: pd.DataFrame  # stage, customers, revenue, revenue_share [, value, lower, upper: to come]
    changes: dict[str, Change]  # standing -> customers now and a year ago
    actions: tuple[Action, ...]
    terms: Terms
    loyal_orders: int

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page; the standings with their change on a year ago."""
        found = measure(self.plan.given, KPIS)
        for name, standing in CHANGING.items():
            found[name] = replace(found[name], against_year=self.changes.get(standing))
        return found

    @property
    def buyers(self) -> int:
        """Customers who have bought."""
        return self.plan.given.buyers[0]

    def name(self, stage: object) -> str:
        """What a stage is called on the page."""
        message = f"stage.{slug(stage)}"
        return self.t(message) if self.t.knows(message) else words.clean(stage, words.LONGEST_LABEL)

    def named(self, frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
        """A table whose stages are called as on the page."""
        return frame.assign(**{column: [self.name(s) for s in frame[column]] for column in columns})

    def size(self, stage: str) -> int:
        """Customers of a stage; 0 where it does not occur."""
        sizes = self.staged.sizes
        return int(sizes.loc[sizes["stage"] == stage, "customers"].sum())

    def flow(self, stage: str, column: str) -> float | None:
        """A figure of a stage's account; None without flows, or where it is not known."""
        if self.flows is None:
            return None
        row = self.flows.sizes[self.flows.sizes["stage"] == stage]
        if row.empty:
            return 0.0
        return None if row[column].isna().any() else float(row[column].iloc[0])

    def ripe(self, day: date | None) -> bool:
        """Whether customers could have lapsed by a day: stages then are comparable with those now."""
        return day is not None and self.staged.is_comparable(day)

    @property
    def weeks(self) -> int:
        """Length of the compared period."""
        return (self.flows.now - self.flows.then).days // 7 if self.flows else 0


def prepare(
    base: CustomerBase,
    *,
    compare_to: str = "-13w",
    loyal_orders: int = 4,
    periods: int = 3,
    margin: float = 0.0,
    contact_cost: float = 0.0,
    rate: float = 0.15,
    effect: float = 0.05,
    language: str = "en",
    show_customers: bool = False,
    run: str = "",
) -> LifecycleReport | SmallReport:
    """Put every customer into a stage and follow the moves between them.

    Parameters
    ----------
    compare_to : length of the period whose moves are shown, and of the one before
    loyal_orders : orders from which a customer is loyal
    periods : periods of four weeks the stage sizes are carried forward
    margin : share of revenue left after the cost of goods; 0 takes it from the data, or assumes 40 %
    contact_cost : cost of staying in touch with a customer for four weeks; 0 takes it from campaigns
    rate : annual effective rate of discount
    effect : of a contact, where the data hold no measured one
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    seen = overview(base)
    if small := too_small(base, show_customers, seen=seen, language=language):
        return small
    plan = plans(base, span=compare_to, effect=effect)
    own = rules.rules_of(base)
    staged = lifecycle.stages(base, own or lifecycle.shared_rules(plan.given.definitions, loyal_orders))
    missing: dict[str, str] = {}
    terms = _terms(base, seen.revenue / max(1, seen.orders), margin, contact_cost, rate)
    given: dict[str, Any] = {
        "every": EVERY, "margin": terms.margin.share, "contact_cost": terms.contact_cost, "rate": rate,
    }  # fmt: skip
    chain = attempt(missing, "chain", lambda: lifecycle.fit_chain(base, **given))
    actions = _actions(plan, staged)
    write_lists(base, actions, run, show_customers)
    return LifecycleReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=plan,
        handed=handed_in(run),
        staged=staged,
        flows=attempt(missing, "flows", lambda: lifecycle.flows(staged, compare_to), ParameterError),
        dwell=lifecycle.dwell(staged),
        forecast=attempt(missing, "forecast", lambda: lifecycle.forecast(staged, periods, every=EVERY)),
        chain=chain,
        check=attempt(missing, "check", lambda: lifecycle.check_chain(base, **given)) if chain else None,
        worth=_worth(plan, staged),
        changes=lifecycle.standing_changes(base, plan.given.definitions),
        actions=actions,
        terms=terms,
        loyal_orders=loyal_orders,
    )


def _worth(plan: Plans, staged: lifecycle.Stages) -> pd.DataFrame:
    """What each stage brought and, from the forecast that all pages share, what it will bring."""
    table = stage_worth(staged, None).drop(columns=["ahead", "ahead_per_customer"])
    if plan.given.outlook is None:
        return table
    each = staged.customers.select("customer_id", segment=staged.customers.stage)
    ahead = plan.given.outlook.of_groups(each)[["segment", "value", "lower", "upper"]]
    return table.merge(ahead.rename(columns={"segment": "stage"}), on="stage", how="left")


def _actions(plan: Plans, staged: lifecycle.Stages) -> tuple[Action, ...]:
    """Those at risk, the new customers that no other action reaches, and whom to leave alone."""
    kept = [action for action in plan.actions if action.id in ("at_risk", "leave_alone")]
    if plan.audiences is None or plan.given.definitions.at_risk_days is None:
        return tuple(kept)
    new = staged.customers.filter(staged.customers.stage == rules.NEW).select("customer_id")
    mine = plan.audiences.of(ACTIVE, PAYS).semi_join(new, "customer_id")
    whom = {"standing": (ACTIVE,), "group": (PAYS,), "stage": (rules.NEW,)}
    welcome = contact(plan.audiences, NEWCOMERS, "campaigns", whom, mine)
    reached = [action for action in (*kept, welcome) if action.id != "leave_alone" and action.customers]
    return (*ranked(reached), *(action for action in kept if action.id == "leave_alone"))


def _terms(base: CustomerBase, order_value: float, margin: float, cost: float, rate: float) -> Terms:
    """Margin, contact cost, and where they come from."""
    _, counted = margin_of(base, margin).or_assumed(ASSUMED_MARGIN)
    paid = cost or contact_cost_of(base)
    source = "given" if cost else "campaigns" if paid else "assumed"
    return Terms(
        margin=counted, contact_cost=paid or ASSUMED_CONTACT * order_value, cost_source=source, rate=rate
    )
