"""Rules of one's own: by what customers did and by who they are, in Python and from a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses import lifecycle, rfm
from crm_analytics.analyses.cohorts import cohorts
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.runs.schedule.schedule_file import read_schedule

INF = float("inf")
RULES = (
    rfm.Rule("Berlin, often", {"region": "Berlin", "order_count": (3, INF)}),
    rfm.Rule("Found in two countries", {"country": ["DE", "AT"], "acquisition_channel": "search"}),
    rfm.Rule("Nobody", {"region": "Berlin", "order_count": (100_000, INF)}),
    rfm.Rule("Rest", {}),
)


def test_segments_by_any_customer_column_are_those_of_the_rows_law(small_company) -> None:
    scores = rfm.score(small_company, rules=RULES)
    rows = small_company.collect(scores.customers).set_index("customer_id")
    people = small_company.collect(small_company.tables["customers"]).set_index("customer_id").loc[rows.index]
    bought = rows["r_score"].notna()
    berlin = bought & (people["region"] == "Berlin") & (rows["order_count"] >= 3)
    found = (
        bought & people["country"].isin(["DE", "AT"]) & (people["acquisition_channel"] == "search") & ~berlin
    )
    assert set(rows.index[rows["segment"] == "Berlin, often"]) == set(rows.index[berlin])
    assert set(rows.index[rows["segment"] == "Found in two countries"]) == set(rows.index[found])
    assert berlin.sum() > 10
    assert found.sum() > 10
    assert scores.unmatched == ("Nobody",)
    assert (
        scores.segments.set_index("segment").loc["Berlin, often", "rule"] == "3 or more orders, region Berlin"
    )


def test_stages_by_customer_columns_are_those_of_the_rows_law(small_company) -> None:
    mine = (
        lifecycle.StageRule("Gone quiet", {"recency_days": (181, INF)}),
        lifecycle.StageRule("Here, of Berlin", {"region": "Berlin"}),
        lifecycle.StageRule("Here", {}),
    )
    staged = lifecycle.stages(small_company, mine)
    rows = small_company.collect(staged.customers).set_index("customer_id")["stage"]
    people = small_company.collect(small_company.tables["customers"]).set_index("customer_id")["region"]
    here = rows[rows.isin(["Here", "Here, of Berlin"])]
    assert ((here == "Here, of Berlin") == (people.loc[here.index] == "Berlin")).all()
    assert len(set(here)) == 2
    assert staged.unmatched == ()


def test_rules_that_a_base_brings_along_hold_everywhere_law(small_company, tmp_path) -> None:
    base = small_company.with_rules(segments=[
        {"name": "Big", "where": {"revenue": "1000..", "country": "DE"}}, {"name": "Rest", "where": {}},
    ])  # fmt: skip
    assert rfm.score(base).customers.segment.nunique().execute() >= 2
    saved = CustomerBase.open(base.save(tmp_path / "saved"))
    assert saved.data_hash == base.data_hash == small_company.data_hash
    told = [rfm.score(one).segments[["segment", "customers"]].values.tolist() for one in (base, saved)]
    assert told[0] == told[1]
    assert [row[0] for row in told[0]][:2] == ["Big", "Rest"]
    kept = tmp_path / "kept"
    kept.mkdir()
    usual = rfm.score(small_company.keeping(kept)).segments["segment"].tolist()
    assert rfm.score(base.keeping(kept)).segments["segment"].tolist() != usual


@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        ({"regoin": "Berlin"}, ParameterError, "unknown field 'regoin'; did you mean 'region'"),
        ({"revenue": "much"}, ParameterError, "revenue takes a range like"),
        ({"email": "a@x.example"}, ParameterError, "email names one person"),
        ({"loyalty_tier": "gold"}, ParameterError, "holds only the state of today"),
        ({"postal": "1"}, ParameterError, "unknown field 'postal'"),
    ],
)
def test_a_rule_that_cannot_be_asked_says_which(small_company, where, error, words) -> None:
    with pytest.raises(error, match=words):
        rfm.score(small_company, rules=[rfm.Rule("Mine", where)])


def test_a_rule_by_a_column_that_is_not_there_says_so() -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(30)], "transaction_date": "2026-01-05", "unit_spend": 1.0}
    )
    base = CustomerBase.open(frame, today="2026-02-01")
    with pytest.raises(DataError, match="need the table 'customers'"):
        rfm.score(base, rules=[rfm.Rule("Berlin", {"region": "Berlin"})], bins=2)


def test_rules_in_a_schedule_are_read_strictly(tmp_path: Path) -> None:
    now, config = datetime(2026, 6, 1, tzinfo=UTC), tmp_path / "crm.toml"
    (tmp_path / "shop.csv").write_text("customer_id,transaction_date,unit_spend\na,2026-01-01,1\n")
    start = '[source.shop]\npath = "shop.csv"\n[[score]]\nsource = "shop"\nto = "s.parquet"\n'
    config.write_text(
        f'{start}[[segment]]\nname = "Big"\nwhere = {{ revenue = "1000..", country = ["DE"] }}\n'
        '[[stage]]\nname = "Here"\nwhere = { recency_days = [0, 90] }\n'
    )
    (one,) = read_schedule(config, now).scores
    assert [rule["name"] for rule in one.request.rules["segments"]] == ["Big"]
    for wrong, words in (
        (
            '[[segment]]\nname = "Big"\nwhere = { regoin = "x" }\n',
            "crm.toml: segment 'Big': unknown field|did you mean 'region'",
        ),
        (
            '[[stage]]\nname = "Here"\nwhere = { recency_days = [90, 0] }\n',
            "the range of recency_days is empty",
        ),
        ('[[segment]]\nname = "A"\n[[segment]]\nname = "A"\n', "a segment name of its own"),
        ('[[segment]]\nnames = "A"\n', "there is no key 'names'; did you mean 'name'"),
    ):
        config.write_text(start + wrong)
        with pytest.raises(ParameterError, match=words):
            read_schedule(config, now)


def test_cohorts_by_a_column_are_those_of_its_customers_law(small_company) -> None:
    by = cohorts(small_company, "year", by="acquisition_channel")
    people = small_company.collect(
        small_company.tables["customers"].select("customer_id", "acquisition_channel")
    )
    bought = small_company.collect(small_company.occasions.select("customer_id").distinct())
    counted = people.merge(bought, on="customer_id")["acquisition_channel"].value_counts()
    assert {name: int(one.cohorts["customers"].sum()) for name, one in by.items()} == counted.to_dict()
    assert next(iter(by)) == counted.index[0]
    with pytest.raises(ParameterError, match="more than 50 values"):
        cohorts(small_company, by="created_at")
    with pytest.raises(ParameterError, match="unknown column 'chanel'"):
        cohorts(small_company, by="chanel")
