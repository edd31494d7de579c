"""Campaign lists of one wave: who is due, who is suppressed and why, whom to contact, who is control."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses.campaigns.lists import suppression as steps
from crm_analytics.analyses.campaigns.lists.audience_filter import matching
from crm_analytics.analyses.campaigns.lists.contact_policy import Terms
from crm_analytics.analyses.campaigns.lists.contact_pressure import contacts
from crm_analytics.analyses.campaigns.lists.rules import RULES, ListRule
from crm_analytics.analyses.customer_facts import Known, Previous, columns_of, known
from crm_analytics.analyses.plots import Plots
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.contract import MONEY
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

NEEDS = {"transactions": ("customer_id", "transaction_date", "unit_spend")}
TREATED, CONTROL = "treated", "control"
_SHARE = "decimal(18, 6)"
_ISSUED = {"list", "customer_id", "issued_on", "treatment"}


@dataclass(frozen=True, eq=False)
class Lists(ObjectCard):
    """The lists of a wave.

    Attributes
    ----------
    members : Ibis, one row per list and customer who is due: list, customer_id, reason_code, reason (words),
        due_on, item, channel, priority (1: the rule first in the table), order_value (their mean order),
        value_at_stake, expected_value (money; NULL unless margin, cost and response are given),
        expected_margin (that they should bring by buying the item, letter or not; NULL where a rule offers
        none), treatment
        ("treated", "control"; NULL for who is suppressed), suppressed_by (the first step that keeps them out,
        or NULL)
    rules : those that were asked
    left_out : list -> why the source cannot answer it
    """

    members: ir.Table
    rules: tuple[ListRule, ...]
    left_out: Mapping[str, str]
    terms: Terms
    base: CustomerBase

    plot = Plots("crm_analytics.analyses.campaigns.pictures", "sizes")

    @property
    def next_actions(self) -> ir.Table:
        """Whom to contact: the treated, with `one_action` one row per customer."""
        return self.members.filter(self.members.treatment == TREATED)


@watched("Drawing up lists")
def lists(
    base: CustomerBase,
    rules: Iterable[ListRule] = RULES,
    terms: Terms | None = None,
    *,
    scores: ir.Table | None = None,
    issued: ir.Table | None = None,
    previous: Previous | None = None,
    barred: Collection[str] = (),
    spared: ir.Table | None = None,
) -> Lists:
    """Make the lists of the wave that follows the base's day.

    Whoever a rule names is *due*; the steps of `suppression.STEPS` keep some out, in that order; of the rest
    a stable share is the control group, the others are contacted. So due = suppressed + control + treated,
    for each list.

    With `one_action` a customer is on one list only: that of the highest expected value, or, where that is
    not known, of the rule that stands first.

    Parameters
    ----------
    base : cut at the day before the wave
    rules : ordered; `rules.chosen` picks some by name
    terms : channels, caps, control, money
    scores : of `churn.score`; without them `save` is left out
    issued : earlier waves, as `exporting.issued` gives them: list, customer_id, issued_on (date), treatment,
        and lists (the folder) if the base may hold the same waves as campaigns
    previous : the wave before this one of the same lists. Where this one comes late, it reaches back to the
        end of that one (`customer_facts.LATEST` days at most), so that nobody falls between them
    barred : ids of customers who must not be contacted, whatever the base says of them
    spared : customer_id of those for whom a contact costs more than it can bring

    Raises
    ------
    ParameterError : two rules of one name, or a filter names an unknown column
    DataError : no rule can be asked of this source

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> from crm_analytics.analyses.campaigns.lists.rules import chosen
    >>> from crm_analytics.analyses.campaigns.lists.list_summaries import summary
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"customer_id": ["a", "b", "b"], "unit_spend": [5.0, 9.0, 7.0],
    ...     "transaction_date": ["2026-03-01", "2025-03-06", "2026-01-01"]})
    >>> base = CustomerBase.open(sales, today="2026-03-01")
    >>> wave = lists(base, chosen(["welcome", "anniversary"]), Terms(holdout=0, assumed=("post",)))
    >>> summary(wave)[["list", "due", "treated"]].to_dict("list")
    {'list': ['welcome', 'anniversary'], 'due': [1, 1], 'treated': [1, 1]}
    """
    base.require(NEEDS)
    terms = terms or Terms()
    table = tuple(rules)
    if len({rule.name for rule in table}) < len(table):
        raise ParameterError("two of the rules have one name")
    terms.check_lists([*(rule.name for rule in table), *(rule.name for rule in RULES)])
    left_out = {rule.name: why for rule in table if (why := _missing(base, rule, scores))}
    asked = tuple(rule for rule in table if rule.name not in left_out)
    if not asked:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "no rule was given"
        raise DataError(f"no list can be made of this source ({reasons})")
    facts = known(base, terms.days, scores, previous, _offered(base, issued))
    due = ibis.union(*[_due(facts, rule, n) for n, rule in enumerate(asked, start=1)])
    if terms.where:
        due = due.semi_join(matching(base, terms.where), "customer_id")
    valued = base.materialise(_marked(_valued(facts, due, terms, scores), spared, "spared"))
    kept = _suppressed(base, _barred(base, valued, barred), terms, issued, asked)
    return Lists(base.materialise(_parted(kept, terms)), asked, left_out, terms, base)


def _missing(base: CustomerBase, rule: ListRule, scores: ir.Table | None) -> str:
    if rule.needs_scores and scores is None:
        return "needs the scores of the churn model"
    refused = [why for needs in (rule.needs, rule.or_needs or rule.needs) if (why := _refusal(base, needs))]
    return refused[0] if len(refused) > 1 else ""


def _refusal(base: CustomerBase, needs: Mapping[str, tuple[str, ...]]) -> str:
    try:
        base.require(needs)
    except DataError as error:
        return str(error)
    return ""


def _offered(base: CustomerBase, issued: ir.Table | None) -> pd.DataFrame | None:
    """Products that earlier waves offered to those who were contacted."""
    if issued is None or not {"item", "customer_id", "issued_on", "treatment"} <= set(issued.columns):
        return None
    made = issued.filter(issued["item"].notnull(), issued.treatment == TREATED)
    return base.collect(made.select("customer_id", product="item", day="issued_on"))


def _due(facts: Known, rule: ListRule, priority: int) -> ir.Table:
    found = rule.who(facts)
    optional = columns_of(found, ("due_on", "item", "reason", "expected_margin"))
    optional["reason"] = optional["reason"].fill_null(rule.words)
    optional["expected_margin"] = optional["expected_margin"].cast(MONEY)
    return found.select(
        "customer_id", list=ibis.literal(rule.name), reason_code=ibis.literal(rule.name), **optional,
        priority=ibis.literal(priority).cast("int64"), stake=ibis.literal(rule.stake),
    )  # fmt: skip


def _valued(facts: Known, due: ir.Table, terms: Terms, scores: ir.Table | None) -> ir.Table:
    money = facts.buyers.select("customer_id", "order_value", "year_value")
    joined = due.left_join(money, "customer_id").drop("customer_id_right")
    if scores is not None:
        risk = scores.select("customer_id", risk_value=scores.value_at_risk.round(4).cast(MONEY))
        joined = joined.left_join(risk, "customer_id").drop("customer_id_right")
    else:
        joined = joined.mutate(risk_value=ibis.null(MONEY))
    stake = ibis.cases(
        (joined.stake == "order", joined.order_value),
        (joined.stake == "year", joined.year_value),
        else_=joined.risk_value,
    )
    zero = joined.order_value.fill_null(0).cast(MONEY)
    valued = joined.mutate(value_at_stake=stake.fill_null(0).cast(MONEY), order_value=zero).drop(
        "stake", "year_value", "risk_value"
    )
    return valued.mutate(expected_value=_expected(valued, terms))


def _expected(valued: ir.Table, terms: Terms) -> ir.Value:
    """Response times margin times the mean order, less the contact; NULL where one of them is not given."""
    if terms.margin is None or terms.contact_cost is None or terms.response is None:
        return ibis.null(MONEY)
    if isinstance(terms.response, Mapping):
        named = [(valued["list"] == n, _exact(s * terms.margin)) for n, s in terms.response.items()]
        gained = ibis.cases(*named, else_=None) if named else ibis.null(_SHARE)
    else:
        gained = _exact(terms.response * terms.margin)
    # Decimals of one kind, so that halves are rounded alike on every engine.
    gain = (gained * valued.order_value.cast(_SHARE)).cast("decimal(38, 8)")
    return (gain - _exact(terms.contact_cost).cast("decimal(38, 8)")).round(4).cast(MONEY)


def _exact(number: float) -> ir.Value:
    return ibis.literal(Decimal(str(round(number, 6)))).cast(_SHARE)


def _barred(base: CustomerBase, valued: ir.Table, barred: Collection[str]) -> ir.Table:
    """With a mark for who must not be contacted."""
    if not barred:
        return valued.mutate(forgotten=ibis.literal(False))
    ids = base.to_engine(pd.DataFrame({"customer_id": sorted(barred)}, dtype="str"))
    marked = _marked(valued, ids, "forgotten")
    return marked.mutate(forgotten=marked.forgotten.fill_null(False))


def _suppressed(
    base: CustomerBase, valued: ir.Table, terms: Terms, issued: ir.Table | None, rules: tuple[ListRule, ...]
) -> ir.Table:
    """With channel and suppressed_by, the last two steps (other list, top) included."""
    joined = valued.left_join(steps.reachable(base, terms), "customer_id").drop("customer_id_right")
    joined = _marked(joined, steps.open_tickets(base), "waits")
    joined = _lately(joined, contacts(base, terms, issued))
    joined = _again(base, joined, issued, rules)
    first = ibis.cases(
        (joined.closed, steps.CLOSED),
        (joined.barred | joined.forgotten, steps.BARRED),
        (joined.channel.isnull(), steps.NO_CHANNEL),
        (joined.waits.fill_null(False), steps.TICKET),
        (joined.contacts >= terms.cap, steps.CAP),
        (joined.again.fill_null(False), steps.AGAIN),
        (joined.contacts + joined.held >= terms.cap, steps.HELD),
        (joined.spared.fill_null(False) | (joined.expected_value <= 0).fill_null(False), steps.WORTHLESS),
        else_=None,
    )
    found = joined.mutate(suppressed_by=first).drop(
        "closed", "barred", "forgotten", "waits", "contacts", "held", "again", "spared"
    )
    best = [ibis.desc(found.expected_value.fill_null(0)), "priority", ibis.desc("value_at_stake"), "list"]
    if terms.one_action:
        found = _beyond(found, "customer_id", best, 1, steps.OTHER)
    if terms.top is not None:
        order = [
            ibis.desc(ibis._.expected_value.fill_null(0)), ibis.desc("value_at_stake"), "customer_id"
        ]  # fmt: skip
        found = _beyond(found, "list", order, terms.top, steps.BEYOND)
    return found


def _marked(table: ir.Table, other: ir.Table | None, name: str) -> ir.Table:
    """With a mark for who is in another table of customers."""
    if other is None:
        return table.mutate(**{name: ibis.null("boolean")})
    other = other.select("customer_id", **{name: ibis.literal(True)})
    return table.left_join(other, "customer_id").drop("customer_id_right")


def _lately(table: ir.Table, found: ir.Table | None) -> ir.Table:
    """With contacts and held, 0 for who has none."""
    none = ibis.literal(0).cast("int64")
    if found is None:
        return table.mutate(contacts=none, held=none)
    joined = table.left_join(found, "customer_id").drop("customer_id_right")
    return joined.mutate(contacts=joined.contacts.fill_null(0), held=joined.held.fill_null(0))


def _again(
    base: CustomerBase, table: ir.Table, issued: ir.Table | None, rules: tuple[ListRule, ...]
) -> ir.Table:
    """Who was on the same list, treated or control, within its days of rest."""
    if issued is None:
        return table.mutate(again=ibis.null("boolean"))
    if missing := _ISSUED - set(issued.columns):
        raise ParameterError(f"issued: the columns {', '.join(sorted(missing))} are missing")
    rest = ibis.cases(*((issued["list"] == rule.name, rule.again_after) for rule in rules), else_=0)
    ago = ibis.literal(base.day).delta(issued.issued_on, unit="day").cast("int64")
    recent = issued.filter(ago < rest).select("list", "customer_id").distinct()
    recent = recent.mutate(again=ibis.literal(True))
    joined = table.left_join(recent, ["list", "customer_id"])
    return joined.drop("list_right", "customer_id_right")


def _beyond(found: ir.Table, group: str, order: list[Any], most: int, step: str) -> ir.Table:
    """Mark those of each group that come after the first `most` of who is not kept out yet."""
    free = found.suppressed_by.isnull()
    window = ibis.window(group_by=[group, free], order_by=order)
    place = ibis.row_number().over(window)
    ranked = found.mutate(place=place)
    late = ranked.suppressed_by.isnull() & (ranked.place >= most)
    return ranked.mutate(suppressed_by=late.ifelse(step, ranked.suppressed_by)).drop("place")


def _parted(kept: ir.Table, terms: Terms) -> ir.Table:
    """The control group: a share of each list by a hash, the same on every engine and in every wave."""
    text = ibis.literal(terms.salt + "\x1f") + kept["list"] + "\x1f" + kept.customer_id
    held = text.hexdigest("md5").substr(0, 8) < format(int(0xFFFFFFFF * terms.holdout), "08x")
    arm = ibis.cases(
        (kept.suppressed_by.notnull(), None), (held, CONTROL), else_=TREATED
    ) if terms.holdout > 0 else kept.suppressed_by.isnull().ifelse(TREATED, None)  # fmt: skip
    return kept.select(
        "list", "customer_id", "reason_code", "reason", "due_on", "item", "channel", "priority",
        "order_value", "value_at_stake", "expected_value", "expected_margin", treatment=arm,
        suppressed_by=kept.suppressed_by,
    )  # fmt: skip
