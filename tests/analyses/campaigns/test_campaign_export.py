"""What leaves the house: formula-safe, pseudonymous unless asked, remembered for the next wave."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import campaigns
from crm_analytics.analyses.campaigns import ListRule, Terms, chosen
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.export import pseudonyms, read_csv

KEY = b"0123456789abcdef0123456789abcdef"
EVIL = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    n = 40
    ids = [f"{k:05d}" for k in range(n)]
    people = pd.DataFrame({
        "customer_id": ids, "birth_date": [f"{1930 + i % 70}-02-27" for i in range(n)],
        "consent_email": [True] * n,
        "first_name": [EVIL] * n, "email": [f"canary{k}@mail.example" for k in range(n)],
    })  # fmt: skip
    sales = pd.DataFrame(
        {"customer_id": ids, "transaction_date": ["2026-02-25"] * n, "unit_spend": range(1, n + 1)}
    )
    return CustomerBase.open({"customers": people, "transactions": sales}, today="2026-12-31")


@pytest.fixture(scope="module")
def wave(base):
    return campaigns.lists(
        base, chosen(["birthday"]), Terms(holdout=0.3, margin=0.5, contact_cost=0.1, response=0.5)
    )


def text_of(folder) -> str:
    return "".join(path.read_bytes().decode("latin-1") for path in folder.iterdir())


def test_files_hold_no_person_unless_asked(wave, tmp_path):
    campaigns.export(wave, tmp_path, KEY)
    found = text_of(tmp_path)
    assert "canary" not in found
    assert EVIL not in found
    table = read_csv(tmp_path / "birthday.csv", numbers=["value_at_stake", "expected_value"])
    assert table["customer"].str.fullmatch(r"c-[a-z2-7]{10}").all()
    assert not set(table["customer"]) & set(wave.base.collect(wave.base.customers)["customer_id"])
    assert table["expected_value"].is_monotonic_decreasing
    assert table["due_on"].unique().tolist() == ["2026-02-27"]


def test_asked_for_people_the_csv_has_them_and_runs_no_formula(wave, tmp_path):
    campaigns.export(wave, tmp_path, KEY, show_customers=True)
    raw = (tmp_path / "birthday.csv").read_text()
    assert f"'{EVIL}" in raw
    assert f",{EVIL}" not in raw
    table = read_csv(tmp_path / "birthday.csv")
    assert table["email"].str.startswith("canary").all()
    assert table["customer_id"].str.len().eq(5).all()
    assert "canary" not in (tmp_path / "members.parquet").read_bytes().decode("latin-1")


@pytest.mark.parametrize("shown", [False, True], ids=["pseudonyms", "ids"])
def test_parquet_has_the_rows_of_the_csv_with_types(wave, tmp_path, shown):
    campaigns.export(wave, tmp_path, KEY, show_customers=shown)
    csv = read_csv(tmp_path / "birthday.csv", numbers=["value_at_stake", "expected_value"])
    table = pq.read_table(tmp_path / "birthday.parquet")
    assert table.column_names == csv.columns.tolist()
    types = {
        "due_on": pa.date32(),
        **dict.fromkeys(("value_at_stake", "expected_value", "expected_margin"), pa.float64()),
    }
    assert {field.name: field.type for field in table.schema} == {
        name: types.get(name, pa.string()) for name in table.column_names
    }
    who = "customer_id" if shown else "customer"
    found = table.to_pandas()
    assert found[who].tolist() == csv[who].tolist()
    assert found["due_on"].astype("str").tolist() == csv["due_on"].tolist()
    assert found["value_at_stake"].tolist() == csv["value_at_stake"].tolist()
    assert ("first_name" in table.column_names) == shown


def test_a_list_without_expected_values_has_the_same_types(base, tmp_path):
    wave = campaigns.lists(base, chosen(["birthday"]), Terms(holdout=0))
    campaigns.export(wave, tmp_path, KEY)
    schema = pq.read_schema(tmp_path / "birthday.parquet")
    assert (schema.field("expected_value").type, schema.field("item").type) == (pa.float64(), pa.string())


def test_a_rule_named_like_a_file_of_the_wave_says_so():
    with pytest.raises(ParameterError, match="rule members: a wave has a file of this name"):
        ListRule("members", "all of them", lambda known: known.buyers)


def test_controls_are_in_no_list_and_are_remembered(wave, base, tmp_path):
    campaigns.export(wave, tmp_path, KEY)
    members = pd.read_parquet(tmp_path / "members.parquet")
    control = set(members.loc[members["treatment"] == "control", "customer"])
    assert control
    assert not control & set(read_csv(tmp_path / "birthday.csv")["customer"])
    back = base.collect(campaigns.issued(base, [tmp_path], KEY))
    wanted = base.collect(wave.members.filter(wave.members.treatment.notnull()))
    columns = ["customer_id", "list", "treatment"]
    pd.testing.assert_frame_equal(
        back[columns].sort_values("customer_id", ignore_index=True),
        wanted[columns].sort_values("customer_id", ignore_index=True),
    )
    assert (pd.to_datetime(back["issued_on"]).dt.date == base.day).all()


def test_a_wave_told_again_reaches_nobody_a_second_time(wave, base, tmp_path):
    campaigns.export(wave, tmp_path, KEY)
    again = campaigns.lists(
        base, chosen(["birthday"]), wave.terms, issued=campaigns.issued(base, [tmp_path], KEY)
    )
    assert campaigns.summary(again)["treated"].tolist() == [0]


def test_wave_json_says_what_was_done(wave, tmp_path):
    campaigns.export(wave, tmp_path, KEY)
    told = json.loads((tmp_path / "wave.json").read_text())
    assert told["day"] == "2026-02-25"
    assert told["lists"][0]["due"] == 40
    assert told["terms"]["holdout"] == 0.3


def test_files_are_closed_to_others_and_the_same_bytes_again(wave, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        campaigns.export(wave, folder, KEY)
    for path in sorted(one.iterdir()):
        assert path.stat().st_mode & 0o007 == 0
        assert path.read_bytes() == (two / path.name).read_bytes()


def test_unfinished_and_broken_waves(base, tmp_path):
    assert campaigns.issued(base, [tmp_path], KEY) is None
    (tmp_path / "wave.json").write_text("{}")
    (tmp_path / "members.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match=r"members\.parquet cannot be read"):
        campaigns.issued(base, [tmp_path], KEY)


def test_customers_of_another_key_are_not_recognised(wave, base, tmp_path):
    campaigns.export(wave, tmp_path, KEY)
    assert pseudonyms(["00001"], KEY) != pseudonyms(["00001"], KEY[::-1])
    assert base.collect(campaigns.issued(base, [tmp_path], KEY[::-1])).empty
