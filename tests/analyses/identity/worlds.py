"""Made-up people with planted truth, drawn by a generator that shares nothing with the demo company."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_analytics import CustomerBase
from crm_analytics.analyses.identity import Memory
from crm_analytics.analyses.identity.match_fields import folded
from crm_analytics.analyses.identity.resolution import compare

FIRST = (
    "Aurelia",
    "Bogdan",
    "Cecylia",
    "Dagmar",
    "Eskil",
    "Fabiola",
    "Gunnar",
    "Hedwig",
    "Ignacy",
    "Jolanta",
    "Kasimir",
    "Leokadia",
    "Melchior",
    "Nikodem",
    "Ottilie",
    "Przemek",
    "Quirin",
    "Rufina",
)
LAST = (
    "Achterberg",
    "Brzozowski",
    "Casagrande",
    "Dziedzic",
    "Engstrom",
    "Feuerbach",
    "Grzelak",
    "Holmqvist",
    "Iglesias",
    "Jablonski",
    "Kettler",
    "Lindholm",
    "Marchetti",
    "Niedermann",
    "Oberholzer",
)
TOWNS = (("Ulm", "89073"), ("Gera", "07545"), ("Hof", "95028"), ("Celle", "29221"), ("Fulda", "36037"))


def people(count: int, copies: float, seed: int) -> pd.DataFrame:
    """Records of `count` people, a share of them twice or more with slips; `truth` is the person."""
    chance = np.random.default_rng(seed)
    rows = []
    for n in range(count):
        town = TOWNS[chance.integers(len(TOWNS))]
        first, last = FIRST[chance.integers(len(FIRST))], LAST[chance.integers(len(LAST))]
        born = pd.Timestamp("1950-01-01") + pd.Timedelta(days=int(chance.integers(0, 18_000)))
        person = {
            "first_name": first, "last_name": last, "birth_date": str(born.date()),
            "email": f"{first.lower()}.{last.lower()}{n}@post.test", "phone": f"+49 171 {2_000_000 + 7 * n}",
            "city": town[0], "postal_code": town[1], "truth": n,
        }  # fmt: skip
        rows.append(person)
        while chance.random() < copies:
            rows.append(_copy(person, chance, len(rows)))
    frame = pd.DataFrame(rows)
    frame.insert(0, "customer_id", [f"R{n:05d}" for n in chance.permutation(len(frame))])
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(chance.integers(0, 60, len(frame)), unit="D")
    frame["created_at"] = day.astype(str)
    for name, share in (("consent_email", 0.7), ("consent_post", 0.5)):
        drawn = chance.random(len(frame))
        frame[name] = np.where(drawn < share, "true", np.where(drawn < 0.9, "false", None))
    return frame.sort_values("customer_id", ignore_index=True)


def _copy(person: dict[str, object], chance: np.random.Generator, n: int) -> dict[str, object]:
    """The same person again: another mail, or no phone, or a slip in the name, never all at once."""
    found = dict(person)
    kind = chance.integers(4)
    if kind == 0:
        found["email"] = str(person["email"]).replace("post.test", "psot.test")
    elif kind == 1:
        found |= {"email": f"new{n}@other.test", "phone": None}
    elif kind == 2:
        name = str(person["last_name"])
        found |= {"last_name": name[:3] + name[4:], "phone": None, "email": None}
    else:
        found |= {"email": None, "birth_date": None}
    return found


def base_of(records: pd.DataFrame, day: str = "2026-03-01") -> CustomerBase:
    """A base of these records, each with one purchase."""
    sales = pd.DataFrame(
        {"customer_id": records["customer_id"], "transaction_date": day,
         "unit_spend": [float(5 + n % 17) for n in range(len(records))],
         "transaction_id": [f"T{n}" for n in range(len(records))]}
    )  # fmt: skip
    return CustomerBase.open(
        {"customers": records.drop(columns="truth", errors="ignore"), "transactions": sales}, today=day
    )


def records_of(records: pd.DataFrame) -> pa.Table:
    """The same as they are compared, without a base."""
    rows = records.drop(columns="truth", errors="ignore").rename(columns={"customer_id": "record_id"})
    table = pa.Table.from_pandas(rows, preserve_index=False)
    if "created_at" in rows:
        place = table.column_names.index("created_at")
        times = pd.to_datetime(rows["created_at"]).astype("datetime64[us]")
        table = table.set_column(place, "created_at", pa.array(times))
    return folded(table)


def night_of(records: pd.DataFrame, memory: Memory | None = None, **options: Any) -> Memory:
    """A night by the rules alone."""
    return compare(records_of(records), "2026-03-01", memory, **{"model": False, **options}).memory


def pairwise(people_: pd.Series, truth: pd.Series) -> tuple[float, float, float]:
    """Precision, recall and F1 over pairs of records."""
    both = pd.DataFrame({"found": people_, "true": truth.reindex(people_.index)})

    def pairs(*by: str) -> int:
        sizes = both.groupby(list(by)).size()
        return int((sizes * (sizes - 1) // 2).sum())

    found, true, right = pairs("found"), pairs("true"), pairs("found", "true")
    return right / found, right / true, 2 * right / (found + true)


def partition(people_: pd.Series) -> frozenset[frozenset[str]]:
    """The people as sets of records, whatever their ids."""
    return frozenset(frozenset(group) for group in people_.groupby(people_).groups.values())
