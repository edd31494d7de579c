"""Sentences: the same ids and slots in each language, every plural there, and nothing of the style list."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from pathlib import Path

import pytest

from crm_analytics.errors import NotebookError
from crm_analytics.pages import locales, words
from crm_analytics.pages.sentences import Sentences, sentences, slots_of
from tests.style import ON_PAGES, faults

PACKAGE = Path(__file__).parents[2] / "crm_analytics"
FOLDERS = sorted(path.parent for path in PACKAGE.rglob("catalogue/en.toml"))
# Ten sentences of each report as they once stood on its page; none may come back.
QUOTES = (
    "Half of all returns come within 16 days",
    "who is silent for longer counts as quiet",
    "Win back 191 customers who cannot be lost, by hand",
    "at stake €2,307,037 so far",
    "now silent beyond their rhythm",
    "Where it sits",
    "equal customers score equal",
    "the top fifth's share by its influence function",
    "still customers in the sense of the model",
    "of 1,818 customers it is likelier than not",
    "was as foreseen, but for chance",
    "better than one chance for all (Brier score)",
    "a level for each band came no nearer",
    "What came speaks against it",
    "fit again, or think of the season",
    "did not come to rest",
    "Apart from it: €4,207,052 so far, which is past",
    "Make one point more the goal: from before the purchase to purchase",
    "56 % of those before do not come to “Product Added”",
    "Watch ten customers go, and mend what stops them",
    "a ceiling, for those who did not may be others",
    "who bought first in it is new",
    "Who is awake",
    "4 channels keep their sign whatever the model",
    "display loses: €27,618 of spend",
    "48 % name a way that no click shows",
    "Revenue per money spent",
    "leave it out for 1,722 paths drawn by lot",
    "2.2 purchases helped for each one it ended",
    "2,801 have left already by that",
    "Leavers told from stayers",
    "It said 30 % and 24 % left: it says too much",
    "56% of the 422 who left were called",
    "After a first complaint customers of equal pace leave at 2.1 times the rate",
    "516 (26 %) to leave, 362–670 if it is as far off as before",
    "that flatters it by about €0",
    "No group is shown to be served worse than the others",
    "Why: probability of being still there; money so far",
    "Who has not come back after 77 days seldom does",
    "Most of them, 1,981, because: silent for longer than usual",
    "Orders added by 100",
    "no order more can be proved",
    "a loss is as well within its interval",
    "40 % of the like who got no mail",
    "Nothing speaks against the draw of the arms",
    "The intervals hold together",
    "who became a member was perhaps no chance",
    "the best of many is not believed for being the best",
)


def messages(folder: Path, language: str) -> dict[str, str]:
    return dict(sentences(language, (folder,)).messages)


def ids(folder: Path, language: str) -> set[str]:
    def flat(tree, above=""):
        for key, value in tree.items():
            yield from flat(value, f"{above}{key}.") if isinstance(value, dict) else [f"{above}{key}"]

    return set(flat(tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))))


# Fixed texts of the analyses, which are English already.
TRANSLATED_ALONE = ("play.", "chance.", "rule.", "textbook_word.", "feature.")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.parent.name)
def test_catalogues_have_the_same_messages_and_slots(folder):
    english, german = ids(folder, "en"), ids(folder, "de")
    assert not english - german
    assert not {name for name in german - english if not name.startswith(TRANSLATED_ALONE)}
    for name in english:
        en, de = (slots_of(messages(folder, language)[name]) for language in ("en", "de"))
        kinds = {(s.name, s.kind) for s in en if s.kind not in ("plural", "choice", "count")}
        assert {s.name for s in de} <= {s.name for s in en}, name
        assert kinds >= {(s.name, s.kind) for s in de if s.kind not in ("plural", "choice", "count")}, name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.parent.name)
@pytest.mark.parametrize("language", locales.LANGUAGES)
def test_every_plural_has_the_forms_of_its_language(folder, language):
    for name, text in messages(folder, language).items():
        for slot in slots_of(text):
            if slot.forms and slot.kind in ("count", "plural"):
                assert set(slot.forms) == {"one", "other"}, name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.parent.name)
def test_sentences_keep_to_the_style_list(folder):
    for name, text in messages(folder, "en").items():
        plain = re.sub(r"\{[^{}]*\}", "5", text)
        assert not faults(plain), (name, faults(plain))


@pytest.mark.parametrize("quote", QUOTES)
def test_style_list_knows_the_old_sentences(quote):
    assert faults(quote)


def test_style_list_has_no_pattern_that_nothing_breaks():
    assert len(ON_PAGES) > 12
    assert not faults("516 customers are at risk and may still bring €64,243.")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "1 customer paid $1,234 on 30 September 1997, 63.2 %"),
        ("de", "1 Kunde zahlte 1.234 $ am 30. September 1997, 63,2 %"),
    ],
)
def test_each_language_writes_its_numbers_its_own_way(language, said):
    text = {
        "en": "{n:count|one=customer|other=customers} paid {x:money} on {day:date}, {part:share.1}",
        "de": "{n:count|one=Kunde|other=Kunden} zahlte {x:money} am {day:date}, {part:share.1}",
    }[language]
    t = Sentences(language, {"m": text}, "USD")
    assert t("m", n=1, x=1234.0, day=dt.date(1997, 9, 30), part=0.632) == said
    assert words.number(1234.5, 1) == "1,234.5"  # the language goes with the sentence


@pytest.mark.parametrize(
    ("currency", "amount", "said"),
    [
        ("JPY", 37.52, "¥38"),
        ("IDR", 1.5e12, "1,500,000,000,000 IDR"),
        ("EUR", 2e12, "€2,000,000,000,000"),
        ("KWD", 1.2345, "1.234 KWD"),
        ("", None, "–"),
    ],
)
def test_amounts_follow_their_currency(currency, amount, said):
    assert Sentences("en", {"m": "{x:money}"}, currency)("m", x=amount) == said


def test_names_of_customers_stay_short_and_harmless():
    t = Sentences("en", {"m": "Call {who:name} first"})
    assert len(t("m", who="x" * 200)) < 100
    assert t("m", who="\u202eevil") == "Call evil first"
    assert t("m", who="שלום") == "Call שלום first"


def test_a_missing_slot_says_which():
    t = Sentences("en", {"quiet": "{n:count} quiet"})
    with pytest.raises(NotebookError, match=r"'quiet' has the slots \['n'\]; wrong here: \['m', 'n'\]"):
        t("quiet", m=1)
    with pytest.raises(NotebookError, match="did you mean 'quiet'"):
        t("quite", n=1)
    with pytest.raises(NotebookError, match="no language 'fr'; there are en, de"):
        sentences("fr")
    with pytest.raises(NotebookError, match="needs the form 'other'"):
        slots_of("{n:count|one=customer}")
    with pytest.raises(NotebookError, match="a brace that is no slot"):
        slots_of("{n} customers")
