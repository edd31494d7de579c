"""Where scores were written: what `crm forget` must look into, and what makes a further write needless.

::

    reports/.crm/scores.json    one entry for each place: a file by its path, a server by its kind and table

It holds no id, no address of a server and no secret.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from crm_analytics.errors import DataError
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.published_tree import FOLDER
from crm_analytics.tables.export import pseudonyms
from crm_analytics.tables.regular_files import read_record
from crm_analytics.tables.warehouse_target import Target

FILE = "scores.json"


@dataclass(frozen=True)
class ScorePlace:
    """One table that scores were written to.

    Attributes
    ----------
    name : what may be told of it
    kind, path, table : of `Target`; the path is seen from the folder of reports, and empty for a
        server
    source : the name of the data it was made from
    has_customers : whether its rows are about single customers
    pseudonyms : whether they name customers by pseudonym
    made : digest of what a set was made from -> the files' stamps then
    """

    name: str
    kind: str
    path: str
    table: str
    source: str
    has_customers: bool
    pseudonyms: bool
    made: dict[str, Any] = field(default_factory=dict)

    def target(self, out: Path) -> Target | None:
        """The file; None for a server, which is not ours to clean."""
        if not self.path:
            return None
        return Target(self.kind, (out / self.path).resolve(), "", self.table)


def places(out: Path) -> list[ScorePlace]:
    """Every place that scores of these reports were written to.

    Raises
    ------
    DataError : the record is there and cannot be read: then nobody knows where a customer stands.
    """
    path = out / FOLDER / FILE
    try:
        return [ScorePlace(**one) for one in read_record(path)["places"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            f"{path} cannot be read: it says where scores were written. Bring it back from your copy"
        ) from None


def place_of(out: Path, target: Target, source: str, *, has_customers: bool, called: bool) -> ScorePlace:
    """The record of a place as it would be written."""
    path = os.path.relpath(target.path, out) if target.path is not None else ""
    return ScorePlace(target.name, target.kind, path, target.table, source, has_customers, called)


def remember(out: Path, one: ScorePlace) -> None:
    """Write a place down, before rows are written there: a run that dies must be known, too.

    Raises
    ------
    PublishError : it cannot be written.
    """
    with publish.lists_locked(out):
        known = places(out)
        same = [other for other in known if _same(other, one)]
        made = {**(same[0].made if same else {}), **one.made}
        kept = [other for other in known if not _same(other, one)]
        content = {"schema": 1, "places": [asdict(other) for other in [*kept, replace(one, made=made)]]}
        with publish.in_words(out / FOLDER):
            publish.make_folder(out / FOLDER)
            publish.replace_file(out / FOLDER / FILE, publish.as_json(content))


def _same(one: ScorePlace, other: ScorePlace) -> bool:
    told = [(p.kind, p.path, p.name, p.table, p.source, p.pseudonyms, p.has_customers) for p in (one, other)]
    return told[0] == told[1]


def made_before(out: Path, one: ScorePlace, digest: str) -> Any:
    """The stamps that a set was made from; None where it was not, or its file has gone."""
    with suppress(DataError):
        for other in places(out):
            target = other.target(out)
            if _same(other, one) and (target is None or (target.path and target.path.is_file())):
                return other.made.get(digest)
    return None


def of_customers(out: Path) -> tuple[list[ScorePlace], list[ScorePlace]]:
    """Places with rows about single customers: files, and servers that are not ours to clean."""
    known = [one for one in places(out) if one.has_customers]
    return [one for one in known if one.path], [one for one in known if not one.path]


def take_out(out: Path, ids: Sequence[str], key: bytes) -> int:
    """Take a customer's rows out of every file; how many went.

    Raises
    ------
    PublishError, LockedError : a file cannot be written now.
    """
    from crm_analytics.tables.warehouse import erase_rows  # an engine: a night without changes needs none

    gone = 0
    for one in of_customers(out)[0]:
        target = one.target(out)
        assert target is not None
        called = [c for c in pseudonyms(ids, key) if c] if one.pseudonyms else list(ids)
        gone += erase_rows(target, called)
    return gone
