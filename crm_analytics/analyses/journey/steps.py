"""Every step of every customer in one stable order, kept in the engine."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import ibis
import pandas as pd

from crm_analytics.analyses.journey.event_log import PURCHASE, STAGES, VISITOR, merged
from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables.object_cards import ObjectCard

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crm_analytics.tables.customer_base import CustomerBase

START, END, REST = "path_start", "path_end", "(other)"
IN_ORDER = ("person", "path", "at", "event", "source", "channel", "value", "position", "next_event")
COLUMNS = (*IN_ORDER, "stage", "session", "seconds_to_next")


@dataclass(frozen=True)
class Steps(ObjectCard):
    """Ordered steps of customers and visitors.

    Attributes
    ----------
    base : whose steps they are
    table : Ibis table, one row per step: person, path (the person, or person and session), position (1, 2,
        ... in the path), at, event, source (place in `SOURCES`), channel, stage, session (1, 2, ... of the
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
        """One row per path: path, person, length."""
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

    def segment(self, customers: ir.Table | pd.DataFrame | Sequence[str]) -> Self:
        """Only the paths of these customers (a table with customer_id, or a list of ids)."""
        wanted = self._people(customers)
        return replace(self, table=self.table.semi_join(wanted, self.table.person == wanted.customer_id))

    def only(self, events: Sequence[str]) -> Self:
        """Only the steps of these events, numbered anew."""
        for event in events:
            self.known(event)
        return replace(self, table=ordered(self.table.filter(self.table.event.isin(list(events)))))

    def sessions(self) -> Self:
        """Each session as a path of its own."""
        steps = self.table
        named = steps.person + ibis.literal(" #") + steps.session.cast("string")
        return replace(self, table=ordered(steps.mutate(path=named)))

    def folded(self, top: int) -> Self:
        """The same steps; all events but the `top` most frequent are called "(other)"."""
        if top < 1:
            raise ParameterError(f"top = {top}: at least one event keeps its name")
        keep = self.events()["event"].head(top).tolist()
        steps = self.table
        named = steps.event.isin(keep).ifelse(steps.event, ibis.literal(REST))
        return replace(self, table=ordered(steps.mutate(event=named)))

    def kept(self) -> Self:
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

    def _people(self, customers: Any) -> ir.Table:
        if isinstance(customers, (pd.DataFrame, list, tuple, set, frozenset, pd.Series)):
            ids = customers["customer_id"] if isinstance(customers, pd.DataFrame) else list(customers)
            customers = self.base.to_engine(pd.DataFrame({"customer_id": pd.Series(ids, dtype="str")}))
        if "customer_id" not in customers.columns:
            raise DataError("a segment needs the column customer_id")
        return customers.select("customer_id").distinct()


def steps_of(
    base: CustomerBase, sources: tuple[str, ...], session_minutes: float, stages: Mapping[str, str]
) -> ir.Table:
    """The steps of some sources: staged, in sessions and in order; the columns of `Steps.table`.

    The rows are put in order once, by texts; what else goes along the order takes the position.
    """
    rows = merged(base, sources)
    order = [rows["at"], rows.source, rows.tie.fill_null(""), rows.event, rows.channel.fill_null("")]
    each = ibis.window(group_by=rows.person, order_by=order)
    rows = rows.mutate(
        path=rows.person,
        position=ibis.row_number().over(each) + 1,
        before=rows["at"].lag().over(each),
        after=rows["at"].lead().over(each),
        next_event=rows.event.lead().over(each),
    )
    now = rows["at"].epoch_seconds()
    since = now - rows.before.epoch_seconds()
    rows = rows.mutate(begins=(since.isnull() | (since > session_minutes * 60)).cast("int64"))
    first_purchase = rows.position.min(where=rows.event == PURCHASE).over(group_by=rows.person)
    has_bought = (rows.position >= first_purchase).fill_null(False)
    stage = ibis.coalesce(rows.named_stage, has_bought.ifelse(STAGES[2], STAGES[0]))
    so_far = ibis.cumulative_window(group_by=rows.person, order_by=rows.position)
    return rows.select(
        *IN_ORDER,
        stage=rows.event.cases(*stages.items(), else_=stage) if stages else stage,
        session=rows.begins.sum().over(so_far),
        seconds_to_next=rows.after.epoch_seconds() - now,
    ).select(*COLUMNS)


def ordered(rows: ir.Table) -> ir.Table:
    """Number the steps of each path anew, in the order of `position`, and say what follows each."""
    each = ibis.window(group_by=rows.path, order_by=[rows.person, rows.session, rows.position])
    following = rows["at"].lead().over(each).epoch_seconds()
    return rows.mutate(
        position=ibis.row_number().over(each) + 1,
        next_event=rows.event.lead().over(each),
        seconds_to_next=following - rows["at"].epoch_seconds(),
    ).select(*COLUMNS)


def is_visitor(person: ir.StringValue) -> ir.BooleanValue:
    """Whether nobody has recognised whose path it is."""
    return person.startswith(VISITOR)
