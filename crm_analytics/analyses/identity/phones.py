"""Phone numbers in one form, so that two spellings of a number are equal.

An international number is read by its grammar. A national one needs the country's plan: with the extra
`identity` it is read by phonenumbers (Google's libphonenumber); without it, it equals only numbers of the
same country that are written without a country code, too.
"""

from __future__ import annotations

import importlib
import re
from functools import lru_cache

import pandas as pd

_SHORTEST, _LONGEST = 7, 15  # digits of a number that tells who somebody is (E.164)
_EXTENSION = re.compile(r"(?:ext\.?|x|#|;|/ ?app).*$", re.IGNORECASE)


def has_phone_plans() -> bool:
    """Whether national numbers can be read."""
    return importlib.util.find_spec("phonenumbers") is not None


def normalised(phones: pd.Series, countries: pd.Series) -> pd.Series:
    """Phone numbers as a key; missing where a text is no number, or one digit over and over.

    Parameters
    ----------
    phones : as people write them
    countries : two letters each, or missing

    >>> told = normalised(pd.Series(["+49 (0)30 5550123", "0049305550123", "000000000000", "n/a"]),
    ...     pd.Series(["DE", "DE", "DE", "DE"]))
    >>> told.tolist()[:2], told.isna().tolist()[2:]
    (['+49305550123', '+49305550123'], [True, True])
    """
    pairs = pd.DataFrame({"phone": phones, "country": countries}).astype("object")
    pairs = pairs.where(pairs.notna(), None)
    each = pairs.drop_duplicates()
    keys = [_key(p, c) for p, c in zip(each["phone"], each["country"], strict=True)]
    each = each.assign(key=pd.Series(keys, index=each.index, dtype="str"))
    return pairs.merge(each, on=["phone", "country"], how="left")["key"].set_axis(phones.index)


@lru_cache(maxsize=1)
def _plans() -> object | None:
    return importlib.import_module("phonenumbers") if has_phone_plans() else None


def _key(phone: str | None, country: str | None) -> str | None:
    if not phone:
        return None
    text = _EXTENSION.sub("", phone.replace("(0)", "")).strip()
    digits = "".join(str(int(c)) for c in text if c.isdecimal())
    international = text.lstrip("( ").startswith(("+", "＋"))
    if not international and digits.startswith("00"):
        international, digits = True, digits[2:]
    if not _SHORTEST <= len(digits) <= _LONGEST or len(set(digits[-_SHORTEST:])) == 1:
        return None
    if international:
        return f"+{digits}" if digits[0] != "0" else None
    return _national(digits, country)


def _national(digits: str, country: str | None) -> str | None:
    plans, region = _plans(), (country or "").strip().upper()
    if plans is not None and len(region) == 2:
        try:
            number = plans.parse(digits, region)  # type: ignore[attr-defined]
        except plans.NumberParseException:  # type: ignore[attr-defined]
            return None
        if plans.is_possible_number(number):  # type: ignore[attr-defined]
            return f"+{number.country_code}{number.national_number}"
        return None
    return f"{region or '??'} {digits.lstrip('0')}"
