"""Tokens: how two companies recognise the customers they share, and nobody else can.

A token is HMAC-SHA256 of the normalised mail address or phone number, with the secret both companies agreed
on. A plain hash is none: whoever has a list of addresses hashes it and reads off who is in the file. So
nothing here makes plain hashes to be given away; `plain_hashes` exists to recognise a partner's file that
holds them, and to say so.

Source: RFC 2104 (HMAC), RFC 4231 (its test vectors with SHA-256).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from crm_analytics.analyses.partners.secret import Secret
    from crm_analytics.tables.customer_base import CustomerBase

FIELDS = ("email", "phone")
SHORTEST = 16  # hex characters: a token that was cut shorter would meet strangers by chance
PLAIN = ("sha256", "sha1", "md5")
_INTERNATIONAL = re.compile(r"\+[1-9]\d{6,14}")
_ZEROS = re.compile(r"\+?0*")


def normalised(value: object, field: str) -> str | None:
    """A mail address or phone number in the one form both companies hash; None where it is none.

    Mail: Unicode form NFKC, without white space at the ends, in small letters. Phone: digits of the
    international form with its plus ("00" is read as plus). A national number names no country: it is none.

    >>> normalised("  Ann.Lee@Mail.Example ", "email"), normalised("0043 (660) 123-45-67", "phone")
    ('ann.lee@mail.example', '+436601234567')
    >>> normalised("0660 1234567", "phone"), normalised("info", "email"), normalised(None, "email")
    (None, None, None)
    """
    if not isinstance(value, str):
        return None
    text = unicodedata.normalize("NFKC", value).strip()
    if field == "email":
        local, at, domain = text.casefold().rpartition("@")
        is_mail = at and local and domain and not any(c.isspace() for c in text)
        return text.casefold() if is_mail else None
    digits = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in text if c.isdigit() or c == "+")
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    return digits if _INTERNATIONAL.fullmatch(digits) and not _ZEROS.fullmatch(digits) else None


def token(value: str, secret: Secret) -> str:
    """The token of a normalised value: 64 hex characters.

    >>> from crm_analytics.analyses.partners.secret import Secret
    >>> token("Hi There", Secret(bytes([11]) * 20))  # RFC 4231, case 1
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'
    """
    return hmac.digest(secret.key, value.encode("utf-8"), "sha256").hex()


def our_tokens(base: CustomerBase, make: Callable[[str], Iterable[str]]) -> pd.DataFrame:
    """Tokens of our customers, by mail and by phone.

    Parameters
    ----------
    make : normalised value -> its tokens

    Returns
    -------
    customer_id, token: distinct; where two customers share an address, the token is that of the first id
    """
    people = base.tables.get("customers")
    fields = [name for name in FIELDS if people is not None and name in people.columns]
    if people is None or not fields:
        return pd.DataFrame({"customer_id": [], "token": []}, dtype="str")
    known = base.collect(people.select("customer_id", *fields).order_by("customer_id"))
    pairs = [
        (who, made)
        for field in fields
        for who, value in zip(known["customer_id"], known[field], strict=True)
        if (text := normalised(value, field)) is not None
        for made in make(text)
    ]
    return pd.DataFrame(pairs, columns=["customer_id", "token"], dtype="str").drop_duplicates("token")


def keyed(base: CustomerBase, secret: Secret) -> pd.DataFrame:
    """Our customers' tokens under the agreed secret; see `our_tokens`."""
    return our_tokens(base, lambda value: (token(value, secret),))


def plain_hashes(base: CustomerBase) -> pd.DataFrame:
    """What a partner's file holds where it was made by a plain hash; see `our_tokens`. Never given away."""
    return our_tokens(
        base, lambda value: (hashlib.new(n, value.encode(), usedforsecurity=False).hexdigest() for n in PLAIN)
    )


def given_tokens(base: CustomerBase) -> pd.DataFrame:
    """Tokens that a third party gave us for our customers: identities of the type "partner_token"."""
    known = base.tables.get("customer_identities")
    if known is None:
        return pd.DataFrame({"customer_id": [], "token": []}, dtype="str")
    wanted = known.filter(known.id_type.lower() == "partner_token")
    found = base.collect(wanted.select("customer_id", token=wanted.id_value).order_by("customer_id"))
    return found.drop_duplicates("token", ignore_index=True)
