"""Means and variances that no order of rows changes: sums of decimals, divided once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

_EXACT = "decimal(28, 9)"


def exact_mean(value: ir.NumericColumn) -> ir.FloatingScalar:
    """Mean to nine decimals; NULL without values."""
    return _total(value) / value.count().cast("float64").nullif(0.0)


def exact_variance(value: ir.NumericColumn) -> ir.FloatingScalar:
    """Variance of a sample; 0 for fewer than two values.

    The values must not be so large that their squares lose nine decimals: scores and shares are not.
    """
    n = value.count().cast("float64")
    square = value.cast("float64") * value.cast("float64")
    spread = _total(square) - _total(value) * _total(value) / n.nullif(0.0)
    return ibis.greatest(spread / (n - 1.0).nullif(0.0), ibis.literal(0.0))


def _total(value: ir.NumericColumn) -> ir.FloatingScalar:
    return value.cast("float64").round(9).cast(_EXACT).sum().cast("float64")
