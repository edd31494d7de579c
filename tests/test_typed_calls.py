"""What an editor says of README's code, of docs and of a user's script: Pyright's rules in basic mode.

basedpyright is Pyright with its program in the wheel, so that nothing is fetched when it runs. It finds the
package as an editor does: in the environment, installed as `make setup` installs it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs_blocks import ROOT, blocks, text_of

PAGES = ("README.md", "docs/plots.md", "docs/scores.md", "docs/models.md")
SCRIPT = """
from __future__ import annotations

import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.analyses import attribution, btyd, churn, cohorts, rfm

base = CustomerBase.open("data/cdnow", today="1998-12-31")
past, future = base.as_of("1997-09-30"), base.between("1997-09-30", "1998-06-30")

scores = rfm.score(past, bins=5)
best: pd.DataFrame = base.collect(scores.customers.filter(scores.customers.r_score == 5))
sizes: pd.DataFrame = scores.segments

summary = btyd.summarize(past, unit="W")
for kind in (btyd.BetaGeo, btyd.ModifiedBetaGeo, btyd.ParetoNBD):
    model = kind.fit(summary)
    alive: pd.Series = model.probability_alive(summary.cells)
    print(kind.__name__, model.params["r"], model.log_likelihood, alive.mean())
model, spend = btyd.BetaGeo.fit(summary), btyd.GammaGamma.fit(summary)
scored = btyd.score(summary, model, spend, horizon="52w", rate=0.15)
print(scored.columns, btyd.value_total(summary, model, spend, horizon="52w"))

paths = pd.DataFrame({"path": ["a > b", "b"], "conversions": [3, 1], "nulls": [5, 9]})
credit: pd.DataFrame = attribution.attribute(paths, models=["markov"])
print(best, sizes, credit, cohorts.cohorts(past, every="month"), scores.plot())
"""
MISTAKES = """
from crm_analytics import CustomerBase
from crm_analytics.analyses import rfm

base = CustomerBase.open(source="data/cdnow", day="1997-09-30")
rfm.score(base, bins="five").segmants
"""


def told(folder: Path, text: str) -> list[dict[str, Any]]:
    """Errors of a script in a folder of its own."""
    (folder / "script.py").write_text(text, encoding="utf-8")
    settings = {"typeCheckingMode": "basic", "include": ["script.py"], "pythonVersion": "3.11"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(
        [*command, "-p", str(folder)], cwd=folder, capture_output=True, text=True, timeout=900, check=False
    )
    seen = json.loads(done.stdout)
    assert seen["summary"]["filesAnalyzed"] == 1, done.stderr
    return [one for one in seen["generalDiagnostics"] if one["severity"] == "error"]


@pytest.mark.thorough
def test_an_editor_finds_nothing_wrong_in_what_docs_and_users_write(tmp_path: Path) -> None:
    parts = [SCRIPT]
    for page in PAGES:
        code = "\n".join(blocks(text_of(page), "python"))
        parts.append(
            f"def of_{Path(page).stem.lower()}():\n" + "".join(f"    {x}\n" for x in code.splitlines())
        )
    found = told(tmp_path, "\n\n".join(parts))
    assert [f"{one['range']['start']['line'] + 1}: {one['message']}" for one in found] == []


@pytest.mark.thorough
def test_an_editor_names_what_is_wrong(tmp_path: Path) -> None:
    rules = [one["rule"] for one in told(tmp_path, MISTAKES)]
    assert sorted(rules) == ["reportArgumentType", "reportAttributeAccessIssue", "reportCallIssue"]


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "crm_analytics" / "py.typed").is_file()
