"""Why something is not there: each form of a reason is found again, and nothing stays English."""

from __future__ import annotations

import re

import pytest

from crm_analytics.errors import NotEnoughData
from crm_analytics.pages.sentences import sentences
from crm_analytics.reports.shared.reasons import FORMS, spoken
from crm_analytics.reports.shared.spoken import SHARED

ENGLISH, GERMAN = (sentences(language, (SHARED,)).messages for language in ("en", "de"))


@pytest.mark.parametrize("message", [name for name in ENGLISH if name.startswith(FORMS)])
def test_each_form_is_found_by_its_own_words(message: str) -> None:
    def filled(text: str) -> str:
        return re.sub(r"\{(\w+):\w+\}", lambda m: "customers" if m[1] == "unit" else "zq7", text)

    expected = filled(GERMAN[message]).replace("customers", "Kunden")
    assert spoken(filled(ENGLISH[message]), "de") == expected
    assert spoken(f"{filled(ENGLISH[message])}.", "en") == f"{filled(ENGLISH[message])}."


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            str(NotEnoughData("It", 3, 12_000, "answers")),
            "Nötig sind mindestens 12.000 Antworten, vorhanden sind 3",
        ),
        (str(NotEnoughData("It", 3, 12, "kites")), "Nötig sind mindestens 12 Fälle, vorhanden sind 3"),
        ("the wind is down", "Dafür reichen die Daten nicht"),
        ("", ""),
    ],
)
def test_a_reason_of_any_form_is_german(reason: str, said: str) -> None:
    assert spoken(reason, "de") == said
