"""Key figures as rows: one for each figure of the base at its day, refused ones with their reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.analyses.kpi import Kpi
from crm_analytics.analyses.kpis import OF_THE_BASE, check_names, measure, targets_of
from crm_analytics.analyses.margin import margin_share
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.value_to_come import value_to_come
from crm_analytics.errors import DataError, NotEnoughData

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

DEFAULT = tuple(make.__name__ for make in OF_THE_BASE)
NUMBERS = (
    "value", "lower", "upper", "previous", "year_ago", "change", "change_lower", "change_upper", "at_least",
    "at_most",
)  # fmt: skip
TEXTS = ("kpi", "unit", "direction", "period", "met", "refusal", "explained_in")


def kpi_rows(
    base: CustomerBase, names: Iterable[str] = DEFAULT, *, span: str = "-13w", given: Measured | None = None
) -> pd.DataFrame:
    """Key figures of a base.

    Parameters
    ----------
    names : of `analyses.kpis.REGISTRY`; default those of every base
    span : length of the last period
    given : what the figures are made from, where it is made already

    Returns
    -------
    kpi, unit, direction, period, value, n, lower, upper, previous, year_ago, change (against the period
    before), change_lower, change_upper, at_least or at_most (the target of `base.with_rules`), met
    ("reached", "missed", "open" where the interval holds values on both sides, "unknown" where there is no
    value; empty without a target), refusal, explained_in

    Raises
    ------
    ParameterError : no such figure.
    """
    wanted = tuple(names)
    check_names(wanted)
    measured = given or measured_of(base, span)
    return pd.DataFrame([_row(measured, name) for name in wanted]).astype(
        {**dict.fromkeys(NUMBERS, "float64"), **dict.fromkeys(TEXTS, "str"), "n": "int64"}
    )


def measured_of(base: CustomerBase, span: str = "-13w") -> Measured:
    """What key figures are made from, with the forecast where the data allow one."""
    try:
        outlook, why = value_to_come(base), ""
    except NotEnoughData as error:
        outlook, why = None, str(error)
    return Measured(base, span, outlook, why, margin_share(base))


def _row(given: Measured, name: str) -> dict[str, Any]:
    try:
        found = measure(given, [name])[name]
    except DataError as error:  # a wing whose tables are not there
        target = targets_of(given.base).get(name)
        found = Kpi(name, "", "", None, 0, period="", refusal=str(error), target=target)
    change = found.against_previous
    return {
        "kpi": found.id, "unit": found.unit, "direction": found.direction, "period": found.period,
        "value": found.value, "n": found.n, "lower": found.lower, "upper": found.upper,
        "previous": found.previous, "year_ago": found.year_ago,
        "change": change.change if change else None, "change_lower": change.lower if change else None,
        "change_upper": change.upper if change else None,
        "at_least": found.at_least, "at_most": found.at_most, "met": found.met or "",
        "refusal": found.refusal, "explained_in": found.explained_in,
    }  # fmt: skip
