"""True status: what died is told, what was issued is issued, and nobody's work is overwritten in silence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pandas as pd

from crm_analytics.runs.list_run import make_wave
from crm_analytics.runs.publishing import index, publish, schedule_state
from crm_analytics.runs.schedule.night import prepare
from crm_analytics.runs.schedule.schedule_file import read_schedule
from tests.faults.attacks import LIST, Tries, attack, crm, everything, project, sell, wave, working_in

NIGHT = pd.Timestamp("2026-03-04 02:00", tz="UTC").to_pydatetime()
TOML = '[source.shop]\npath = "data/shop"\n' + "".join(
    f'[[report]]\nname = "{name}"\nsource = "shop"\n' for name in ("segments", "audit", "churn")
)


@attack("6 status")
def a_night_that_died_is_told(folder: Path) -> Tries:
    root = project(folder)
    (root / "crm.toml").write_text(TOML + LIST)
    with working_in(root):
        schedule = read_schedule(root / "crm.toml", NIGHT)
        items = prepare(schedule)
        with schedule_state.running(schedule):
            schedule_state.remember(schedule, {}, [item.number for item in items], ended=False)
            during = index.rebuild(schedule.out, date(2026, 3, 4)).read_text()
        after = index.rebuild(schedule.out, date(2026, 3, 4)).read_text()
    yield "while it runs nothing is said to have died", "was ended before" not in during
    yield "after a kill the index says so", "was ended before this was made" in after
    yield "reports never reached are listed", after.count("was ended before this was made") == 4
    yield "nothing is said to be well", "without a problem" not in after
    _, out, _ = crm(root, "index")
    yield "`crm index` says so, too", "was ended before this was made" in Path(out.strip()).read_text()


@attack("6 status", slow=True)
def a_killed_night(folder: Path) -> Tries:
    root = project(folder)
    (root / "crm.toml").write_text(TOML)
    command = [sys.executable, "-m", "crm_analytics.cli", "run", "crm.toml"]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, start_new_session=True, text=True
    ) as night:
        assert night.stdout is not None
        night.stdout.readline()  # the first report is made
        os.killpg(night.pid, 9)
    time.sleep(1)
    crm(root, "index")
    page = (root / "reports" / "index.html").read_text()
    yield (
        "killed after the first page",
        "was ended before this was made" in page and "without a problem" not in page,
    )
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    page = (root / "reports" / "index.html").read_text()
    yield "the next night makes it good", done.returncode == 0 and "was ended before" not in page


@attack("6 status")
def an_issued_list_is_never_called_failed(folder: Path) -> Tries:
    for what in ("folder", "locked"):
        root = project(folder, what)
        out = root / "reports"
        if what == "folder":
            (out / "index.html").mkdir(parents=True)
            (out / "x" / "y").mkdir(parents=True)
            (out / "x" / "y" / "current.json").write_text("{}")  # the folder is ours
            made = wave(root)
        else:
            real = publish.index_locked
            publish.index_locked = _busy  # type: ignore[assignment]
            try:
                made = wave(root)
            finally:
                publish.index_locked = real
        issued = (out / "lists" / "weekly" / "2026-03-01" / "wave.json").exists()
        failed = (out / "lists" / "weekly" / "failed.json").exists()
        told = (made.status, made.exit_code)  # type: ignore[attr-defined]
        yield (
            f"index is {what}: {told}",
            (issued and told == ("done", 6) and not failed) or (not issued and failed),
        )


def _busy(out: Path) -> object:
    from crm_analytics.errors import PublishError

    raise PublishError("the index is being written by another run since a minute. Try again")


@attack("6 status")
def a_list_is_not_issued_where_nobody_listens(folder: Path) -> Tries:
    root = project(folder)
    (root / "crm.toml").write_text('[source.shop]\npath = "data/shop"\n' + LIST)

    def gone(*_: int) -> None:
        raise BrokenPipeError

    with working_in(root):
        (item,) = prepare(read_schedule(root / "crm.toml", NIGHT))
        made = make_wave(item.decision, None, gone)  # type: ignore[arg-type]
    yield "the parent died", made.status == "failed" and not list((root / "reports" / "lists").glob("*/20*"))
    yield "the next night makes it", wave(root).status == "done"  # type: ignore[attr-defined]


@attack("6 status")
def a_torn_list_is_mended_or_set_aside(folder: Path) -> Tries:
    made = project(folder, "made")
    wave(made, more="cap = 1\n")
    names = sorted(p.name for p in (made / "reports" / "lists" / "weekly" / "2026-03-01").iterdir())
    for torn in (["members.parquet"], ["wave.json"], ["members.parquet", "wave.json", "source.json"], names):
        root = folder / f"torn{len(torn)}{torn[0]}"
        shutil.copytree(made, root)
        first = root / "reports" / "lists" / "weekly" / "2026-03-01"
        treated = set(pd.read_parquet(first / "members.parquet")["customer"])
        for name in torn:
            (first / name).write_bytes(b"")
        sell(root, "2026-03-09")
        again = wave(root, pd.Timestamp("2026-03-10", tz="UTC"), "cap = 1\n")
        yield f"{len(torn)} files emptied ({torn[0]}): the next list is made", again.status == "done"  # type: ignore[attr-defined]
        later = pd.read_parquet(root / "reports" / "lists" / "weekly" / "2026-03-09" / "members.parquet")
        if torn == names:
            yield "all: set aside, and said", "set aside" in again.note  # type: ignore[attr-defined]
        else:
            yield f"{len(torn)} files: nobody is contacted twice", not treated & set(later["customer"])


@attack("6 status")
def nothing_is_overwritten_in_silence(folder: Path) -> Tries:
    one, two = project(folder, "one"), project(folder, "two")
    out = folder / "out"
    for root in (one, two):
        (root / "crm.toml").write_text(f'out = "{out}"\n' + TOML)
    text = f'out = "{out}"\n'
    yield "the first project has the folder", wave(one, more="") is not None
    (one / "crm.toml").write_text(text + '[source.shop]\npath = "data/shop"\n' + LIST)
    with working_in(one):
        (item,) = prepare(read_schedule(one / "crm.toml", NIGHT))
        make_wave(item.decision)  # type: ignore[arg-type]
    before = everything(out)
    for what, arguments in (
        ("a schedule of another project", ("run", "crm.toml")),
        ("a report of another project", ("report", "segments", "--data", "shop", "--out", str(out))),
    ):
        code, _, said = crm(two, *arguments)
        yield what, code == 2 and "two projects" in said and everything(out) == before
    site = folder / "site"
    site.mkdir()
    (site / "index.html").write_text("<h1>My own page</h1>")
    before = everything(site)
    for arguments in (
        ("index", "--out", str(site)),
        ("report", "segments", "--data", "shop", "--out", str(site)),
    ):
        code, _, said = crm(one, *arguments)
        yield f"a page of somebody else: crm {arguments[0]}", code == 2 and everything(site) == before
    code, _, _ = crm(one, "index", "--out", str(site), "--force")
    yield "insisted with --force", code == 0 and b"My own" not in (site / "index.html").read_bytes()
    code, _, _ = crm(one, "demo", "lemonade")
    again, _, _ = crm(one, "demo", "lemonade")
    (one / "data" / "lemonade" / "mine.csv").write_text("a\n")
    before = everything(one / "data")
    refused, _, said = crm(one, "demo", "lemonade")
    yield (
        "own files in a demo's folder",
        (code, again, refused) == (0, 0, 2) and everything(one / "data") == before,
    )
    (one / "data" / "lemonade" / "mine.csv").unlink()
    with (one / "data" / "lemonade" / "transactions.csv").open("a") as file:
        file.write("x\n")
    refused, _, _ = crm(one, "demo", "lemonade")
    yield "a demo's file that was changed", refused == 2
    (one / "data" / "cdnow").mkdir()
    (one / "data" / "cdnow" / "own.csv").write_text("a\n")
    refused, _, _ = crm(one, "demo", "cdnow")
    yield "an own folder of a demo's name", refused == 2 and (one / "data" / "cdnow" / "own.csv").exists()


@attack("6 status")
def names_that_meet(folder: Path) -> Tries:
    from crm_analytics.runs.catalogue.catalogue import report_name

    names = ["отчёт", "報告", "Отчет", "报告", "lists", "Lists", "01_lists"]
    made = [report_name(Path(f"{name}.ipynb")) for name in names]
    yield "notebooks in any script stay apart", len(set(made[:4])) == 4
    yield "no notebook publishes among the lists", "lists" not in made
    from crm_analytics.errors import ParameterError
    from crm_analytics.runs.publishing import published_tree

    published_tree.claim(folder / "out", folder, name="sales", origin="a")
    try:
        published_tree.check(folder / "out", folder, name="sales", origin="b")
        yield "two notebooks of one name", False
    except ParameterError as error:
        yield "two notebooks of one name", "another notebook" in str(error)
    published_tree.check(folder / "out", folder, name="sales", origin="b", force=True)
    root = project(folder)
    for place in ("a", "b"):
        (root / place).mkdir()
        (root / place / "crm.toml").write_text(
            'out = "../reports"\n' + TOML.replace("data/shop", "../data/shop")
        )
    with working_in(root):
        schedule = read_schedule(root / "a" / "crm.toml", NIGHT)
        schedule_state.remember(schedule, {}, [0, 1, 2], ended=False)
    code, _, said = crm(root, "run", "b/crm.toml")
    yield "two schedules of one name", code == 2 and "called crm.toml" in said
    code, _, _ = crm(root, "run", "a/crm.toml", "--dry-run")
    yield "the first one still runs", code == 0


@attack("6 status")
def make_clean_keeps_lists(folder: Path) -> Tries:
    root = project(folder)
    wave(root)
    (root / "reports" / "segments").mkdir()
    (root / "reports" / "segments" / "x").write_text("x")
    text = (Path(__file__).parents[3] / "Makefile").read_text()
    lines = text[text.index("\nclean:") :].splitlines()[2:]
    found = next(line.strip() for line in lines if line.strip().startswith("find reports"))
    before = everything(root / "reports" / "lists")
    subprocess.run(found, shell=True, cwd=root, check=True)
    yield (
        "lists, tokens and the tree's record stay",
        (
            everything(root / "reports" / "lists") == before
            and (root / "reports" / ".crm" / "tree.json").exists()
        ),
    )
    yield "the rest goes", not (root / "reports" / "segments").exists()
    assert json.loads((root / "reports" / ".crm" / "tree.json").read_text())["key"]


@attack("7 unchanged")
def what_lies_behind_a_link_is_watched(folder: Path) -> Tries:
    from crm_analytics.runs import unchanged
    from crm_analytics.tables.source_ref import read_source

    parts, data = folder / "elsewhere", folder / "data"
    parts.mkdir()
    data.mkdir()
    frame = pd.DataFrame({"customer_id": ["a"], "transaction_date": ["2026-01-01"], "unit_spend": [1.0]})
    frame.to_parquet(parts / "part-0.parquet")
    (data / "transactions").symlink_to(parts)
    (parts / "deeper").mkdir()
    (parts / "deeper" / "back").symlink_to(data)  # a circle
    (data / "file.csv").symlink_to(folder / "aside.csv")
    (folder / "aside.csv").write_text("a\n")
    before = unchanged.read_stamps(read_source(data), None)
    pd.concat([frame, frame]).to_parquet(parts / "part-0.parquet")
    yield "parts behind a linked folder", unchanged.read_stamps(read_source(data), None) != before
    before = unchanged.read_stamps(read_source(data), None)
    (folder / "aside.csv").write_text("b\n")
    yield "a linked file of the same size", unchanged.read_stamps(read_source(data), None) != before
    before = unchanged.read_stamps(read_source(data), None)
    frame.to_parquet(parts / "part-1.parquet")
    yield "a new part", unchanged.read_stamps(read_source(data), None) != before
