"""What the churn report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses import churn
from crm_analytics.analyses.churn.contracts.contract_scores import ContractScores, contract_scores
from crm_analytics.analyses.churn.contracts.contract_value import ContractValue, contract_value
from crm_analytics.analyses.churn.contracts.contracts import Contracts, contracts
from crm_analytics.analyses.churn.kpis import FOUND
from crm_analytics.analyses.churn.measures.subgroups import Subgroups, subgroups
from crm_analytics.analyses.churn.silence import GONE, Silence, bands, expected_silence, fell_silent
from crm_analytics.analyses.churn.survival.complaints import AfterComplaint, after_complaint
from crm_analytics.analyses.drivers.leaving import EVENTS, leaving_by_attribute
from crm_analytics.analyses.evidence import told
from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import measure
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.pages import words
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.churn.saving import actions_of
from crm_analytics.reports.shared.customer_lists import write_lists
from crm_analytics.reports.shared.group_sizes import groups_before
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.plans import Plans, plans
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue, slug

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.actions import Action
    from crm_analytics.analyses.churn import Churn
    from crm_analytics.tables.customer_base import CustomerBase

EXPLAINED = 2_000  # of the likeliest to fall silent: those who are written to are among them
LAPSING = 180  # days, where the base does not tell when a customer has lapsed
KPIS = ("customers_active", "will_fall_silent", "customers_at_risk", "value_at_risk")


@dataclass(frozen=True, kw_only=True, eq=False)
class ChurnReport(Report):
    """Everything the sections show; a part that the data do not hold is None, and why stands in `missing`.

    Attributes
    ----------
    trained : the model and how well it did; None where the history is too short
    scored : of `churn.score`, one row per customer; None without `trained`
    risks : customers by their chance, of `silence.bands`; None without `trained`
    silence : how many active customers will fall silent; None without `trained`
    faster : groups whose customers lapse faster or slower than others, of `leaving_by_attribute`
    own_actions : what to do, the most to gain first
    """

    t: Sentences
    plan: Plans
    trained: Churn | None
    scored: ir.Table | None
    risks: pd.DataFrame | None
    silence: Silence | None
    complaint: AfterComplaint | None
    faster: pd.DataFrame | None
    contracts: Contracts | None
    contract_value: ContractValue | None
    endings: ContractScores | None
    groups: Subgroups | None
    own_actions: tuple[Action, ...]
    handed: HandedIn

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The key figures of the page."""
        return measure(self.plan.given, KPIS)

    @cached_property
    def dependence(self) -> tuple[str, pd.DataFrame] | None:
        """The feature that tells most, and the mean chance by its value; None where none is shown to."""
        trained = self.trained
        if trained is None or trained.model is None or trained.reasons is None:
            return None
        signs = told(trained.reasons["lower"] > 0, "churn.signs")
        if not (trained.tells and signs.iloc[0]):
            return None
        feature = str(trained.reasons["feature"].iloc[0])
        return feature, churn.partial_dependence(trained.model, trained.held_out.frame, feature)

    @property
    def by_words(self) -> bool:
        """Whether the model's window is the silence after which every report calls a customer at risk."""
        return self.trained is not None and self.trained.window == self.plan.given.definitions.at_risk_days

    def attribute(self, name: object) -> str:
        """An attribute of customers in the language of the page."""
        known = self.t.knows(f"attribute.{slug(str(name))}")
        return (
            self.t(f"attribute.{slug(str(name))}") if known else words.clean(str(name).replace("_", " "), 40)
        )

    def way_called(self, name: object) -> str:
        """What a way to tell who leaves is called; an own learner by its class."""
        message = f"method_name.{slug(str(name))}"
        return self.t(message) if self.t.knows(message) else words.clean(str(name), 40)

    def feature(self, name: str) -> str:
        """A feature in words of the page's language."""
        return self.t(f"feature.{name}") if self.t.knows(f"feature.{name}") else churn.WORDS.get(name, name)


def prepare(
    base: CustomerBase,
    *,
    window: int = 0,
    compare_to: str = "-13w",
    effect: float = 0.05,
    seed: int = 1,
    language: str = "en",
    show_customers: bool = False,
    features: Any = None,
    learner: Any = None,
    run: str = "",
) -> ChurnReport | SmallReport:
    """Train the model, judge it on a window it has not seen, and score everybody who is active.

    Parameters
    ----------
    window : days without a purchase that count as silence; 0 takes those after which a customer is at risk
    compare_to : length of a period ("-13w")
    effect : of a contact, where the data hold no measured one
    seed : of folds and samples
    features, learner : own ones, as `churn.train` takes them
    language : of the page: "en" or "de"
    run : folder of the run that makes the page: what it hands in, and where lists go; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    plan, handed = plans(base, span=compare_to, effect=effect), handed_in(run)
    days = window or churn.shared_window(base)
    train = partial(churn.train, base, days, seed=seed, features=features, learner=learner)
    trained = attempt(missing, "trained", train)
    scored = base.materialise(churn.score(base, trained, explained=EXPLAINED)) if trained else None
    risks = silence = None
    if trained is not None and scored is not None:
        risks = bands(base, scored)
        ago = fell_silent(base, trained.window)
        silence = expected_silence(trained, risks[risks["risk"] != GONE], ago)
    plan.given.once(FOUND, lambda: (silence, missing.get("trained", "")))
    actions = actions_of(plan, trained, scored)
    write_lists(base, actions, run, show_customers)
    return ChurnReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        language=language,
        t=catalogue(language, __file__, base.currency),
        plan=plan,
        trained=trained,
        scored=scored,
        risks=risks,
        silence=silence,
        complaint=attempt(missing, "complaint", lambda: after_complaint(base)),
        faster=attempt(missing, "faster", lambda: _faster(base, plan)),
        **_contracts(base, missing, seed),
        groups=attempt(missing, "groups", partial(_groups, trained, handed)),
        own_actions=actions,
        handed=handed,
    )


def _contracts(base: CustomerBase, missing: dict[str, str], seed: int) -> dict[str, Any]:
    agreed = attempt(missing, "contracts", lambda: contracts(base))
    if agreed is None:
        return {"contracts": None, "contract_value": None, "endings": None}
    return {
        "contracts": agreed,
        "contract_value": attempt(missing, "contract_value", lambda: contract_value(agreed, seed=seed)),
        "endings": attempt(missing, "endings", lambda: contract_scores(base, seed=seed)),
    }


def _faster(base: CustomerBase, plan: Plans) -> pd.DataFrame:
    table = leaving_by_attribute(base, plan.given.definitions.lapsed_days or LAPSING)
    if table.empty:
        raise NotEnoughData("who lapses faster", 0, EVENTS, "lapsed customers of a known group")
    return table


def _groups(trained: Churn | None, handed: HandedIn) -> Subgroups:
    if trained is None:
        raise NotEnoughData("a check of groups", 0, 1, "windows held out")
    held = trained.held_out
    people = held.people
    if people.empty or not people.shape[1]:
        raise DataError("the customers table tells no region, age or the like")
    present = {str(name): people[name].dropna().astype("str").unique() for name in people.columns}
    return subgroups(held.left, held.score, people, before=groups_before(handed, present))
