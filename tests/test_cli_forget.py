"""`crm forget`: published runs whose data held one person are listed, then deleted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_analytics import CustomerBase, cli
from crm_analytics.runs.plan import OpenedData, RunRequest, open_data, plan_run
from crm_analytics.runs.publishing import publish, published_tree, suppressions
from crm_analytics.runs.publishing.publish import Place


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "notebooks").mkdir()
    shop = tmp_path / "data" / "shop"
    shop.mkdir(parents=True)
    lines = ["customer_id,transaction_date,unit_spend", "early,2026-01-05,3", "late,2026-02-03,5"]
    (shop / "transactions.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    base = CustomerBase.open(shop, today="2026-03-01")
    folder = tmp_path / "reports"
    put(folder, "2026-01-31", "shop", base.as_of("2026-01-31").data_hash)
    put(folder, "2026-02-03", "shop", base.data_hash)
    put(folder, "2026-02-02", "shop", "of data that have changed since")
    put(folder, "2026-02-01", "another", base.data_hash)
    return folder


def put(out: Path, day: str, source: str, data_hash: str) -> None:
    about = {"as_of": day, "status": "done", "data": {"source": source, "label": source, "hash": data_hash}}
    files = {"page.html": b"x", "manifest.json": json.dumps(about).encode()}
    publish.publish(Place(out, "segments", day), f"run-{day}", files, {"day": day}, 12)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, bool], str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["forget", *arguments])
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    return int(stopped.value.code or 0), {line["slug"]: line["certain"] for line in lines}, told.err


def test_runs_are_listed_first_and_deleted_when_told(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found, said = call(capsys, "late", "--data", "shop")
    assert (code, found) == (0, {"2026-02-03": True, "2026-02-02": False})
    assert "add --yes" in said
    assert (out / "segments" / "2026-02-03" / "report.html").exists()

    code, found, said = call(capsys, "late", "--data", "shop", "--yes")
    assert (code, len(found)) == (0, 2)
    assert "2 runs are deleted" in said
    assert "erase the customer in the source" in said
    assert sorted(p.name for p in (out / "segments").iterdir()) == ["2026-01-31", "2026-02-01"]
    assert "2026-02-03" not in (out / "index.html").read_text()


def test_customer_of_all_days_is_in_all_runs_of_the_source(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found, _ = call(capsys, "early", "--data", "shop")
    assert found == {"2026-01-31": True, "2026-02-02": False, "2026-02-03": True}


def test_unknown_customer_leaves_what_cannot_be_told(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found, _ = call(capsys, "nobody", "--data", "shop")
    assert found == {"2026-02-02": False}


def test_report_under_way_is_left_alone(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with publish.locked(Place(out, "segments", "2026-02-02")):
        code, _, said = call(capsys, "late", "--data", "shop", "--yes")
    assert code == 75
    assert "right now" in said


def test_a_person_who_was_forgotten_is_on_no_later_page_while_the_source_still_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    lines = [f"c{i},2026-01-{1 + i:02},10,o{i}" for i in range(20)]
    (tmp_path / "shop").mkdir()
    shop = tmp_path / "shop" / "transactions.csv"
    shop.write_text("\n".join(["customer_id,transaction_date,unit_spend,transaction_id", *lines]) + "\n")
    (tmp_path / "shop" / "customers.csv").write_text("customer_id,parent_customer_id\nc3,\nc4,c3\n")
    out, now = tmp_path / "reports", datetime(2026, 3, 1, tzinfo=UTC)

    def opened() -> OpenedData:
        plan = plan_run(RunRequest("segments", now, data=str(tmp_path / "shop"), out=out))
        folder = tmp_path / f"opened{len(list(tmp_path.iterdir()))}"
        return open_data(plan, folder, tmp_path / "kept")

    assert opened().customers == 20
    suppressions.suppress(out, "c3", published_tree.key_for(out, tmp_path))
    left = opened()
    assert (left.customers, left.rows) == (19, 20)
    base = CustomerBase.open(left.folder)
    assert (base.counts["revenue"], base.counts["anonymous_spend"]) == (200, 10)
    people = base.collect(base.tables["customers"])
    assert people["customer_id"].tolist() == ["c4"]
    assert people["parent_customer_id"].isna().all()
