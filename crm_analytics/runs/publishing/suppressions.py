"""Who must not be contacted any more, without saying who: one keyed token for each person forgotten.

A person whom `crm forget` took out of all that is published may stand in the source for days still. The token
is an HMAC of the id under the project's key; it tells nothing without the key, and is another text than the
pseudonym on a page or a list.

How many tokens there are is written down elsewhere, too: in the record of the tree, in that of every wave,
and in the project's log. A file that was deleted, emptied or taken from an old copy knows fewer: it is
refused.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crm_analytics.errors import DataError
from crm_analytics.runs.publishing import audit_trail, publish, published_tree
from crm_analytics.runs.publishing.published_tree import FOLDER
from crm_analytics.runs.publishing.wave_folders import LISTS, forgotten_by_wave, waves_of
from crm_analytics.tables.project_key import fingerprint
from crm_analytics.tables.regular_files import read_record

FILE = "suppressions.json"
FORGOTTEN = "forget done"  # a line of the project's log
_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Known:
    """What the file says.

    Parameters
    ----------
    tokens : of all who were forgotten
    key : fingerprint of the key that made them; empty where there are none
    lost : how many more there were, of which somebody wrote into the file that they cannot be brought back
    """

    tokens: frozenset[str] = frozenset()
    key: str = ""
    lost: int = 0

    @property
    def count(self) -> int:
        """How many there are or were."""
        return len(self.tokens) + self.lost


def token_of(customer: str, key: bytes) -> str:
    """32 hex characters for a customer id.

    Source
    ------
    HMAC-SHA256 (RFC 2104), its first 128 bits.
    """
    return hmac.digest(key, b"suppressed\x1f" + customer.encode("utf-8", "surrogatepass"), "sha256")[
        :16
    ].hex()


def read(out: Path) -> Known:
    """What the file says, believed as it stands; nobody where there is none.

    Raises
    ------
    DataError : it is there and cannot be read: then nobody can be told apart, and nobody is contacted.
    """
    path = out / FOLDER / FILE
    try:
        about = read_record(path)
        known = Known(frozenset(about["tokens"]), str(about.get("key", "")), int(about.get("lost", 0)))
        if all(map(_TOKEN.fullmatch, known.tokens)) and known.lost >= 0:
            return known
    except FileNotFoundError:
        return Known()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise DataError(
        f"{path} cannot be read: it says who must not be contacted. Bring it back from your copy"
    ) from None


def tokens(out: Path) -> frozenset[str]:
    """The tokens of all who were forgotten here.

    Raises
    ------
    DataError : they cannot be read, or there were more before: nobody is contacted until they are back.
    """
    known, before = read(out), _count_before(out)
    if known.count >= before:
        return known.tokens
    raise DataError(
        f"{out / FOLDER / FILE} says of {known.count} people that they must not be contacted; of {before} it "
        "was known here before. Bring the file back from your copy, or call crm forget ID --yes for each of "
        f'them again. Where nobody knows who they were, write "lost": {before - len(known.tokens)} beside '
        'its "tokens": [...]; then they are contacted again as long as the source has them'
    )


def count(out: Path) -> int:
    """How many were ever forgotten here.

    Raises
    ------
    DataError : as `read`.
    """
    return read(out).count


def _count_before(out: Path) -> int:
    """How many tokens there were, by all that wrote it down."""
    counts = [published_tree.identity_of(out).forgotten]
    counts += [forgotten_by_wave(wave) for lists in (out / LISTS).glob("*/") for wave in waves_of(lists)[-1:]]
    place = published_tree.publisher(out)
    for root in dict.fromkeys(([] if place is None else [place]) + list(out.parents)):
        for line in audit_trail.recorded(root, FORGOTTEN):
            if line.get("reports") == os.path.relpath(out, root) and isinstance(line.get("known"), int):
                counts.append(line["known"])
    return max(counts)


def suppress(out: Path, customer: str, key: bytes) -> None:
    """Remember a person as not to be contacted; this is how a file that was lost is made again, too.

    Raises
    ------
    PublishError : it cannot be written.
    DataError : as `read`.
    """
    known, one = read(out), token_of(customer, key)
    if one not in known.tokens:
        content = {"schema": publish.SCHEMA, "key": fingerprint(key), "tokens": sorted({*known.tokens, one})}
        content |= {"lost": known.lost} if known.lost else {}
        with publish.in_words(out / FOLDER):
            publish.make_folder(out / FOLDER)
            publish.replace_file(out / FOLDER / FILE, publish.as_json(content))
    published_tree.count_forgotten(out, count(out))


def suppressed(out: Path, customers: Iterable[str], key: bytes) -> list[str]:
    """Those of some customers who must not be contacted.

    Raises
    ------
    DataError : as `tokens`, or they were made with another key, which knows nobody of them.
    """
    known = tokens(out)
    if known and read(out).key not in ("", fingerprint(key)):
        raise DataError(
            f"{out / FOLDER / FILE} was made with another key, so that it knows nobody here. Bring back the "
            "file, or the key, from your copy"
        )
    return [one for one in customers if token_of(one, key) in known] if known else []
