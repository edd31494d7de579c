"""`[[list]]`: waves of contact lists, made whole, on their day, and never a second time."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from crm_analytics import CustomerBase, cli
from crm_analytics.errors import LimitError, ParameterError
from crm_analytics.runs.list_run import decide_wave, make_wave
from crm_analytics.runs.publishing import index, publish
from crm_analytics.runs.report_run import Workshop
from crm_analytics.runs.schedule.night import prepare, run_items
from crm_analytics.runs.schedule.schedule_file import read_schedule
from crm_analytics.runs.workers import Ended, Started
from crm_analytics.tables.export import project_key, pseudonyms, read_csv

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
HEAD = '[source.shop]\npath = "data/shop"\n'
LIST = '[[list]]\nname = "weekly"\nsource = "shop"\nlists = ["birthday", "welcome"]\nholdout = 0.25\n'


def sell(root: Path, last: str, first: str = "2026-01-01") -> None:
    """A shop in which somebody new buys every day until the last."""
    days = pd.date_range(first, last).strftime("%Y-%m-%d")
    rows = [f"k{i:03d},{day},10.00" for i, day in enumerate(days)]
    (root / "data" / "shop" / "transactions.csv").write_text(
        "\n".join(["customer_id,transaction_date,unit_spend", *rows]) + "\n"
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    (root / "data" / "shop").mkdir(parents=True)
    people = [f"k{i:03d},{1930 + i % 70}-03-0{1 + i % 9},true,canary{i}@mail.example" for i in range(90)]
    (root / "data" / "shop" / "customers.csv").write_text(
        "\n".join(["customer_id,birth_date,consent_email,email", *people]) + "\n"
    )
    sell(root, "2026-03-01")
    monkeypatch.chdir(root)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return root


def decided(project: Path, text: str = LIST, now: datetime = NOW, *, force: bool = False):
    (project / "crm.toml").write_text(HEAD + text)
    (item,) = prepare(read_schedule(project / "crm.toml", now, force=force))
    return item.decision


def made(project: Path, text: str = LIST, now: datetime = NOW, *, force: bool = False):
    decision = decided(project, text, now, force=force)
    return decision.result or make_wave(decision)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_wave_is_made_and_not_a_second_time(project: Path) -> None:
    first = made(project)
    assert (first.status, first.exit_code, first.day) == ("done", 0, "2026-03-01")
    wave = project / "reports" / "lists" / "weekly" / "2026-03-01"
    assert first.run_folder == wave
    assert {p.name for p in wave.iterdir()} == {
        "birthday.csv", "welcome.csv", "birthday.parquet", "welcome.parquet",
        "members.parquet", "waterfall.csv", "wave.json", "source.json",
    }  # fmt: skip
    before = everything(project / "reports")
    again = made(project)
    assert (again.status, again.message) == ("unchanged", "the data are those of the wave of 2026-03-01")
    forced = made(project, force=True)
    assert (forced.status, forced.message) == ("unchanged", "the wave of 2026-03-01 is issued")
    assert everything(project / "reports") == before


def test_the_next_wave_comes_when_the_last_is_over_and_reaches_others(project: Path) -> None:
    twice = LIST + "cap = 2\n"
    made(project, twice)
    sell(project, "2026-03-05")
    early = made(project, twice, now=NOW + timedelta(days=2))
    assert (early.status, early.message) == (
        "unchanged", "the wave of 2026-03-01 lasts; the next is due on 2026-03-08"
    )  # fmt: skip
    sell(project, "2026-03-08")
    second = made(project, twice, now=NOW + timedelta(days=5))
    assert (second.status, second.day) == ("done", "2026-03-08")
    folder = project / "reports" / "lists" / "weekly"
    one, two = (read_csv(folder / day / "welcome.csv")["customer"] for day in ("2026-03-01", "2026-03-08"))
    assert len(one)
    assert len(two)
    assert not set(one) & set(two)
    members = [pd.read_parquet(folder / day / "members.parquet") for day in ("2026-03-01", "2026-03-08")]
    assert not set(zip(members[0]["list"], members[0]["customer"], strict=True)) & set(
        zip(members[1]["list"], members[1]["customer"], strict=True)
    )


def test_days_between_late_waves_are_on_the_next_one_and_nobody_is_listed_twice(project: Path) -> None:
    text = LIST.replace("0.25", "0.0") + "cap = 9\none_action = false\n"
    days = (1, 4, 11, 25)  # in time, too early, three days late, a week late
    for day in days:
        sell(project, f"2026-03-{day:02d}", "2026-02-20")
        made(project, text, now=datetime(2026, 3, day, 23, tzinfo=UTC))
    folder = project / "reports" / "lists" / "weekly"
    members = pd.concat(pd.read_parquet(path) for path in folder.glob("*/members.parquet"))
    assert len(list(folder.glob("20*"))) == 3
    assert not members.duplicated(["list", "customer"]).any()
    counts = members.groupby("list").size()
    assert counts["welcome"] == len(pd.date_range("2026-02-23", "2026-03-25"))
    assert counts["birthday"] == 80  # born on the 2nd to the 9th: the 9th lay between two waves
    late = read_csv(folder / "2026-03-11" / "birthday.csv")
    assert set(late["due_on"]) == {"2026-03-09"}


def test_a_day_named_is_decided_without_opening_the_data(project: Path) -> None:
    text = LIST + "as_of = 2026-02-20\n"
    assert made(project, text).day == "2026-02-20"
    (project / "data" / "shop" / "transactions.csv").unlink()
    assert decided(project, text).result.status == "unchanged"
    later = LIST + "as_of = 2026-02-24\n"
    assert "the next is due on 2026-02-27" in decided(project, later).result.message


def test_two_lists_share_the_cap(project: Path) -> None:
    made(project)
    other = LIST.replace("weekly", "daily")
    found = made(project, other)
    assert found.status == "done"
    told = pd.read_csv(project / "reports" / "lists" / "daily" / "2026-03-01" / "waterfall.csv")
    assert told.loc[told["step"] == "contacted lately", "customers"].sum() > 0
    assert "treated" not in set(
        pd.read_parquet(project / "reports" / "lists" / "daily" / "2026-03-01" / "members.parquet")
        .merge(
            pd.read_parquet(
                project / "reports" / "lists" / "weekly" / "2026-03-01" / "members.parquet"
            ).query("treatment == 'treated'"),
            on="customer",
        )
        .get("treatment_x", [])
    )


def test_two_lists_made_at_once_share_the_cap(project: Path, monkeypatch) -> None:
    from crm_analytics.analyses import campaigns

    (project / "crm.toml").write_text(HEAD + LIST + LIST.replace("weekly", "daily"))
    both = [item.decision for item in prepare(read_schedule(project / "crm.toml", NOW))]
    read, meeting = campaigns.issued, threading.Barrier(2)

    def read_together(*told: object) -> object:
        found = read(*told)
        with suppress(threading.BrokenBarrierError):  # so it should be: the other waits for us
            meeting.wait(1)
        return found

    monkeypatch.setattr(campaigns, "issued", read_together)
    with ThreadPoolExecutor(2) as workers:
        assert [found.status for found in workers.map(make_wave, both)] == ["done", "done"]
    lists = project / "reports" / "lists"
    members = pd.concat(pd.read_parquet(path) for path in lists.glob("*/*/members.parquet"))
    treated = members.loc[members["treatment"] == "treated", "customer"]
    assert len(treated)
    assert treated.is_unique


def test_waves_are_made_in_the_order_of_the_file_however_many_workers_there_are(project: Path) -> None:
    names = ["weekly", "daily", "monthly"]
    text = HEAD + "".join(LIST.replace("weekly", name) for name in names)
    (project / "crm.toml").write_text("workers = 2\n" + text)
    schedule = read_schedule(project / "crm.toml", NOW)
    told = [e for e in run_items(schedule, prepare(schedule)) if isinstance(e, Started | Ended)]
    assert [(type(e), e.number) for e in told] == [(kind, n) for n in range(3) for kind in (Started, Ended)]
    lists = project / "reports" / "lists"
    first, *others = (pd.read_parquet(*(lists / name).glob("*/members.parquet")) for name in names)
    assert (first["treatment"] == "treated").sum() > sum((o["treatment"] == "treated").sum() for o in others)


def test_controls_of_a_wave_are_not_contacted_by_another_list(project: Path) -> None:
    made(project)
    assert made(project, LIST.replace("weekly", "daily").replace("0.25", "0.0")).status == "done"
    one, two = (
        pd.read_parquet(project / "reports" / "lists" / name / "2026-03-01" / "members.parquet")
        for name in ("weekly", "daily")
    )
    control = set(one.loc[one["treatment"] == "control", "customer"])
    assert control
    assert not control & set(two["customer"])


def test_files_tell_nobody_and_are_closed_to_others(project: Path) -> None:
    made(project)
    for path in (project / "reports" / "lists").rglob("*"):
        assert path.stat().st_mode & 0o007 == 0, path
        if path.is_file():
            text = path.read_bytes().decode("latin-1")
            assert "canary" not in text
            assert "k05" not in text


def test_ids_and_addresses_where_asked_for(project: Path) -> None:
    made(project, LIST + "show_customers = true\n")
    table = read_csv(project / "reports" / "lists" / "weekly" / "2026-03-01" / "birthday.csv")
    assert table["customer_id"].str.fullmatch(r"k\d{3}").all()
    assert table["email"].str.startswith("canary").all()


def test_failure_is_told_kept_in_the_index_and_over_with_the_next_success(project: Path) -> None:
    source = project / "data" / "shop" / "transactions.csv"
    whole = source.read_text()
    source.write_text("customer_id,transaction_date\na,2026-01-20\n")
    broken = made(project)
    assert (broken.status, broken.exit_code) == ("failed", 3)
    entry = next(e for e in index.entries(project / "reports") if e.name == "lists")
    assert entry.status == "failed"
    assert "unit_spend" in entry.problem
    source.write_text(whole)
    assert made(project).status == "done"
    entry = next(e for e in index.entries(project / "reports") if e.name == "lists")
    assert (entry.status, entry.day) == ("done", date(2026, 3, 1))
    assert "to contact" in entry.headline


def test_old_data_contact_nobody(project: Path) -> None:
    text = HEAD.replace('shop"\n', 'shop"\noldest_data = "2d"\n') + LIST
    (project / "crm.toml").write_text(text)
    (item,) = prepare(read_schedule(project / "crm.toml", NOW))
    found = make_wave(item.decision)
    assert (found.status, found.exit_code) == ("failed", 3)
    assert "Nobody is contacted on old data" in found.message
    assert not list((project / "reports" / "lists" / "weekly").glob("20*"))


def test_a_wave_that_breaks_off_leaves_nothing_and_the_next_run_makes_it(project, monkeypatch) -> None:
    from crm_analytics.analyses import campaigns

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(campaigns, "export", full)
    found = made(project)
    assert (found.status, found.exit_code) == ("failed", 6)
    folder = project / "reports" / "lists" / "weekly"
    assert [p.name for p in folder.iterdir()] == ["failed.json"]
    monkeypatch.undo()
    (folder / ".part-2026-02-01").mkdir()  # of a run that was killed
    (folder / "2026-03-01").mkdir()  # not whole: it has no wave.json
    assert made(project).status == "done"
    assert not (folder / ".part-2026-02-01").exists()


def test_one_run_at_a_time(project: Path) -> None:
    decision = decided(project)
    with publish.locked(decision.request.place):
        found = make_wave(decision)
    assert (found.status, found.exit_code) == ("locked", 75)


def test_a_worker_that_died_fails_its_wave(project: Path) -> None:
    with Workshop() as shop:
        found = decided(project).failing(LimitError("the process ended")).run(shop)
    assert (found.status, found.exit_code, found.message) == ("failed", 5, "the process ended")


BAD = [
    (LIST.replace("birthday", "birthdy"), "unknown list 'birthdy'; did you mean 'birthday'?"),
    (LIST.replace("weekly", "Weekly lists"), "the slug 'Weekly lists' must be"),
    (LIST.replace("0.25", "1.5"), "holdout = 1.5: a share from 0 to 0.9"),
    (LIST + 'chanels = ["email"]\n', "there is no key 'chanels'; did you mean 'channels'?"),
    (LIST + 'channels = ["mail"]\n', "unknown channel 'mail'; did you mean 'email'?"),
    (LIST + "margin = 2.0\n", "margin = 2.0: it must be a share 0..1"),
    (LIST + "where = { region = 5 }\n", 'where: region is a text, got 5. Say region = "5"'),
    (LIST + "where = { regoin = 'N' }\n", "unknown column 'regoin'; did you mean 'region'?"),
    (LIST + "response = { birtday = 0.06 }\n", "unknown list 'birtday'; did you mean 'birthday'?"),
    (LIST + 'every = "soon"\n', "every"),
    (LIST + "days = true\n", "days = True: it must be a whole number 1..180"),
    (LIST.replace("shop", "shp"), "there is no source 'shp'; did you mean 'shop'?"),
    (LIST + LIST, "has this name, too"),
    (LIST + "as_of = 2027-01-01\n", "lies in the future"),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[said[:30] for _, said in BAD])
def test_mistakes_are_told_before_anything_runs(project: Path, text: str, said: str) -> None:
    with pytest.raises(ParameterError) as error:
        decided(project, text)
    assert said in str(error.value)
    assert not (project / "reports").exists()


def test_crm_run_makes_lists_and_only_picks_them(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "crm.toml").write_text(HEAD + LIST)

    def run(*arguments: str) -> list[dict]:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["run", "crm.toml", *arguments])
        assert not stopped.value.code
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert run("--dry-run", "--only", "lists/weekly")[0]["why"] == "no wave yet"
    lines = run("--only", "lists")
    assert [line.get("status") for line in lines] == ["done", None]
    assert run()[0]["status"] == "unchanged"
    assert "to contact" in (project / "reports" / "index.html").read_text()


def test_forget_takes_a_person_out_of_waves(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(project, LIST + "show_customers = true\n")
    wave = project / "reports" / "lists" / "weekly" / "2026-03-01"
    table = read_csv(wave / "welcome.csv")
    who = str(table["customer_id"].iloc[0])
    with pytest.raises(SystemExit):
        cli.main(["forget", who, "--data", "shop"])
    assert json.loads(capsys.readouterr().out.splitlines()[0])["slug"] == "weekly"
    assert who in (wave / "welcome.csv").read_text()
    with pytest.raises(SystemExit):
        cli.main(["forget", who, "--data", "shop", "--yes"])
    assert who not in (wave / "welcome.csv").read_text()
    assert pd.read_parquet(wave / "welcome.parquet")["customer_id"].tolist() == [
        one for one in table["customer_id"] if one != who
    ]
    assert not [path for path in wave.iterdir() if who.encode() in path.read_bytes()]
    assert not set(pseudonyms([who], project_key())) & set(
        pd.read_parquet(wave / "members.parquet")["customer"]
    )
    kept = read_csv(wave / "welcome.csv", numbers=["value_at_stake"])
    assert len(kept) == len(table) - 1
    assert (kept["value_at_stake"] == 10).all()


def test_forget_takes_a_pseudonym_out_of_waves(project: Path) -> None:
    made(project, LIST)
    wave = project / "reports" / "lists" / "weekly" / "2026-03-01"
    before = pd.read_parquet(wave / "welcome.parquet")["customer"].tolist()
    known = {f"k{i:03d}": called for i in range(90) for called in pseudonyms([f"k{i:03d}"], project_key())}
    who = next(name for name, called in known.items() if called in before)
    with pytest.raises(SystemExit):
        cli.main(["forget", who, "--data", "shop", "--yes"])
    after = pd.read_parquet(wave / "welcome.parquet")["customer"].tolist()
    assert after == [called for called in before if called != known[who]]


def test_the_save_list_needs_data_for_a_model_and_says_so(project: Path) -> None:
    text = LIST.replace('["birthday", "welcome"]', '["save", "welcome"]')
    found = made(project, text)
    assert found.status == "done"
    assert "save" in found.note
    alone = LIST.replace('["birthday", "welcome"]', '["save"]').replace("weekly", "save")
    assert made(project, alone).exit_code == 3


def test_decision_needs_no_import_of_the_analyses_when_unchanged(project: Path) -> None:
    made(project)
    request = decided(project).request
    assert decide_wave(request).result is not None


# --- measured afterwards ------------------------------------------------------------------------------------


def waves(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["waves", *words])
    return int(ended.value.code or 0)


def test_waves_become_the_tables_by_which_campaigns_are_measured(project, capsys) -> None:
    twice = LIST + "cap = 2\n"
    assert made(project, twice).status == "done"
    sell(project, "2026-03-12")
    assert made(project, twice, now=NOW + timedelta(days=9)).status == "done"
    shop = project / "data" / "shop"
    assert waves("--data", "data/shop", "--write", str(shop)) == 0
    members = pd.read_parquet(shop / "campaign_members.parquet")
    remembered = [
        pd.read_parquet(p) for p in sorted((project / "reports" / "lists").glob("*/*/members.parquet"))
    ]
    assert len(members) == sum(map(len, remembered)) > 0
    assert members["member_id"].is_unique
    assert set(members["treatment"]) == {"treated", "control"}
    for one in remembered:
        day = str(one["issued_on"].iloc[0])
        called = dict(zip(one["customer"], one["treatment"], strict=True))
        mine = members[members["campaign_id"].str.endswith(day)]
        real = dict(
            zip(pseudonyms(mine["customer_id"].tolist(), project_key()), mine["treatment"], strict=True)
        )
        assert real == called
    found = pd.read_parquet(shop / "campaigns.parquet")
    assert set(found["campaign_id"]) == set(members["campaign_id"])
    base = CustomerBase.open(shop, today=date(2026, 4, 1))
    assert base.rejected.empty
    assert base.tables["campaign_members"].count().execute() == len(members)
    # written again after another wave, they are replaced; a control is never said to be treated
    assert waves("--data", "data/shop", "--write", str(shop)) == 0
    assert "campaign_members.parquet" in capsys.readouterr().out


def test_what_a_contact_cost_comes_back_with_the_waves(project) -> None:
    made(project, LIST + "contact_cost = 0.5\n")
    made(project, LIST.replace("weekly", "daily") + "cap = 3\n")
    shop = project / "data" / "shop"
    assert waves("--data", "data/shop", "--write", str(shop)) == 0
    members = pd.read_parquet(shop / "campaign_members.parquet")
    weekly = members["campaign_id"].str.startswith("list:weekly")
    paid = weekly & (members["treatment"] == "treated")
    assert paid.any()
    assert (members.loc[paid, "cost"] == 0.5).all()
    assert members.loc[~paid, "cost"].isna().all()
    assert (~weekly & (members["treatment"] == "treated")).any()
    assert CustomerBase.open(shop, today=date(2026, 4, 1)).rejected.empty


def test_tables_of_campaigns_that_are_there_are_not_written_over(project, capsys) -> None:
    made(project)
    own = project / "data" / "shop" / "campaign_members.csv"
    own.write_text("campaign_id,customer_id,treatment\nspring,k001,treated\n")
    assert waves("--data", "data/shop", "--write", "data/shop") == 6
    assert "append the rows to yours" in capsys.readouterr().err
    assert "spring" in own.read_text()
    assert waves("--data", "data/shop", "--write", "nowhere") == 6


def test_without_a_wave_there_is_nothing_to_measure(project, capsys) -> None:
    assert waves("--data", "data/shop", "--write", "data/shop") == 3
    assert "no wave is issued yet" in capsys.readouterr().err
