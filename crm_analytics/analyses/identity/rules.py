"""Deterministic rules: which records are one person beyond doubt, without any model.

A rule joins records that share a key, so its cost is linear in the rows: a key that more than
`match_fields.SHARED` records share is nobody's own. Each rule also asks that nothing contradicts it: a mail
that Anna and Hugo share is a household's, and twins at one address differ by their first name.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa

from crm_analytics.analyses.identity.match_fields import SHARED, engine

RULE = "rule: "


@dataclass(frozen=True)
class MatchRule:
    """A key that two records must share, and what else must hold of them (SQL over `l` and `r`)."""

    name: str
    words: str
    key: str
    holds: str


def _agree(field: str) -> str:
    """The same name or one of its spellings; a name that is missing contradicts nothing."""
    left, right = f"l.{field}", f"r.{field}"
    return (
        f"({left} IS NULL OR {right} IS NULL OR {left} = {right}"
        f" OR (least(length({left}), length({right})) >= 5 AND (damerau_levenshtein({left}, {right}) <= 1"
        f" OR jaro_winkler_similarity({left}, {right}) >= .95))"
        f" OR (length({left}) = 1 AND starts_with({right}, {left}))"
        f" OR (length({right}) = 1 AND starts_with({left}, {right})))"
    )


_SWAPPED = "(l.first_name = r.last_name AND l.last_name = r.first_name)"
_NAMES = f"(({_agree('first_name')} AND {_agree('last_name')}) OR {_SWAPPED})"
_FULL = "(l.first_name = r.first_name AND l.last_name = r.last_name)"
_BIRTH = (
    "(l.birth_date IS NULL OR r.birth_date IS NULL OR damerau_levenshtein(l.birth_date, r.birth_date) <= 2)"
)
_NOT_APART = "(l.customer_type IS NULL OR r.customer_type IS NULL OR l.customer_type = r.customer_type)"
_ELSEWHERE = "(l.mail_local <> r.mail_local AND l.city <> r.city AND coalesce(l.phone <> r.phone, true))"
# Two people who share a mail or a phone: other first names that are no spelling of each other.
CONTRADICT = (
    "(l.first_name IS NOT NULL AND r.first_name IS NOT NULL AND l.last_name IS NOT NULL"
    " AND r.last_name IS NOT NULL"
    f" AND NOT {_agree('first_name')} AND NOT {_SWAPPED}"
    " AND jaro_winkler_similarity(l.first_name, r.first_name) < .8"
    " AND l.first_name <> r.last_name AND l.last_name <> r.first_name"
    " AND (l.birth_date IS NULL OR r.birth_date IS NULL"
    " OR damerau_levenshtein(l.birth_date, r.birth_date) > 2 OR l.birth_date = r.birth_date))"
)

RULES = (
    MatchRule("mail", "the same mail address of one's own, and no other name", "own_mail",
              f"{_NAMES} AND ({_BIRTH} OR {_FULL})"),
    MatchRule("mistyped mail", "the same name, and a mail that differs by a slip in its domain",
              "CASE WHEN own_mail IS NOT NULL AND length(mail_local) >= 3"
              " THEN mail_local || chr(31) || first_name || chr(31) || last_name END",
              f"damerau_levenshtein(l.mail_domain, r.mail_domain) <= 2 AND {_BIRTH}"),
    MatchRule("phone", "the same phone number and the same name", "own_phone",
              "l.first_name IS NOT NULL AND r.first_name IS NOT NULL AND l.last_name IS NOT NULL"
              f" AND r.last_name IS NOT NULL AND {_NAMES} AND ({_BIRTH} OR {_FULL})"),
    MatchRule("name and birth date", "the same full name and birth date, and not all else differs",
              "CASE WHEN first_name IS NOT NULL AND last_name IS NOT NULL THEN own_birth || chr(31)"
              " || least(first_name, last_name) || chr(31) || greatest(first_name, last_name) END",
              f"NOT coalesce({_ELSEWHERE}, false)"),
)  # fmt: skip


def rule_pairs(records: pa.Table, rules: tuple[MatchRule, ...] = RULES) -> pd.DataFrame:
    """Pairs that a rule joins: record_l < record_r, reason ("rule: mail"), the strongest rule of each.

    Parameters
    ----------
    records : of `match_fields.records_of`
    rules : the strongest first
    """
    connection = _engine_with(records)
    parts = " UNION ALL ".join(
        f"SELECT l.record_id AS record_l, r.record_id AS record_r, {n} AS place"
        f" FROM (SELECT * FROM keyed_{n}) l JOIN keyed_{n} r ON l.k = r.k AND l.record_id < r.record_id"
        f" WHERE {_NOT_APART} AND {rule.holds}"
        for n, rule in enumerate(rules)
    )
    for n, rule in enumerate(rules):
        _key(connection, n, rule.key)
    found = connection.execute(
        f"SELECT record_l, record_r, min(place) AS place FROM ({parts}) GROUP BY 1, 2 ORDER BY 1, 2"
    ).df()
    names = [RULE + rule.name for rule in rules]
    found["reason"] = found.pop("place").map(dict(enumerate(names))).astype("str")
    return found


def apart_pairs(records: pa.Table) -> pd.DataFrame:
    """Pairs that share a mail or phone and are two people: record_l, record_r, household (one name)."""
    connection = _engine_with(records)
    for n, key in enumerate(("own_mail", "own_phone")):
        _key(connection, n, key)
    parts = " UNION ".join(
        "SELECT l.record_id AS record_l, r.record_id AS record_r, l.last_name = r.last_name AS household"
        f" FROM keyed_{n} l JOIN keyed_{n} r ON l.k = r.k AND l.record_id < r.record_id WHERE {CONTRADICT}"
        for n in range(2)
    )
    return connection.execute(f"SELECT * FROM ({parts}) ORDER BY 1, 2").df()


def _engine_with(records: pa.Table) -> duckdb.DuckDBPyConnection:
    connection = engine()
    connection.register("records", records)
    return connection


def _key(connection: duckdb.DuckDBPyConnection, number: int, key: str) -> None:
    """The records with a key that a few share; those alone with it join nobody."""
    connection.execute(
        f"CREATE TABLE keyed_{number} AS SELECT *, {key} AS k FROM records WHERE k IS NOT NULL"
        f" QUALIFY count(*) OVER (PARTITION BY k) BETWEEN 2 AND {SHARED}"
    )
