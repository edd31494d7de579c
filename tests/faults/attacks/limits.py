"""Nothing hangs, nothing spreads."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd

from crm_analytics.analyses.disclosure import publishable
from crm_analytics.errors import CrmError, LimitError
from crm_analytics.runs.time_limit import time_limit
from crm_analytics.tables.embedded_engine import embedded_engine, guarded_engine
from crm_analytics.tables.project import MEMORY_VARIABLE, limited_memory
from tests.faults.attacks import LIST, Tries, attack, crm, project

PATIENCE = 120  # seconds for a command on a busy machine; what hangs, hangs for ever


def ended(root: Path, *arguments: str) -> int | None:
    """The exit code of a command in a process of its own; None where it did not end."""
    command = [sys.executable, "-m", "crm_analytics.cli", *arguments]
    try:
        return subprocess.run(
            command, cwd=root, capture_output=True, timeout=PATIENCE, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return None


@attack("9 limits")
def what_never_ends_is_refused(folder: Path) -> Tries:
    root = project(folder)
    for name in ("pipe.csv", "pipe.toml", "pipe.ipynb", "pipe.parquet", "pipe.duckdb"):
        os.mkfifo(root / name)
    (root / "link.csv").symlink_to("pipe.csv")
    (root / "zero.csv").symlink_to("/dev/zero")
    (root / "maps.csv").symlink_to("/proc/self/maps")
    for arguments, code in (
        (("check", "pipe.csv"), 3),
        (("check", "link.csv"), 3),
        (("check", "zero.csv"), 3),
        (("check", "maps.csv"), 3),
        (("check", "pipe.parquet"), 3),
        (("check", "pipe.duckdb"), 3),
        (("run", "pipe.toml"), 2),
        (("run", "zero.csv"), 2),
        (("report", "./pipe.ipynb", "--data", "shop"), 2),
        (("key", "--import", "pipe.csv"), 2),
    ):
        with time_limit(PATIENCE, "it hangs"):
            found, _, _ = crm(root, *arguments)
        yield " ".join(arguments), found == code


@attack("9 limits")
def a_limit_holds_from_the_first_second(folder: Path) -> Tries:
    began = time.monotonic()
    try:
        with time_limit(0.3, "too late"):
            time.sleep(60)
        held = False
    except LimitError:
        held = time.monotonic() - began < 20
    yield "a sleep", held
    os.mkfifo(folder / "pipe")
    try:
        with time_limit(0.3, "too late"):
            (folder / "pipe").read_text()
        held = False
    except LimitError:
        held = True
    yield "a pipe", held
    try:
        with time_limit(0.3, "too late"):
            try:
                time.sleep(60)
            except CrmError as error:
                raise ValueError("a library caught it") from error
        held = False
    except LimitError:
        held = True
    yield "a library that catches it", held
    with time_limit(30, "too late"):
        pass
    yield "and is gone afterwards", True


@attack("9 limits")
def set_sizes_of_many_groups(folder: Path) -> Tries:
    regions = pd.DataFrame(
        {"region": [f"r{n}" for n in range(3000)], "customers": [1 + n % 9 for n in range(3000)]}
    )
    crossed = pd.concat([regions.assign(age=age) for age in ("young", "middle", "old")])
    small, began = crossed[crossed["region"].isin(regions["region"][:300])], time.process_time()
    publishable(small, ["region", "age"])
    one, began = time.process_time() - began, time.process_time()
    shown = publishable(crossed, ["region", "age"])
    ten = time.process_time() - began
    yield f"ten times the groups take {ten / max(one, 0.01):.0f} times the time", ten < 40 * max(one, 0.01)
    yield (
        "nobody is left out",
        shown["customers"].sum() == crossed["customers"].sum() and shown["customers"].min() >= 5,
    )


@attack("9 limits")
def a_limit_of_memory_binds_who_opens_the_data(folder: Path) -> Tries:
    for name, engine in (("of a base", lambda: embedded_engine().con), ("of files", guarded_engine)):
        with limited_memory(1400):
            bound = _memory_of(engine())
        yield f"the engine {name} has {bound}", bound == "476.8 MiB"  # half of what the libraries leave
        yield f"the engine {name} is free afterwards", _memory_of(engine()) != bound


def _memory_of(con: duckdb.DuckDBPyConnection) -> str:
    ((most,),) = con.execute("SELECT current_setting('memory_limit')").fetchall()
    return str(most)


@attack("9 limits", slow=True)
def what_would_do_fits_into_its_limit(folder: Path) -> Tries:
    rows = pd.DataFrame({"customer_id": [f"K{n % 50_000}" for n in range(600_000)]})
    rows["transaction_date"] = pd.date_range("2025-01-01", periods=365).strftime(
        "%Y-%m-%d"
    ).tolist() * 1643 + ["2025-12-31"] * (600_000 - 365 * 1643)
    rows["unit_spend"] = 9.5
    rows.to_csv(folder / "x.csv", index=False)
    code = (
        "import os, sys; from crm_analytics.runs.kernels.kernel_main import limit_memory; "
        "limit_memory(os.environ['CRM_MEMORY_MB']); from crm_analytics import CustomerBase; "
        "print(CustomerBase.open(sys.argv[1], today='2026-01-01').counts['rows'])"
    )
    told = {**os.environ, MEMORY_VARIABLE: "1000", "CRM_MEMORY_MB": "1000"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "x.csv")],
        env=told,
        capture_output=True,
        text=True,
        check=False,
    )
    yield (
        f"600,000 rows within 1,000 MB: {done.stdout.split()[-1:]} {done.stderr[-200:]}",
        done.stdout.split()[-1:] == ["600000"],
    )


@attack("9 limits", slow=True)
def a_full_stdout_ends_a_line_and_not_the_night(folder: Path) -> Tries:
    for what, out, err in (
        ("stdout", "> /dev/full", ""),
        ("stderr", "", "2> /dev/full"),
        ("a reader that leaves", "| head -c 1", ""),
    ):
        root = project(folder, what.replace(" ", ""))
        (root / "crm.toml").write_text(
            '[source.shop]\npath = "data/shop"\n' + LIST + LIST.replace("weekly", "other")
        )
        command = f"'{sys.executable}' -m crm_analytics.cli run crm.toml {err} {out}; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=root, capture_output=True, timeout=300, check=False
        )
        made = list((root / "reports" / "lists").glob("*/20*/wave.json"))
        yield f"full {what}", done.returncode == 0 and len(made) == 2
