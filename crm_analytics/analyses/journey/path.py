"""`journey`: every step of every customer in one stable order, kept in the engine."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from crm_analytics.analyses.journey.merging import PURCHASE, SOURCES, STAGES, VISITOR, merged
from crm_analytics.errors import DataError, NotEnoughData, ParameterError, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.analyses.journey.conformance import Conformance
    from crm_analytics.analyses.journey.differences import Difference
    from crm_analytics.tables.customer_base import CustomerBase

START, END, REST = "path_start", "path_end", "(other)"


@dataclass(frozen=True)
class Journey:
    """Ordered steps of customers and visitors.

    Attributes
    ----------
    base : whose steps they are
    table : Ibis table, one row a step: person, path (the person, or person and session), position (1, 2, ...
        in the path), at, event, source (place in `SOURCES`), channel, stage, session (1, 2, ... of the
        person), value (money of a purchase), next_event (NULL at the end), seconds_to_next
    sources : the tables it was made from
    session_minutes : silence that begins a new session

    Notes
    -----
    Order: time, then source (as in `SOURCES`), then the source's row id, then the event's name, then its
    channel. Steps of visitors nobody has recognised have ``person = "visitor <id>"``.
    """

    base: CustomerBase
    table: ir.Table = field(repr=False)
    sources: tuple[str, ...]
    session_minutes: float

    @property
    def paths(self) -> ir.Table:
        """One row a path: path, person, length."""
        return self.table.group_by("path", "person").aggregate(length=self.table.count())

    def count(self) -> int:
        """Number of paths."""
        return int(self.events()["of"].iloc[0]) if len(self.events()) else 0

    def events(self) -> pd.DataFrame:
        """Events by frequency: event, steps, paths, of (all paths), share."""
        return self._events.copy()

    @functools.cached_property
    def _events(self) -> pd.DataFrame:  # asked for by every view that is given the name of an event
        steps = self.table
        found = steps.group_by("event").aggregate(steps=steps.count(), paths=steps.path.nunique())
        frame = self.base.collect(found).sort_values(["steps", "event"], ascending=[False, True])
        frame["of"] = int(steps.filter(steps.position == 1).count().to_pyarrow().as_py())
        frame["share"] = frame["paths"] / frame["of"]
        return frame.reset_index(drop=True)

    def segment(self, customers: ir.Table | pd.DataFrame | Sequence[str]) -> Journey:
        """Only the paths of these customers (a table with customer_id, or a list of ids)."""
        wanted = self._people(customers)
        return replace(self, table=self.table.semi_join(wanted, self.table.person == wanted.customer_id))

    def only(self, events: Sequence[str]) -> Journey:
        """Only the steps of these events, numbered anew."""
        for event in events:
            self.known(event)
        return replace(self, table=ordered(self.table.filter(self.table.event.isin(list(events)))))

    def sessions(self) -> Journey:
        """Each session as a path of its own."""
        steps = self.table
        named = steps.person + ibis.literal(" #") + steps.session.cast("string")
        return replace(self, table=ordered(steps.mutate(path=named)))

    def folded(self, top: int) -> Journey:
        """The same steps; all events but the `top` most frequent are called "(other)"."""
        if top < 1:
            raise ParameterError(f"top = {top}: at least one event keeps its name")
        keep = self.events()["event"].head(top).tolist()
        steps = self.table
        named = steps.event.isin(keep).ifelse(steps.event, ibis.literal(REST))
        return replace(self, table=ordered(steps.mutate(event=named)))

    def kept(self) -> Journey:
        """The same, computed once and kept in the engine."""
        return replace(self, table=self.base.materialise(self.table))

    def known(self, event: str) -> str:
        """The event, if there is one of this name.

        Raises
        ------
        ParameterError : there is none
        """
        names = self.events()["event"].tolist()
        if event not in names:
            raise ParameterError(f"no step is called '{event}'{nearest(event, names)}")
        return event

    # -- views: each is a module of its own --------------------------------------------------------

    def transitions(self, weight: str | None = None) -> pd.DataFrame:
        """What follows what; see `steps_between.transitions`."""
        from crm_analytics.analyses.journey.steps_between import transitions

        return transitions(self, weight)

    def funnel(self, steps: Sequence[str | Sequence[str]], within: float | None = None) -> pd.DataFrame:
        """How many paths reach each step in order; see `funnels.funnel`."""
        from crm_analytics.analyses.journey.funnels import funnel

        return funnel(self, steps, within)

    def steps(self, around: str | None = None, before: int = 3, after: int = 10) -> pd.DataFrame:
        """Share of paths at each event, step by step; see `step_matrix.step_matrix`."""
        from crm_analytics.analyses.journey.step_matrix import step_matrix

        return step_matrix(self, around, before, after)

    def variants(self, length: int = 6) -> pd.DataFrame:
        """Distinct beginnings of paths; see `step_matrix.variants`."""
        from crm_analytics.analyses.journey.step_matrix import variants

        return variants(self, length)

    def matches(self, pattern: str) -> ir.Table:
        """Which paths hold a pattern such as ``a->.*->[b|c]``; see `patterns.matches`."""
        from crm_analytics.analyses.journey.patterns import matches

        return matches(self, pattern)

    def metrics(self, events: Sequence[str] = ()) -> ir.Table:
        """One row a path: length, duration, active days and more; see `metrics.metrics`."""
        from crm_analytics.analyses.journey.metrics import metrics

        return metrics(self, events)

    def difference(self, a: Any, b: Any) -> Difference:
        """Two segments to compare in any view; see `differences.difference`."""
        from crm_analytics.analyses.journey.differences import difference

        return difference(self, a, b)

    def conformance(self, expected: Sequence[str]) -> Conformance:
        """Actual paths against an expected one; see `conformance.conformance`."""
        from crm_analytics.analyses.journey.conformance import conformance

        return conformance(self, expected)

    def _people(self, customers: Any) -> ir.Table:
        if isinstance(customers, (pd.DataFrame, list, tuple, set, frozenset, pd.Series)):
            ids = customers["customer_id"] if isinstance(customers, pd.DataFrame) else list(customers)
            customers = self.base.to_engine(pd.DataFrame({"customer_id": pd.Series(ids, dtype="str")}))
        if "customer_id" not in customers.columns:
            raise DataError("a segment needs the column customer_id")
        return customers.select("customer_id").distinct()


def journey(
    base: CustomerBase,
    sources: Sequence[str] | None = None,
    session_minutes: float = 30,
    stages: Mapping[str, str] | None = None,
) -> Journey:
    """The steps of every customer and visitor of a base, in order.

    Parameters
    ----------
    sources : of `SOURCES`; by default all that the base has
    session_minutes : a silence longer than this begins a new session, minutes > 0
    stages : event -> stage, before any other rule. Else: the event's own stage; a purchase is "purchase";
        anything else is "pre_purchase" before the first purchase and "post_purchase" after it

    Raises
    ------
    DataError : a source is not in the base
    NotEnoughData : there is not one step
    ParameterError : an unknown source, or a silence that is not positive

    Notes
    -----
    A purchase that the events mark as ``is_conversion`` and the transactions hold too (same customer, same
    day) is one step, called "Order Completed", at its tracked time. Steps at equal times are ordered by
    source, then row id, then name, then channel.

    >>> from crm_analytics import CustomerBase
    >>> base = CustomerBase.open({
    ...     "transactions": pd.DataFrame({"customer_id": ["a"], "unit_spend": [9.0],
    ...         "transaction_date": ["2026-01-05 10:00"]}),
    ...     "events": pd.DataFrame({"customer_id": ["a", "a"], "event": ["Visit", "Cart"],
    ...         "channel": ["web", "web"], "timestamp": ["2026-01-05 09:00", "2026-01-05 09:50"]})},
    ...     today="2026-02-01")
    >>> journey(base).table.order_by("position").execute()[["event", "session", "stage"]].values.tolist()
    [['Visit', 1, 'pre_purchase'], ['Cart', 2, 'pre_purchase'], ['Order Completed', 2, 'purchase']]
    """
    if not session_minutes > 0:
        raise ParameterError(f"session_minutes = {session_minutes}: it must be above 0")
    have = tuple(name for name in SOURCES if name in base.snapshot.tables)
    for name in sources or ():
        if name not in SOURCES:
            raise ParameterError(f"no source '{name}'{nearest(name, SOURCES)}; known: {', '.join(SOURCES)}")
        base.require({name: ()})
    chosen = tuple(name for name in have if sources is None or name in sources)
    rows = _staged(merged(base, chosen), dict(stages or {}))
    table = base.materialise(ordered(_in_sessions(rows, session_minutes * 60)))
    made = Journey(base, table, chosen, float(session_minutes))
    if made.count() == 0:
        raise NotEnoughData("A journey", 0, 1, "steps")
    return made


def _staged(rows: ir.Table, stages: dict[str, str]) -> ir.Table:
    before = ibis.window(group_by=rows.person, order_by=_order(rows), preceding=None, following=0)
    has_bought = (rows.event == PURCHASE).cast("int8").max().over(before) > 0
    rows = rows.mutate(stage=ibis.coalesce(rows.named_stage, has_bought.ifelse(STAGES[2], STAGES[0])))
    if not stages:
        return rows
    return rows.mutate(stage=rows.event.cases(*stages.items(), else_=rows.stage))


def _order(rows: ir.Table) -> list[ir.Value]:
    return [rows["at"], rows.source, rows.tie.fill_null(""), rows.event, rows.channel.fill_null("")]


def _in_sessions(rows: ir.Table, silence: float) -> ir.Table:
    each = ibis.window(group_by=rows.person, order_by=_order(rows))
    since = rows["at"].epoch_seconds() - rows["at"].lag().over(each).epoch_seconds()
    rows = rows.mutate(begins=(since.isnull() | (since > silence)).cast("int64"))
    running = ibis.window(group_by=rows.person, order_by=_order(rows), preceding=None, following=0)
    place = ibis.row_number().over(ibis.window(group_by=rows.person, order_by=_order(rows)))
    return rows.mutate(session=rows.begins.sum().over(running), position=place + 1, path=rows.person)


def ordered(rows: ir.Table) -> ir.Table:
    """Number the steps of each path anew, in the order of `position`, and say what follows each."""
    each = ibis.window(group_by=rows.path, order_by=[rows.person, rows.session, rows.position])
    following = rows["at"].lead().over(each).epoch_seconds()
    return rows.select(
        "person",
        "path",
        "at",
        "event",
        "source",
        "channel",
        "stage",
        "session",
        "value",
        position=ibis.row_number().over(each) + 1,
        next_event=rows.event.lead().over(each),
        seconds_to_next=following - rows["at"].epoch_seconds(),
    )


def is_visitor(person: ir.StringValue) -> ir.BooleanValue:
    """Whether nobody has recognised whose path it is."""
    return person.startswith(VISITOR)
