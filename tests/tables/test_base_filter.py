"""A filter is a cut like a day: every table and identity of a base sees it; nothing later decides it."""

from __future__ import annotations

import ibis.expr.types as ir
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import rfm
from crm_analytics.errors import CrmError, DataError, ParameterError

TODAY = "2026-03-01"
LINES = pd.DataFrame(
    [
        ("a", "2026-01-05", 10.0, "web", "p1"),
        ("a", "2026-02-05", 20.0, "shop", "p2"),
        ("b", "2026-01-06", 5.0, "shop", "p2"),
        ("b", "2026-02-20", 7.0, "web", "p1"),
        ("c", "2026-01-07", 3.0, "shop", "p3"),
        (None, "2026-01-08", 100.0, "web", "p1"),
    ],
    columns=["customer_id", "transaction_date", "unit_spend", "channel", "product_id"],
)
TABLES = {
    "transactions": LINES,
    "customers": pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"],
            "country": ["DE", "DE", "FR", "DE"],
            "email": ["a@x.example", "b@x.example", "c@x.example", "d@x.example"],
            "loyalty_tier": ["gold", "none", "gold", "none"],
            "acquisition_cost": [1.0, 5.0, 9.0, None],
            "created_at": ["2026-01-01", "2026-01-02", "2026-01-03", "2026-02-10"],
        }
    ),
    "products": pd.DataFrame({"product_id": ["p1", "p2", "p3"], "brand_name": ["Alba", "Nero", "Nero"]}),
    "events": pd.DataFrame(
        {
            "timestamp": ["2026-01-04", "2026-01-03", "2026-01-05", "2026-01-05"],
            "event": ["visit"] * 4,
            "channel": ["search"] * 4,
            "customer_id": ["a", None, "c", None],
            "anonymous_id": ["x", "x", "y", "z"],
        }
    ),
    "tickets": pd.DataFrame(
        {
            "ticket_id": ["1", "2", "3"],
            "customer_id": ["a", "c", "d"],
            "created_at": ["2026-01-10", "2026-01-11", "2026-02-12"],
            "status": ["open"] * 3,
        }
    ),
    "referrals": pd.DataFrame(
        {
            "referrer_customer_id": ["a", "a", "c", "a"],
            "invited_at": ["2026-01-06"] * 4,
            "referred_customer_id": ["b", "c", "b", None],
            "converted_at": ["2026-01-06", "2026-01-07", "2026-01-08", None],
        }
    ),
}


@pytest.fixture(scope="module")
def base() -> CustomerBase:
    return CustomerBase.open(TABLES, today=TODAY)


def ids_of(base: CustomerBase, table: ir.Table) -> list[str]:
    return sorted(base.collect(table.select("customer_id"))["customer_id"])


def ids(base: CustomerBase, table: str, column: str = "customer_id") -> list[str]:
    return sorted(base.collect(base.tables[table].select(column))[column].dropna())


def test_a_customer_column_keeps_customers_with_all_their_rows_law(base) -> None:
    german = base.filter(country="DE")
    assert ids(german, "customers") == ["a", "b", "d"]
    assert german.counts["revenue"] == 42.0  # the sale of nobody has no country
    assert german.counts["anonymous_rows"] == 0
    assert ids(german, "tickets") == ["a", "d"]
    assert int(german.tables["events"].count().execute()) == 2  # and the visit of the same device
    assert ids(german, "referrals", "referred_customer_id") == ["b"]  # c is not German
    assert int(german.tables["referrals"].count().execute()) == 2
    assert int(german.purchase_history.count().execute()) == 2
    assert german.day == base.day
    assert german.first_day == base.first_day


def test_a_line_column_keeps_lines_and_their_customers_law(base) -> None:
    web = base.filter(channel="web")
    assert web.counts["revenue"] == 117.0
    assert web.counts["anonymous_spend"] == 100.0
    assert ids(web, "customers") == ["a", "b"]
    assert ids(web, "tickets") == ["a"]
    assert web.collect(web.purchase_history.order_by("customer_id"))["revenue"].tolist() == [10.0, 7.0]
    nero = base.filter(brand=["Nero"])
    assert nero.counts["revenue"] == 28.0
    assert nero.filtered_by == "brand Nero"


def test_a_filter_and_a_day_change_places_law(base) -> None:
    for where in ({"country": "DE"}, {"brand": "Alba"}, {"country": "DE", "channel": "web"}):
        one, other = base.filter(where).as_of("2026-01-31"), base.as_of("2026-01-31").filter(where)
        assert one.data_hash == other.data_hash, where
        assert one.counts == other.counts, where


def test_later_rows_do_not_choose_customers_law(base) -> None:
    early = base.filter(channel="web").as_of("2026-01-31")
    assert ids(early, "customers") == ["a"]  # b bought on the web in February
    assert ids(base.filter(country="DE").as_of("2026-01-31"), "customers") == ["a", "b"]  # d came later


