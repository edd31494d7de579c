"""Who must not be contacted any more, without saying who: one keyed token for each person forgotten.

A person whom `crm forget` took out of all that is published may stand in the source for days still. The token
is an HMAC of the id under the project's key; it tells nothing without the key, and is another text than the
pseudonym on a page or a list.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from pathlib import Path

from crm_analytics.errors import DataError
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.published_tree import FOLDER
from crm_analytics.tables.project_key import fingerprint
from crm_analytics.tables.regular_files import read_record

FILE = "suppressions.json"


def token_of(customer: str, key: bytes) -> str:
    """32 hex characters for a customer id.

    Source
    ------
    HMAC-SHA256 (RFC 2104), its first 128 bits.
    """
    return hmac.digest(key, b"suppressed\x1f" + customer.encode("utf-8", "surrogatepass"), "sha256")[
        :16
    ].hex()


def tokens(out: Path) -> frozenset[str]:
    """The tokens of all who were forgotten here.

    Raises
    ------
    DataError : the file is there and cannot be read: then nobody can be told apart, and nobody is contacted.
    """
    path = out / FOLDER / FILE
    try:
        return frozenset(map(str, read_record(path)["tokens"]))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            f"{path} cannot be read: it says who must not be contacted. Bring it back from your copy"
        ) from None


def suppress(out: Path, customer: str, key: bytes) -> None:
    """Remember a person as not to be contacted.

    Raises
    ------
    PublishError : it cannot be written.
    """
    known, one = tokens(out), token_of(customer, key)
    if one in known:
        return
    content = {"schema": publish.SCHEMA, "key": fingerprint(key), "tokens": sorted({*known, one})}
    with publish.in_words(out / FOLDER):
        publish.make_folder(out / FOLDER)
        publish.replace_file(out / FOLDER / FILE, publish.as_json(content))


def suppressed(out: Path, customers: Iterable[str], key: bytes) -> list[str]:
    """Those of some customers who must not be contacted."""
    known = tokens(out)
    return [one for one in customers if token_of(one, key) in known] if known else []
