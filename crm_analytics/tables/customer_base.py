"""`CustomerBase`: the customers' tables as they were known at the end of one day."""

from __future__ import annotations

import datetime as clock
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_analytics.errors import DataError, ParameterError, in_words, nearest
from crm_analytics.tables import base_filter
from crm_analytics.tables import snapshot as snapshots
from crm_analytics.tables.account import MAX_REJECTED, WORTH_TELLING, Account, lost_sentence
from crm_analytics.tables.annotations import Annotation
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.customer_days import customer_history
from crm_analytics.tables.customer_ids import identified, without_customers
from crm_analytics.tables.cut import collect, count_lines, cut, keys_repeat
from crm_analytics.tables.days import Span, as_day, earlier_day
from crm_analytics.tables.findings import Finding
from crm_analytics.tables.identity_map import IdentityMap
from crm_analytics.tables.incremental import open_incrementally
from crm_analytics.tables.kept_results import Parts, remember
from crm_analytics.tables.named_sources import check_exists, find_source
from crm_analytics.tables.object_cards import ObjectCard
from crm_analytics.tables.redaction import holds_secret, without_secrets_of
from crm_analytics.tables.regular_files import check_regular
from crm_analytics.tables.rejects import drops_row
from crm_analytics.tables.row_store import RowStore
from crm_analytics.tables.snapshot import SNAPSHOT_FILE, Snapshot
from crm_analytics.tables.source_ref import SourceRef
from crm_analytics.tables.sources import open_source
from crm_analytics.tables.stored_lines import StoredLines
from crm_analytics.tables.survivorship import Survivorship, merge_records
from crm_analytics.tables.wrong_calls import Opened

if TYPE_CHECKING:
    from crm_analytics.tables.warehouse_target import Target

Made = TypeVar("Made")


