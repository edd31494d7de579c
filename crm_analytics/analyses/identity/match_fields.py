"""What records are compared by: names, mails, phones and birth dates in one spelling, whatever the script.

A value that many share tells nobody apart: a mail such as info@, a phone of zeros, a birth date that a
whole crowd has. Such values are set aside here, so that no rule and no model takes them for evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_analytics.analyses.identity.phones import normalised
from crm_analytics.tables.embedded_engine import FETCHES_NOTHING

if TYPE_CHECKING:
    from crm_analytics.tables.customer_base import CustomerBase

SHARED = 20  # records of one mail or phone from which it is an office's, not a person's
BLOCK = 50  # records of one key from which it is too common to compare all of them
TEXTS = (
    "first_name", "last_name", "email", "phone", "city", "postal_code", "country", "customer_type",
    "household_id",
)  # fmt: skip
_LETTERS = {"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i", "ð": "d", "þ": "th"}
_NOBODY = ("na", "nan", "none", "null", "unknown", "unbekannt", "test", "x", "xx", "xxx")
ROLES = (
    "info", "office", "contact", "kontakt", "mail", "email", "noreply", "no-reply", "donotreply", "admin",
    "sales", "service", "support", "hello", "hallo", "team", "orders", "order", "bestellung", "shop", "store",
    "billing", "rechnung", "buchhaltung", "accounting", "post", "webmaster", "postmaster", "test", "none",
    "na", "empfang", "reception", "einkauf", "purchasing", "anfrage", "verkauf", "vertrieb", "kunde",
    "customer", "biuro", "sklep", "contacto", "ventas", "compta", "accueil", "bonjour", "example",
)  # fmt: skip


def engine() -> duckdb.DuckDBPyConnection:
    """An engine of one's own: one thread, so that sums and samples do not depend on the machine."""
    connection = duckdb.connect(config=FETCHES_NOTHING)
    connection.execute("SET threads = 1; SET preserve_insertion_order = true")
    return connection


def records_of(base: CustomerBase) -> pa.Table:
    """Every record of a base as it is compared, by record_id; no row where there is no table of customers.

    Columns: record_id, created_at, source, first_name, last_name (folded: small letters, no marks, letters
    and digits only), birth_date (text), email, mail_local, mail_domain, own_mail (a person's, not a role's
    or an office's), phone, own_phone, city, postal_code, customer_type, household_id, own_birth (a birth
    date that no crowd shares), digest of all of them.
    """
    rows = base.records
    if rows is None:
        return folded(pa.table({"record_id": pa.array([], pa.string())}))
    columns = [c for c in (*TEXTS, "birth_date", "created_at") if c in rows.columns]
    found = rows.select(record_id=rows.customer_id, **{c: rows[c] for c in columns}).to_pyarrow()
    return folded(_with_sources(base, found))


def _with_sources(base: CustomerBase, rows: pa.Table) -> pa.Table:
    """With the source system of each record, where `customer_identities` names one."""
    if "customer_identities" not in base.tables:
        return rows
    known = (base.snapshot.unmerged or base.snapshot).tables["customer_identities"]
    named = known.filter(known.customer_id.notnull()).group_by(record_id="customer_id")
    sources = named.aggregate(source=known.source_system.min()).to_pyarrow()
    return rows.join(sources, "record_id", join_type="left outer")


def folded(rows: pa.Table) -> pa.Table:
    """Rows with a record_id and any columns of `customers`, as `records_of` gives them."""
    have = {c: rows[c] for c in rows.column_names}
    empty = pa.nulls(len(rows), pa.string())
    texts = {c: have.get(c, empty).cast(pa.string()) for c in (*TEXTS, "birth_date", "source")}
    phone = normalised(texts["phone"].to_pandas(), texts["country"].to_pandas())
    made = {
        "record_id": have["record_id"],
        "created_at": have.get("created_at", pa.nulls(len(rows), pa.timestamp("us"))),
        "source": texts["source"],
        **{c: _name(texts[c]) for c in ("first_name", "last_name", "city")},
        **{c: _plain(texts[c]) for c in ("email", "postal_code", "customer_type", "household_id")},
        "birth_date": texts["birth_date"],
        "phone": pa.Array.from_pandas(phone, type=pa.string()),
    }
    connection = engine()
    connection.register("given", pa.table(made))
    roles = ", ".join(f"'{role}'" for role in ROLES)
    nobody = ", ".join(f"'{name}'" for name in _NOBODY)
    names = ", ".join(
        f"CASE WHEN {c} IN ({nobody}) THEN NULL ELSE {c} END AS {c}" for c in ("first_name", "last_name")
    )
    return connection.execute(
        f"""
        WITH named AS (
            SELECT * REPLACE ({names}), CASE WHEN regexp_full_match(email, '[^@ ]+@[^@ ]+[.][^@ .]+')
                THEN regexp_replace(email, '[+][^@]*@', '@') END AS mail FROM given),
        split AS (
            SELECT * EXCLUDE (email, mail), mail AS email, split_part(mail, '@', 1) AS mail_local,
                split_part(mail, '@', 2) AS mail_domain FROM named),
        counted AS (
            SELECT *, count(*) OVER () AS n, count(email) OVER (PARTITION BY email) AS mails,
                count(phone) OVER (PARTITION BY phone) AS phones,
                count(birth_date) OVER (PARTITION BY birth_date) AS births FROM split)
        SELECT * EXCLUDE (n, mails, phones, births),
            CASE WHEN mails <= {SHARED} AND mail_local NOT IN ({roles}) THEN email END AS own_mail,
            CASE WHEN phones <= {SHARED} THEN phone END AS own_phone,
            CASE WHEN births <= 5 + n / 1000 THEN birth_date END AS own_birth
        FROM counted ORDER BY record_id
        """
    ).to_arrow_table()


def _plain(texts: Any) -> Any:
    folded = pc.utf8_trim_whitespace(pc.utf8_lower(pc.utf8_normalize(texts, form="NFKC")))
    return pc.if_else(pc.equal(folded, ""), pa.scalar(None, pa.string()), folded)


def _name(texts: Any) -> Any:
    """Small letters without marks; spaces, hyphens and apostrophes go, so that O'Brien is obrien."""
    found = pc.utf8_lower(pc.utf8_normalize(texts, form="NFKD"))
    found = pc.replace_substring_regex(found, pattern=r"\p{M}+", replacement="")
    for letter, plain in _LETTERS.items():
        found = pc.replace_substring(found, pattern=letter, replacement=plain)
    found = pc.replace_substring_regex(found, pattern=r"[^\p{L}\p{N}]+", replacement="")
    return pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)


def digests(records: pa.Table, key: bytes) -> pd.DataFrame:
    """A keyed digest of what is compared: record_id, digest. It tells that a record changed."""
    connection = engine()
    connection.register("records", records)
    fields = [
        c for c in records.column_names if not c.startswith("own_") and c not in ("record_id", "created_at")
    ]
    text = " || chr(31) || ".join(f"coalesce({c}, chr(30))" for c in sorted(fields))
    return connection.execute(
        f"SELECT record_id, sha256(? || chr(31) || {text})[1:32] AS digest FROM records ORDER BY record_id",
        [key.hex()],
    ).df()
