"""What the partners report is made from, and when it takes its small form."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.analyses import partners
from crm_analytics.analyses.actions import Action
from crm_analytics.analyses.audiences import held_back
from crm_analytics.analyses.cell_suppression import HIDDEN
from crm_analytics.analyses.definitions import ACTIVE, AT_RISK
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.partners.overlap import SHARED, keys_of
from crm_analytics.errors import NotEnoughData, ParameterError
from crm_analytics.pages.sentences import Sentences
from crm_analytics.reports.shared.customer_lists import FOLDER
from crm_analytics.reports.shared.customer_names import called, pseudonyms_of
from crm_analytics.reports.shared.handed_in import HandedIn, handed_in
from crm_analytics.reports.shared.report import Report, attempt
from crm_analytics.reports.shared.small_form import SmallReport, too_small
from crm_analytics.reports.shared.spoken import catalogue
from crm_analytics.tables.export import write_csv

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

OURS, THEIRS = "partner_offer", "partner_offer_reverse"  # lists
CELL = "cell_"  # facts: the published numbers, by a digest of what they count


@dataclass(frozen=True, kw_only=True, eq=False)
class PartnerReport(Report):
    """Everything the sections show; without partners' records `matched` is None."""

    t: Sentences
    given: Measured
    k: int
    matched: partners.Matched | None
    counts: pd.DataFrame | None
    with_address: int
    alike: dict[str, partners.Likeness]
    alike_best: dict[str, partners.Likeness]
    offered: partners.Offers | None
    handed: HandedIn

    def number(self, partner: str, **where: str) -> float | None:
        """A published number of a partner; None where it is hidden."""
        assert self.counts is not None
        return partners.number(self.counts, partner, **where)

    @property
    def by_overlap(self) -> pd.DataFrame:
        """Partners with their records and those we share (NaN: hidden), most shared first, then by name."""
        assert self.matched is not None
        table = self.matched.partners.copy()
        for name, where in (("shared", {"known": SHARED}), ("records", {})):
            numbers = [self.number(str(p), **where) for p in table["partner_id"]]
            table[name] = pd.Series(numbers, index=table.index, dtype="float64")
        return table.sort_values(["shared", "partner_name"], ascending=[False, True], ignore_index=True)


def prepare(
    base: CustomerBase,
    *,
    least: int = 10,
    compare_to: str = "-13w",
    show_customers: bool = False,
    language: str = "en",
    run: str = "",
) -> PartnerReport | SmallReport:
    """Match the partners' records and count what may be counted.

    Parameters
    ----------
    least : no hidden count can be narrowed to fewer people than this
    compare_to : the period of the key figures, and which one it is held against
    language : of the page: "en" or "de"
    run : folder of the run that makes the page; empty outside a run
    """
    if small := too_small(base, show_customers, language=language):
        return small
    missing: dict[str, str] = {}
    handed = handed_in(run)
    secret = attempt(missing, "secret", partners.partner_secret, ParameterError)
    matched = attempt(missing, "partners", lambda: partners.match(base, secret, least))
    given = Measured(base, span=compare_to)
    counts, offered = None, None
    alike: dict[str, partners.Likeness] = {}
    alike_best: dict[str, partners.Likeness] = {}
    with_address = 0
    if matched is not None:
        counts = partners.overlap(base, matched, k=least, before=_before(handed))
        alike = _likeness(partners.like_partner, base, matched)
        alike_best = _likeness(partners.like_our_best, base, matched)
        offered = partners.offers(base, matched, given.standings, alike, alike_best, counts)
        with_address = _with_address(base)
    report = PartnerReport(
        base=base, show_customers=show_customers, missing=missing, language=language,
        t=catalogue(language, __file__, base.currency), given=given, k=least, matched=matched, counts=counts,
        with_address=with_address, alike=alike, alike_best=alike_best, offered=offered, handed=handed,
    )  # fmt: skip
    _write(report, run)
    return report


def _likeness(
    make: Callable[[CustomerBase, partners.Matched, str], partners.Likeness],
    base: CustomerBase,
    matched: partners.Matched,
) -> dict[str, partners.Likeness]:
    """By partner, where there are enough."""
    found = {}
    for partner in matched.partners["partner_id"]:
        with suppress(NotEnoughData):
            found[str(partner)] = make(base, matched, str(partner))
    return found


def _with_address(base: CustomerBase) -> int:
    """Customers who have a mail address or a phone number: those a partner can be asked about."""
    table = base.tables.get("customers")
    fields = [] if table is None else [n for n in ("email", "phone") if n in table.columns]
    if table is None or not fields:
        return 0
    has = table[fields[0]].notnull()
    for name in fields[1:]:
        has |= table[name].notnull()
    return int(table.filter(has).count().to_pyarrow().as_py())


def offer_action(report: PartnerReport) -> Action | None:
    """Offering partners' goods to those who may be asked; half is held back, for nobody has measured it."""
    if report.offered is None or report.offered.ours.empty:
        return None
    n = len(report.offered.ours)
    whom = {"standing": (ACTIVE, AT_RISK), "partner": ("not yet",)}
    return Action(OURS, "campaigns", "test", whom, n, OURS)


def ours_of(report: PartnerReport) -> pd.DataFrame:
    """The list `partner_offer` as it is written: customer, partner, known_there, likeness, standing, arm."""
    assert report.offered is not None
    assert report.matched is not None
    found = report.offered.ours
    names = report.matched.partners.set_index("partner_id")["partner_name"]
    who = called(report.base, found["customer_id"], report.show_customers)
    place = pseudonyms_of(found["customer_id"]).rank(method="first")
    return pd.DataFrame(
        {
            "customer": who,
            "partner": found["partner_id"].map(names),
            "known_there": found["known_there"],
            "likeness": found["likeness"].astype("float64").round(3),
            "standing": found["standing"],
            "arm": (place <= len(found) - held_back(len(found))).map({True: "contact", False: "hold back"}),
        }
    )


def _write(report: PartnerReport, folder: str) -> None:
    if not folder or report.offered is None:
        return
    place = Path(folder) / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    lists = {OURS: ours_of(report), THEIRS: report.offered.theirs}
    for name, rows in lists.items():
        if len(rows):
            write_csv(rows, place / f"{name}.csv")
            rows.to_parquet(place / f"{name}.parquet", index=False)


def facts_of(counts: pd.DataFrame) -> dict[str, float | str]:
    """The published numbers as facts, by which the next run knows what was published before it."""
    keys, hidden = keys_of(counts), counts["state"] == HIDDEN
    values = zip(keys, hidden, counts["value"], strict=True)
    return {CELL + key: HIDDEN if is_hidden else float(value) for key, is_hidden, value in values}


def _before(handed: HandedIn) -> dict[str, float | None]:
    """What the last run of this report published."""
    facts = next((dict(one.get("facts") or {}) for one in handed.previous[:1]), {})
    cells = {str(name): value for name, value in facts.items() if str(name).startswith(CELL)}
    return {
        name.removeprefix(CELL): None if value == HIDDEN else float(value) for name, value in cells.items()
    }
