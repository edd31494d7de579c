"""Attacks on what people trust this project with. Each gives its tries: what was tried, and if it held."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from crm_analytics import cli
from crm_analytics.runs.list_run import make_wave
from crm_analytics.runs.schedule.night import prepare
from crm_analytics.runs.schedule.schedule_file import read_schedule

Tries = Iterator[tuple[str, bool]]
MODULES = (
    "erasure",
    "keys",
    "fences",
    "secrets",
    "persons",
    "status",
    "texts",
    "limits",
    "wording",
    "doors",
    "places",
    "outsiders",
    "settings",
)
LIST = '[[list]]\nname = "weekly"\nsource = "shop"\nlists = ["birthday", "welcome"]\nholdout = 0.0\n'


@dataclass(frozen=True)
class Attack:
    """One kind of attack: a function of an empty folder that gives its tries."""

    section: str
    name: str
    run: Callable[[Path], Tries]
    slow: bool


ATTACKS: list[Attack] = []


def attack(
    section: str, *, slow: bool = False
) -> Callable[[Callable[[Path], Tries]], Callable[[Path], Tries]]:
    """Register an attack; slow ones are for the attack run, not for every CI."""

    def register(run: Callable[[Path], Tries]) -> Callable[[Path], Tries]:
        ATTACKS.append(Attack(section, run.__name__, run, slow))
        return run

    return register


def every() -> list[Attack]:
    """All attacks, by the order of their modules."""
    for name in MODULES:
        importlib.import_module(f"tests.faults.attacks.{name}")
    return ATTACKS


# --- a small world ------------------------------------------------------------------------------------------


def project(folder: Path, name: str = "p") -> Path:
    """A project with a shop in which somebody new buys every day; each has a name, a mail and a phone."""
    root = folder / name
    (root / "notebooks").mkdir(parents=True)
    shop = root / "data" / "shop"
    shop.mkdir(parents=True)
    rows = [
        f"K{i:04},1990-03-0{1 + i % 9},true,mail{i}@kanari.example,Zqxkanari{i},+49 (170) 555-01{i:02}"
        for i in range(40)
    ]
    header = "customer_id,birth_date,consent_email,email,first_name,phone"
    (shop / "customers.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    sell(root, "2026-03-01")
    return root


def sell(root: Path, last: str) -> None:
    """Purchases up to a day."""
    days = pd.date_range(end=last, periods=40).strftime("%Y-%m-%d")
    rows = [f"K{i:04},{day},10.00" for i, day in enumerate(days)]
    text = "\n".join(["customer_id,transaction_date,unit_spend", *rows]) + "\n"
    (root / "data" / "shop" / "transactions.csv").write_text(text, encoding="utf-8")


def wave(root: Path, now: pd.Timestamp | None = None, more: str = "", **options: object) -> object:
    """Make the wave of a `[[list]]` as a night does, in this process."""
    head = '[source.shop]\npath = "data/shop"\n'
    (root / "crm.toml").write_text(head + LIST + more, encoding="utf-8")
    moment = (now or pd.Timestamp("2026-03-04 02:00", tz="UTC")).to_pydatetime()
    with working_in(root):
        (item,) = prepare(read_schedule(root / "crm.toml", moment, **options))  # type: ignore[arg-type]
        return item.decision.result or make_wave(item.decision)  # type: ignore[arg-type]


def crm(where: Path, *arguments: str) -> tuple[int, str, str]:
    """A command as somebody types it in a folder: exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with working_in(where), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(list(arguments))
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue(), err.getvalue()
    raise AssertionError("unreachable")


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """The folder as working folder, and no project but its own."""
    before, told = Path.cwd(), os.environ.pop("CRM_PROJECT", None)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        if told is not None:
            os.environ["CRM_PROJECT"] = told


def files_with(folder: Path, *texts: str) -> list[str]:
    """Files below a folder that hold one of some texts, packed or not."""
    from tests.privacy.canaries import texts_of

    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        whole = "\n".join([path.name, *texts_of(path.read_bytes())])
        found += [str(path.relative_to(folder)) for text in texts if text in whole]
    return found


def everything(folder: Path) -> dict[str, bytes]:
    """What stands below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
