"""Which of two labels says that a customer left."""

from __future__ import annotations

import re
from typing import Any

SHORT = dict.fromkeys(("y", "yes", "t", "true", "1", "1.0"), True)
SHORT |= dict.fromkeys(("n", "no", "f", "false", "0", "0.0", "-1", "-1.0"), False)
LEFT = re.compile(
    "churn|left|leav|gone|lost|cancel|attrit|quit|exit|depart|laps|terminat|inactive|closed|expired|ended|unsubscrib"
)
STAYED = re.compile(
    "stay|retain|retent|active|current|existing|kept|keep|remain|loyal|renew|here|still|open|subscrib|member"
)
NOT = re.compile(r"(not|non|no|never|no longer|did not|has not|didn t|hasn t)\s+(?=\D)")


def leaver_of(labels: list[Any]) -> int | None:
    """The place of the label that says left, 0 or 1, by what people usually call it; None where unclear.

    >>> leaver_of(["Churned", "Stayed"]), leaver_of(["No", "Yes"]), leaver_of(["no churn", "churn"])
    (0, 1, 1)
    >>> leaver_of(["Attrited Customer", "Existing Customer"]), leaver_of([0, 1]), leaver_of([1, 2])
    (0, 1, None)
    """
    words = [re.sub(r"[\s_'’]+|(?<=\w)-", " ", str(label).strip().casefold()) for label in labels]
    first, second = (SHORT.get(each) for each in words)
    if first is None or second is None:  # yes says something beside no, and nothing beside maybe
        first, second = (_says(each) for each in words)
    return None if first == second else 0 if first or second is False else 1


def _says(words: str) -> bool | None:
    """True: left, False: stayed, None: neither word is known."""
    if negated := NOT.match(words):
        inner = _says(words[negated.end() :])
        return None if inner is None else not inner
    return True if LEFT.match(words) else False if STAYED.match(words) else None
