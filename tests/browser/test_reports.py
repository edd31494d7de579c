"""The real reports, made by the command line, in a real Chromium with the network off."""

from __future__ import annotations

import csv
import functools
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from filelock import FileLock

from tests.all_reports import REPORTS, ROOT

pytestmark = pytest.mark.browser

SCREENS = ("desk", "phone", "narrow", "dark", "print", "forced")
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "\u202etxt.exe",
    "zero\u200bwidth",
    "</script><script>alert(2)",
    "x" * 1_000_000,
)


def write_hostile(folder: Path) -> None:
    """A shop whose customers are called like attacks, and whose products too."""
    draw = random.Random(3)
    folder.mkdir(parents=True)
    with (folder / "transactions.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["customer_id", "transaction_date", "unit_spend", "product_id"])
        for i in range(900):
            day = f"2026-{draw.randint(1, 9):02}-{draw.randint(1, 28):02}"
            rows.writerow([f"id{i % 170}", day, f"{draw.uniform(1, 90):.2f}", HOSTILE[i % 5]])
    with (folder / "customers.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["customer_id", "first_name", "last_name"])
        rows.writerows([f"id{i}", HOSTILE[i % 6], HOSTILE[(i + 1) % 5]] for i in range(170))
    (folder / "mapping.toml").write_text('label = "<b>Shop</b>"\nshow_customers = true\n', encoding="utf-8")


CRM = [sys.executable, "-m", "crm_analytics.cli"]
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("CRM_")}
MADE_BY_REPORT = ("company", "cdnow")  # what `make report` makes


def made(home: Path, data: str, *arguments: str) -> dict[str, str]:
    """report -> the page that `crm report` made of a source, or left as it was where nothing has changed.

    All reports of the data that `make report` publishes, of others those that are looked at.
    """
    if data != "hostile":
        subprocess.run([*CRM, "demo", data], cwd=home, check=True, env=CLEAN, capture_output=True)
    asked = ["--all"] if data in MADE_BY_REPORT else [r for d, r in LOOKED_AT if d == data]
    command = [*CRM, "report", *asked, "--data", data, *arguments]
    done = subprocess.run(command, cwd=home, check=True, env=CLEAN, capture_output=True, text=True)
    return {line["name"]: line["page"] for line in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str, str], Path]:
    """(data, report) -> the published page; the first worker to ask makes it for all.

    The demo data are published in this project, where `make report` has just made the same pages; `crm`
    makes those anew that are not of this code and these data.
    """
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "browser"
    (home / "notebooks").mkdir(parents=True, exist_ok=True)

    @functools.cache
    def pages(data: str) -> dict[str, str]:
        kept = home / f"{data}.json"
        with FileLock(home / f"{data}.lock"):
            if not kept.exists():
                if data == "hostile":
                    write_hostile(home / "data" / "hostile")
                here = data in MADE_BY_REPORT
                found = made(ROOT, data) if here else made(home, data, "--slug", data)
                kept.write_text(json.dumps(found), encoding="utf-8")
        return json.loads(kept.read_text(encoding="utf-8"))

    return lambda data, report: Path(pages(data)[report])


# Every report on the company, and those that say most on each of the other shops.
LOOKED_AT = [("company", report) for report in REPORTS]
LOOKED_AT += [(d, r) for d in ("cdnow", "lemonade", "hostile") for r in ("segments", "lifetime_value")]
LOOKED_AT += [("cdnow", "audit"), ("cdnow", "lifecycle"), ("lemonade", "audit"), ("hostile", "profiles")]
# What the company's page of the same name, or another page of the same shop, shows every day.
WEEKLY = [("cdnow", "lifetime_value"), ("cdnow", "audit"), ("cdnow", "lifecycle"), ("lemonade", "audit")]
WEEKLY += [("hostile", "lifetime_value")]


def looked_at(data: str, report: str) -> ParameterSet:
    """A page that any worker may look at, whoever made it."""
    marks = [pytest.mark.xdist_group(f"{data} {report}")]
    if (data, report) in WEEKLY:
        marks.append(pytest.mark.weekly)
    return pytest.param(data, report, marks=marks, id=f"{data}-{report}")


@pytest.mark.parametrize(("data", "report"), [looked_at(*one) for one in LOOKED_AT])
def test_published_report_is_whole_quiet_and_readable_everywhere(published, look, data, report):
    page = published(data, report)
    assert page.stat().st_size <= 2_500_000
    seen = look(page, "--turned")  # tests/browser/test_pages.py opens each form anew
    for form in SCREENS:
        one = seen[form]
        assert (one["asked"], one["heard"]) == ([], []), form
        assert one["overflow"] <= 0, form
        assert one["figures"] == one["rooms"] == one["marked"] > 0, form
        assert one["noWebgl"] == 0, form
        assert one["led"] > 0, form
        assert not one["adrift"], form
    assert seen["noscript"]["readable"] == seen["print"]["readable"] > 0
    assert seen["noscript"]["rooms"] == 0
    assert seen["axe"] == {"light": [], "dark": []}


def test_hostile_names_stand_on_the_pages_as_plain_text(published):
    looked_at = [report for data, report in LOOKED_AT if data == "hostile"]
    texts = [published("hostile", report).read_text(encoding="utf-8") for report in looked_at]
    assert any("&lt;img src=x onerror=alert(1)&gt;" in text for text in texts)
    for text in texts:
        assert "<img src=x" not in text
        assert "\u202e" not in text
        assert "x" * 1000 not in text
