"""What a customer's referrals are worth: customer referral value, in Kumar's two types.

Type one: the referred would not have come otherwise; their margin counts, less what they cost. Type two: they
would have come anyway; only the cost of winning them is saved. Source: V. Kumar, J. A. Petersen & R. P. Leone
(2010), *Journal of Marketing* 74(5), 1-17: CRV = sum over type one of (A - a - M + ACQ1) / (1 + r)^t + sum
over type two of ACQ2 / (1 + r)^t. A row with a probability counts as that much of each type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_analytics.analyses import arguments
from crm_analytics.analyses.audit.acquisition import cost_of_winning
from crm_analytics.analyses.clustered_ratio import Ratio, ratio_of, summed
from crm_analytics.analyses.evidence import LEAST, grade
from crm_analytics.analyses.intervals import Z95
from crm_analytics.analyses.margin import margin_share, serving_costs
from crm_analytics.analyses.referral.virality import converted_days
from crm_analytics.errors import NotEnoughData
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.referral.invitations import Invitations

RATE = 0.10  # effective a year
TYPE_TWO = 0.5  # share who would have come anyway, where no row tells it
MARKETING = "campaign_members"  # the costs of contacts that keep a customer
EXACT = "decimal(28, 6)"


@dataclass(frozen=True, eq=False)
class ReferralValue(ObjectCard):
    """Referral value to date, discounted to the day each referred customer joined.

    Attributes
    ----------
    referred : Ibis, one row per referred customer: referrer, customer_id, joined, margin (of their purchases
        so far), marketing, reward, p_type_two, type_one, type_two, value (type one + type two)
    referrers : Ibis, one row per referrer: customer_id, referrals, type_one, type_two, value
    total, lower, upper : of all values, 95 %, referrers as the draw
    type_one, type_two : their sums
    rewards : money paid for conversions
    reward_return : gain per unit of reward, less the reward: (gain - rewards) / rewards; its rewards are
        those of both types, for both are paid
    saved : cost of winning a customer, by `audit.cost_of_winning`, which a referral saves; None where it is
        not known, and then nothing is counted as saved
    margin : share of revenue; None: values are of revenue
    p_type_two : mean share who would have come anyway, and `p_source`: "data" or "stated"
    rate : of discounting, a year
    """

    referred: ir.Table
    referrers: ir.Table
    total: float
    lower: float
    upper: float
    type_one: float
    type_two: float
    rewards: float
    reward_return: Ratio
    saved: float | None
    margin: float | None
    p_type_two: float
    p_source: str
    rate: float

    @property
    def is_shown(self) -> bool:
        """Whether referrals are shown to have brought, or cost, anything: by the range of their total."""
        return grade(self.total, self.lower, self.upper, LEAST).is_news


def referral_value(
    sent: Invitations, *, rate: float = RATE, type_two: float = TYPE_TWO, margin: float | None = None
) -> ReferralValue:
    """Value the conversions of a base, by what the referred customers have brought up to the day.

    Parameters
    ----------
    rate : effective a year
    type_two : share who would have come anyway, for rows that do not tell it
    margin : share of revenue; by default from unit costs in the data

    Raises
    ------
    NotEnoughData : no referred customer is known.
    """
    arguments.share("type_two", type_two)
    arguments.amount("rate", rate)
    base = sent.base
    came = converted_days(sent)
    if not came.count().to_pyarrow().as_py():
        raise NotEnoughData("Referral value", 0, 1, "referred customers who are known")
    share = margin_share(base) if margin is None else margin
    cost = cost_of_winning(base)
    saved = None if cost is None else cost.total.value
    told = bool(came.p_type_two.notnull().any().to_pyarrow().as_py())
    table = _with_money(sent, came, rate, share)
    p = table.p_type_two.fill_null(type_two).clip(lower=0.0, upper=1.0)
    spared = saved or 0.0
    kept = table.margin - table.reward - table.marketing + spared
    referred = table.mutate(p_type_two=p, type_one=((1 - p) * kept), type_two=p * spared)
    referred = base.materialise(referred.mutate(value=referred.type_one + referred.type_two))
    referrers = referred.group_by(customer_id=referred.referrer).aggregate(
        referrals=referred.count(),
        **{c: _total(referred[c]) for c in ("type_one", "type_two", "value")},
    )
    sums = summed(base, referred.mutate(one=1), "referrer", "value", "one").iloc[0]
    half = Z95 * float(sums["tt"]) ** 0.5  # a total over referrers, each drawn with what they bring
    money = referred.aggregate(
        one=_total(referred.type_one), two=_total(referred.type_two), reward=_total(referred.reward),
        p=referred.p_type_two.mean(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    total = float(sums["top"])
    return ReferralValue(
        referred, base.materialise(referrers), total, total - half, total + half,
        money["one"] or 0.0, money["two"] or 0.0, money["reward"] or 0.0, _return(sent, referred), saved,
        share, float(money["p"] or 0.0), "data" if told else "stated", rate,
    )  # fmt: skip


def _total(value: ir.Value) -> ir.FloatingValue:
    return value.round(6).cast(EXACT).sum().cast("float64")


def _with_money(sent: Invitations, came: ir.Table, rate: float, share: float | None) -> ir.Table:
    days = sent.base.customer_days
    spent = _discounted(came, days.select("customer_id", "day", money=days.spend), rate)
    table = came.left_join(spent, "customer_id").drop("customer_id_right")
    table = table.mutate(
        margin=table.money.fill_null(0.0) * (1.0 if share is None else share),
        reward=table.reward.cast("float64"),
    ).drop("money")
    costs = serving_costs(sent.base)
    if costs is None:
        return table.mutate(marketing=0.0)
    costs = costs.filter(costs.kind == MARKETING).select("customer_id", "day", money="cost")
    costs = _discounted(came, costs, rate)
    table = table.left_join(costs, "customer_id").drop("customer_id_right")
    return table.mutate(marketing=table.money.fill_null(0.0)).drop("money")


def _discounted(came: ir.Table, moves: ir.Table, rate: float) -> ir.Table:
    """customer_id, money: of moves from the day they joined on, discounted to it."""
    both = moves.inner_join(came.select("customer_id", "joined"), "customer_id")
    years = both.day.delta(both.joined, unit="day").cast("float64") / 365.25
    both = both.mutate(worth=both.money.cast("float64") * (1.0 / (1.0 + rate)) ** years)
    both = both.filter(both.day >= both.joined)
    return both.group_by("customer_id").aggregate(money=_total(both.worth))


def _return(sent: Invitations, referred: ir.Table) -> Ratio:
    # type one counts its own reward as a cost already: it is given back here, and all rewards are taken off
    gain = referred.value + (1 - referred.p_type_two) * referred.reward - referred.reward
    row = summed(sent.base, referred.mutate(gain=gain), "referrer", "gain", "reward")
    return ratio_of(row.iloc[0])
