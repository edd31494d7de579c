"""Everything the models say of each customer, in one row: what leaves for a warehouse at night."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import ibis

from crm_analytics.analyses import churn, lifecycle, rfm
from crm_analytics.analyses.audiences import WORKS, audiences, next_actions
from crm_analytics.analyses.contact_effect import STATED_EFFECT, contact_cost, contact_effect
from crm_analytics.analyses.products.next_product import next_offers
from crm_analytics.analyses.scores.kpi_rows import measured_of
from crm_analytics.analyses.scores.value_range import value_ranges
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.measured import Measured
    from crm_analytics.tables.customer_base import CustomerBase

Made = TypeVar("Made")
NOTHING = "nothing"  # to do
# Every column there may be and its type: a table has them all, whatever the data tell.
PARTS: Mapping[str, Mapping[str, str]] = {
    "rfm": {
        "recency_days": "int64", "order_count": "int64", "revenue": "decimal(18, 4)",
        "r_score": "int64", "f_score": "int64", "m_score": "int64", "segment": "string",
    },
    "stage": {"stage": "string", "stage_since": "date"},
    "value": {
        "probability_alive": "float64", "expected_purchases": "float64", "value_to_come": "float64",
        "value_lower": "float64", "value_upper": "float64",
    },
    "churn": {
        "churn_probability": "float64", "churn_risk": "string", "churn_reason_1": "string",
        "churn_reason_2": "string", "churn_reason_3": "string",
    },
    "next_product": {
        "next_product": "string", "next_product_name": "string", "next_product_probability": "float64",
    },
    "next_action": {"next_action": "string", "next_action_group": "string"},
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class CustomerScores:
    """One row per customer.

    Attributes
    ----------
    table : customer_id; recency_days, order_count, revenue, r_score, f_score, m_score, segment; stage,
        stage_since; probability_alive, expected_purchases, value_to_come (revenue of the next 52 weeks,
        undiscounted), value_lower, value_upper (95 %); churn_probability, churn_risk, churn_reason_1 to
        churn_reason_3; next_product, next_product_name, next_product_probability; next_action ("write",
        "test": write to half and hold half back, "leave_alone", "nothing"), next_action_group. NULL where a
        part cannot be told
    missing : part -> why it cannot be told
    unmatched : segments and stages whose rule fits nobody
    """

    table: ir.Table
    missing: Mapping[str, str] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()


def customer_scores(
    base: CustomerBase,
    *,
    rules: Iterable[rfm.Rule] | None = None,
    stage_rules: Iterable[lifecycle.StageRule] | None = None,
    effect: float = STATED_EFFECT,
    level: float = 0.95,
) -> CustomerScores:
    """Ask every model of a base about every customer.

    Each number is the one that the reports of the base show. A part that the data do not hold is NULL.

    Parameters
    ----------
    base : cut at the day of the scores
    rules, stage_rules : of segments and stages, in place of the usual ones
    effect : of a contact, where none was measured
    level : probability of the range of `value_to_come`

    Examples
    --------
    >>> import pandas as pd
    >>> from crm_analytics import CustomerBase
    >>> frame = pd.DataFrame({"customer_id": [f"c{i % 30}" for i in range(90)],
    ...     "transaction_date": pd.date_range("2026-01-01", periods=90), "unit_spend": range(1, 91)})
    >>> found = customer_scores(CustomerBase.open(frame, today="2026-12-31"))
    >>> int(found.table.count().execute()), sorted(found.missing)
    (30, ['churn', 'next_action', 'next_product', 'value'])
    """
    missing: dict[str, str] = {}

    def asked(part: str, make: Callable[[], ir.Table]) -> ir.Table | None:
        try:
            return make()
        except DataError as error:
            missing[part] = str(error)
            return None

    given = measured_of(base)
    rules = None if rules is None else tuple(rules)
    stages = None if stage_rules is None else tuple(stage_rules)
    unmatched: list[str] = []

    def segmented() -> ir.Table:
        found = rfm.score(base, rules=rules)
        unmatched.extend(found.unmatched)
        return found.customers

    def staged() -> ir.Table:
        found = lifecycle.stages(base, stages)
        unmatched.extend(found.unmatched)
        return found.customers.select("customer_id", "stage", stage_since=found.customers.entered_on)

    made = {
        "rfm": asked("rfm", segmented),
        "stage": asked("stage", staged),
        "value": asked("value", lambda: _value(given, level)),
        "churn": asked("churn", lambda: _churn(base)),
        "next_product": asked("next_product", lambda: _products(base)),
        "next_action": asked("next_action", lambda: _actions(given, effect)),
    }
    table = base.customers.select("customer_id").distinct()
    for part, found in made.items():
        table = _with(table, found, PARTS[part])
    if made["next_action"] is not None:
        table = table.mutate(next_action=table.next_action.fill_null(NOTHING))
    return CustomerScores(base.materialise(table), missing, tuple(unmatched))


def _with(table: ir.Table, found: ir.Table | None, columns: Mapping[str, str]) -> ir.Table:
    """One more part beside the others; NULL where there is none."""
    if found is None:
        return table.mutate(**{name: ibis.null(kind) for name, kind in columns.items()})
    part = found.select(
        _whose=found.customer_id, **{name: found[name].cast(kind) for name, kind in columns.items()}
    )
    return table.left_join(part, table.customer_id == part["_whose"]).drop("_whose")


def _value(given: Measured, level: float) -> ir.Table:
    if given.outlook is None:
        raise DataError(given.no_outlook)
    return value_ranges(given.outlook, level=level)


def _churn(base: CustomerBase) -> ir.Table:
    scored = churn.score(base, churn.train(base))
    reasons = {f"churn_{name}": scored[name] for name in ("reason_1", "reason_2", "reason_3")}
    return scored.select("customer_id", "churn_probability", churn_risk=scored.risk, **reasons)


def _products(base: CustomerBase) -> ir.Table:
    base.require({"transactions": ("product_id",)})
    best = next_offers(base).best
    named = best[["customer_id", "product", "name", "probability"]].astype(
        {"customer_id": "str", "product": "str", "name": "str", "probability": "float64"}
    )
    table = base.to_engine(named)
    return table.select(
        "customer_id", next_product=table["product"], next_product_name=table["name"],
        next_product_probability=table["probability"],
    )  # fmt: skip


def _actions(given: Measured, effect: float) -> ir.Table:
    """What the reports advise for each customer; the first action where several name one."""
    if given.outlook is None:
        raise DataError(given.no_outlook)
    effects, cost = contact_effect(given.base, effect), contact_cost(given.base)
    found = next_actions(audiences(given, given.outlook.over(WORKS), effects, cost))
    parts = [
        one.audience.select(
            "customer_id",
            next_action=ibis.literal(one.verb),
            next_action_group=ibis.literal(one.id),
            place=ibis.literal(place),
        )
        for place, one in enumerate(found)
        if one.audience is not None
    ]
    if not parts:
        raise DataError("nobody is named by an action")
    every = ibis.union(*parts) if len(parts) > 1 else parts[0]
    first = every.group_by("customer_id").aggregate(place=every.place.min())
    return every.semi_join(first, ["customer_id", "place"]).select(
        "customer_id", "next_action", "next_action_group"
    )
