"""`CustomerBase.with_identities`: what is conserved, which value is kept, what no merge may widen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import ParameterError
from crm_analytics.tables.identity_map import IdentityMap
from crm_analytics.tables.survivorship import Survivorship, kept_from

CONSENTS = ("consent_email", "consent_phone", "consent_sms", "consent_post")


@pytest.fixture(scope="module")
def merged(small_company: CustomerBase) -> CustomerBase:
    """The company with its records merged at random in threes: mostly of people who differ in everything."""
    ids = small_company.collect(small_company.tables["customers"].select("customer_id"))["customer_id"]
    some = np.random.default_rng(5).permutation(np.sort(ids.to_numpy()))[:300].reshape(-1, 3)
    return small_company.with_identities({one: row[0] for row in some for one in row})


def rows(base: CustomerBase) -> pd.DataFrame:
    return base.collect(base.tables["customers"]).set_index("customer_id")


def test_spend_orders_and_lines_are_conserved(small_company: CustomerBase, merged: CustomerBase) -> None:
    for base_day in ("", "2024-06-30"):
        before, after = small_company.as_of(base_day), merged.as_of(base_day)
        assert after.counts["rows"] == before.counts["rows"]
        sums = []
        for base in (before, after):
            lines, history = base.transactions, base.purchase_history
            paid = lines.aggregate(spend=lines.unit_spend.sum(), orders=lines.transaction_id.nunique())
            kept = history.aggregate(revenue=history.revenue.sum(), invoices=history.invoice_count.sum())
            sums.append([paid.to_pyarrow().to_pylist(), kept.to_pyarrow().to_pylist()])
        assert sums[0] == sums[1]


def test_costs_of_winning_customers_are_conserved(small_company: CustomerBase, merged: CustomerBase) -> None:
    total = [rows(base)["acquisition_cost"].sum() for base in (small_company, merged)]
    assert total[0] == pytest.approx(total[1], rel=1e-12)


def test_no_consent_is_widened(small_company: CustomerBase, merged: CustomerBase) -> None:
    before, after = rows(small_company), rows(merged)
    assert merged.identities is not None
    people = merged.identities.shared
    widened = 0
    for name in CONSENTS:
        given = before[name].reindex(people["record_id"]).eq(True).to_numpy()
        every = pd.Series(given).groupby(people["customer_id"].to_numpy()).all()
        widened += int((after[name].reindex(every.index).eq(True) & ~every).sum())
    barred = before["do_not_contact"].reindex(people["record_id"]).eq(True).to_numpy()
    must = pd.Series(barred).groupby(people["customer_id"].to_numpy()).any()
    assert widened == 0
    assert (after["do_not_contact"].reindex(must.index).eq(True) == must).all()
    assert must.any()


def test_no_consent_is_widened_on_an_earlier_day(merged: CustomerBase) -> None:
    """A record that comes later and forbids contact forbids it on every day."""
    now, then = rows(merged), rows(merged.as_of("2024-01-31"))
    assert merged.identities is not None
    shared = then.index.intersection(merged.identities.shared["customer_id"])
    assert (now.loc[shared, "consent_email"].eq(True) == then.loc[shared, "consent_email"].eq(True)).all()


def test_a_later_record_is_invisible_before_its_day(
    small_company: CustomerBase, merged: CustomerBase
) -> None:
    day = "2024-01-31"
    before, after = rows(small_company.as_of(day)), rows(merged.as_of(day))
    assert merged.identities is not None
    people = merged.identities.shared.set_index("record_id")["customer_id"]
    seen = before.assign(person=[people.get(one, one) for one in before.index])
    assert set(after.index) == set(seen["person"])
    mails = seen.groupby("person")["email"].agg(set)
    assert all(after.loc[p, "email"] in mails[p] for p in after.index)


def test_taking_the_map_back_gives_the_same_bytes(small_company: CustomerBase, merged: CustomerBase) -> None:
    assert merged.with_identities(None).data_hash == small_company.data_hash
    assert merged.data_hash != small_company.data_hash


def test_order_of_the_map_changes_nothing(small_company: CustomerBase, merged: CustomerBase) -> None:
    assert merged.identities is not None
    mixed = merged.identities.people.sample(frac=1, random_state=2)
    assert small_company.with_identities(mixed).data_hash == merged.data_hash


def test_a_saved_base_knows_what_it_was(
    small_company: CustomerBase, merged: CustomerBase, tmp_path: Path
) -> None:
    saved = CustomerBase.open(merged.save(tmp_path / "saved"))
    assert saved.data_hash == merged.data_hash
    assert saved.known_ids.equals(merged.known_ids)
    before = saved.before_merging
    assert before is not None
    assert before.counts == small_company.counts
    assert len(before.collect(before.customers)) == len(small_company.collect(small_company.customers))
    with pytest.raises(ParameterError, match="open the source"):
        saved.with_identities({"a": "a"})


def two(**columns: list[str | None]) -> CustomerBase:
    """Records a (of January) and b (of February), of one customer."""
    people = pd.DataFrame({"customer_id": ["a", "b"], "created_at": ["2026-01-01", "2026-02-01"], **columns})
    sales = pd.DataFrame({"customer_id": ["a", "b"], "transaction_date": ["2026-01-05", "2026-02-05"],
                          "unit_spend": [1.0, 2.0]})  # fmt: skip
    return CustomerBase.open({"customers": people, "transactions": sales}, today="2026-03-01")


def test_an_address_is_kept_as_a_whole() -> None:
    base = two(city=["Bonn", "Ulm"], postal_code=["53111", None]).with_identities({"a": "a", "b": "a"})
    row = rows(base).loc["a"]
    assert row["city"] == "Ulm"
    assert pd.isna(row["postal_code"])


@pytest.mark.parametrize(
    ("rule", "kept"), [("newest", "b@x.test"), ("oldest", "a@x.test"), ("trusted source", "a@x.test")]
)
def test_each_rule_keeps_its_value_and_tells_its_source(rule: str, kept: str) -> None:
    base = two(email=["a@x.test", "b@x.test"])
    rules = Survivorship({"email": rule}, trusted=("till",))
    people = pd.DataFrame({"record_id": ["a", "b"], "customer_id": "a", "source": ["till", "web"]})
    one = base.with_identities(people, rules)
    assert rows(one).loc["a", "email"] == kept
    assert base.records is not None
    table = kept_from(base.records, base.to_engine(people), rules)
    assert base.collect(table).loc[0, "email"] == kept[0]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"a": "b"}, None),
        ({"a": "b", "b": "c", "c": "c"}, "record of another customer"),
        ({"a": ""}, "empty id"),
        (pd.DataFrame({"record_id": ["a", "a"], "customer_id": ["a", "b"]}), "to two customers"),
        (pd.DataFrame({"id": ["a"]}), "no column"),
    ],
)
def test_a_map_that_contradicts_itself_says_so(given: object, says: str | None) -> None:
    if says is None:
        assert IdentityMap.of(given).merged_records == 0
        return
    with pytest.raises(ParameterError, match=says):
        IdentityMap.of(given)


@pytest.mark.parametrize(
    ("rules", "says"),
    [({"consent_email": "newest"}, "narrowest"), ({"emial": "newest"}, "did you mean 'email'"),
     ({"email": "newst"}, "did you mean 'newest'"), ({"email": "trusted source"}, "most trusted first")],
)  # fmt: skip
def test_a_rule_that_cannot_be_says_so(rules: dict[str, str], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        Survivorship(rules)
