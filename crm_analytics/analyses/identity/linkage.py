"""Fellegi and Sunter's model, estimated and scored by splink on DuckDB. The only module that knows splink.

The model is trained without labels: how often records of two people agree from pairs drawn at random, how
often records of one person do by the EM algorithm within blocks, and the prior from what the deterministic
rules found. Once estimated it is frozen: a pair has the same weight on every night, whoever came in
between.

Only records of a common block are compared, see `blocking`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from crm_analytics.analyses.identity.blocking import KEYS, Blocks
from crm_analytics.analyses.identity.match_fields import engine
from crm_analytics.analyses.identity.weights import threshold_without_labels
from crm_analytics.errors import DataError, NotEnoughData

EXTRA = "pip install 'crm-analytics[identity]'"
FROM_RECORDS = 100  # fewer tell nothing of how often strangers agree
RECALL = 0.6  # share of all true pairs that the rules are taken to find: it moves the prior by a bit at most
REVIEW = -3.0  # bits below the threshold that a person may still look at
LOWEST = 0.01  # probability below which a pair is forgotten
FROM_PAIRS = 10  # in a block, or nothing is learned there
SEED = 1
LEAST = 0.002  # no level is impossible because a few pairs did not show it
PAIRS = 200_000  # drawn at random for the agreement among strangers
PRIOR = "prior"

_ROUNDS = (25, 8, 4, 2)  # of the EM algorithm
_SESSIONS = (("birth_date",), ("first_name", "last_name"), ("mail",), ("phone",))


def has_linkage() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("splink") is not None


@dataclass(frozen=True)
class LinkageModel:
    """A model as it was estimated: nothing but numbers.

    Attributes
    ----------
    settings : splink's, with m and u of each level of each comparison
    threshold : total weight from which a pair is one person, in bits; infinite where none may be
    estimated_on : day of the base
    records : that it was estimated from
    """

    settings: Mapping[str, Any]
    threshold: float
    estimated_on: str
    records: int

    def as_json(self) -> str:
        """For the store."""
        return json.dumps({**self.__dict__, "settings": dict(self.settings)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> LinkageModel:
        """As `as_json` wrote it."""
        return cls(**json.loads(text))

    @property
    def levels(self) -> pd.DataFrame:
        """One row per level: comparison, level, m, u, weight (bits)."""
        rows = [
            {"comparison": one["output_column_name"], "level": level["label_for_charts"],
             "m": level.get("m_probability"), "u": level.get("u_probability")}
            for one in self.settings["comparisons"]
            for level in one["comparison_levels"] if not level.get("is_null_level")
        ]  # fmt: skip
        table = pd.DataFrame(rows, columns=["comparison", "level", "m", "u"])
        return table.astype({"m": "float64", "u": "float64"})


def estimate(records: pa.Table, sure: pd.DataFrame, day: str) -> LinkageModel:
    """Train a model on records, without labels, and choose its threshold.

    Parameters
    ----------
    records : of `match_fields.records_of`
    sure : pairs that the rules found; they set the prior
    day : written down

    Raises
    ------
    DataError : the extra is not installed, or the records have not two fields to compare.
    NotEnoughData : under `FROM_RECORDS` records.
    """
    if not has_linkage():
        raise DataError(f"pairs that no rule finds need splink: {EXTRA}")
    if len(records) < FROM_RECORDS:
        raise NotEnoughData("the matching of records", len(records), FROM_RECORDS, "records")
    blocks = Blocks(records)
    table, fields = blocks.table(), blocks.fields
    if len(fields) < 2:
        raise DataError("the records have not two fields to compare: names, mail, phone, birth date, place")
    possible = len(records) * (len(records) - 1) / 2
    prior = min(max(len(sure), 1) / RECALL / possible, 0.5)
    sessions = _sessions(table, fields)
    if not sessions:
        raise DataError("too few records agree in anything that a model could be trained on")
    settings = _smoothed(_trained(table, _settings(fields, prior), sessions))
    model = LinkageModel(settings, float("inf"), day, len(records))
    weights = score(records, model, blocks=blocks)["weight"]
    return LinkageModel(settings, threshold_without_labels(weights), day, len(records))


def _trained(table: pa.Table, settings: dict[str, Any], sessions: list[tuple[str, ...]]) -> dict[str, Any]:
    """Settings with m and u. Where one person and two are told apart without any doubt, the EM algorithm runs
    into probabilities that no number can hold; then fewer of its rounds are enough.
    """
    for rounds in _ROUNDS:
        with _quiet():
            from splink import block_on
            from splink.internals.exceptions import SplinkException

            linker = _linker(table, {**settings, "max_iterations": rounds})
            linker.training.estimate_u_using_random_sampling(
                max_pairs=PAIRS, seed=SEED, min_count_per_level=None, num_chunks=1
            )
            try:
                for session in sessions:
                    rule = block_on(*session)
                    linker.training.estimate_parameters_using_expectation_maximisation(rule)
            except (ValueError, SplinkException):  # its words for it; a linker that failed is not used again
                continue
            found: dict[str, Any] = linker.misc.save_model_to_json()
            return found
    raise DataError("the records differ too little, or too much, for a model of pairs to be trained")


def _sessions(table: pa.Table, fields: list[str]) -> list[tuple[str, ...]]:
    """The blocks to train within: what a block fixes is learned in the others. Each needs pairs enough."""
    connection = engine()
    connection.register("blocked", table)
    found: list[tuple[str, ...]] = []
    for session in _SESSIONS:
        if set(session) <= {*fields} and len(fields) > len(session):
            shared = " AND ".join(f"l.{name} = r.{name}" for name in session)
            limit = f"SELECT 1 FROM blocked l JOIN blocked r ON {shared} AND l.record_id < r.record_id"
            count = connection.execute(f"SELECT count(*) FROM ({limit} LIMIT {FROM_PAIRS})").fetchall()
            if count[0][0] == FROM_PAIRS:
                found.append(session)
    return found


def _smoothed(settings: dict[str, Any]) -> dict[str, Any]:
    """No level is impossible: m and u are at least `LEAST`, u at least one of the pairs drawn."""
    for one in settings["comparisons"]:
        levels = [level for level in one["comparison_levels"] if not level.get("is_null_level")]
        for name, least in (("m_probability", LEAST), ("u_probability", 1 / PAIRS)):
            given = [max(float(level.get(name) or 0.0), least) for level in levels]
            for level, value in zip(levels, given, strict=True):
                level[name] = value / sum(given)
    return settings


def score(
    records: pa.Table, model: LinkageModel, fresh: set[str] | None = None, blocks: Blocks | None = None
) -> pd.DataFrame:
    """Pairs in a common block with their weight and what it is made of.

    Parameters
    ----------
    fresh : record ids; only pairs with one of them are scored. None: all pairs
    blocks : of the records, where they are known

    Returns
    -------
    record_l < record_r, weight (bits, the prior included), reasons (JSON: bits by field; they sum to
    weight), the heaviest first. Pairs of a probability under `LOWEST` are left out
    """
    table = (blocks or Blocks(records)).table(fresh)
    settings = {**model.settings, "blocking_rules_to_generate_predictions": _blocking(fresh is not None)}
    with _quiet():
        found = _linker(table, settings).inference.predict(threshold_match_probability=LOWEST)
        pairs = found.as_duckdbpyrelation().df()
    prior = float(model.settings["probability_two_random_records_match"])
    bits = pairs[[c for c in pairs.columns if c.startswith("mw_")]].astype("float64")
    bits = bits.rename(columns=lambda c: c.removeprefix("mw_"))
    bits.insert(0, PRIOR, float(pd.Series([prior / (1 - prior)]).map(_log2).iloc[0]))
    left = pairs[["record_id_l", "record_id_r"]].min(axis=1).astype("str")
    right = pairs[["record_id_l", "record_id_r"]].max(axis=1).astype("str")
    reasons = bits.round(6)
    made = pd.DataFrame({"record_l": left, "record_r": right, "weight": reasons.sum(axis=1).round(6)})
    made["reasons"] = [json.dumps(row) for row in reasons.to_dict("records")]
    made["reasons"] = made["reasons"].astype("str")
    return made.sort_values(["weight", "record_l", "record_r"], ascending=[False, True, True],
                            ignore_index=True)  # fmt: skip


def _log2(value: float) -> float:
    from math import log2

    return log2(value)


def _blocking(only_fresh: bool) -> list[dict[str, str]]:
    also = " AND (l.fresh OR r.fresh)" if only_fresh else ""
    return [
        {"blocking_rule": f"l.block_{name} = r.block_{name}{also}", "sql_dialect": "duckdb"} for name in KEYS
    ]


def _settings(fields: list[str], prior: float) -> dict[str, Any]:
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_id",
        "probability_two_random_records_match": prior,
        "blocking_rules_to_generate_predictions": _blocking(False),
        "comparisons": [_COMPARISONS[name] for name in fields],
        "retain_intermediate_calculation_columns": True,
        "retain_matching_columns": False,
        "sql_dialect": "duckdb",
        "linker_uid": "identity",
    }


def _comparison(name: str, unknown: str, *levels: tuple[str, str]) -> dict[str, Any]:
    every = [
        {"sql_condition": unknown, "label_for_charts": "unknown", "is_null_level": True},
        *({"sql_condition": sql, "label_for_charts": label} for label, sql in levels),
        {"sql_condition": "ELSE", "label_for_charts": "different"},
    ]
    return {"output_column_name": name, "comparison_levels": every, "comparison_description": name}


def _name(field: str, other: str) -> dict[str, Any]:
    left, right = f'"{field}_l"', f'"{field}_r"'
    return _comparison(
        field,
        f"{left} IS NULL OR {right} IS NULL",
        ("same", f"{left} = {right}"),
        ("nearly the same", f"jaro_winkler_similarity({left}, {right}) >= 0.92"),
        ("similar", f"jaro_winkler_similarity({left}, {right}) >= 0.8"),
        ("swapped", f'{left} = "{other}_r" OR "{other}_l" = {right}'),
    )


_COMPARISONS: dict[str, dict[str, Any]] = {
    "first_name": _name("first_name", "last_name"),
    "last_name": _name("last_name", "first_name"),
    "birth_date": _comparison(
        "birth_date", '"birth_date_l" IS NULL OR "birth_date_r" IS NULL',
        ("same", '"birth_date_l" = "birth_date_r"'),
        ("one slip", 'damerau_levenshtein("birth_date_l", "birth_date_r") <= 1'),
        ("two slips", 'damerau_levenshtein("birth_date_l", "birth_date_r") <= 2'),
    ),
    "mail": _comparison(
        "mail", '"mail_l" IS NULL OR "mail_r" IS NULL',
        ("same", '"mail_l" = "mail_r"'),
        ("same before the @", '"local_l" = "local_r"'),
        ("similar before the @", 'jaro_winkler_similarity("local_l", "local_r") >= 0.92'
                                 ' OR damerau_levenshtein("local_l", "local_r") <= 2'),
    ),
    "phone": _comparison(
        "phone", '"phone_l" IS NULL OR "phone_r" IS NULL',
        ("same", '"phone_l" = "phone_r"'),
        ("one slip", 'damerau_levenshtein("phone_l", "phone_r") <= 1'),
    ),
    "place": _comparison(
        "place", 'coalesce("postal_code_l", "city_l") IS NULL OR coalesce("postal_code_r", "city_r") IS NULL',
        ("same", '"postal_code_l" = "postal_code_r" OR "city_l" = "city_r"'),
        ("similar", 'jaro_winkler_similarity("city_l", "city_r") >= 0.9'),
    ),
}  # fmt: skip


def _linker(table: pa.Table, settings: Mapping[str, Any]) -> Any:
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    api = DuckDBAPI(engine())
    # our settings are right, and looking through them takes longer than a night of few records
    return Linker(api.register(table), dict(settings), log_level=logging.CRITICAL, validate_settings=False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Splink writes to stdout, where our lines for machines go; and warns of levels that no pair has."""
    logger = logging.getLogger("splink")
    before = logger.level
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(before)
