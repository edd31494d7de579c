"""Blocks: records with an equal key, `match_fields.BLOCK` of them at most, so that pairs grow with the rows
and not with their square. Keys are made once a night, for all that is asked of them.
"""

from __future__ import annotations

from functools import cached_property

import pandas as pd
import pyarrow as pa

from crm_analytics.analyses.identity.match_fields import BLOCK, engine

FILLED = 0.05  # share of records that must have a field before it is compared

_YEAR, _DAY = "substr(birth_date, 1, 4)", "substr(birth_date, 6)"
KEYS = {
    "mail": "mail", "local": "local", "phone": "phone", "names": "first_name || chr(31) || last_name",
    "swapped": "least(first_name, last_name) || chr(31) || greatest(first_name, last_name)",
    "birth": "birth_date", "last_city": "last_name || chr(31) || city",
    "first_city": "first_name || chr(31) || city", "last_postal": "last_name || chr(31) || postal_code",
    "first_year": f"first_name || chr(31) || {_YEAR}", "last_year": f"last_name || chr(31) || {_YEAR}",
    "first_day": f"first_name || chr(31) || {_DAY}", "last_day": f"last_name || chr(31) || {_DAY}",
    "starts": "substr(first_name, 1, 3) || chr(31) || substr(last_name, 1, 3)",
}  # fmt: skip


class Blocks:
    """The keys of records; a key that too many share joins nobody.

    Parameters
    ----------
    records : of `match_fields.records_of`
    """

    def __init__(self, records: pa.Table) -> None:
        self._connection = engine()
        self._connection.register("records", records)
        keys = ", ".join(f"{key} AS key_{name}" for name, key in KEYS.items())
        self._connection.execute(
            f"CREATE TABLE compared AS SELECT *, {keys} FROM (SELECT record_id, first_name, last_name,"
            " birth_date, own_mail AS mail, split_part(own_mail, '@', 1) AS local, own_phone AS phone, city,"
            " postal_code FROM records ORDER BY record_id)"
        )
        common = " UNION ALL ".join(
            f"SELECT '{name}' AS name, key_{name} AS k FROM compared WHERE k IS NOT NULL"
            f" GROUP BY ALL HAVING count(*) > {BLOCK}"
            for name in KEYS
        )
        self._connection.execute(f"CREATE TABLE common AS {common}")
        joining = ", ".join(
            f"CASE WHEN key_{name} NOT IN (SELECT k FROM common WHERE name = '{name}') THEN key_{name} END"
            f" AS block_{name}"
            for name in KEYS
        )
        self._connection.execute(
            f"CREATE TABLE blocked AS SELECT * EXCLUDE ({', '.join(f'key_{n}' for n in KEYS)}), {joining}"
            " FROM compared ORDER BY record_id"
        )

    @cached_property
    def capped(self) -> frozenset[str]:
        """Digests of the keys that too many share; one that leaves the set has pairs to score yet."""
        found = self._connection.execute("SELECT sha256(name || chr(31) || k)[1:24] AS k FROM common").df()
        return frozenset(found["k"])

    @cached_property
    def fields(self) -> list[str]:
        """The fields that enough records have."""
        filled = self._connection.execute(
            "SELECT count(*), count(first_name), count(last_name), count(birth_date), count(mail),"
            " count(phone), count(coalesce(postal_code, city)) FROM compared"
        ).fetchall()[0]
        names = ("first_name", "last_name", "birth_date", "mail", "phone", "place")
        return [name for name, n in zip(names, filled[1:], strict=True) if n >= FILLED * filled[0] and n]

    def records_in(self, digests: set[str]) -> set[str]:
        """The records with some keys, by the digests of these."""
        if not digests:
            return set()
        self._connection.register("wanted", pa.table({"k": sorted(digests)}))
        parts = " UNION ".join(
            f"SELECT record_id FROM compared WHERE sha256('{name}' || chr(31) || key_{name})[1:24]"
            " IN (SELECT k FROM wanted)"
            for name in KEYS
        )
        return set(self._connection.execute(parts).df()["record_id"])

    def table(self, fresh: set[str] | None = None) -> pa.Table:
        """Fields and ``block_`` keys (empty where too many share one), by record_id.

        Parameters
        ----------
        fresh : record ids, marked in the column `fresh`; only they are there, and who shares a block with
            one of them. None: all records
        """
        if fresh is None:
            return self._connection.execute("SELECT *, true AS fresh FROM blocked").to_arrow_table()
        self._connection.register("fresh", pa.table({"record_id": pa.array(sorted(fresh), pa.string())}))
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE came AS SELECT * FROM blocked SEMI JOIN fresh USING (record_id)"
        )
        near = " OR ".join(
            f"block_{n} IN (SELECT block_{n} FROM came WHERE block_{n} NOT NULL)" for n in KEYS
        )
        return self._connection.execute(
            "SELECT *, record_id IN (SELECT record_id FROM came) AS fresh FROM blocked"
            f" WHERE record_id IN (SELECT record_id FROM came) OR {near} ORDER BY record_id"
        ).to_arrow_table()

    def still_joined(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """Pairs (record_l, record_r, ...) that are still in a common block."""
        if pairs.empty:
            return pairs
        self._connection.register("pairs", pairs[["record_l", "record_r"]])
        shared = " OR ".join(f"l.block_{name} = r.block_{name}" for name in KEYS)
        good = self._connection.execute(
            "SELECT record_l, record_r FROM pairs JOIN blocked l ON l.record_id = record_l"
            f" JOIN blocked r ON r.record_id = record_r WHERE {shared}"
        ).df()
        return pairs.merge(good, on=["record_l", "record_r"])
