"""Rules join what is one person and leave alone what only looks like it."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics.analyses.identity import resolve
from tests.analyses.identity.worlds import night_of, partition

ADA = {"first_name": "Ada", "last_name": "Nowak", "email": "ada@x.test", "birth_date": "1980-02-03",
       "phone": "+49 30 5551234", "city": "Ulm"}  # fmt: skip


def joined(*rows: dict[str, str | None]) -> bool:
    """Whether all of these records are one person by the rules."""
    frame = pd.DataFrame([{"customer_id": f"r{n}", **ADA, **row} for n, row in enumerate(rows)])
    return len(partition(night_of(frame).people)) == 1


SAME: dict[str, tuple[dict[str, str | None], dict[str, str | None]]] = {
    "mail in capitals": ({}, {"email": " ADA@X.test ", "phone": None, "birth_date": None}),
    "mail with a tag": ({}, {"email": "ada+shop@x.test", "phone": None, "birth_date": None}),
    "mistyped domain": ({}, {"email": "ada@xx.test", "phone": None, "birth_date": None, "city": "Hof"}),
    "phone written otherwise": ({"email": None}, {"email": None, "phone": "0049 (30) 555-1234"}),
    "name with marks": (
        {"first_name": "Zoë", "last_name": "Ångström", "email": "z@x.test"},
        {"first_name": "ZOE", "last_name": "Angstrom", "email": "q@y.test", "phone": None},
    ),
    "names in Greek": ({"first_name": "Ελένη", "last_name": "Παππά"},
                       {"first_name": "ΕΛΕΝΗ", "last_name": "ΠΑΠΠΑ", "email": None}),
    "names in Chinese": ({"first_name": "小明", "last_name": "王"},
                         {"first_name": "小明", "last_name": "王", "email": None}),
    "names swapped": ({}, {"first_name": "Nowak", "last_name": "Ada", "phone": None}),
    "two birth dates, one mail and name": ({}, {"birth_date": "1975-11-30", "phone": None}),
    "a missing name": ({}, {"first_name": None, "last_name": None, "phone": None}),
}  # fmt: skip

APART: dict[str, tuple[dict[str, str | None], dict[str, str | None]]] = {
    "twins at one address": ({"first_name": "Hanna"}, {"first_name": "Jonas"}),
    "twins at one mail": ({"first_name": "Mia", "phone": None}, {"first_name": "Leo", "phone": None}),
    "info@": ({"email": "info@x.test", "first_name": None, "last_name": None, "phone": None,
               "birth_date": None},
              {"email": "info@x.test", "first_name": None, "last_name": None, "phone": None,
               "birth_date": None}),
    "a phone of twelve zeros": ({"email": None, "birth_date": None, "phone": "000000000000"},
                                {"email": None, "birth_date": None, "phone": "000000000000"}),
    "a person and a firm": ({"customer_type": "person"}, {"customer_type": "company"}),
    "the same name alone": ({}, {"email": "b@y.test", "phone": None, "birth_date": None}),
    "nothing at all": (dict.fromkeys(ADA), dict.fromkeys(ADA)),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAME)
def test_rules_join_one_person(kind: str) -> None:
    assert joined(*SAME[kind])


@pytest.mark.parametrize("kind", APART)
def test_rules_keep_two_people_apart(kind: str) -> None:
    assert not joined(*APART[kind])


def test_a_mail_of_a_whole_office_joins_nobody() -> None:
    rows = [{"customer_id": f"r{n}", "first_name": f"{chr(65 + n)}olf", "last_name": f"{chr(90 - n)}immer",
             "email": "desk7@firm.test"} for n in range(25)]  # fmt: skip
    assert len(partition(night_of(pd.DataFrame(rows)).people)) == 25


def test_a_record_without_a_name_is_no_bridge_between_two_people() -> None:
    rows = [{"customer_id": "a", "first_name": "Anna", "last_name": "Kok", "email": "kok@x.test"},
            {"customer_id": "b", "first_name": "Hugo", "last_name": "Kok", "email": "kok@x.test"},
            {"customer_id": "c", "first_name": None, "last_name": None, "email": "kok@x.test"}]  # fmt: skip
    people = night_of(pd.DataFrame(rows)).people
    assert people["a"] != people["b"]


def test_demo_company_recovers_its_71_planted_duplicates(demo_company_folder, demo_company) -> None:  # type: ignore[no-untyped-def]
    told = pd.read_feather(demo_company_folder / "truth_customers.feather").dropna(subset="duplicate_id")
    assert len(told) == 71
    people = resolve(demo_company, model=False).memory.people
    merged = people[people.index != people]
    second = dict(zip(told["duplicate_id"], told["customer_id"], strict=True))
    assert {frozenset(pair) for pair in merged.items()} == {frozenset(pair) for pair in second.items()}


def test_order_of_rows_changes_nothing(small_company) -> None:  # type: ignore[no-untyped-def]
    frame = small_company.collect(small_company.tables["customers"])
    one = night_of(frame)
    other = night_of(frame.sample(frac=1, random_state=8))
    assert one.people.sort_index().equals(other.people.sort_index())
    assert one.pairs.equals(other.pairs)
