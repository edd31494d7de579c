"""`crm score` and `[[score]]`: rows leave once for each day, and nobody forgotten is among them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.cli import main
from crm_analytics.errors import ParameterError
from crm_analytics.runs.publishing import erasure
from crm_analytics.runs.schedule.night import Summary, prepare, run_items
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.runs.schedule.score_jobs import request_of
from crm_analytics.runs.score_run import ScoreRequest, decide_scores, write_scores
from crm_analytics.tables.export import pseudonyms
from crm_analytics.tables.project_key import read_key

NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    folder = root / "data" / "shop"
    folder.mkdir(parents=True)
    days = pd.date_range("2026-01-01", periods=90).strftime("%Y-%m-%d")
    lines = [f"K{i % 30:04},{day},{5 + i % 9}.5" for i, day in enumerate(days)]
    (folder / "transactions.csv").write_text(
        "\n".join(["customer_id,transaction_date,unit_spend", *lines]) + "\n"
    )
    people = [f"K{i:04},{'DE' if i % 2 else 'FR'}" for i in range(30)]
    (folder / "customers.csv").write_text("\n".join(["customer_id,country", *people]) + "\n")
    monkeypatch.chdir(root)
    for name in ("CRM_DISPLAY", "CRM_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return root


def asked(to: str = "scores.parquet", **more: object) -> ScoreRequest:
    usual: dict[str, object] = {
        "now": NOW, "data": "shop", "target": to, "what": "scores", "names": (), "mapping": None, "as_of": "",
        "where": {}, "pseudonyms": False, "out": Path("reports"), "force": False,
    }  # fmt: skip
    return request_of(**{**usual, **more})  # type: ignore[arg-type]


def test_scores_leave_once_and_each_day_stays(project: Path) -> None:
    first = write_scores(decide_scores(asked(as_of="2026-02-28")))
    second = write_scores(decide_scores(asked()))
    assert (first.status, second.status) == ("done", "done"), (first, second)
    assert second.message == "30 rows of 2026-03-31 are in scores.parquet"
    assert "next_product is left empty" in second.note
    again = decide_scores(asked())
    assert again.result is not None
    assert again.result.status == "unchanged"
    write_scores(decide_scores(asked(force=True)))
    rows = pd.read_parquet(project / "scores.parquet")
    assert rows.groupby("as_of").size().tolist() == [30, 30]
    assert {"segment", "stage", "value_upper", "churn_reason_1", "next_action"} <= set(rows.columns)
    assert set(rows["source"]) == {"shop"}
    base = CustomerBase.open("shop", today="2026-06-01")
    assert set(rows.loc[rows["as_of"].astype("str") == "2026-03-31", "data_hash"]) == {base.data_hash}
    assert rows["customer_id"].str.startswith("K").all()
    (project / "scores.parquet").unlink()
    assert decide_scores(asked()).result is None  # what is not there must be written


def test_key_figures_and_lists_leave_the_same_way(project: Path) -> None:
    told = write_scores(decide_scores(asked("wh.duckdb", what="kpis", where={"country": ["DE"]})))
    assert told.status == "done", told
    assert told.message == "16 rows of 2026-03-31 are in wh.duckdb::crm_kpis, only country DE"
    lists = write_scores(decide_scores(asked("wh.duckdb::marts.due", what="lists", names=("welcome",))))
    assert lists.status == "done", lists
    with duckdb.connect(str(project / "wh.duckdb"), read_only=True) as con:
        figures = dict(
            con.execute("SELECT kpi, value FROM crm_kpis WHERE filtered_by = 'country DE'").fetchall()
        )
        columns = [row[0] for row in con.execute("DESCRIBE marts.due").fetchall()]
    assert figures["customers_bought"] == 15.0
    assert {"as_of", "list", "customer_id", "treatment"} <= set(columns)


def test_scores_go_into_the_source_itself(project: Path) -> None:
    with closing(sqlite3.connect(project / "shop.sqlite")) as con:
        pd.read_csv(project / "data/shop/transactions.csv").to_sql("transactions", con, index=False)
    told = write_scores(decide_scores(asked("::scores", data="shop.sqlite")))
    assert told.status == "done", told
    with closing(sqlite3.connect(project / "shop.sqlite")) as con:
        assert con.execute("SELECT count(DISTINCT customer_id) FROM scores").fetchone() == (30,)
    base = CustomerBase.open("shop.sqlite", today="2026-06-01")
    assert base.counts["customers"] == 30  # and it opens as before


def test_who_is_forgotten_is_in_no_set_and_in_none_to_come(project: Path) -> None:
    write_scores(decide_scores(asked(as_of="2026-02-28")))
    write_scores(decide_scores(asked()))
    write_scores(decide_scores(asked("named.duckdb", pseudonyms=True)))
    key = read_key(project)
    assert key is not None
    base, out = CustomerBase.open("shop", today="2026-06-01"), project / "reports"
    found = erasure.find(out, project, base, "K0007", "shop")
    assert found.scores == ["named.duckdb::crm_scores", "scores.parquet"]
    erasure.erase(out, found, "K0007", key, NOW.date())
    (called,) = pseudonyms(["K0007"], key)

    def named() -> set[str]:
        with duckdb.connect(str(project / "named.duckdb"), read_only=True) as con:
            inside = {row[0] for row in con.execute("SELECT customer_id FROM crm_scores").fetchall()}
        assert not any(one.startswith("K") for one in inside)
        assert called not in inside
        return inside

    assert len(named()) == 29
    assert "K0007" not in set(pd.read_parquet(project / "scores.parquet")["customer_id"])
    assert decide_scores(asked()).result is None  # the source still has the customer: written anew, without
    told = write_scores(decide_scores(asked()))
    assert told.message.startswith("29 rows")
    assert "K0007" not in set(pd.read_parquet(project / "scores.parquet")["customer_id"])
    write_scores(decide_scores(asked("named.duckdb", pseudonyms=True)))
    assert len(named()) == 29
    record = (out / ".crm" / "scores.json").read_text()
    assert "K00" not in record


def test_a_night_writes_scores_beside_its_reports(project: Path) -> None:
    config = project / "crm.toml"
    config.write_text(
        '[source.shop]\npath = "data/shop"\n'
        '[[score]]\nsource = "shop"\nto = "night.parquet"\nwhere = { country = "DE" }\n'
        '[[score]]\nsource = "shop"\nto = "night.duckdb"\nwhat = "kpis"\nnames = ["revenue", "buyers"]\n'
    )
    schedule = read_schedule(config, NOW)
    items = prepare(schedule)
    assert [(item.name, item.slug) for item in items] == [
        ("scores", "night.parquet"), ("scores", "night.duckdb::crm_kpis"),
    ]  # fmt: skip
    *_, summary = run_items(schedule, items)
    assert isinstance(summary, Summary)
    assert (summary.counts, summary.exit_code) == ({"done": 2}, 0)
    assert set(pd.read_parquet(project / "night.parquet")["filtered_by"]) == {"country DE"}
    *_, summary = run_items(schedule, prepare(schedule))
    assert isinstance(summary, Summary)
    assert summary.counts == {"unchanged": 2}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('to = "x.csv"', r"\[\[score\]\] 1 \(scores\): x.csv: the ending must tell what it is"),
        (
            'to = "x.parquet"\nwhat = "everything"',
            "what = 'everything': it must be 'scores', 'kpis' or 'lists'",
        ),
        ('to = "x.parquet"\nnames = ["revenue"]', "names are for kpis and lists"),
        ('to = "x.parquet"\nwhat = "kpis"\nnames = ["revenu"]', "did you mean 'revenue'"),
        ('to = "$NO_SUCH_WH::x"', "the environment variable NO_SUCH_WH is not set"),
        ('too = "x.parquet"', "there is no key 'too'; did you mean 'to'"),
    ],
)
def test_a_wrong_score_table_says_where(project: Path, lines: str, words: str) -> None:
    config = project / "crm.toml"
    config.write_text(f'[source.shop]\npath = "data/shop"\n[[score]]\nsource = "shop"\n{lines}\n')
    with pytest.raises(ParameterError, match=words):
        read_schedule(config, NOW)


def test_a_place_that_fails_ends_with_its_code_and_changes_nothing(project: Path) -> None:
    (project / "mine.parquet").write_bytes(b"not a table")
    told = write_scores(decide_scores(asked("mine.parquet")))
    assert (told.status, told.exit_code) == ("failed", 6)
    assert "is no readable Parquet file" in told.message
    assert (project / "mine.parquet").read_bytes() == b"not a table"
    nobody = write_scores(decide_scores(asked(where={"country": ["PL"]})))
    assert (nobody.exit_code, nobody.message) == (2, "filter: nobody has country PL. There is DE, FR")
    old = write_scores(decide_scores(replace(asked(), oldest_days=3)))
    assert old.exit_code == 3
    assert "at most 3 are allowed" in old.message


def test_the_command_tells_machines_and_people(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["score", "--data", "shop", "--to", "cli.parquet", "--where", "country=DE"])
    told = capsys.readouterr()
    assert ended.value.code == 0
    line = json.loads(told.out)
    assert (line["name"], line["slug"], line["status"]) == ("scores", "cli.parquet", "done")
    assert "15 rows of 2026-03-31 are in cli.parquet, only country DE" in told.err
    with pytest.raises(SystemExit) as ended:
        main(["score", "--data", "shop", "--to", "cli.csv"])
    assert ended.value.code == 2
