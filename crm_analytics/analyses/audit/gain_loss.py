"""Where revenue of a product group was won and lost, customer by customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from crm_analytics.analyses.disclosure import shared
from crm_analytics.analyses.intervals import Z95
from crm_analytics.errors import check_name
from crm_analytics.tables.contract import MONEY, TABLES
from crm_analytics.tables.days import Span, earlier_day, shift

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

PARTS = ("new", "lost", "increased", "decreased", "switched_from", "switched_to")


def gain_loss(table: ir.Table) -> ir.Table:
    """The change of each row's focus spend, in six parts that sum to it.

    Parameters
    ----------
    table : focus_before, focus_now, other_before, other_now (money); further columns are kept

    `new` and `lost` are customers without any spend before or now. Where focus and the others move against
    each other, the smaller of the two moves was switched, from the others or to them; the rest increased or
    decreased. Source: openretailscience, ``gain_loss`` (Data-Simply).
    """
    focus = table.focus_now - table.focus_before
    other = table.other_now - table.other_before
    nothing = ibis.literal(0).cast(MONEY)
    is_new = (table.focus_before == 0) & (table.other_before == 0)
    is_lost = (table.focus_now == 0) & (table.other_now == 0)
    stays = ~(is_new | is_lost)
    rises, falls = stays & (focus > 0), stays & (focus < 0)
    fled = ibis.least(focus, -other)
    came = rises & (other < 0)
    went = falls & (other > 0)
    left = ibis.greatest(focus, -other)
    return table.mutate(
        new=is_new.ifelse(focus, nothing),
        lost=(is_lost & ~is_new).ifelse(focus, nothing),
        increased=rises.ifelse(focus - came.ifelse(fled, nothing), nothing),
        decreased=falls.ifelse(focus - went.ifelse(left, nothing), nothing),
        switched_from=came.ifelse(fled, nothing),
        switched_to=went.ifelse(left, nothing),
    )


def gain_loss_by(
    base: CustomerBase, span: Span, column: str = "category_0_name", minimum: int = 1
) -> pd.DataFrame | None:
    """Gains and losses of each level of a product column against all others, last period on the one before.

    Returns level, before, now, change, lower, upper and the `PARTS` (money; the parts sum to the change),
    largest change first. The interval (95 %) takes all buyers of both periods as the draw. None where
    products or the column are missing, or the data do not reach two periods back. Lines without a product or
    level count as "not known", levels of fewer than `minimum` customers as "others".
    """
    lines, products = base.transactions, base.tables.get("products")
    if products is not None and column not in TABLES["products"].names:
        check_name("unknown column", column, products.columns)
    if products is None or column not in products.columns or "product_id" not in lines.columns:
        return None
    middle = earlier_day(base.day, span)
    start = shift(middle, f"-{(base.day - middle).days}d")
    if start < shift(base.first_day, "-1d"):
        return None
    lines = lines.filter(lines.customer_id.notnull())
    lines = lines.left_join(products.select("product_id", level=products[column]), "product_id")
    day = lines.transaction_date.date()
    lines = lines.filter(day > ibis.literal(start), day <= ibis.literal(base.day))
    now = lines.transaction_date.date() > ibis.literal(middle)
    nothing = ibis.literal(0).cast(MONEY)
    lines = lines.select(
        "customer_id",
        level=lines.level.fill_null("not known"),
        before=now.ifelse(nothing, lines.unit_spend),
        now=now.ifelse(lines.unit_spend, nothing),
    )
    lines = shared(lines, "level", minimum)
    focus = lines.group_by("customer_id", "level").aggregate(
        focus_before=lines.before.sum().cast(MONEY), focus_now=lines.now.sum().cast(MONEY)
    )
    every = ibis.window(group_by=focus.customer_id)
    table = focus.mutate(
        other_before=(focus.focus_before.sum().over(every) - focus.focus_before).cast(MONEY),
        other_now=(focus.focus_now.sum().over(every) - focus.focus_now).cast(MONEY),
    )
    n = int(focus.customer_id.nunique().to_pyarrow().as_py())
    parts = gain_loss(table)
    moved = (parts.focus_now - parts.focus_before).cast("float64").round(2)
    sums = parts.group_by("level").aggregate(
        before=parts.focus_before.sum(),
        now=parts.focus_now.sum(),
        squares=(moved * moved).cast("decimal(38, 4)").sum(),
        **{name: parts[name].sum() for name in PARTS},
    )
    found = base.collect(sums.order_by("level"))
    change, squares = found["now"] - found["before"], found.pop("squares")
    half = Z95 * ((squares - change**2 / n).clip(lower=0) * n / max(n - 1, 1)) ** 0.5
    for place, (name, values) in enumerate(
        {"change": change, "lower": change - half, "upper": change + half}.items(), 3
    ):
        found.insert(place, name, values)
    order = found["change"].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order].reset_index(drop=True)
