"""What the whole base says of one customer: stage, value to come, deal proneness, next offer. Optional.

The card itself reads one customer's rows. These figures rest on all customers (a return curve, a purchase
model, everybody's orders), so they take as long as a report does. A caller who wants the answer at once
leaves them out. So the models are imported where they are asked: the card comes without them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from crm_analytics.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

Found = TypeVar("Found")


@dataclass(frozen=True)
class Standing:
    """A customer among all.

    Attributes
    ----------
    stage : "active", "at risk" or "lapsed"; None where nothing was bought or the data do not tell
    value_to_come : revenue of the next 52 weeks, undiscounted
    chance_to_leave : 1 - P(alive) of the purchase model, that the customer has gone already
    deal_share : expected share of orders made with a deal, of those for which one was at hand
    next_offer : the product most likely to be bought next
    missing : what cannot be told -> why
    """

    stage: str | None = None
    value_to_come: float | None = None
    chance_to_leave: float | None = None
    deal_share: float | None = None
    next_offer: str | None = None
    missing: dict[str, str] = field(default_factory=dict)


def standing(base: CustomerBase, customer_id: str) -> Standing:
    """Ask every model of the base about one customer; what a model cannot tell is in `missing`."""
    from crm_analytics.analyses.value_to_come import HORIZON, value_to_come

    missing: dict[str, str] = {}

    def asked(name: str, make: Callable[[], Found]) -> Found | None:
        try:
            return make()
        except DataError as error:
            missing[name] = str(error)
            return None

    stage = asked("stage", lambda: _stage(base, customer_id)) or {}
    ahead = asked("value_to_come", lambda: _row(base, value_to_come(base, HORIZON).scored, customer_id)) or {}
    deal = asked("deal_share", lambda: _deal(base, customer_id)) or {}
    alive = ahead.get("probability_alive")
    return Standing(
        stage=stage.get("standing"),
        value_to_come=ahead.get("value_to_come"),
        chance_to_leave=None if alive is None else 1.0 - float(alive),
        deal_share=deal.get("deal_share"),
        next_offer=asked("next_offer", lambda: _next_offer(base, customer_id)),
        missing=missing,
    )


def _row(base: CustomerBase, table: ir.Table, customer_id: str) -> dict[str, Any]:
    rows = base.collect(table.filter(table.customer_id == customer_id).limit(1)).to_dict("records")
    return {str(name): value for name, value in rows[0].items()} if rows else {}


def _stage(base: CustomerBase, customer_id: str) -> dict[str, Any]:
    from crm_analytics.analyses.definitions import definitions, standings

    found = definitions(base)
    if found.at_risk_days is None:
        raise DataError(
            found.refusal or "these data do not tell yet from which silence on a customer is at risk"
        )
    return _row(base, standings(base, found), customer_id)


def _deal(base: CustomerBase, customer_id: str) -> dict[str, Any]:
    from crm_analytics.analyses.campaigns.incentives.baskets import deal_orders
    from crm_analytics.analyses.campaigns.measurement.deal_proneness import deal_proneness

    orders = deal_orders(base)
    if orders is None:
        raise DataError("the tables know neither a coupon nor a discount")
    return _row(base, deal_proneness(base, base.materialise(orders))[0], customer_id)


def _next_offer(base: CustomerBase, customer_id: str) -> str | None:
    from crm_analytics.analyses.products.next_product import NextProduct

    base.require({"transactions": ("product_id",)})
    found = NextProduct.fit(base).recommend([customer_id], k=1)
    if found.empty:
        return None
    product = str(found.iloc[0]["product"])
    names = base.tables.get("products")
    if names is None or "product_name" not in names.columns:
        return product
    known = names.filter(names.product_id == product, names.product_name.notnull()).select("product_name")
    said = known.limit(1).to_pyarrow().to_pylist()
    return str(said[0]["product_name"]) if said else product
