"""What a source text means, what may be told of it, and that its secrets stay where they are."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.named_sources import check_exists, find_source
from crm_analytics.tables.redaction import HIDDEN, holds_secret, redact
from crm_analytics.tables.source_ref import public_name, read_source

SECRET = "s3cret"
SPELLINGS = [
    f"postgres://ann:{SECRET}@db/shop",
    f"POSTGRESQL+psycopg2://ann:{SECRET}@db:5432/shop?sslmode=require",
    f"mysql://ann:{SECRET} with blanks/and@signs@db/shop",
    f"jdbc:postgresql://db/shop?user=ann&password={SECRET}",
    f"snowflake://ann:{SECRET}@account/db/schema?warehouse=w",
    f"https://bucket.example/x.parquet?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}",
    f"https://x.blob.example/c/f.parquet?sv=2024&sig={SECRET}",
    f"host=db user=ann password={SECRET} dbname=shop",
    f"host=db user=ann password='{SECRET} two' dbname=shop",
    f"Driver={{ODBC 18}};Server=db;UID=ann;PWD={{{SECRET};more}};Database=shop",
    f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={SECRET}==",
    f'{{"user": "ann", "password": "{SECRET}", "host": "db"}}',
    f"AWS_SECRET_ACCESS_KEY={SECRET}",
    f"Authorization: Bearer {SECRET}",
    f"ann:{SECRET}@db.example:5432/shop",
    f"token = '{SECRET}'",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_no_spelling_of_a_secret_is_said_law(text) -> None:
    for sentence in (text, f"cannot open {text}", f"cannot open '{text}': refused\nnext line"):
        assert SECRET not in redact(sentence)
        assert HIDDEN in redact(sentence)


@pytest.mark.parametrize(
    "text", ["no secret here", "12:30 at the shop", "a mail to ann@example.org", "x = 5; y: 7"]
)
def test_plain_words_stay_as_they_are_law(text) -> None:
    assert redact(text) == text


@given(
    st.text(string.ascii_letters + string.digits + "!#$%&'()*+,-./:;<=>?@[]^_`{|}~ äß€", min_size=8),
    st.sampled_from(["postgres", "postgresql+psycopg", "MySQL", "redshift", "x-y.z"]),
)
def test_a_password_of_any_characters_is_not_said_law(word, scheme) -> None:
    password = f"Q{word}Q"
    assert password not in redact(f"failed: {scheme}://ann:{password}@db.example/shop today")


def test_a_secret_in_a_source_text_is_known() -> None:
    assert [holds_secret(t) for t in SPELLINGS[:5]] == [True] * 5
    assert not any(holds_secret(t) for t in ("$DATABASE_URL", "postgres://db/shop", "data/shop.csv", "cdnow"))


def test_a_reference_never_shows_its_secret_law() -> None:
    ref = read_source("$URL", environment={"URL": SPELLINGS[1]})
    assert (ref.kind, ref.name, ref.path, ref.is_connection) == ("postgres", "postgres", None, True)
    assert ref.text == SPELLINGS[1]
    assert SECRET not in f"{ref!r}{ref}{ref.name}{ref.identity}"
    other = read_source(SPELLINGS[1].replace(SECRET, "another"))
    assert other.identity == ref.identity  # a new password is no new source
    assert other.identity != read_source(SPELLINGS[1].replace("/shop", "/shop2")).identity


def test_variables_inside_a_url_are_quoted_law() -> None:
    ref = read_source("postgresql://crm:${PW}@db/shop", environment={"PW": "a/b@c d"})
    assert ref.text == "postgresql://crm:a%2Fb%40c%20d@db/shop"
    assert not ref.open_secret  # what stands in the file or the command is the name alone


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("duckdb:///crm.duckdb", "duckdb", "/data/crm.duckdb"),
        ("sqlite:///shop.sqlite", "sqlite", "/data/shop.sqlite"),
        ("DuckDB://sub/crm.duckdb?read_only=1", "duckdb", "/data/sub/crm.duckdb"),
        ("shop.csv", "file", "/data/shop.csv"),
        ("postgres://db/x", "postgres", None),
        ("s3://bucket/x.parquet", "network", None),
        ("jdbc:postgresql://db/x", "postgres", None),
    ],
)
def test_every_kind_of_text_is_understood(text, kind, path) -> None:
    ref = read_source(text, folder=Path("/data"))
    assert (ref.kind, ref.path and ref.path.as_posix()) == (kind, path)


def test_what_may_be_told_of_a_source() -> None:
    told = [public_name(t) for t in ("cdnow", "/home/ann/shop.csv", "C:\\Ann\\shop.csv", *SPELLINGS[:5])]
    assert told == ["cdnow", "shop.csv", "shop.csv", "postgres", "postgres", "mysql", "postgres", "snowflake"]
    assert not any(SECRET in public_name(text) for text in SPELLINGS)


# -- crm.toml ------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data" / "cdnow").mkdir(parents=True)
    (tmp_path / "data" / "wh2").mkdir()
    (tmp_path / "m.toml").write_text("")
    (tmp_path / "crm.toml").write_text(
        '[source.shop]\npath = "cdnow"\nmapping = "m.toml"\noldest_data = "3d"\n'
        '[source.wh]\nurl = "$WH_URL"\nversion_query = "SELECT 1"\n[source.net]\nurl = "https://x/y.parquet"\n'
        'network = true\n[source.bad]\npath = "a"\nurl = "duckdb:///b"\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    monkeypatch.setenv("WH_URL", SPELLINGS[0])
    return tmp_path


def test_names_of_crm_toml_are_sources_law(project) -> None:
    shop, wh, net = (find_source(name) for name in ("shop", "wh", "net"))
    assert (shop.ref.path, shop.mapping) == (project / "data" / "cdnow", project / "m.toml")
    assert shop.settings["oldest_data"] == "3d"
    assert (wh.ref.kind, wh.ref.text) == ("postgres", SPELLINGS[0])
    assert SECRET not in repr(wh)
    assert net.ref.network
    assert find_source("wh2").ref.path == project / "data" / "wh2"
    (project / "wh").mkdir()  # a folder that is here goes first
    assert find_source("wh").ref.path == project / "wh"


def test_names_that_nothing_bears_say_so(project) -> None:
    with pytest.raises(DataError, match=r"no file or folder 'shopp'; did you mean 'shop'"):
        check_exists(find_source("shopp").ref)
    with pytest.raises(ParameterError, match=r"\[source.bad\]: give path"):
        find_source("bad")
    with pytest.raises(DataError, match="crm demo lemonade"):
        check_exists(find_source("lemonade").ref)
