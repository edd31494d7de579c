"""Every report of the catalogue on every kind of base keeps the laws of a page.

The sections are driven in this process by the cells of the report's own notebook, so a report that is added
is held to the laws without a list being touched.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pandas as pd
import pytest
from _pytest.mark import ParameterSet

from crm_analytics.analyses.actions import agreed
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.pages.blocks import Block
from crm_analytics.pages.sentences import Sentences, sentences
from crm_analytics.reports.shared.spoken import SHARED
from crm_analytics.runs.catalogue.catalogue import Report, read_report
from tests.all_reports import REPORTS
from tests.reports import bases
from tests.reports.bases import BASES, HOSTILE, Given
from tests.reports.german import english
from tests.reports.in_process import Shown, ids_in, is_thin, nonsense_in, shown_by, unescaped_in
from tests.reports.one_truth import disagreements, facts_of, items_of, without
from tests.reports.questions import questions
from tests.reports.verdicts import overclaims

WEEKLY = ("in JPY", "in KRW", "in VND")  # the smallest of the four, IDR, stands for them
REPORT_CATALOGUES = SHARED.parents[1]
LONGEST_CAPTION = 4  # sentences; what a colour means is one
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


@pytest.fixture(scope="module")
def page(given: Callable[[str], Given]) -> Callable[[str, str], list[Shown]]:
    """The blocks of a report on a base, by the names of both; made once for all laws."""

    @cache
    def made(base: str, report: str) -> list[Shown]:
        of = given(base)
        return shown_by(REPORTS[report], of.base, **of.parameters)

    return made


def long_captions(shown: list[Shown]) -> list[str]:
    """Captions of the manager's layer that nobody reads: how a table was made stands in the method."""
    captions = [one.block.payload.get("caption", "") for one in shown if "layer" not in one.block.payload]
    return [text for text in captions if len(re.findall(r"[.!?](?=\s|$)", text)) > LONGEST_CAPTION]


def cut_findings(shown: list[Shown]) -> list[str]:
    """Findings of more letters than one glance takes."""
    items = [item for one in shown if one.block.kind == "findings" for item in one.block.payload["items"]]
    return [item["text"] for item in items if item["text"].endswith("…")]


def broken_laws(shown: list[Shown], base: Given) -> list[str]:
    """What a report says on a base that no page may say."""
    broken = [f"nonsense: {found}" for found in nonsense_in(shown)]
    broken += [f"an id: {found}" for found in ids_in(shown, base.ids)]
    if base.hostile:
        broken += [f"not escaped: {found}" for found in unescaped_in(shown, base.hostile)]
    else:  # a hostile name may itself end so
        broken += [f"a cut finding: {text}" for text in cut_findings(shown)]
    broken += [f"a long caption: {found}" for found in long_captions(shown)]
    if base.thin is not None and is_thin(shown) != base.thin:
        broken.append(f"the headline says that the data are {'not ' * base.thin}few")
    return broken


def marked(name: str) -> ParameterSet:
    """A base whose reports stay on one worker."""
    marks = [pytest.mark.xdist_group(f"reports on {name}")]
    return pytest.param(name, marks=[*marks, pytest.mark.weekly] if name in WEEKLY else marks)


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("base", [marked(name) for name in BASES])
def test_report_keeps_the_laws_of_a_page(
    given: Callable[[str], Given], page: Callable[[str, str], list[Shown]], base: str, report: str
) -> None:
    assert broken_laws(page(base, report), given(base)) == []


# What these reports call by the name of a figure that is another one; each goes when its report is mended.
MISNAMED: dict[str, tuple[str, ...]] = {}


def pages_of(page: Callable[[str, str], list[Shown]], base: str) -> dict[str, list[Block]]:
    """Every report of a base, without the figures that are known to be misnamed."""
    return {
        report: without([one.block for one in page(base, report)], MISNAMED.get(report, ()))
        for report in REPORTS
    }


@pytest.mark.parametrize("base", [marked(name) for name in ("company", "poor", "lemonade")])
def test_words_of_every_page_follow_their_numbers(page: Callable[[str, str], list[Shown]], base: str) -> None:
    pages = pages_of(page, base)
    said = {report: overclaims(blocks) for report, blocks in pages.items()}
    assert {report: found for report, found in said.items() if found} == {}


@pytest.mark.parametrize("base", [marked(name) for name in ("company", "poor", "lemonade")])
def test_pages_of_a_base_agree(page: Callable[[str, str], list[Shown]], base: str) -> None:
    assert disagreements(pages_of(page, base)) == []


def over_days(block: Block) -> bool:
    """Whether a chart has days along it that begin before a marked date and end after."""
    across = [
        x for trace in block.payload["figure"]["data"] for x in trace.get("x") or () if "z" not in trace
    ]
    days = [str(x)[:10] for x in across if re.match(r"\d{4}-\d\d-\d\d", str(x))]
    return bool(days) and any(min(days) <= day <= max(days) for day in bases.MARKED)


@pytest.mark.parametrize("base", [marked("hostile")])
def test_marked_dates_stand_on_every_chart_over_days(
    page: Callable[[str, str], list[Shown]], base: str
) -> None:
    charts = [
        (report, one.block)
        for report in REPORTS
        for one in page(base, report)
        if one.block.kind == "chart" and over_days(one.block)
    ]
    assert len(charts) >= 3
    assert [report for report, block in charts if "Marked dates: 1 = " not in block.payload["caption"]] == []


def names_of_figures(t: Sentences) -> re.Pattern[str]:
    """What key figures are called on a page; a span of time may stand in it."""
    called = [t.messages[f"{part}.{name}"] for name in REGISTRY for part in ("kpi", "tile")
              if f"{part}.{name}" in t.messages]  # fmt: skip
    return re.compile("|".join(re.sub(r"\\{[^}]*\\}", ".+", re.escape(one)) for one in called))


