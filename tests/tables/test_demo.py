"""The demo data have the published numbers, and the templates are the contract's."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from crm_analytics import CustomerBase
from crm_analytics.errors import ParameterError
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.demo import DEMOS, write_demo, write_templates

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory) -> CustomerBase:
    return CustomerBase.open(write_demo("cdnow", tmp_path_factory.mktemp("data")))


def size(table) -> int:
    return table.count().to_pyarrow().as_py()


def test_the_cdnow_sample_matches_fader_and_hardie(cdnow: CustomerBase) -> None:
    assert cdnow.counts["rows"] == 6_919
    assert size(cdnow.occasions) == 6_696
    assert cdnow.counts["customers"] == 2_357
    assert (cdnow.first_day.isoformat(), cdnow.day.isoformat()) == ("1997-01-01", "1998-06-30")
    assert (cdnow.label, cdnow.currency, len(cdnow.rejected)) == ("CDNOW sample", "USD", 0)


def test_the_cdnow_calibration_and_holdout_match_fader_and_hardie(cdnow: CustomerBase) -> None:
    past, future = cdnow.as_of("1997-09-30"), cdnow.between("1997-09-30", "1998-06-30")
    assert past.counts["rows"] == 4_960
    assert size(past.occasions) == 4_814
    assert past.counts["customers"] == 2_357
    assert size(future.occasions) == 1_882
    assert past.counts["revenue"] + future.counts["revenue"] == pytest.approx(244_091.94, abs=1e-6)


def test_the_cdnow_master_matches_fader_and_hardie(tmp_path) -> None:
    base = CustomerBase.open(write_demo("cdnow-master", tmp_path))
    assert base.counts["rows"] == 69_659
    assert base.counts["customers"] == 23_570
    assert len(base.rejected) == 0


def test_the_lemonade_stand_is_forty_customers_in_eight_weeks(tmp_path) -> None:
    base = CustomerBase.open(write_demo("lemonade", tmp_path), today="2026-12-31")
    assert base.counts["customers"] == size(base.tables["customers"]) == 40
    assert 49 <= (base.day - base.first_day).days + 1 <= 56
    assert base.show_customers
    assert set(base.tables) == {"customers", "products", "transactions"}
    bought = base.collect(base.transactions.select("product_id").distinct())["product_id"]
    assert set(bought) == set(base.collect(base.tables["products"])["product_id"])
    assert len(base.rejected) == 0


@pytest.mark.parametrize("name", ["cdnow", "lemonade"])
def test_demos_are_the_same_bytes_every_time(tmp_path, name: str) -> None:
    first, second = (write_demo(name, tmp_path / where) for where in ("a", "b"))
    files = sorted(p.name for p in first.iterdir())
    assert files == sorted(p.name for p in second.iterdir())
    assert all((first / f).read_bytes() == (second / f).read_bytes() for f in files)


def test_a_demo_is_written_over_the_old_one_and_leaves_nothing_else(tmp_path) -> None:
    write_demo("lemonade", tmp_path)
    before = {p.name for p in (tmp_path / "lemonade").iterdir()}
    write_demo("lemonade", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["lemonade"]
    assert {p.name for p in (tmp_path / "lemonade").iterdir()} == before


def test_own_files_in_the_place_of_a_demo_are_not_overwritten(tmp_path) -> None:
    (tmp_path / "lemonade").mkdir()
    (tmp_path / "lemonade" / "old.csv").touch()
    with pytest.raises(ParameterError, match="files of your own"):
        write_demo("lemonade", tmp_path)
    assert (tmp_path / "lemonade" / "old.csv").exists()


def test_an_unknown_demo_says_which_there_are(tmp_path) -> None:
    with pytest.raises(ParameterError, match="did you mean 'lemonade'") as caught:
        write_demo("lemonad", tmp_path)
    assert all(name in str(caught.value) for name in DEMOS)


def test_the_committed_templates_are_the_contract(tmp_path) -> None:
    fresh = write_templates(tmp_path)
    committed = sorted((PROJECT / "data" / "templates").iterdir())
    assert [p.name for p in committed] == sorted(p.name for p in fresh)
    for path in fresh:
        assert path.read_bytes() == (PROJECT / "data" / "templates" / path.name).read_bytes(), path.name


def test_every_template_with_one_row_opens(tmp_path) -> None:
    """A newcomer who fills in the templates gets a base."""
    values = {"text": "x", "time": "2026-01-01 10:00", "date": "2026-01-01", "flag": "true"}
    for path in write_templates(tmp_path):
        with path.open("a", newline="") as stream:
            csv.writer(stream).writerow(values.get(c.type, "1") for c in TABLES[path.stem].columns)
    base = CustomerBase.open(tmp_path, today="2026-12-31")
    assert set(base.tables) == set(TABLES)
    assert len(base.rejected) == 0
    assert all(size(table) == 1 for table in base.tables.values())