def test_a_day_and_a_span_add_up_law(base) -> None:
    german = base.filter(country="DE")
    past, rest = german.as_of("2026-01-31"), german.between("2026-01-31", "2026-02-20")
    assert past.counts["rows"] + rest.counts["rows"] == german.counts["rows"] == 4
    assert rest.counts["revenue"] == 27.0


def test_filters_add_up_law(base) -> None:
    once = base.filter(country="DE", channel="web")
    twice = base.filter(country="DE").filter(channel="web")
    assert once.counts == twice.counts
    assert once.counts["revenue"] == 17.0
    spans = base.filter(acquisition_cost="2..9"), base.filter(created_at="2026-01-02..2026-01-03")
    assert [ids(one, "customers") for one in spans] == [["b", "c"]] * 2


def test_identity_and_kept_results_of_a_filter_are_its_own_law(base, tmp_path) -> None:
    keeping = base.keeping(tmp_path)
    every = keeping.filter(country=["DE", "FR"]).filter(channel=["web", "shop"])
    assert every.data_hash != base.data_hash  # nearly the same rows, another base
    for one in (keeping, keeping.filter(country="DE"), keeping.filter(country="FR")):
        kept = one.remember(("n",), lambda b=one: b.counts["rows"], lambda n: {"n": n}, lambda p: p["n"])
        assert kept == one.counts["rows"]


def test_a_saved_filter_opens_as_it_was_and_cuts_further_law(base, tmp_path) -> None:
    web = base.filter(channel="web")
    saved = CustomerBase.open(web.save(tmp_path / "saved"))
    assert (saved.data_hash, saved.filtered_by, saved.counts) == (web.data_hash, "channel web", web.counts)
    assert ids(saved.as_of("2026-01-31"), "customers") == ["a"]
    assert saved.as_of("2026-01-31").data_hash == web.as_of("2026-01-31").data_hash


def test_merged_records_are_filtered_as_one_customer_law(base) -> None:
    one = base.with_identities({"a": "a", "c": "a"}).filter(country="FR")  # the newer record says France
    assert ids(one, "customers") == ["a"]
    assert one.counts["revenue"] == 33.0  # with what the other record bought
    assert one.before_merging is not None
    assert one.before_merging.counts["revenue"] == 3.0
    assert set(one.known_ids["known_id"]) == {"a", "c"}
    assert one.records is not None
    assert ids_of(one, one.records) == ["a", "c"]


def test_analyses_of_a_filter_are_those_of_the_rows_alone_law(small_company) -> None:
    people = small_company.collect(small_company.tables["customers"].select("customer_id", "region"))
    region = people["region"].value_counts().index[0]
    mine = people.loc[people["region"] == region, "customer_id"]
    lines = small_company.collect(
        small_company.transactions.select("customer_id", "transaction_date", "unit_spend")
    )
    alone = CustomerBase.open(lines[lines["customer_id"].isin(mine)], today="2026-01-01")
    cut = small_company.filter(region=region)
    same = cut.as_of(min(cut.day, alone.day))
    found, wanted = (
        base.collect(
            base.purchase_history.select("customer_id", "order_count", "revenue").order_by("customer_id")
        )
        for base in (same, alone.as_of(same.day))
    )
    assert found["customer_id"].tolist() == wanted["customer_id"].tolist()
    assert found["revenue"].round(2).tolist() == wanted["revenue"].round(2).tolist()
    assert int(rfm.score(cut).segments["customers"].sum()) == cut.counts["customers"]


@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        ({"contry": "DE"}, ParameterError, "unknown column 'contry'; did you mean 'country'?"),
        ({"country": "De"}, ParameterError, "nobody has country De; did you mean 'DE'?"),
        ({"country": ["DE", "XX"]}, ParameterError, "nobody has country XX"),
        ({"brand": "Abla"}, ParameterError, "nobody has brand Abla; did you mean 'Alba'?"),
        ({"country": "FR", "channel": "web"}, ParameterError, "nobody fits all of it"),
        ({"email": "a@x.example"}, ParameterError, "email names one person"),
        ({"loyalty_tier": "gold"}, ParameterError, "holds only the state of today"),
        ({"region": "North"}, DataError, "this source has no customers.region"),
        ({"acquisition_cost": "cheap"}, ParameterError, "is a number or a span like 5..20"),
        ({"acquisition_cost": "9..2"}, ParameterError, "is empty"),
        ({"acquisition_cost": ".."}, ParameterError, "has no end"),
        ({"created_at": "soon"}, ParameterError, "is a day or a span"),
        ({"country": []}, ParameterError, "needs at least one value"),
        ({"country": 7}, ParameterError, "is a text, got 7"),
        ({}, ParameterError, "no column is given"),
    ],
)
def test_a_wrong_filter_says_what_and_where(base, where, error, words) -> None:
    with pytest.raises(error) as told:
        base.filter(where)
    assert words in str(told.value)
    assert isinstance(told.value, CrmError)


def test_a_state_of_today_can_be_asked_for(base) -> None:
    assert ids(base.filter(loyalty_tier="gold", current_state=True), "customers") == ["a", "c"]