@pytest.mark.parametrize("base", [marked("hostile")])
def test_every_figure_with_a_target_says_it_on_every_page(
    page: Callable[[str, str], list[Shown]], base: str
) -> None:
    said = 0
    for name, blocks in pages_of(page, base).items():
        called = names_of_figures(sentences("en", (SHARED, REPORT_CATALOGUES / name / "catalogue")))
        figures = [one for one in items_of(blocks, "kpis") if called.fullmatch(one["label"])]
        assert [one["label"] for one in figures if "target at least" not in one["note"]] == [], name
        said += len(figures)
    assert said > 30


@pytest.mark.parametrize("base", [marked("company")])
def test_pages_answer_nine_of_their_ten_questions(
    given: Callable[[str], Given], page: Callable[[str, str], list[Shown]], base: str, tmp_path: Path
) -> None:
    asked, pages = questions(), pages_of(page, base)
    assert asked.keys() == pages.keys()
    assert {len(ten) for ten in asked.values()} == {10}
    others = [as_neighbour(name, found) for name, found in pages.items() if name != "overview"]
    told = {"previous": [], "neighbours": others}
    (tmp_path / "handed_in.json").write_text(json.dumps(told), encoding="utf-8")
    cover = shown_by(REPORTS["overview"], given(base).base, run=str(tmp_path))
    pages["overview"] = [one.block for one in cover]
    open_ones = {
        name: [question.text for question in ten if not question.is_answered_by(pages[name])]
        for name, ten in asked.items()
    }
    assert {name: texts for name, texts in open_ones.items() if len(texts) > 3} == {}
    # what is in the folded part, and no finding leads to, counts as open
    assert sum(map(len, open_ones.values())) <= len(open_ones), open_ones


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("base", [marked(name) for name in ("company", "lemonade")])
def test_cover_page_says_what_the_other_pages_say(
    given: Callable[[str], Given],
    page: Callable[[str, str], list[Shown]],
    base: str,
    language: str,
    tmp_path: Path,
) -> None:
    others = {name: blocks for name, blocks in pages_of(page, base).items() if name != "overview"}
    told = {"previous": [], "neighbours": [as_neighbour(name, found) for name, found in others.items()]}
    (tmp_path / "handed_in.json").write_text(json.dumps(told), encoding="utf-8")
    shown = shown_by(REPORTS["overview"], given(base).base, run=str(tmp_path), language=language)
    cover = [one.block for one in shown]
    links = items_of(cover, "links")
    assert {link["report"] for link in links} == others.keys()
    own = next(block.payload["sentence"] for block in cover if block.kind == "headline")
    assert all(link["text"] not in ("", own) for link in links)
    if language == "en":
        assert disagreements({**others, "overview": cover}) == []
    if base == "lemonade":
        return
    advised = [item for item in items_of(cover, "actions") if "fact" in item]
    everything = agreed(item for one in told["neighbours"] for item in prefixed(one)).actions
    assert [item["fact"]["id"] for item in advised] == [fact["id"] for fact in everything[:3]]
    assert len({(item["fact"]["verb"], item["fact"]["whom"]) for item in advised}) == 3
    assert all(item["from"]["report"] in others for item in advised)
    worth = [item["fact"]["expected"] for item in advised]
    assert worth == sorted(worth, reverse=True)
    assert len(items_of(cover, "kpis")) == 5
    assert sum("trend" in item for item in items_of(cover, "kpis")) == 4


def as_neighbour(name: str, found: list[Block]) -> dict[str, Any]:
    """A page as a run hands it to others, see `runs.other_runs`."""
    top = next(block.payload for block in found if block.kind == "headline")
    actions = [{**item["fact"], "do": item["do"]} for item in items_of(found, "actions") if "fact" in item]
    return {
        "report": name, "slug": "2025-12-31", "file": REPORTS[name].path.name, "day": "2025-12-31",
        "title": top.get("title") or REPORTS[name].title, "headline": top["sentence"],
        "facts": facts_of(found), "actions": actions,
    }  # fmt: skip


def prefixed(one: dict[str, Any]) -> list[dict[str, Any]]:
    """The actions of a page, named with its report."""
    return [{**action, "id": f"{one['report']}.{action['id']}"} for action in one["actions"]]


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
    "a cut finding": 'blocks.findings(blocks.finding("It brings more " * 10))',
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
    attack = "" if law == "a cut finding" else HOSTILE
    base = Given(bases.CustomerBase.open(frame, today=bases.TODAY), bases.OWN_ID, False, attack)
    found = broken_laws(shown_by(read_report(tmp_path / "toy.ipynb"), base.base), base)
    assert found
    assert all(text.startswith(law) for text in found)


# What the shops of these bases themselves call things in English.
SPOKEN = ("company", "poor", "lemonade", "one customer", "everybody once")
OWN_WORDS = re.compile(r"Order Completed|Product Added|Checkout Started|Classic lemonade|Net Promoter Score")


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("base", [marked(name) for name in SPOKEN])
def test_german_page_holds_no_english(given: Callable[[str], Given], base: str, report: str) -> None:
    of = given(base)
    shown = shown_by(REPORTS[report], of.base, **{**of.parameters, "language": "de"})
    assert [f"{one.source}: {text[:160]}" for one in shown for text in english(one.block, OWN_WORDS)] == []
    title = sentences("de", (SHARED, REPORT_CATALOGUES / report / "catalogue"))("title")
    assert [one.block.payload["title"] for one in shown if one.block.kind == "headline"] == [title]
