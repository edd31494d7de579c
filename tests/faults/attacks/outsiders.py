"""What somebody may leave in the folders we read: odd names, records of other hands, links, clocks."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import duckdb
import pandas as pd

from crm_analytics.errors import DataError
from crm_analytics.runs import other_runs
from crm_analytics.runs.publishing import identity_store, index
from crm_analytics.tables.project_key import ensure_key, fingerprint
from tests.faults.attacks import Tries, attack, crm, project, sell, wave
from tests.faults.attacks.erasure import WHO, published, traces

TODAY = date(2026, 3, 4)
RUN = "20260304T020000Z-aaaaaaaa"
FOLDERS = [
    "javascript:alert(1)",
    "http:",
    "data:text",
    "a b",
    "Übersicht",
    "отчёт",
    "x#y",
    "x?y",
    "x%2e%2e",
    "%00",
    '"><img src=x onerror=alert(1)>',
    "\x1b[2J",
    "\u202eabc",
    "-rf",
    "con",
    "n" * 200,
    "a\nb",
    "a\\b",
    "~",
    "'",
    "&lt;script&gt;",
    "\udcff",
    "x.",
]
LIVE = re.compile(
    r"<img|<script|onerror=[^&]*>|<a [^>]*href=\"(?:javascript:|data:|https?:|//)", re.IGNORECASE
)


def _page(out: Path, name: str, slug: str = "2026-03-01", **about: Any) -> Path:
    """A page as somebody else may have left one."""
    folder = out / name / slug
    run = folder / "runs" / RUN
    run.mkdir(parents=True, exist_ok=True)
    told = {"run": RUN, "title": "T", "headline": "H", "day": "2026-03-01", "keep": 12, **about}
    (folder / "current.json").write_text(json.dumps(told))
    (folder / "report.html").write_text("<p>page")
    (run / "page.html").write_text("<p>page")
    return folder


@attack("6 status")
def odd_names_do_not_stop_the_index(folder: Path) -> Tries:
    for name in FOLDERS:
        out = folder / hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        _page(out, name)
        _page(out, "segments", name)
        html = index.rebuild(out, TODAY).read_text(encoding="utf-8")
        links = [
            one for one in re.findall(r'href="([^"#]+)"', html) if "report.html" in one or "page.html" in one
        ]
        led = [
            (out / os.fsdecode(unquote(one.replace("&#39;", "'")).encode("utf-8", "surrogateescape")))
            for one in links
        ]
        led = [out / unquote(one, errors="surrogateescape") for one in links]
        yield f"a folder called {name[:30]!r}", len(links) >= 2 and all(place.is_file() for place in led)
        yield (
            f"nothing of {name[:30]!r} is live",
            not LIVE.search(html) and not re.search("[\x00-\x08\x1b\u202e]", html),
        )


KINDS: list[Any] = [
    None,
    5,
    -1,
    1e300,
    True,
    [],
    {},
    ["x"],
    {"a": 1},
    "",
    "x" * 100_000,
    "<script>alert(1)</script>",
    "\x1b[2J\u202e",
    "9999-99-99",
    "../../..",
]


@attack("6 status")
def pointers_of_other_hands_do_not_stop_the_index(folder: Path) -> Tries:
    for field in (
        "title",
        "headline",
        "day",
        "published",
        "status",
        "keep",
        "label",
        "source",
        "place",
        "message",
    ):
        out = folder / field
        for number, kind in enumerate(KINDS):
            place = _page(out, "segments", f"s{number}", **{field: kind})
            failed = {"run": RUN, "message": "x", field: kind}
            (place / "failed.json").write_text(json.dumps(failed))
        html = index.rebuild(out, TODAY).read_text(encoding="utf-8")
        yield f"{field} of {len(KINDS)} kinds", not LIVE.search(html) and "\x1b" not in html


@attack("6 status")
def states_of_other_hands_do_not_stop_the_index(folder: Path) -> Tries:
    row = {
        "key": "k",
        "name": "segments",
        "title": "T",
        "source": "s",
        "as_of": "last day",
        "oldest_days": 3,
        "slug": "2026-03-01",
        "status": "done",
        "looked": "2026-03-01",
        "message": "",
    }
    _page(folder, "segments")
    (folder / ".schedule").mkdir()
    for field in (*row, "config", "began", "left", "reports"):
        wrong = []
        for kind in KINDS:
            state = {"config": "../crm.toml", "began": "2026-03-04T02:00", "left": [], "reports": [row]}
            state = state | {field: kind} if field in state else state | {"reports": [{**row, field: kind}]}
            (folder / ".schedule" / "x.json").write_text(json.dumps(state))
            try:
                html = index.rebuild(folder, TODAY).read_text(encoding="utf-8")
                wrong += [repr(kind)[:40]] if "report.html" not in html or LIVE.search(html) else []
            except Exception as error:
                wrong.append(f"{kind!r:.40} {type(error).__name__} {error}")
        yield f"{field} of {len(KINDS)} kinds: {wrong}", not wrong


@attack("5 persons")
def facts_of_other_hands_are_passed_over(folder: Path) -> Tries:
    good = {
        "report": "value",
        "slug": "s",
        "as_of": "2026-03-01",
        "message": "H",
        "status": "done",
        "parameters": {},
        "data": {"hash": "h", "source": "shop"},
        "facts": {"x": 1},
        "notebook": {"file": "f"},
        "actions": [],
    }
    _page(folder, "value")
    manifest = folder / "value" / "2026-03-01" / "runs" / RUN / "manifest.json"
    report = SimpleNamespace(
        name="value", notebook={"metadata": {"crm": {"neighbours": ["*", "../..", "/etc", "value\x00"]}}}
    )
    plan: Any = SimpleNamespace(out=folder, report=report, values={}, where_text="", source_name="shop")
    for field in good:
        wrong = []
        for kind in KINDS:
            manifest.write_text(json.dumps({**good, field: kind}))
            try:
                told = other_runs.handed_in(plan, "2026-03-02", "h")
                whole = all(isinstance(one["facts"], dict) for one in told["previous"])
                wrong += [] if whole else [repr(kind)[:40]]
            except Exception as error:
                wrong.append(f"{kind!r:.40} {type(error).__name__} {error}")
        yield f"{field} of {len(KINDS)} kinds: {wrong}", not wrong


@attack("3 sources")
def a_state_of_who_is_who_reads_nothing_else(folder: Path) -> Tries:
    root = project(folder)
    key = ensure_key(root)
    path = identity_store.path_of(root / "reports", "shop")
    path.parent.mkdir(parents=True)
    tables = {
        "records": "record_id",
        "spans": "record_id",
        "pairs": "record_l",
        "apart": "record_l",
        "decisions": "record_l",
    }
    about = {
        "schema": 1,
        "key": fingerprint(key),
        "source": "shop",
        "capped": [],
        "model": "",
        "night": 1,
        "day": "x",
    }
    secret = (root / ".crm-key").read_text().strip()
    readers = [
        f"read_text('{root}/.crm-key')",
        "glob('/*')",
        "duckdb_settings()",
        "read_csv('/etc/hostname')",
    ]
    for reader in readers:
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as made:
            made.execute("CREATE TABLE meta AS SELECT ? AS about", [json.dumps(about)])
            for name, column in tables.items():
                made.execute(f"CREATE VIEW {name} AS SELECT r::VARCHAR AS {column} FROM {reader} r")
        try:
            memory = identity_store.read(path, key)
            told = "" if memory is None else str(memory)
            held = secret not in told and "duckdb_settings" in reader
        except DataError:
            held = True
        yield reader.replace(str(root), "…"), held
    for change in (
        {"schema": "x"},
        {"capped": 5},
        {"model": "[" * 99_999},
        {"model": "{}"},
        {"source": None},
        [],
    ):
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as made:
            told_of = {**about, **change} if isinstance(change, dict) else change
            made.execute("CREATE TABLE meta AS SELECT ? AS about", [json.dumps(told_of)])
            for name, column in tables.items():
                made.execute(f"CREATE TABLE {name} ({column} VARCHAR)")
        code, out, err = crm(root, "identities", "review", "--data", "shop")
        yield f"{str(change)[:40]}: {code}", code in (0, 2, 3) and "should not" not in out + err


@attack("1 erasure")
def a_person_behind_a_link_is_gone(folder: Path) -> Tries:
    for what in ("lists", "lists/weekly", "lists/weekly/2026-03-01", "segments", ".crm", "."):
        root = published(folder, what.replace("/", "").replace(".", "at"))
        place, elsewhere = root / "reports" / what, folder / f"disk{what.replace('/', '').replace('.', 'at')}"
        place = place.resolve()
        shutil.move(place, elsewhere)
        place.symlink_to(elsewhere)
        code, _, said = crm(root, "forget", WHO, "--data", "shop", "--yes")
        gone = code == 0 and not traces(root) and not _left(elsewhere)
        yield f"{what} is a link: {code} {said[-90:]!r}", gone or (code in (2, 3, 6) and bool(said))


def _left(folder: Path) -> bool:
    from tests.faults.attacks import files_with

    return bool(files_with(folder, WHO, "Zqxkanari39"))


@attack("2 key")
def a_clock_that_is_set_back_contacts_nobody_again(folder: Path) -> Tries:
    root = project(folder)
    more = "cap = 1\nshow_customers = true\n"
    wave(root, more=more)
    first = _members(root)
    for moment in (
        "2026-03-03 02:00",
        "2026-02-20 02:00",
        "2024-01-01 02:00",
        "1970-01-02 02:00",
    ):
        sell(root, moment[:10])
        made = wave(root, pd.Timestamp(moment, tz="UTC"), more)
        now = _members(root)
        yield f"at {moment}: {made.status}", len(now) == len(set(now)) and set(first) <= set(now)  # type: ignore[attr-defined]


def _members(root: Path) -> list[str]:
    lists = sorted((root / "reports" / "lists" / "weekly").glob("*/members.parquet"))
    return [one for path in lists for one in pd.read_parquet(path)["customer"]]


@attack("4 secrets")
def nobody_else_may_read_what_is_written(folder: Path) -> Tries:
    before = os.umask(0)
    try:
        root = published(folder)
        index.rebuild(root / "reports", TODAY)
        crm(root, "check", "data/shop")
        crm(root, "key", "--export", "copy")
        crm(root, "forget", WHO, "--data", "shop", "--yes")
        crm(root, "map", "data/shop/transactions.csv")
    finally:
        os.umask(before)
    ours = [root / ".crm-key", root / "copy", root / ".crm-audit.jsonl", *(root / "reports").rglob("*")]
    made_by_the_scene = ("sent.eml", "page.pdf", "transactions.parquet", "mail", "rows-0123456789ab")
    for path in ours:
        if path.name in made_by_the_scene or not path.exists():
            continue
        yield f"{path.relative_to(root)}", not path.stat().st_mode & 0o007
