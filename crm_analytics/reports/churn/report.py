"""What the churn report is made from, and when it takes its small form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses import churn
from crm_analytics.analyses.churn.contracts.contract_scores import ContractScores, contract_scores
from crm_analytics.analyses.churn.contracts.contract_value import ContractValue, contract_value
from crm_analytics.analyses.churn.contracts.contracts import Contracts, contracts
from crm_analytics.analyses.churn.measures.subgroups import Subgroups, subgroups
from crm_analytics.analyses.churn.survival.complaints import AfterComplaint, after_complaint
from crm_analytics.errors import DataError, NotEnoughData
from crm_analytics.reports.shared.margin import margin_of
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_few, too_small
from crm_analytics.tables.contract import MONEY

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from crm_analytics.analyses.churn import Churn, Definition, ProfitCurve
    from crm_analytics.tables.customer_base import CustomerBase

EXPLAINED = 2_000  # of the likeliest to leave: those with most at risk are mostly among them
MARGIN_FROM = {
    "given": "as given",
    "unit costs": "from unit costs",
    "assumed": "not known: all of the money is taken",
}
RISKS = ("high", "medium", "low", "gone")

UNTOLD = "Who will leave cannot be told yet"
FEW = too_few("Leaving is not predicted yet", "That begins with {needed}; there are {customers}.")


@dataclass(frozen=True)
class Terms:
    """What saving a customer is taken to cost and to bring.

    margin : share of the money; contact_cost, incentive_cost : money a customer; success : share of the
    would-be leavers who are kept, an assumption until a control group has measured it
    """

    margin: float
    margin_from: str
    contact_cost: float
    incentive_cost: float
    success: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ChurnReport(Report):
    """Everything the sections show; a part that the data do not hold is None, and why stands in `missing`.

    Attributes
    ----------
    trained : the model and how well it did; None where the history is too short
    scored : of `churn.score`, one row per customer; None without `trained`
    definition : the gaps between purchases; None where too few have ended
    profit : of contacting, as measured on the held-out window, for as many customers as are here now; those
        with most at risk first, or, `by_chance`, the likeliest to leave, where the former leave no more often
        than all
    earlier : the earlier day, and how many customers were still there on it
    reasons : what the model goes by (AUC lost when one feature is shuffled); None for the recency rule
    """

    terms: Terms
    trained: Churn | None
    scored: ir.Table | None
    definition: Definition | None
    profit: ProfitCurve | None
    by_chance: bool
    reasons: pd.DataFrame | None
    complaint: AfterComplaint | None
    contracts: Contracts | None
    contract_value: ContractValue | None
    endings: ContractScores | None
    groups: Subgroups | None
    earlier: tuple[date, int] | None

    @cached_property
    def risks(self) -> pd.DataFrame:
        """risk, customers, leaving (expected), value, value_at_risk: one row per band, all four."""
        assert self.scored is not None
        table = self.scored
        exact = {name: table[name].round(4).cast(MONEY) for name in ("value", "value_at_risk")}
        counted = table.mutate(
            **exact, chance=table.churn_probability.fill_null(0.0).round(6).cast("decimal(9,6)")
        )
        sums = counted.group_by("risk").aggregate(
            customers=ibis._.count(), leaving=ibis._.chance.sum(), value=ibis._.value.sum(),
            value_at_risk=ibis._.value_at_risk.sum(),
        )  # fmt: skip
        found = (
            self.base.collect(sums).set_index("risk").astype("float64").reindex(list(RISKS), fill_value=0.0)
        )
        return found.astype({"customers": "int64"}).rename_axis("risk").reset_index()

    def band(self, risk: str, column: str) -> float:
        """One number of `risks`."""
        return float(self.risks.set_index("risk")[column].astype("float64")[risk])

    @property
    def whom(self) -> str:
        """Who is contacted first, in words."""
        return "likeliest to leave" if self.by_chance else "with most at risk"

    @property
    def advice(self) -> str:
        """What the profit curve allows: "list", "mailing" (most of the customers), or "" for nothing.

        A list needs scores that tell leavers, more leavers on it than elsewhere, and a profit above zero.
        """
        if self.profit is None or self.trained is None or not self.profit.pays or not self.trained.tells:
            return ""
        if self.profit.is_everybody:
            return "mailing"
        return "list" if self.profit.lifts else ""

    @property
    def there(self) -> pd.DataFrame:
        """`risks` without those who have left already."""
        return self.risks[self.risks["risk"] != "gone"]


def prepare(
    base: CustomerBase,
    *,
    window: int = 0,
    compare_to: str = "-26w",
    margin: float = 0.0,
    contact_cost: float = 1.0,
    incentive_cost: float = 0.0,
    success: float = 0.2,
    seed: int = 1,
    show_customers: bool = False,
    features: Any = None,
    learner: Any = None,
) -> ChurnReport | SmallReport:
    """Train the model, judge it on a window it has not seen, and score everybody who is still there.

    Parameters
    ----------
    window : days without a purchase that count as having left; 0 takes them from the gaps between purchases
    compare_to : how far back the number of customers still there is compared ("-26w")
    margin : share of the money left after the cost of goods; 0 takes it from the data, or all of it
    contact_cost, incentive_cost : money a customer contacted, and a customer who takes the incentive
    success : share of the would-be leavers contacted who stay; an assumption
    seed : of folds and samples
    features, learner : own ones, as `churn.train` takes them
    """
    if small := too_small(base, show_customers):
        return small
    missing: dict[str, str] = {}
    train = partial(churn.train, base, window or None, seed=seed, features=features, learner=learner)
    trained = attempt(missing, "trained", train)
    told = trained.definition if trained else None
    told = told or attempt(missing, "definition", lambda: churn.definition(base))
    share, counted = margin_of(base, margin).or_assumed(1.0)
    terms = Terms(share, MARGIN_FROM[counted.source], contact_cost, incentive_cost, success)
    days = trained.window if trained else window or (told.window if told else 90)
    scored = base.materialise(churn.score(base, trained, explained=EXPLAINED)) if trained else None
    agreed = attempt(missing, "contracts", lambda: contracts(base))
    worth = endings = None
    if agreed:
        worth = attempt(missing, "contract_value", lambda: contract_value(agreed, seed=seed))
        endings = attempt(missing, "endings", lambda: contract_scores(base, seed=seed))
    else:
        missing |= dict.fromkeys(("contract_value", "endings"), missing["contracts"])
    profit = attempt(missing, "profit", lambda: _profit(trained, scored, terms, seed)) if trained else None
    return ChurnReport(
        base=base,
        show_customers=show_customers,
        missing=missing,
        terms=terms,
        trained=trained,
        scored=scored,
        definition=told,
        profit=profit[0] if profit else None,
        by_chance=bool(profit and profit[1]),
        reasons=trained.reasons if trained else None,
        complaint=attempt(missing, "complaint", lambda: after_complaint(base, days)),
        contracts=agreed,
        contract_value=worth,
        endings=endings,
        groups=attempt(missing, "groups", lambda: _groups(trained)),
        earlier=_still_there(base.earlier(compare_to), days),
    )


def _still_there(past: CustomerBase | None, window: int) -> tuple[date, int] | None:
    """How many had bought in the window up to an earlier day."""
    if past is None:
        return None
    history = past.purchase_history
    away = ibis.literal(past.day).delta(history.last_day, unit="day").cast("int64")
    return past.day, int(history.filter(away < window).count().to_pyarrow().as_py())


def _profit(trained: Churn, scored: Any, terms: Terms, seed: int) -> tuple[ProfitCurve, bool]:
    held = trained.held_out
    here = int(scored.filter(scored.churn_probability.notnull()).count().to_pyarrow().as_py())
    made = partial(
        churn.profit_curve, held.left, held.score, held.value * terms.margin, terms.contact_cost,
        terms.incentive_cost, success=terms.success, customers=here, seed=seed,
    )  # fmt: skip
    by_money = made(by=held.score * held.value)
    if by_money.lifts:
        return by_money, False
    by_chance = made()  # the dearest customers may leave no more often than all: then no list of them
    return (by_chance, True) if by_chance.pays and by_chance.lifts else (by_money, False)


def _groups(trained: Churn | None) -> Subgroups:
    if trained is None:
        raise NotEnoughData("a check of groups", 0, 1, "windows held out")
    held = trained.held_out
    if held.people.empty or not held.people.shape[1]:
        raise DataError("the customers table tells no region, age or the like")
    return subgroups(held.left, held.score, held.people)
