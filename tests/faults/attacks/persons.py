"""Persons on pages: free text, first rows, neighbours in a folder, the difference of two nights."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses.attribution.self_reported import heard_from
from crm_analytics.analyses.disclosure import ON_A_PAGE, settled_days, withheld
from crm_analytics.analyses.journey import journey
from crm_analytics.analyses.journey.emotion import pain_points
from crm_analytics.analyses.profiling.demography import habits_by_demography
from crm_analytics.analyses.profiling.favourites import favourites
from crm_analytics.errors import CrmError
from crm_analytics.reports.profiles.report import _settled_habits
from crm_analytics.tables.headers import the_source_has
from tests.faults.attacks import Tries, attack, crm, files_with, project

ROWS = [
    "Ann Vogel,3 Jan 2026,€12.50",
    "Ann Vogel;EUR 12,50;gold",
    "Ann Vogel,January the third,twelve",
    "Vogel|Bonn|premium",
    "+49 (170) 5550199,Ann Vogel,yes",
    '{"name": "Ann Vogel", "spend": 5}',
    "[Ann Vogel],a,b",
    "Ann Vogel,2026W04,12",
    "Ann Price,Bonn,email",
    "Astrid Vogel,Hamburg,online",
    "vogel_ann,bonn,store",
    "Vogel\tAnn\t12 EUR",
    "ANN VOGEL,03JAN2026,12USD",
]


@attack("5 persons")
def a_first_row_is_never_quoted(folder: Path) -> Tries:
    root = project(folder)
    for number, row in enumerate(ROWS):
        path = root / f"headless{number}.csv"
        path.write_text(f"{row}\n" * 30, encoding="utf-8")
        said = "".join(str(part) for part in crm(root, "check", path.name))
        yield row, "vogel" not in said.lower() and "ann price" not in said.lower()
    for header in (["who", "when"], ["CustomerID", "InvoiceDate", "Price"], ["Kunde", "Datum", "Betrag"]):
        yield f"a header is told: {header}", header[0] in the_source_has(header)


@attack("5 persons", slow=True)
def failure_pages_tell_of_nobody(folder: Path) -> Tries:
    root = project(folder)
    for number, row in enumerate(ROWS[:6]):
        (root / f"headless{number}.csv").write_text(f"{row}\n" * 30, encoding="utf-8")
        crm(root, "report", "segments", "--data", f"headless{number}.csv")
        yield row, not files_with(root / "reports", "Vogel", "vogel", str(root))
    lists = root / "lists"
    lists.mkdir()
    for name in ("ann_vogel.csv", "bob_meier.csv"):
        (lists / name).write_text("a,b\n1,2\n")
    crm(root, "report", "segments", "--data", "lists")
    yield "names of files beside", not files_with(root / "reports", "vogel", "meier")
    (root / "torn.parquet").write_bytes(b"PAR1 torn")
    (root / "torn.duckdb").write_bytes(b"torn" * 1000)
    for name in ("torn.parquet", "torn.duckdb", "nowhere.csv"):
        crm(root, "report", "segments", "--data", str(root / name))
        yield f"the place of {name}", not files_with(root / "reports", str(root), str(folder))


@attack("5 persons")
def free_text_shared_by_many_is_no_category(folder: Path) -> Tries:
    people = [f"k{n}" for n in range(60)]
    sales = pd.DataFrame(
        {
            "customer_id": people * 2,
            "transaction_date": ["2026-01-05"] * 60 + ["2026-02-05"] * 60,
            "unit_spend": [10.0] * 120,
        }
    )
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{n}" for n in range(60)],
            "customer_id": people,
            "created_at": ["2026-01-06"] * 60,
            "type": ["question"] * 60,
            "subject": [f"Complaint about Zqxkanari {n // 12}" for n in range(60)],
        }
    )
    answers = pd.DataFrame(
        {
            "survey_id": ["s"] * 60,
            "respondent_id": people,
            "customer_id": people,
            "responded_at": ["2026-01-07"] * 60,
            "instrument": ["heard_from"] * 60,
            "question": ["how"] * 60,
            "text": ["web"] * 20 + ["From Zqxkanari Vogel"] * 40,
        }
    )
    known = pd.DataFrame({"customer_id": people, "acquisition_channel": ["Web"] * 60})
    base = CustomerBase.open(
        {"transactions": sales, "tickets": tickets, "survey_responses": answers, "customers": known},
        today="2026-03-01",
    )
    told = pain_points(journey(base), ON_A_PAGE)
    yield "ticket subjects", len(told) > 0 and "Zqxkanari" not in told.to_csv()
    heard = heard_from(base, ON_A_PAGE)
    yield "survey answers", "Zqxkanari" not in heard.to_csv() and "Web" in set(heard["channel"])


def shop(seed: int) -> CustomerBase:
    """A shop with ages and regions: half a year of it, in which people have birthdays and buy."""
    chance = np.random.default_rng(seed)
    number = 900
    people = pd.DataFrame(
        {
            "customer_id": [f"k{n}" for n in range(number)],
            "birth_date": [date(1940 + int(y), 1 + int(m), 1 + int(d)).isoformat() for y, m, d in
                           zip(*(chance.integers(0, most, number) for most in (60, 12, 28)), strict=True)],
            "region": chance.choice(["North", "South", "East"], number),
        }
    )  # fmt: skip
    lines = 5 * number
    days = pd.Timestamp("2025-01-01") + pd.to_timedelta(chance.integers(0, 250, lines), unit="D")
    sales = pd.DataFrame(
        {
            "customer_id": chance.choice(people["customer_id"], lines),
            "transaction_date": days.strftime("%Y-%m-%d"),
            "unit_spend": 10.0,
            "channel": chance.choice(["web", "store"], lines),
        }
    )
    return CustomerBase.open({"transactions": sales, "customers": people}, today="2026-01-01")


@attack("5 persons")
def two_nights_differ_by_nobody(folder: Path) -> Tries:
    base = shop(1)
    day = settled_days(base.day)[0]
    shown = []
    for night in (
        pd.Timestamp(day),
        pd.Timestamp(day) + pd.Timedelta("9D"),
        pd.Timestamp(day) + pd.Timedelta("10D"),
    ):
        cut = base.as_of(night.date())
        shown.append(_settled_habits(cut, cut.materialise(favourites(cut, ON_A_PAGE))))
    yield "something is shown", bool(shown[0]) and all(len(table) for table in shown[0].values())
    for number, other in enumerate(shown[1:], start=1):
        same = shown[0].keys() == other.keys() and all(shown[0][n].equals(other[n]) for n in other)
        yield f"night {number} against the night of the quarter's end", same
    first, second = (base.as_of(d) for d in ("2025-08-01", "2025-08-02"))
    naive = [habits_by_demography(b, favourites(b, ON_A_PAGE)) for b in (first, second)]
    differs = any(not naive[0][n].equals(naive[1][n]) for n in naive[0])
    yield "the attack works where each night counts anew", differs


@attack("5 persons")
def sums_of_one_person_are_not_shown(folder: Path) -> Tries:
    moves = pd.DataFrame(
        {
            "from_segment": list("aaabbbb"),
            "customers": [1, 9, 6, 4, 3, 8, 0],
            "revenue": [1318.0, 9, 6, 4, 3, 8, 0],
        }
    )
    shown = withheld(moves, ["revenue"], by="from_segment")
    for number, row in moves.iterrows():
        small = 0 < row["customers"] < ON_A_PAGE
        yield f"row {number}", not small or bool(np.isnan(shown.loc[number, "revenue"]))
    left = moves["revenue"].where(shown["revenue"].isna()).groupby(moves["from_segment"]).count()
    people = moves["customers"].where(shown["revenue"].isna()).groupby(moves["from_segment"]).sum()
    yield "nor told by the rest", bool(((left == 0) | (people >= ON_A_PAGE)).all())


@attack("5 persons")
def a_wrong_source_tells_no_names_on_pages(folder: Path) -> Tries:
    (folder / "x").mkdir()
    (folder / "x" / "ann_vogel.csv").write_text("a,b\n1,2\n")
    (folder / "x" / "bob.csv").write_text("a,b\n1,2\n")
    from crm_analytics.runs.publishing.manifest import published_words

    try:
        CustomerBase.open(folder / "x", today="2026-03-01")
    except CrmError as error:
        yield "names of files in a folder", "vogel" not in published_words(str(error))
