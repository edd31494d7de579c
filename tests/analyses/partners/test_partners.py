"""Tokens, matching, lists: planted overlaps between two companies, and what goes wrong between them."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics.analyses import partners
from crm_analytics.analyses.cell_suppression import HIDDEN
from crm_analytics.analyses.measured import Measured
from crm_analytics.analyses.partners.overlap import keys_of
from crm_analytics.analyses.partners.secret import FILE, FILE_VARIABLE, VARIABLE, Secret, partner_secret
from crm_analytics.errors import DataError, ParameterError
from tests.analyses.partners import companies
from tests.analyses.partners.companies import SHARED

SECRET = Secret(b"a secret of two companies")
WRONG = Secret(b"the secret of another two")


@pytest.fixture(scope="module")
def partner_file() -> pd.DataFrame:
    """What `crm tokens` makes at the partner."""
    return partners.contribution(companies.theirs(), SECRET, "alba", "Alba")


@pytest.fixture(scope="module")
def base(partner_file):
    """Our base with the partner's file."""
    return companies.ours(partner_file)


# RFC 4231, section 4: key, data, HMAC-SHA-256
@pytest.mark.parametrize(
    ("key", "data", "digest"),
    [
        (b"\x0b" * 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"\xaa" * 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ],
)  # fmt: skip
def test_token_matches_rfc_4231(key: bytes, data: str, digest: str) -> None:
    assert partners.token(data, Secret(key)) == digest


def test_matching_recovers_planted_overlap(base) -> None:
    found = partners.match(base, SECRET)
    row = found.partners.iloc[0]
    assert (row["tokens"], row["partner_name"]) == ("keyed", "Alba")
    shared = base.collect(found.records.filter(found.records.customer_id.notnull()).select("customer_id"))
    assert set(shared["customer_id"]) == {f"zq7-{n}" for n in range(SHARED)}


def test_a_wrong_secret_or_none_matches_nobody_and_says_so(base) -> None:
    for secret in (WRONG, None):
        found = partners.match(base, secret).partners.iloc[0]
        assert (found["matched"], found["tokens"]) == (0, "unknown")


def test_plain_hashes_are_recognised_and_given_to_nobody(partner_file) -> None:
    plain = partner_file.copy()
    mails = [str(partners.normalised(companies.mail(n), "email")) for n in range(1, 80, 2)]
    plain = plain.head(40).assign(token=[hashlib.sha256(m.encode()).hexdigest()[:40] for m in mails])
    base = companies.ours(plain)
    found = partners.match(base, SECRET)
    assert found.partners.iloc[0][["tokens", "matched"]].tolist() == ["plain", 40]
    counts = partners.overlap(base, found, k=5)
    lists = partners.offers(base, found, Measured(base).standings, {}, {}, counts)
    assert lists.theirs.empty


def test_the_file_for_a_partner_holds_those_who_consent_and_no_address_law() -> None:
    base = companies.ours()
    found = partners.contribution(base, SECRET, "tea")
    allowed = [n for n in range(240) if n % 10 and n % 25 != 7]
    mails = [partners.normalised(companies.mail(n), "email") for n in allowed if n % 4]
    wanted = {partners.token(one, SECRET) for one in mails}
    assert wanted <= set(found["token"])
    assert len(found) == len(allowed)  # one token each: of the mail address, else of the phone number
    text = found.to_csv()
    assert "@" not in text
    assert "zq7" not in text
    assert "Zoe" not in text
    assert found["token"].is_monotonic_increasing
    assert found["frequency"].max() <= 20
    assert (found["recency_days"].dropna() % 7 == 0).all()


def test_the_order_of_customers_changes_no_token_law() -> None:
    people = companies.people(0, 240, "zq7-")
    one = partners.contribution(companies.ours(customers=people), SECRET, "tea")
    other = partners.contribution(companies.ours(customers=people.iloc[::-1]), SECRET, "tea")
    pd.testing.assert_frame_equal(one, other)


def test_nobody_without_consent_is_on_a_list_law(partner_file) -> None:
    records = partner_file.assign(
        population=["prospect" if n % 2 else "customer" for n in range(len(partner_file))],
        consent=[n % 5 != 0 for n in range(len(partner_file))],
    )
    base = companies.ours(records)
    found = partners.match(base, SECRET)
    counts = partners.overlap(base, found, k=5)
    alike = {"alba": partners.like_partner(base, found, "alba")}
    lists = partners.offers(base, found, Measured(base).standings, alike, {}, counts)
    numbers = lists.ours["customer_id"].str.removeprefix("zq7-").astype(int)
    assert len(numbers) > 10
    assert not (numbers % 10 == 0).any()
    assert not (numbers % 25 == 7).any()
    refused = set(records.loc[~records["consent"], "token"])
    assert len(lists.theirs) > 10
    assert not set(lists.theirs["token"]) & refused
    assert lists.ours["customer_id"].is_unique


def test_likeness_recovers_planted_truth(base) -> None:
    found = partners.match(base, SECRET)
    alike = partners.like_partner(base, found, "alba")
    assert alike.is_shown  # the shared customers buy four times as often
    scores = base.collect(alike.scored).set_index("customer_id")["likeness"]
    shared = [f"zq7-{n}" for n in range(SHARED)]
    assert scores[shared].mean() > 2 * scores.drop(shared).mean()


def test_counts_add_up_and_a_second_page_stands_still_law(base, partner_file) -> None:
    found = partners.match(base, SECRET)
    first = partners.overlap(base, found, k=10)
    assert partners.number(first, "alba", known="shared") == SHARED
    shown = [None if s == HIDDEN else v for s, v in zip(first["state"], first["value"], strict=True)]
    before = dict(zip(keys_of(first), shown, strict=True))
    later = companies.ours(partner_file.iloc[4:])  # four records are gone: too few to be seen
    second = partners.overlap(later, partners.match(later, SECRET), k=10, before=before)
    pd.testing.assert_series_equal(first["value"], second["value"])


def test_an_empty_partner_file_says_so(partner_file) -> None:
    with pytest.raises(DataError, match=r"empty|partner_records"):
        partners.match(companies.ours(partner_file.head(0)), SECRET)


def test_no_partner_table_says_which_one() -> None:
    with pytest.raises(DataError, match="partner_records"):
        partners.match(companies.ours(), SECRET)


@pytest.mark.parametrize(
    ("value", "field", "made"),
    [
        (" ANN@Mail.example", "email", "ann@mail.example"),
        ("ＡＮＮ@mail.example", "email", "ann@mail.example"),
        ("Straße@x.de", "email", "strasse@x.de"),
        ("李娜@例子.公司", "email", "李娜@例子.公司"),
        ("two words@x.de", "email", None),
        ("@", "email", None),
        ("+٤٩٣٠١٢٣٤٥٦٧", "phone", "+49301234567"),
        ("000000000000", "phone", None),
        ("030 1234567", "phone", None),
        (7.0, "phone", None),
    ],
)
def test_addresses_of_any_script_have_one_form(value: object, field: str, made: str | None) -> None:
    assert partners.normalised(value, field) == made


def test_the_secret_comes_from_the_environment_or_a_file_and_shows_itself_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = "correct horse battery staple"
    named = tmp_path / "elsewhere"
    named.write_text(text + "\n", encoding="utf-8")
    (tmp_path / FILE).write_text("the secret of the project", encoding="utf-8")
    by_variable = partner_secret({VARIABLE: text}, tmp_path)
    by_name = partner_secret({FILE_VARIABLE: str(named)}, tmp_path)
    by_project = partner_secret({}, tmp_path)
    assert by_variable == by_name
    assert by_variable != by_project
    assert partner_secret({}, tmp_path / "nowhere") is None
    assert text not in repr(by_variable) + caplog.text
    with pytest.raises(ParameterError, match="16") as error:
        partner_secret({VARIABLE: "short secret"}, tmp_path)
    assert "short secret" not in str(error.value)
    with pytest.raises(ParameterError, match=FILE_VARIABLE):
        partner_secret({FILE_VARIABLE: str(tmp_path / "gone")}, tmp_path)
