"""`crm identities` and its state: atomic, of one key and base; lists and erasure follow the trail."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crm_analytics import cli
from crm_analytics.analyses.identity import LinkageModel
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.runs.list_run import decide_wave, make_wave
from crm_analytics.runs.publishing import identity_store
from crm_analytics.runs.schedule.night import prepare
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.tables.project_key import read_key

LIST = """[source.shop]
path = "data/shop"
[[list]]
name = "weekly"
source = "shop"
lists = ["welcome"]
holdout = 0.5
days = 1
every = 1
again_after = 0
"""


def sell(root: Path, last: str, *extra: str) -> None:
    days = pd.date_range("2026-01-01", last).strftime("%Y-%m-%d")
    rows = [f"k{i:03d},{day},10.00" for i, day in enumerate(days)]
    text = "\n".join(["customer_id,transaction_date,unit_spend", *rows, *extra]) + "\n"
    (root / "data" / "shop" / "transactions.csv").write_text(text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    (root / "data" / "shop").mkdir(parents=True)
    people = [f"k{i:03d},Person{chr(97 + i % 26)}{i},Family{i},true,canary{i}@mail.test" for i in range(90)]
    people += ["z1,Persona0,Family0,true,canary0@mail.test"]  # k000 once more
    (root / "data" / "shop" / "customers.csv").write_text(
        "\n".join(["customer_id,first_name,last_name,consent_email,email", *people]) + "\n"
    )
    sell(root, "2026-03-01")
    (root / "crm.toml").write_text(LIST.replace("days = 1\nevery = 1\nagain_after = 0\n", ""))
    monkeypatch.chdir(root)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return root


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, object]], str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main([*arguments])
    told = capsys.readouterr()
    return int(stopped.value.code or 0), [json.loads(line) for line in told.out.splitlines()], told.err


def identities(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict], str]:  # type: ignore[type-arg]
    return call(capsys, "identities", *arguments, "--data", "shop")


def state(project: Path) -> Path:
    (path,) = identity_store.stores(project / "reports")
    return path


def test_commands_resolve_merge_take_back_and_explain(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, said = identities(capsys, "resolve", "--rules-only")
    assert code == 0, said
    assert {k: lines[0][k] for k in ("records", "people", "merged", "moved")} == {
        "records": 91, "people": 90, "merged": 1, "moved": 0,
    }  # fmt: skip
    assert state(project).stat().st_mode & 0o077 == 0
    assert identities(capsys, "merge", "k001", "k002")[1][0] == {"source": "shop", "moved": 1, "people": 89}
    code, lines, _ = identities(capsys, "explain", "k002")
    assert lines[0]["records"] == ["k001", "k002"]
    assert [line["found_by"] for line in lines if "found_by" in line] == ["decision: same"]
    assert identities(capsys, "unmerge", "k001", "k002")[1][0]["people"] == 90
    assert identities(capsys, "resolve", "--rules-only")[1][0]["moved"] == 0
    assert "canary" not in state(project).read_bytes().decode("latin-1")


def test_nothing_is_known_before_the_first_night_says_so(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = identities(capsys, "review")
    assert code == 3
    assert "crm identities resolve" in said


def test_state_of_another_key_and_a_damaged_one_say_so(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identities(capsys, "resolve", "--rules-only")
    path, key = state(project), read_key(project)
    with pytest.raises(ParameterError, match="another key"):
        identity_store.read(path, b"x" * 32)
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(DataError, match="cannot be read as an identity state"):
        identity_store.read(path, key)


def test_a_kill_while_writing_leaves_the_state_before(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    identities(capsys, "resolve", "--rules-only")
    before = state(project).read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(identity_store, "_fill", killed)
        assert identities(capsys, "merge", "k001", "k002")[0] == 130
    assert state(project).read_bytes() == before
    assert not list((project / "reports" / ".crm").glob(".part-*"))
    assert identities(capsys, "merge", "k001", "k002")[0] == 0


def test_review_shows_what_was_compared_when_it_is_asked_to_and_writes_it_down(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identities(capsys, "resolve", "--rules-only")
    key = read_key(project)
    memory = identity_store.read(state(project), key)
    assert memory is not None
    assert key is not None
    near = pd.DataFrame(
        {"record_l": ["k003"], "record_r": ["k029"], "found_by": ["model"], "weight": [7.5],
         "reasons": ['{"prior": -3.0, "first_name": 10.5}']}
    )  # fmt: skip
    model = LinkageModel(
        {"probability_two_random_records_match": 0.01, "comparisons": []}, 9.0, "2026-03-01", 91
    )
    pairs = pd.concat([memory.pairs, near.astype(memory.pairs.dtypes.to_dict())], ignore_index=True)
    identity_store.write(state(project), replace(memory, pairs=pairs, model=model), key, "shop")
    code, lines, said = identities(capsys, "review")
    assert code == 0, said
    assert lines[0]["reasons"] == {"first_name": 10.5, "prior": -3.0}
    assert "canary" not in json.dumps(lines) + said
    assert "--show-customers" in said
    assert not (project / ".crm-audit.jsonl").exists()
    code, lines, said = identities(capsys, "review", "--show-customers")
    assert code == 0, said
    assert lines[0]["fields"] == {
        "first_name": ["Persond3", "Persond29"],
        "last_name": ["Family3", "Family29"],
        "email": ["canary3@mail.test", "canary29@mail.test"],
    }
    logged = (project / ".crm-audit.jsonl").read_text()
    assert "identities review" in logged
    assert "k003" not in logged


def wave_of(project: Path, day: int) -> pd.DataFrame:
    now = datetime(2026, 3, day, 2, 0, tzinfo=UTC)
    (item,) = prepare(read_schedule(project / "crm.toml", now, force=True))
    made = item.decision.result or make_wave(decide_wave(item.decision.request))
    assert made.exit_code == 0, made.message
    return pd.read_parquet(made.run_folder / "members.parquet")


def test_nobody_is_contacted_twice_after_a_merge_or_a_split(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """k058 is on a wave; merged with a newcomer, and parted again, neither of the two is contacted anew."""
    (project / "crm.toml").write_text(LIST.replace("holdout = 0.5", "holdout = 0.0").split("days =")[0])
    identities(capsys, "resolve", "--rules-only")
    first = wave_of(project, 2)
    assert len(first)
    identities(capsys, "merge", "k058", "k060")
    sell(project, "2026-03-08")
    explained = identities(capsys, "explain", "k060")[1][0]
    assert explained["customer_id"] == "k058"
    second = wave_of(project, 9)
    assert not set(first["customer"]) & set(second["customer"])
    identities(capsys, "unmerge", "k058", "k060")
    key = read_key(project)
    memory = identity_store.read(state(project), key)
    assert memory is not None
    known = memory.as_map().known
    assert known[known["customer_id"] == "k060"]["known_id"].tolist() == ["k058"]


def test_forgetting_a_person_takes_all_records_out_of_state_and_lists(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identities(capsys, "resolve", "--rules-only")
    identities(capsys, "merge", "k058", "k057")
    wave_of(project, 2)
    code, _, said = call(capsys, "forget", "k058", "--data", "shop", "--yes")
    assert code == 0, said
    assert "2 records of this customer" in said
    with duckdb.connect(str(state(project)), read_only=True) as connection:
        for name in identity_store.TABLES:
            text = connection.execute(f"SELECT * FROM {name}").df().to_csv()
            assert "k058" not in text
            assert "k057" not in text
    assert b"k058" not in state(project).read_bytes()
    _, lines, _ = identities(capsys, "resolve", "--rules-only")
    assert lines[0]["records"] == 89  # both are passed over while the source still has them
    tokens = json.loads((project / "reports" / ".crm" / "suppressions.json").read_text())["tokens"]
    assert len(tokens) == 2