@dataclass(frozen=True)
class CustomerBase(ObjectCard, metaclass=Opened):
    """Who bought what and when, as known at the end of `day`.

    Open one with `CustomerBase.open`; cut it with `as_of` and `between`. Everything an analysis needs
    is an Ibis expression over one snapshot, so numbers of the same run always agree.

    Examples
    --------
    >>> import pandas as pd
    >>> base = CustomerBase.open(pd.DataFrame({
    ...     "customer_id": ["a", "a", "b"],
    ...     "transaction_date": ["2026-01-05", "2026-02-01", "2026-02-03"],
    ...     "unit_spend": [10.0, 20.0, 5.0]}), today="2026-03-01")
    >>> base.day.isoformat(), base.counts["customers"]
    ('2026-02-03', 2)
    >>> base.as_of("2026-01-31").counts["customers"]
    1
    """

    snapshot: Snapshot
    day: date
    first_day: date
    start: date | None = None  # with a start, only rows after its end: (start, day]
    newest_day: date | None = None  # the last day of the source; None: `day` is it
    conditions: base_filter.Conditions = ()  # of `filter`
    rules: Mapping[str, Any] = field(default_factory=dict)  # of `with_rules`

    said_as = "base"
    instead: ClassVar[Mapping[str, str]] = {
        "plot": "rfm.score(base).plot(): results have pictures",
        "to_frame": "base.collect(base.transactions)",
        "cut": "base.as_of(day) or base.between(start, end)",
        "fit": "btyd.BetaGeo.fit(btyd.summarize(base, unit='W')): models are fitted, a base is not",
    }

    # -- opening -------------------------------------------------------------------------------

    def __new__(cls, *given: Any, **_named: Any) -> CustomerBase:
        """A base is opened: what a source would be given for is told so."""
        if given and not isinstance(given[0], Snapshot):
            raise ParameterError(f"write {cls.__name__}.open(source), not {cls.__name__}(source)")
        return super().__new__(cls)

    def frame_names(self) -> list[str]:
        """The tables that most ask for."""
        return ["transactions", "customers", "purchase_history"]

    @classmethod
    def open(
        cls,
        source: Any,
        *,
        mapping: str | Path | Mapping[str, Any] | None = None,
        today: str | date | None = None,
        max_rejected: float = MAX_REJECTED,
        pushdown: bool = False,
        store: RowStore | None = None,
    ) -> CustomerBase:
        """Open a source, check it against the contract, and keep what passes.

        Parameters
        ----------
        source : a file (.csv, .tsv, .parquet, .json, .jsonl, .xlsx, also as .gz or .zip; a DuckDB or SQLite
            file, opened read-only), a folder of files, the name of a ``[source.NAME]`` in `crm.toml` or
            of a folder in the project's `data/` ("cdnow"), a URL, an environment variable that holds one
            ("$DATABASE_URL"), an Ibis connection, a Spark session, a frame of transactions (pandas, polars,
            pyarrow, DuckDB, Ibis, Spark), or a dict of frames by table name
        mapping : `mapping.toml` or a dict; default the one beside the data. Says which file is which
            table and which column is which field
        today : rows after this day are rejected as future; default the system's day
        max_rejected : share of broken rows of a table above which opening fails, 0..1
        pushdown : leave the rows of a connection in its own engine. DuckDB and Spark always do; the rows of
            other engines are pulled into DuckDB unless asked, for not every analysis runs in every engine

        store : where accepted purchase lines are kept from one opening to the next, by file: of a source of
            several files only what is new or changed is read. The base is the same as without it

        Returns
        -------
        The base at the last day in the data. Broken rows are in `rejected`.

        Raises
        ------
        DataError : nothing usable is there; the message says what, where and the next step.
        """
        try:
            return cls._opened(source, mapping, today, max_rejected, pushdown, store)
        except Exception as error:
            text = source.text if isinstance(source, SourceRef) else str(source)
            if not isinstance(source, (str, SourceRef)) or not holds_secret(text):
                raise
            # A library may repeat a piece of the password, in words that no pattern knows.
            known = in_words(error)
            raise type(known)(without_secrets_of(str(known), text)) from None

    @classmethod
    def _opened(  # noqa: PLR0917
        cls, source: Any, mapping: Any, today: str | date | None, max_rejected: float, pushdown: bool,
        store: RowStore | None,
    ) -> CustomerBase:  # fmt: skip
        if isinstance(source, (str, Path, SourceRef)):
            found = find_source(source)
            check_exists(found.ref)
            source, folder = found.ref, found.ref.path
            if folder is not None:
                check_regular(folder)
            if folder is not None and (folder / SNAPSHOT_FILE).is_file():
                saved = cls._saved(snapshots.read(folder))
                if today is not None and saved.day > as_day(today, "today"):
                    raise DataError(f"{folder.name}/ is a snapshot of {saved.day}, which lies in the future")
                return saved
            mapping = found.mapping if mapping is None else mapping
        limit = clock.date.today() if today is None else as_day(today, "today")
        if store is not None and isinstance(source, SourceRef):
            return cls._whole(open_incrementally(source, mapping, limit, max_rejected, store))
        opened = open_source(source, mapping, pushdown=pushdown)
        return cls._whole(snapshots.take(opened, limit, max_rejected))

    @classmethod
    def _whole(cls, snapshot: Snapshot) -> CustomerBase:
        lines, stored = snapshot.tables["transactions"], snapshot.stored
        if stored is not None and stored.span is not None and stored.lines is lines:
            first, last = map(date.fromisoformat, stored.span)
            return cls(snapshot, last, first)
        dates = lines.transaction_date
        ends = lines.aggregate(first=dates.min().date(), last=dates.max().date())
        row = ends.to_pyarrow().to_pylist()[0]
        return cls(snapshot, row["last"], row["first"])

    @classmethod
    def _saved(cls, snapshot: Snapshot) -> CustomerBase:
        day, first, start = (snapshot.saved.get(k) for k in ("day", "first_day", "start"))
        begin = date.fromisoformat(start) if start else None
        made = cls(
            snapshot, date.fromisoformat(str(day)), date.fromisoformat(str(first)), begin,
            conditions=base_filter.read_conditions(snapshot.saved.get("where") or ()),
            rules=dict(snapshot.saved.get("rules") or {}),
        )  # fmt: skip
        last = snapshot.tables["transactions"].transaction_date.max().date().to_pyarrow().as_py()
        if last is not None and last > made.day:
            raise DataError(
                f"the snapshot says that it ends on {made.day}, and has rows of {last}: make it again"
            )
        return made

    # -- the day -------------------------------------------------------------------------------

    def as_of(self, day: str | date) -> CustomerBase:
        """The base as it was known at the end of `day`; an empty text means its own last day.

        Later rows are invisible, and so are later facts in earlier rows (a ticket's solution, a
        cancellation): they are empty until the time in the column that tells when they were known.

        Raises
        ------
        DataError : `day` lies before the first or after the last day of the base.
        """
        return self if day == "" else self._cut_at(self._inside(as_day(day, "as_of")), self.start)

    def between(self, start: str | date, end: str | date) -> CustomerBase:
        """Rows after the end of `start` up to the end of `end`: ``(start, end]``.

        ``as_of(a)`` and ``between(a, b)`` together hold the rows of ``as_of(b)``.
        """
        first, last = as_day(start, "start"), self._inside(as_day(end, "end"))
        if first >= last:
            raise ParameterError(f"between: the start {first} must lie before the end {last}")
        return self._cut_at(last, first if self.start is None else max(first, self.start))

    def earlier(self, span: Span) -> CustomerBase | None:
        """The base a span before its day (``"-13w"``), or None where the data do not reach back so far.

        >>> import pandas as pd
        >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "b"], "unit_spend": [1, 2],
        ...     "transaction_date": ["2026-01-05", "2026-06-01"]}), today="2026-07-01")
        >>> base.earlier("-13w").day.isoformat(), base.earlier("-2y")
        ('2026-03-02', None)
        """
        day = earlier_day(self.day, span)
        return self.as_of(day) if self.first_day <= day < self.day else None

    def _cut_at(self, day: date, start: date | None) -> CustomerBase:
        newest = self.newest_day or self.day
        return replace(self, day=day, start=start, newest_day=None if day == newest else newest)

    def _inside(self, day: date) -> date:
        begin = self.first_day if self.start is None else self.start + timedelta(days=1)
        if not begin <= day <= self.day:
            raise DataError(
                f"the day {day} lies outside the data: they run from {begin} to {self.day}. "
                "Choose a day in between, or bring newer data"
            )
        return day

    # -- the filter ----------------------------------------------------------------------------

    def filter(
        self, where: Mapping[str, Any] | None = None, *, current_state: bool = False, **columns: Any
    ) -> CustomerBase:
        """The base of some customers or of some purchases: everything made from it sees only these.

        A column of `customers` keeps the customers who fit, with all their rows in every table. A column of
        `transactions`, or of the products bought (`brand`, `category`), keeps the lines that fit, and the
        customers who bought one of them up to the day. An unknown value fits nothing. Purchases of nobody
        stay under conditions on lines alone; events of nobody stay where the same device is a customer's.
        `products`, `campaigns` and `channel_spend` stay whole. Day and first day stay those of the source,
        for what nobody bought is known, too. ``base.filter(...).as_of(day)`` is
        ``base.as_of(day).filter(...)``.

        Parameters
        ----------
        where : as `columns`, for names with their table: ``{"transactions.channel": "web"}``
        current_state : accept columns that hold only the state of today (a loyalty tier)
        columns : a value, a list of which one must fit, or a span as text: ``"5..20"``, ``"2025-01-01.."``

        Raises
        ------
        ParameterError : a column is unknown or names one person; a value that nobody has, with the nearest.
        DataError : the source does not have the column.

        Examples
        --------
        >>> lines = pd.DataFrame({"customer_id": ["a", "a", "b"], "unit_spend": [9.0, 5, 2],
        ...     "transaction_date": ["2026-01-05", "2026-01-07", "2026-01-09"],
        ...     "channel": ["web", "shop", "web"]})
        >>> people = pd.DataFrame({"customer_id": ["a", "b"], "country": ["DE", "FR"]})
        >>> base = CustomerBase.open({"transactions": lines, "customers": people}, today="2026-02-01")
        >>> base.filter(country="DE").counts["revenue"], base.filter(channel="web").counts["revenue"]
        (14.0, 11.0)
        >>> base.filter(country="DE", channel="web").filtered_by
        'country DE; channel web'
        """
        if where is not None and not isinstance(where, Mapping):
            raise ParameterError(
                f"filter takes columns by name, got {type(where).__name__}: base.filter(country='DE'), or "
                "base.filter({'transactions.channel': 'web'})"
            )
        have = {name: table.columns for name, table in self.snapshot.tables.items()}
        given = {**(where or {}), **columns}
        new = base_filter.conditions_of(given, have, current_state=current_state)
        base_filter.check_values(self._whole_past, new)
        made = replace(self, snapshot=_only_lines(self.snapshot, new), conditions=(*self.conditions, *new))
        if base_filter.is_empty(made._kept):
            raise ParameterError(f"filter: nobody fits all of it ({made.filtered_by})")
        return made

    def with_rules(
        self,
        *,
        segments: Iterable[Mapping[str, Any]] = (),
        stages: Iterable[Mapping[str, Any]] = (),
        targets: Iterable[Mapping[str, Any]] = (),
    ) -> CustomerBase:
        """The base with rules of segments and stages that stand in for the usual ones, wherever it goes.

        Parameters
        ----------
        segments, stages : in order, each with a name, `where` (figure -> range, column of customers -> value,
            values or span) and perhaps a `play`, as ``[[segment]]`` and ``[[stage]]`` of `crm.toml` say them
        targets : of key figures, each with `kpi`, `at_least` or `at_most` and perhaps `since`, a day, as
            ``[[target]]`` says them

        Examples
        --------
        >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a"], "unit_spend": [9.0],
        ...     "transaction_date": ["2026-01-05"]}), today="2026-02-01")
        >>> list(base.with_rules(segments=[{"name": "Big", "where": {"revenue": "1000.."}}]).rules)
        ['segments']
        """
        named = {"segments": segments, "stages": stages, "targets": targets}
        return replace(self, rules={k: [dict(one) for one in v] for k, v in named.items() if v})

    @property
    def filtered_by(self) -> str:
        """The filter in a few words; empty where there is none."""
        return base_filter.said(self.conditions)

    @functools.cached_property
    def _whole_past(self) -> Mapping[str, ir.Table]:
        """Tables up to the day, whatever the start, as the filter looks at them."""
        return self._cut_tables(None)

    @functools.cached_property
    def _kept(self) -> ir.Table:
        """customer_id of those who fit the filter by what is known on the day."""
        return self.materialise(base_filter.matching_customers(self._whole_past, self.conditions))

    # -- who is who ----------------------------------------------------------------------------

    def with_identities(self, identities: Any, survivorship: Survivorship | None = None) -> CustomerBase:
        """The base with the records of one customer merged, as an identity map says.

        Ids are replaced in every table, so spend, orders and whatever else hangs on them stay what they are;
        rows of `customers` become one by `survivorship`, after the base is cut, so that nothing of a later
        record is seen on an earlier day. A consent is the narrowest of all records.

        Parameters
        ----------
        identities : an `IdentityMap`, such as `analyses.identity.resolve` gives; a dict of record id to
            customer id; or a frame with record_id and customer_id. None takes the merging back
        survivorship : in place of the map's own rules

        Raises
        ------
        ParameterError : the map contradicts itself, or the base was saved after it was merged.

        Examples
        --------
        >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "b", "c"], "unit_spend": [9.0, 5, 2],
        ...     "transaction_date": ["2026-01-05", "2026-01-07", "2026-01-09"]}), today="2026-02-01")
        >>> one = base.with_identities({"a": "a", "b": "a"})
        >>> one.counts["customers"], one.counts["revenue"]
        (2, 16.0)
        """
        snapshot = self.snapshot
        if snapshot.identities is not None:
            if snapshot.unmerged is None:
                raise ParameterError("this base was saved after its records were merged: open the source")
            snapshot = snapshot.unmerged
        if identities is not None:
            snapshot = identified(snapshot, IdentityMap.of(identities, survivorship))
        return replace(self, snapshot=snapshot)

    def without_customers(self, ids: Iterable[str]) -> CustomerBase:
        """The base without some customers: what they bought is left as purchases of nobody, the rest goes.

        Examples
        --------
        >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "b"], "unit_spend": [9.0, 5],
        ...     "transaction_date": ["2026-01-05", "2026-01-07"]}), today="2026-02-01")
        >>> one = base.without_customers(["a"])
        >>> one.counts["customers"], one.counts["anonymous_spend"]
        (1, 9.0)
        """
        gone = list(ids)
        return replace(self, snapshot=without_customers(self.snapshot, gone)) if gone else self

    @property
    def identities(self) -> IdentityMap | None:
        """Which records were merged; None where nobody said."""
        return self.snapshot.identities

    @property
    def before_merging(self) -> CustomerBase | None:
        """Purchases and customers as they would be without the identity map; None where there is none."""
        snapshot = self.snapshot
        if snapshot.identities is None:
            return None
        if snapshot.unmerged is not None:
            return replace(self, snapshot=snapshot.unmerged)
        if snapshot.merged_lines is None:
            return None
        people = self.to_engine(snapshot.identities.shared[["customer_id"]].drop_duplicates().astype("str"))
        lines = snapshot.tables["transactions"]
        others = lines.anti_join(people, "customer_id").union(snapshot.merged_lines.select(*lines.columns))
        # Lines without a customer match nobody, so the join keeps them.
        tables = {"transactions": self.materialise(others)}
        if snapshot.records is not None:
            tables["customers"] = snapshot.records
        plain = replace(
            snapshot, tables=tables, identities=None, records=None, merged_lines=None, saved={}, kept_in=None
        )
        return replace(self, snapshot=plain)

    @property
    def records(self) -> ir.Table | None:
        """Rows of `customers` up to the day as the source has them, not merged; None without that table."""
        snapshot = self.snapshot
        if snapshot.records is not None:
            return snapshot.records
        if "customers" not in snapshot.tables:
            return None
        newest = self.newest_day is None
        found = cut(
            (snapshot.unmerged or snapshot).tables["customers"], TABLES["customers"], self.start, self.day,
            newest=newest,
        )  # fmt: skip
        if not self.conditions:
            return found
        known = self.known_ids
        own = known.loc[(known["since"] == "") & (known["until"] == ""), ["known_id"]].drop_duplicates()
        ids = self.to_engine(own)
        return found.semi_join(ids, found.customer_id == ids.known_id)

    @property
    def known_ids(self) -> pd.DataFrame:
        """Every id by which a customer is or was known: known_id, customer_id, since, until.

        A customer is known by the ids of all own records, and was known for a while (since to until, days as
        text, empty where open) by the id of whom the records were merged with then.
        """
        ids = self.collect(self.customers.select("customer_id").order_by("customer_id"))
        own = ids.assign(known_id=ids["customer_id"], since="", until="")
        known = self.snapshot.identities
        if known is None:
            return own[["known_id", "customer_id", "since", "until"]]
        merged = known.shared.rename(columns={"record_id": "known_id"}).assign(since="", until="")
        every = pd.concat([own, merged, known.known])[["known_id", "customer_id", "since", "until"]]
        if self.conditions:
            every = every[every["customer_id"].isin(ids["customer_id"])]
        return every.drop_duplicates().astype("str").reset_index(drop=True)

    # -- the tables ----------------------------------------------------------------------------

    @functools.cached_property
    def tables(self) -> Mapping[str, ir.Table]:
        """Every table of the source, cut at the day and by the filter."""
        found = self._cut_tables(self.start)
        if self.conditions:
            found = base_filter.only(found, self.conditions, self._kept)
        return MappingProxyType(found)

    def _cut_tables(self, start: date | None) -> dict[str, ir.Table]:
        newest = self.newest_day is None
        found = {
            name: cut(table, TABLES[name], start, self.day, newest=newest)
            for name, table in self.snapshot.tables.items()
        }
        if self._merges:
            found["customers"] = self._merged(found["customers"])
        return found

    @property
    def _merges(self) -> bool:
        """Whether rows of `customers` are still to be merged."""
        known = self.snapshot.identities
        return (
            known is not None
            and not self.snapshot.saved  # a saved base holds them merged
            and "customers" in self.snapshot.tables
            and not known.shared.empty
        )

    def _merged(self, rows: ir.Table) -> ir.Table:
        known = self.snapshot.identities
        assert known is not None
        people = self.snapshot.to_engine(known.shared)
        every = self.snapshot.tables["customers"]
        return self.materialise(merge_records(rows, every, people, known.survivorship))

    @property
    def transactions(self) -> ir.Table:
        """Purchase lines up to the day, with and without a customer."""
        return self.tables["transactions"]

    @property
    def customers(self) -> ir.Table:
        """One row per customer: the `customers` table, and whoever bought without being in it."""
        bought = self.customer_days.select("customer_id").distinct()
        if "customers" not in self.snapshot.tables:
            return bought
        listed = self.tables["customers"]
        unlisted = bought.anti_join(listed, "customer_id")
        empty = {c: ibis.null(t) for c, t in listed.schema().items() if c != "customer_id"}
        return listed.union(unlisted.mutate(**empty).select(*listed.columns))

    @functools.cached_property
    def customer_days(self) -> ir.Table:
        """One row per customer and day: spend (DECIMAL, net), invoice_count, is_occasion; return days too."""
        days = self.snapshot.customer_days
        visible = days.day <= ibis.literal(self.day)
        if self.start is not None:
            visible &= days.day > ibis.literal(self.start)
        seen = days.filter(visible)
        return seen.semi_join(self._kept, "customer_id") if self.conditions else seen

    @property
    def occasions(self) -> ir.Table:
        """Purchase occasions: customer_id, day, spend (float64, net of the day), invoice_count.

        An occasion is a customer-day with at least one line that is no return and a net spend of zero
        or more. Lines of a day merge; days worth nothing count, as in the published CDNOW figures.
        """
        days = self.exact_occasions
        return days.mutate(spend=days.spend.cast("float64"))

    @property
    def exact_occasions(self) -> ir.Table:
        """As `occasions`, with the spend as DECIMAL: for sums that no order of rows may change."""
        days = self.customer_days
        return days.filter(days.is_occasion).select("customer_id", "day", "spend", "invoice_count")

    @property
    def purchase_history(self) -> ir.Table:
        """One row for each customer who bought or returned anything up to the day.

        Columns: customer_id, first_day and last_day of purchase (NULL for customers who only returned),
        order_count (purchase occasions), invoice_count, revenue (DECIMAL, net of everything).
        """
        return self.customer_history.drop("spend", "first_spend")

    @property
    def customer_history(self) -> ir.Table:
        """`purchase_history` with the spend of the occasions alone, and of the first: spend, first_spend.

        Both are DECIMAL, and NULL for customers who only returned. Where customers were counted before, they
        are not counted again.
        """
        snapshot = self.snapshot
        whole = self.newest_day is None and self.start is None and not self.conditions
        kept = snapshot.customers if whole else None
        return customer_history(self.customer_days) if kept is None else kept

    @property
    def rejected(self) -> pd.DataFrame:
        """Rows set aside when the source was opened: table, row_number, column, rule."""
        return self.snapshot.rejected

    # -- what is known of it -------------------------------------------------------------------

    @property
    def label(self) -> str:
        """A name for people."""
        return self.snapshot.label

    @property
    def currency(self) -> str:
        """ISO code of the amounts' currency, empty when unknown."""
        return self.snapshot.currency

    @property
    def timezone(self) -> str:
        """On whose clock days are counted; empty where the data write no offset and the mapping no zone."""
        return self.snapshot.timezone

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """Dates that the mapping marks (`[[annotation]]`), as far as they lie in view."""
        return tuple(
            one
            for one in self.snapshot.annotations
            if one.day <= self.day and (self.start is None or one.day > self.start)
        )

    @property
    def accounts(self) -> Mapping[str, Account]:
        """By table, what became of the source's rows and money: kept, broken, merged, left out."""
        return self.snapshot.accounts

    @functools.cached_property
    def order_keys_repeat(self) -> bool:
        """Whether one transaction key stands on two days, or with two customers: receipts begin again."""
        return keys_repeat(self.transactions)

    @functools.cached_property
    def findings(self) -> list[Finding]:
        """What a reader of the numbers must know of the whole source, the serious first."""
        return self.snapshot.findings

    @property
    def cautions(self) -> tuple[str, ...]:
        """Sentences that stand before any number: what was lost of the rows and money, serious findings."""
        lost = [lost_sentence(a) + "." for a in self.accounts.values() if a.share >= WORTH_TELLING]
        return (*lost, *(f.sentence for f in self.findings if f.severity == "serious"))

    @property
    def show_customers(self) -> bool:
        """Whether the owner of the data lets names and ids stand on a page (`mapping.toml`)."""
        return self.snapshot.show_customers

    @functools.cached_property
    def counts(self) -> dict[str, Any]:
        """Rows, rejected rows, anonymous sales, customers, first and last day of the cut base."""
        return {**count_lines(self.transactions), "rejected": int(drops_row(self.rejected).sum())}

    @property
    def card_facts(self) -> Mapping[str, Any]:
        """What the base says of itself: what is in view, and what the check found."""
        counts = self.counts
        days = f"after {self.start}" if self.start else f"from {self.first_day}"
        findings = [f"{f.severity}: {f.sentence}" for f in self.findings]
        return {
            "label": self.label,
            "days": f"{days} to {self.day}",
            "lines": counts["rows"],
            "customers": counts["customers"],
            "currency": self.currency or None,
            "tables": ", ".join(self.snapshot.tables),
            "rejected": counts["rejected"] or None,
            "findings": len(findings) or None,
            **dict(zip(("first finding", "second finding", "third finding"), findings, strict=False)),
        }

    @functools.cached_property
    def data_hash(self) -> str:
        """64 hex characters of the rows in view; the order of rows does not matter."""
        saved = self.snapshot.saved
        if saved and self._facts == {k: saved.get(k) for k in self._facts}:
            return str(saved["data_hash"])
        stored = self._stored
        known = {"transactions": stored.total} if stored else None
        return snapshots.hash_of(self.tables, known, base_filter.said(self.conditions))

    @property
    def _stored(self) -> StoredLines | None:
        """Where the lines in view lie on disk; None where some of them are cut off, or were changed."""
        stored = self.snapshot.stored
        whole = self.newest_day is None and self.start is None and not self.snapshot.saved
        same = stored is not None and self.snapshot.tables["transactions"] is stored.lines
        return stored if whole and same and not self.conditions else None

    @property
    def _facts(self) -> dict[str, Any]:
        start = self.start.isoformat() if self.start else None
        where = {"where": [one.as_list() for one in self.conditions]} if self.conditions else {}
        rules = {"rules": dict(self.rules)} if self.rules else {}
        days = {"day": self.day.isoformat(), "first_day": self.first_day.isoformat(), "start": start}
        return {**days, **where, **rules}

    def require(self, needs: Mapping[str, tuple[str, ...]], *, current_state: bool = False) -> None:
        """Refuse with the missing tables and columns named.

        Parameters
        ----------
        needs : columns by table, as an analysis declares them
        current_state : accept columns that hold only the state of today (a loyalty tier, a consent); as
            features of the past they would tell the future, so they are refused

        Raises
        ------
        DataError : a table or column of `needs` is not in the source, or holds only the current state.
        """
        for table, columns in needs.items():
            if table not in self.snapshot.tables:
                raise DataError(f"this needs the table '{table}', which the source does not have")
            have = self.snapshot.tables[table].columns
            for column in columns:
                if column not in have:
                    raise DataError(f"this needs {table}.{column}{nearest(column, have)}")
                if TABLES[table][column].current_state and not current_state:
                    raise DataError(f"{table}.{column} holds only the current state, not that of {self.day}")

    # -- to and from the engine ------------------------------------------------------------------

    def materialise(self, expression: ir.Table) -> ir.Table:
        """Compute a table once and keep it in the engine as long as the base lives."""
        return self.snapshot.materialise(expression)

    def remember(
        self,
        key: tuple[Any, ...],
        make: Callable[[], Made],
        pack: Callable[[Made], Parts],
        unpack: Callable[[Parts], Made],
    ) -> Made:
        """A result that is computed once for all that look at the same data, as the reports of a night do.

        Parameters
        ----------
        key : the function and its arguments; the cut and the data are added
        make : computes the result
        pack : takes it apart into parts by name: Ibis tables, frames, bytes, or what JSON holds
        unpack : the opposite

        Returns
        -------
        The result. A base without a place to keep it (see `keeping`) computes it each time.

        >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a"], "unit_spend": [9.0],
        ...     "transaction_date": ["2026-01-05"]}), today="2026-02-01")
        >>> count = lambda: int(base.customer_days.count().execute())
        >>> base.remember(("days", 1), count, lambda days: {"days": days}, lambda parts: parts["days"])
        1
        """
        if self.snapshot.kept_in is None:
            return make()
        whole = (*key, *self._facts.values(), self.data_hash)
        connection = self.snapshot.connection
        return unpack(remember(self.snapshot.kept_in, connection, whole, lambda: pack(make())))

    def keeping(self, folder: Path | None) -> CustomerBase:
        """The same base, whose results are kept in a private folder for others with the same data.

        They must run the same code: a folder serves one night.
        """
        return replace(self, snapshot=replace(self.snapshot, kept_in=folder))

    def to_engine(self, frame: pd.DataFrame) -> ir.Table:
        """Bring a small frame into the engine; NaN and None become NULL."""
        return self.snapshot.to_engine(frame)

    def collect(self, expression: ir.Table) -> pd.DataFrame:
        """A small table as a pandas frame; DECIMAL becomes float64."""
        return collect(expression)

    def to_warehouse(
        self,
        table: str | Target,
        expression: ir.Table | pd.DataFrame,
        *,
        key: Iterable[str] = ("customer_id",),
        source: str = "",
        model_version: str = "",
        gone: Iterable[str] = (),
    ) -> int:
        """Write rows to a warehouse or a file: one set of rows for each day, source and filter.

        Each row gets as_of, source, filtered_by, model_version and data_hash. The set is replaced in one
        transaction, so writing it again changes nothing; sets of other days stay. Nothing passes through
        Python row by row but what SQLite is given.

        Parameters
        ----------
        table : ``scores.parquet``, ``shop.duckdb::scores``, ``shop.sqlite::scores``,
            ``postgres://...::marts.scores``, ``$DATABASE_URL::scores``
        expression : of this base's engine, or a pandas frame
        key : columns that tell its rows apart
        source : what the rows say they are from; default the label of the data
        model_version : default the version of this package
        gone : customers whose rows of all days go

        Returns
        -------
        How many rows were written.

        Raises
        ------
        ParameterError : the place is none that rows can go to, or a column has a name that is taken.
        PublishError : it cannot be written, or has other columns; nothing is changed then.

        Examples
        --------
        >>> import tempfile
        >>> base = CustomerBase.open(pd.DataFrame({"customer_id": ["a", "b"], "unit_spend": [9.0, 5],
        ...     "transaction_date": ["2026-01-05", "2026-01-07"]}), today="2026-02-01")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     base.to_warehouse(f"{folder}/history.parquet", base.purchase_history)
        2
        """
        from crm_analytics.tables.warehouse import Stamp, write_table
        from crm_analytics.tables.warehouse_target import Target, target_of

        if isinstance(expression, pd.DataFrame):
            expression = self.to_engine(expression)
        elif not hasattr(expression, "schema"):
            raise ParameterError(
                f"to_warehouse takes an Ibis table or a pandas frame, got {type(expression).__name__}: write "
                "base.to_warehouse(table, scores.customers)"
            )
        version = model_version or f"crm-analytics {metadata.version('crm-analytics')}"
        stamp = Stamp(self.day, source or self.label, self.filtered_by, version, self.data_hash)
        target = table if isinstance(table, Target) else target_of(table)
        rows = self.snapshot.connection
        return write_table(rows, target, expression, stamp, key=tuple(key), gone=tuple(gone))

    def save(self, folder: str | Path) -> Path:
        """Write the base as cut, to be opened again without checking: Parquet and `snapshot.json`."""
        target = Path(folder)
        facts = {**self._facts, "data_hash": self.data_hash}
        records = self.records if self.identities is not None else None
        snapshots.write(target, self.snapshot, self.tables, facts, records, self._stored)
        return target


def _only_lines(snapshot: Snapshot, conditions: base_filter.Conditions) -> Snapshot:
    """The snapshot with the purchase lines that fit: whether a line fits changes on no day."""
    if not base_filter.of_lines(conditions):
        return snapshot
    lines = snapshot.materialise(base_filter.matching_lines(snapshot.tables, conditions))
    before = None if snapshot.unmerged is None else _only_lines(snapshot.unmerged, conditions)
    return replace(snapshot, tables={**snapshot.tables, "transactions": lines}, unmerged=before)
