"""Every report of the catalogue on every kind of base keeps the laws of a page.

The sections are driven in this process by the cells of the report's own notebook, so a report that is added
is held to the laws without a list being touched.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

import nbformat
import pandas as pd
import pytest
from _pytest.mark import ParameterSet

from crm_analytics.runs.catalogue.catalogue import Report, read_report
from tests.all_reports import REPORTS
from tests.reports import bases
from tests.reports.bases import BASES, HOSTILE, Given
from tests.reports.in_process import ids_in, is_thin, nonsense_in, shown_by, unescaped_in

SLOW = ("in KRW", "in VND")
FIRST, LAST = ["headline", "kpis", "actions"], ["method", "record"]

pytestmark = pytest.mark.usefixtures("somewhere")


@pytest.fixture(scope="module")
def given(small_company_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Given]:
    """A base by its name, opened once; its reports share what each would compute, as in one night."""

    @cache
    def opened(name: str) -> Given:
        made = BASES[name](small_company_folder)
        return replace(made, base=made.base.keeping(tmp_path_factory.mktemp("kept")))

    return opened


def broken_laws(report: Report, base: Given) -> list[str]:
    """What a report says on a base that no page may say; it does not raise, either."""
    shown = shown_by(report, base.base, **base.parameters)
    broken = [f"nonsense: {found}" for found in nonsense_in(shown)]
    broken += [f"an id: {found}" for found in ids_in(shown, base.ids)]
    if base.hostile:
        broken += [f"not escaped: {found}" for found in unescaped_in(shown, base.hostile)]
    if base.thin is not None and is_thin(shown) != base.thin:
        broken.append(f"the headline says that the data are {'not ' * base.thin}few")
    return broken


def marked(name: str) -> ParameterSet:
    """A base whose reports stay on one worker; of the four small units two are slow."""
    marks = [pytest.mark.xdist_group(f"reports on {name}")]
    return pytest.param(name, marks=[*marks, pytest.mark.slow] if name in SLOW else marks)


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("base", [marked(name) for name in BASES])
def test_report_keeps_the_laws_of_a_page(given: Callable[[str], Given], base: str, report: str) -> None:
    assert broken_laws(REPORTS[report], given(base)) == []


@pytest.mark.parametrize("report", REPORTS)
def test_notebook_shows_every_section_once_and_in_the_order_of_a_page(report: str) -> None:
    module, shown = sections_of(REPORTS[report])
    public = {
        name
        for name in module.__all__
        if inspect.isfunction(getattr(module, name)) and name not in ("prepare", "open_report")
    }
    assert sorted(shown) == sorted(public)
    assert shown[:3] == FIRST
    assert shown[-2:] == LAST


def sections_of(report: Report) -> tuple[ModuleType, list[str]]:
    """The module a notebook takes its sections from, and the sections in the order of its cells."""
    sources = ["".join(c["source"]) for c in report.notebook["cells"] if c["cell_type"] == "code"]
    imports = [node for node in ast.walk(ast.parse("\n".join(sources))) if isinstance(node, ast.ImportFrom)]
    name = next(i.names[0].name for i in imports if i.module == "crm_analytics.reports")
    calls = [ast.parse(source).body[-1] for source in sources]
    shown = [
        call.value.func.attr
        for call in calls
        if isinstance(call, ast.Expr)
        and isinstance(call.value, ast.Call)
        and isinstance(call.value.func, ast.Attribute)
    ]
    return importlib.import_module(f"crm_analytics.reports.{name}"), shown


BREACHES = {
    "nonsense": 'blocks.note("Revenue is nan")',
    "an id": "blocks.note(base.collect(base.customers)['customer_id'].iloc[0])",
    "not escaped": 'Raw("note", {"finding": "Fine", "paragraphs": [], "thin": False})',
    "the headline": 'blocks.headline("Too little", thin=True)',
}


@pytest.mark.parametrize("law", BREACHES)
def test_a_breach_of_each_law_is_seen(law: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = BREACHES[law] if law == "the headline" else 'blocks.headline("Fine")'
    cells = [
        'data: str = ""\nas_of: str = ""',
        "from crm_analytics import CustomerBase\nfrom crm_analytics.pages import blocks\n"
        "from crm_analytics.pages.blocks import Block as Raw\n\nbase = CustomerBase.open(data)",
        first,
        BREACHES[law],
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbformat.write(notebook, tmp_path / "toy.ipynb")
    if law == "not escaped":  # the template is what escapes: without it
        monkeypatch.setattr("crm_analytics.pages.block_views.render", lambda *_, **__: f"<p>{HOSTILE}</p>")
    frame = pd.DataFrame({"customer_id": ["zq7-1"], "transaction_date": ["2026-01-01"], "unit_spend": [5.0]})
    base = Given(bases.CustomerBase.open(frame, today=bases.TODAY), bases.OWN_ID, False, HOSTILE)
    found = broken_laws(read_report(tmp_path / "toy.ipynb"), base)
    assert found
    assert all(text.startswith(law) for text in found)
