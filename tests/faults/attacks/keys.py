"""The key: lost, exchanged, linked; nobody is contacted again because of it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from crm_analytics.tables.project_key import fingerprint, read_key
from tests.faults.attacks import Tries, attack, crm, everything, project, sell, wave


@attack("2 key")
def a_lost_key_contacts_nobody_again(folder: Path) -> Tries:
    root = project(folder)
    first = wave(root, more="cap = 1\n")
    yield "the first list is made", first.status == "done"  # type: ignore[attr-defined]
    tree = json.loads((root / "reports" / ".crm" / "tree.json").read_text())
    record = json.loads((root / "reports" / "lists" / "weekly" / "2026-03-01" / "wave.json").read_text())
    own = fingerprint(read_key(root) or b"")
    yield "tree and list name the key", tree["key"] == record["key"] == own
    key = (root / ".crm-key").read_text()
    sell(root, "2026-03-09")
    for what, other in (("lost", None), ("replaced", "cd" * 32)):
        (root / ".crm-key").unlink(missing_ok=True)
        if other:
            (root / ".crm-key").write_text(other + "\n")
        again = wave(root, pd.Timestamp("2026-03-10", tz="UTC"), "cap = 1\n")
        waves = list((root / "reports" / "lists" / "weekly").glob("20*"))
        yield (
            f"{what}: no list, and words",
            (
                again.status == "failed" and len(waves) == 1 and "Bring the key back" in again.message  # type: ignore[attr-defined]
            ),
        )
        yield f"{what}: no new key", (root / ".crm-key").exists() == bool(other)
        code, _, said = crm(root, "key")
        yield f"{what}: `crm key` makes none beside lists", code == 2 and "Bring the key back" in said
    code, _, _ = crm(root, "report", "segments", "--data", "shop")
    (root / ".crm-key").unlink()
    code, _, _ = crm(root, "report", "segments", "--data", "shop")
    yield "lost: a report makes none either", code == 2 and not (root / ".crm-key").exists()
    (root / "copy").write_text(key)
    code, _, _ = crm(root, "key", "--import", "copy")
    again = wave(root, pd.Timestamp("2026-03-10", tz="UTC"), "cap = 1\n")
    yield "brought back", code == 0 and again.status == "done"  # type: ignore[attr-defined]
    members = [
        pd.read_parquet(p)["customer"] for p in (root / "reports" / "lists").glob("*/20*/members.parquet")
    ]
    yield "and nobody is contacted twice", not set(members[0]) & set(members[1])


@attack("2 key")
def the_key_file(folder: Path) -> Tries:
    root = project(folder)
    (folder / "vault").write_text("ab" * 32 + "\n")
    (folder / "vault").chmod(0o640)
    (root / ".crm-key").symlink_to(folder / "vault")
    code, _, _ = crm(root, "key")
    yield "a link is not chmodded", code == 0 and (folder / "vault").stat().st_mode & 0o777 == 0o640
    code, _, _ = crm(root, "key", "--export", str(folder / "copy"))
    yield "a copy is private", code == 0 and (folder / "copy").stat().st_mode & 0o777 == 0o600
    before = everything(folder)
    code, _, _ = crm(root, "key", "--export", str(folder / "vault"))
    yield "a copy overwrites nothing", code == 2 and everything(folder) == before
    other = project(folder, "q")
    code, _, _ = crm(other, "key", "--import", str(folder / "copy"))
    yield "a copy is the key", code == 0 and read_key(other) == read_key(root)
    (folder / "strange").write_text("cd" * 32)
    for what, name in (
        ("another key", "strange"),
        ("no key", "q/crm.toml"),
        ("no file", "nothing"),
        ("a folder", "q"),
    ):
        before = everything(folder)
        code, _, said = crm(other, "key", "--import", str(folder / name))
        yield f"importing {what} is refused", code == 2 and bool(said) and everything(folder) == before
    (other / ".crm-key").unlink()
    (other / ".crm-key").symlink_to(folder / "gone")
    code, _, _ = crm(other, "key")
    yield "a link that leads nowhere is no key", code == 6 and not (folder / "gone").exists()
