"""What stands where a file of ours should be: a pipe, a device, a folder, a link to nothing, 8 GB."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from crm_analytics.runs.time_limit import time_limit
from tests.faults.attacks import Tries, attack, crm, sell, wave
from tests.faults.attacks.erasure import WHO, published

RUN = "segments/2026-03-01/runs/20260304T020000Z-aaaaaaaa"
LISTS = "lists/weekly/2026-03-01"
FILES = [
    ".crm/tree.json", ".crm/scores.json", ".crm/suppressions.json", ".schedule/crm.json", "index.html",
    "segments/2026-03-01/current.json", "segments/2026-03-01/failed.json", "segments/2026-03-01/report.html",
    f"{RUN}/manifest.json", f"{RUN}/page.html", f"{RUN}/mail/unsent.eml", "lists/weekly/failed.json",
    f"{LISTS}/wave.json", f"{LISTS}/members.parquet", f"{LISTS}/source.json", f"{LISTS}/welcome.csv",
    f"{LISTS}/welcome.parquet", ".crm/identities", ".crm/rows-0123456789ab/transactions.parquet",
    ".crm/rows-0123456789ab/state.json",
]  # fmt: skip
CODES = {0, 2, 3, 5, 6, 75}  # everything but "should not"


def _deep(path: Path) -> None:
    path.write_text('{"a":' * 100_000)


def _vast(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(8 << 30)  # sparse: it takes no room


STAND_INS: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "nested without end": _deep,
    "8 GB": _vast,
    "nothing in it": Path.touch,
}


COMMANDS = (
    ("index",), ("run", "crm.toml", "--dry-run"), ("waves",), ("mail", "segments/2026-03-01"),
    ("diff", "segments/2026-03-01", "segments/2026-03-01"), ("verify", "segments/2026-03-01"),
)  # fmt: skip


def _put(made: Path, root: Path, names: list[str], stand_in: Callable[[Path], None]) -> None:
    """A copy of a project in which something else stands in the place of some files."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(made, root)
    for name in names:
        path = root / "reports" / name
        if name.endswith("identities"):
            (path,) = (root / "reports" / ".crm").glob("identities-*.duckdb")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        stand_in(path)


def _wrong(root: Path, *commands: tuple[str, ...]) -> list[tuple[str, int, str]]:
    """What commands made of it: each ends, in words."""
    shop = str(root / "data" / "shop")
    wrong = []
    every = (*COMMANDS, ("forget", WHO, "--data", shop), ("forget", WHO, "--data", shop, "--yes"))
    for arguments in commands or every:
        with time_limit(60, "it hangs"):
            code, out, err = crm(root, *arguments)
        if code not in CODES or "should not" in out + err or "it hangs" in out + err:
            wrong.append((arguments[0], code, err[-300:]))
    return wrong


@attack("9 limits")
def a_pipe_as_any_file_of_ours(folder: Path) -> Tries:
    made, root = published(folder), folder / "at"
    for names in (FILES, FILES[6:], FILES[12:]):
        _put(made, root, names, os.mkfifo)
        wrong = _wrong(root)
        yield f"{len(names)} pipes: {wrong}", not wrong


@attack("9 limits", slow=True)
def anything_as_any_file_of_ours(folder: Path) -> Tries:
    made, root = published(folder), folder / "at"
    for kind, stand_in in STAND_INS.items():
        _put(made, root, FILES, stand_in)
        wrong = _wrong(root)
        yield f"{kind} as every file: {wrong}", not wrong
    for name in FILES:
        for kind in ("a pipe", "nested without end", "a folder"):
            _put(made, root, [name], STAND_INS[kind])
            wrong = _wrong(root, ("index",), ("forget", WHO, "--data", str(root / "data" / "shop"), "--yes"))
            yield f"{kind} as {name}: {wrong}", not wrong


@attack("6 status")
def a_memory_that_is_no_file_contacts_nobody_again(folder: Path) -> Tries:
    made = published(folder, more="cap = 1\nshow_customers = true\n")
    first = _contacted(made)
    for name in (".crm/suppressions.json", f"{LISTS}/members.parquet", ".crm/identities"):
        for kind, stand_in in STAND_INS.items():
            root = folder / "at"
            _put(made, root, [name], stand_in)
            sell(root, "2026-03-09")
            with time_limit(60, "it hangs"):
                again = wave(
                    root, pd.Timestamp("2026-03-09 23:00", tz="UTC"), "cap = 1\nshow_customers = true\n"
                )
            twice = first & (_contacted(root) - first)
            held = not twice and again.status in ("failed", "done", "unchanged")  # type: ignore[attr-defined]
            if name.endswith("suppressions.json"):
                held = again.status == "failed" and bool(again.message)  # type: ignore[attr-defined]
            yield f"{kind} as {name}: {again.status} {again.message[:90]}", held  # type: ignore[attr-defined]


def _contacted(root: Path) -> set[str]:
    lists = (root / "reports" / "lists" / "weekly").glob("20*/w*.csv")
    return {line.split(",")[0] for path in lists if path.is_file() for line in path.read_text().splitlines()}
