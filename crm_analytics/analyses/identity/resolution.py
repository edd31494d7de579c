"""A night: the records of a base are compared, and who is who is brought up to date.

With a frozen model a pair has the same weight on every night, so records that come one night after another
give the same people as all of them at once. Rules are asked of all records each night, which costs little;
the model scores only pairs with a record that is new or has changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_analytics.analyses.identity import linkage
from crm_analytics.analyses.identity.blocking import Blocks
from crm_analytics.analyses.identity.clusters import among
from crm_analytics.analyses.identity.linkage import LinkageModel
from crm_analytics.analyses.identity.match_fields import digests, records_of
from crm_analytics.analyses.identity.memory import BY_MODEL, Memory, regrouped
from crm_analytics.analyses.identity.rules import apart_pairs, rule_pairs
from crm_analytics.analyses.progress import watched
from crm_analytics.errors import DataError

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

KNOWN = 0.5  # share of the remembered records that a base must still have: else it is another one
_PAIR = ["record_l", "record_r"]
NO_KEY = b"nobody keeps it"  # of digests that are not written anywhere


@dataclass(frozen=True, eq=False)
class Night:
    """What a night changed.

    Attributes
    ----------
    memory : after it
    new, changed, gone : records that came, that are written differently, that the source has no more
    moved : records that were known before and belong to another person now
    compared : pairs that the model scored
    why_no_model : in words; empty where there is a model
    """

    memory: Memory
    new: int
    changed: int
    gone: int
    moved: int
    compared: int
    why_no_model: str = ""

    @property
    def people(self) -> int:
        """Persons behind all records."""
        return int(self.memory.records["person_id"].nunique())

    @property
    def merged(self) -> int:
        """Records that are a further record of a person."""
        return len(self.memory.records) - self.people


@watched("Looking for duplicates")
def resolve(
    base: CustomerBase,
    memory: Memory | None = None,
    *,
    key: bytes = NO_KEY,
    model: bool = True,
    estimate: bool = False,
    barred: Collection[str] = (),
) -> Night:
    """Find out which records of a base are one person, and remember what was known.

    Parameters
    ----------
    base : at its day; what is compared is `customers`
    memory : of the night before; None: nothing is known yet
    key : of the digests that tell whether a record changed
    model : also find pairs that no rule finds (needs the extra `identity`); False asks the rules alone
    estimate : train the model anew; a new model may move records, and `Night.moved` says how many
    barred : records to be passed over, for they are to be forgotten

    Raises
    ------
    DataError : the memory is of another base.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> people = pd.DataFrame({"customer_id": ["a", "b", "c"], "first_name": ["Ada", "Ada", "Ben"],
    ...     "last_name": ["Nowak", "Nowak", "Nowak"], "email": ["ada@x.de", "Ada@x.de ", "ben@x.de"]})
    >>> sales = pd.DataFrame({"customer_id": ["a", "b", "c"], "unit_spend": [5.0, 9.0, 7.0],
    ...     "transaction_date": ["2026-03-01", "2026-03-02", "2026-03-03"]})
    >>> base = CustomerBase.open({"customers": people, "transactions": sales}, today="2026-03-03")
    >>> resolve(base, model=False).memory.people.to_dict()
    {'a': 'a', 'b': 'a', 'c': 'c'}
    """
    records = records_of(base)
    day = base.day.isoformat()
    return compare(records, day, memory, key=key, model=model, estimate=estimate, barred=barred)


def compare(
    records: pa.Table,
    day: str,
    memory: Memory | None = None,
    *,
    key: bytes = NO_KEY,
    model: bool = True,
    estimate: bool = False,
    barred: Collection[str] = (),
) -> Night:
    """As `resolve`, of records as `match_fields.records_of` gives them, at a day."""
    before = memory or Memory()
    records = _without(records, barred)
    told = digests(records, key)
    known = before.records.set_index("record_id")["digest"]
    _check_same_base(known, told)
    old = told["record_id"].map(known)
    fresh = set(told.loc[old.isna() | (old != told["digest"]), "record_id"])
    new = int(old.isna().sum())
    sure = rule_pairs(records)
    wanted = "estimate" if estimate else "keep" if model else "none"
    used, why = _model(before, records, sure, day, wanted)
    anew = used is not None and used is not before.model
    blocks = Blocks(records) if used else None
    scored = pd.DataFrame(columns=[*_PAIR, "weight", "reasons"])
    if used is not None and blocks is not None:
        freed = blocks.records_in(set(before.capped - blocks.capped))
        look = None if anew or before.night == 0 else fresh | freed
        if look is None or look:
            scored = linkage.score(records, used, look, blocks)
    pairs = _pairs(before, records, sure, scored, fresh, blocks=None if anew else blocks)
    capped = blocks.capped if blocks else frozenset[str]()
    gone = before.records[~among(before.records["record_id"], told["record_id"])]
    gone = gone[~among(gone["record_id"], barred)]
    after = replace(
        before, records=pd.concat([_rows(records, told), gone], ignore_index=True), pairs=pairs,
        apart=apart_pairs(records)[_PAIR].astype("str"), capped=capped, model=used,
    )  # fmt: skip
    after = regrouped(after, day)
    was = before.people.reindex(after.people.index)
    moved = int((was.notna() & (was != after.people)).sum())
    return Night(after, new, len(fresh) - new, len(gone), moved, len(scored), why)


def _without(records: pa.Table, barred: Collection[str]) -> pa.Table:
    if not barred:
        return records
    return records.filter(pc.invert(pc.is_in(records["record_id"], pa.array(sorted(barred), pa.string()))))


def _check_same_base(known: pd.Series, told: pd.DataFrame) -> None:
    if len(known) and among(known.index, told["record_id"]).mean() < KNOWN:
        raise DataError(
            f"of {len(known):,} records that the identity state knows, this base has fewer than half: the "
            "state is of another base. Give the source it was made from, or move the state away"
        )


def _model(
    before: Memory, records: pa.Table, sure: pd.DataFrame, day: str, wanted: str
) -> tuple[LinkageModel | None, str]:
    """The frozen model, a new one where there is none or it is asked for; or why there is none."""
    if wanted == "none":
        return None, "the model was not asked for"
    if before.model is not None and wanted == "keep":
        if not linkage.has_linkage():
            raise DataError(f"the identity state was made with a model, which needs splink: {linkage.EXTRA}")
        return before.model, ""
    try:
        return linkage.estimate(records, sure, day), ""
    except DataError as error:
        return None, str(error)


def _rows(records: pa.Table, told: pd.DataFrame) -> pd.DataFrame:
    rows = records.select(["record_id", "created_at", "source"]).to_pandas()
    created = pd.to_datetime(rows.pop("created_at")).dt.strftime("%Y-%m-%d").fillna("")
    return rows.assign(created=created, source=rows["source"].fillna(""), person_id="").merge(
        told, on="record_id"
    ).astype("str")  # fmt: skip


def _pairs(
    before: Memory,
    records: pa.Table,
    sure: pd.DataFrame,
    scored: pd.DataFrame,
    fresh: set[str],
    *,
    blocks: Blocks | None,
) -> pd.DataFrame:
    """Tonight's pairs, those of earlier nights that nothing has touched, and those of records now gone.

    `blocks` is None where no weight of earlier nights holds.
    """
    old = before.pairs
    present = set(records["record_id"].to_pylist())
    inside = among(old["record_l"], present) & among(old["record_r"], present)
    parts = [
        sure.rename(columns={"reason": "found_by"}).assign(weight=0.0, reasons="{}"),
        scored.assign(found_by=BY_MODEL),
        old[~inside],
    ]
    if blocks is not None:
        calm = old[
            inside & (old["found_by"] == BY_MODEL) & ~among(old["record_l"], fresh)
            & ~among(old["record_r"], fresh)
        ]  # fmt: skip
        parts.append(blocks.still_joined(calm))
    columns = list(before.pairs.columns)
    every = pd.concat([part[columns] for part in parts if len(part)] or [old[columns]])
    every = every.drop_duplicates([*_PAIR, "found_by"]).sort_values([*_PAIR, "found_by"], ignore_index=True)
    texts = {c: "str" for c in columns if c != "weight"}
    return every.astype(texts | {"weight": "float64"})
