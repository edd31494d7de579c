"""The sign of a purchase line: a return is money back, whichever column says that it is one."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

RETURNED = "_returned"  # the line says return, and its amount does not: the sign was turned


def settle_signs(fields: dict[str, ir.Value]) -> tuple[dict[str, ir.Value], ir.BooleanValue | None]:
    """Amounts with the sign that a line's flag or quantity gives them.

    A return may be told by `is_return`, by a negative quantity, or by a negative amount; some exports write
    two of them, and then a negative quantity times a negative price is positive money. A line that any of
    them calls a return takes its amount off.

    Returns
    -------
    The fields, and which lines were turned (None where no column could say so).
    """
    spend = fields.get("unit_spend")
    back = []
    if spend is None:
        return fields, None
    if "is_return" in fields:
        back.append(fields["is_return"].fill_null(False))
    if "unit_quantity" in fields:
        back.append((fields["unit_quantity"] < 0).fill_null(False))
    if not back:
        return fields, None
    called = back[0] if len(back) == 1 else back[0] | back[1]
    turned = (called & (spend > 0)).fill_null(False)
    return {**fields, "unit_spend": turned.ifelse(-spend, spend).cast(spend.type())}, turned


def nothing_turned() -> ir.BooleanValue:
    """A column of False, where no line can contradict itself."""
    return ibis.literal(False)
