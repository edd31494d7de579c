"""The real reports, made by the command line, in a real Chromium with the network off."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """(data, report) -> the published page."""
    home = tmp_path_factory.mktemp("project")
    (home / "notebooks").mkdir()
    write_hostile(home / "data" / "hostile")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CRM_")}
    crm = [sys.executable, "-m", "crm_analytics.cli"]
    pages = {}
    for data in ("cdnow", "lemonade", "hostile", "company"):
        if data != "hostile":
            subprocess.run([*crm, "demo", data], cwd=home, check=True, env=clean, capture_output=True)
        command = [*crm, "report", "--all", "--data", data, "--slug", data]
        made = subprocess.run(command, cwd=home, check=True, env=clean, capture_output=True, text=True)
        for line in map(json.loads, made.stdout.splitlines()):
            pages[data, line["name"]] = Path(line["page"])
    return pages


REPORTS = [(d, r) for d in ("cdnow", "lemonade", "hostile") for r in ("segments", "lifetime_value")]
COMPANY = ("audit", "profiles", "lifecycle", "channels", "journey", "churn", "campaigns")
REPORTS += [("company", r) for r in COMPANY]
REPORTS += [("cdnow", "audit"), ("cdnow", "lifecycle"), ("lemonade", "audit"), ("hostile", "profiles")]


@pytest.mark.parametrize(("data", "report"), REPORTS, ids=lambda v: v)
def test_published_report_is_whole_quiet_and_readable_everywhere(published, look, data, report):
    page = published[data, report]
    assert page.stat().st_size <= 2_500_000
    seen = look(page)
    for form in SCREENS:
        one = seen[form]
        assert (one["asked"], one["heard"]) == ([], []), form
        assert one["overflow"] <= 0, form
        assert one["figures"] == one["rooms"] == one["marked"] > 0, form
        assert one["noWebgl"] == 0, form
    assert seen["noscript"]["readable"] == seen["print"]["readable"] > 0
    assert seen["noscript"]["rooms"] == 0
    assert seen["axe"] == {"light": [], "dark": []}


def test_hostile_names_stand_on_the_page_as_plain_text(published):
    text = published["hostile", "segments"].read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img src=x" not in text
    assert "\u202e" not in text
    assert "x" * 1000 not in text
