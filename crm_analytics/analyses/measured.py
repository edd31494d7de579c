"""What key figures, groups and actions of a base are made from, counted once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from crm_analytics.analyses.comparison import YEAR, Comparison, compare_periods
from crm_analytics.analyses.definitions import ACTIVE, Definitions, definitions, standings
from crm_analytics.analyses.identity.who_is_who import WhoIsWho, who_is_who

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.value_to_come import ValueToCome
    from crm_analytics.tables.customer_base import CustomerBase

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Measured:
    """What key figures are made from: a base at its day, the length of a period, and the shared forecast.

    Parameters
    ----------
    span : length of the last period, "-13w"
    outlook : of the base; None where there is none, and `no_outlook` says why
    margin : share of revenue left after the cost of goods; None where it is not known
    """

    base: CustomerBase
    span: str = "-13w"
    outlook: ValueToCome | None = None
    no_outlook: str = ""
    margin: float | None = None
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    def over(self, span: str) -> Measured:
        """The same base and forecast, over periods of another length; what was made for these stays here."""
        return replace(self, span=span, _made={})

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What several figures of a wing are made from: computed for the first, kept for the others.

        Parameters
        ----------
        name : of the thing, its wing before a dot
        """
        if name not in self._made:
            self._made[name] = make()
        found: Made = self._made[name]
        return found

    @cached_property
    def who_is_who(self) -> WhoIsWho | None:
        """Which records are one customer; None where there is no table of customers."""
        if "customers" not in self.base.snapshot.tables:
            return None
        return who_is_who(self.base)

    @cached_property
    def definitions(self) -> Definitions:
        """The words of the base."""
        return definitions(self.base)

    @cached_property
    def standings(self) -> ir.Table:
        """Each buyer's silence and standing."""
        return self.base.materialise(standings(self.base, self.definitions))

    @cached_property
    def standing_counts(self) -> Mapping[str, int]:
        """Buyers by standing."""
        table = self.standings
        rows = table.group_by("standing").aggregate(n=table.count()).to_pyarrow().to_pylist()
        return MappingProxyType({row["standing"]: int(row["n"]) for row in rows})

    @cached_property
    def active_a_year_ago(self) -> tuple[int, int] | None:
        """Active customers a year ago by the words of today, and all who had bought by then."""
        day = self.base.day - timedelta(days=YEAR)
        if day < self.base.first_day or self.definitions.at_risk_days is None:
            return None
        table = standings(self.base.as_of(day), self.definitions)
        row = table.aggregate(
            active=(table.standing == ACTIVE).sum(), people=table.count()
        ).to_pyarrow().to_pylist()[0]  # fmt: skip
        return (int(row["active"] or 0), int(row["people"])) if row["people"] else None

    @cached_property
    def value_by_standing(self) -> pd.DataFrame:
        """What buyers of each standing will bring; empty without a forecast."""
        if self.outlook is None:
            return pd.DataFrame(columns=["segment", "customers", "value", "lower", "upper"])
        return self.outlook.of_groups(self.standings.select("customer_id", segment=self.standings.standing))

    @cached_property
    def previous(self) -> Comparison | None:
        """The last period against the one before."""
        return compare_periods(self.base, self.span)

    @cached_property
    def year(self) -> Comparison | None:
        """The last period against the same weeks a year ago."""
        return compare_periods(self.base, self.span, YEAR)

    @cached_property
    def buyers(self) -> tuple[int, int]:
        """Customers who bought, and how many of them bought again."""
        history = self.base.purchase_history
        row = history.aggregate(
            people=(history.order_count > 0).sum(), again=(history.order_count > 1).sum()
        ).to_pyarrow().to_pylist()[0]  # fmt: skip
        return int(row["people"] or 0), int(row["again"] or 0)
