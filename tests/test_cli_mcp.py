"""`crm mcp`: what an assistant is told of the published pages, and what it is refused."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.kpi import SHARE, UP, Kpi, Target
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.cli.agent_commands import answers, server
from crm_analytics.pages import block_views, words
from crm_analytics.runs.answers import Answers
from crm_analytics.runs.publishing.manifest import BLOCK
from crm_analytics.runs.publishing.published_tables import published_tables
from tests.all_reports import REPORTS
from tests.reports.in_process import shown_by

FACTS = {
    "facts_version": 2, "day": "2026-01-31", "buyers": 40, "buyers_n": 40, "buyers_previous": 30,
    "bought_again": 0.6, "bought_again_lower": 0.5, "bought_again_upper": 0.7, "bought_again_n": 40,
    "at_risk_days": 90,
}  # fmt: skip
PEOPLE = pd.DataFrame({"customer": ["c-abc"], "value_to_come": [10.0]})
SEGMENTS = pd.DataFrame(
    {"segment": ["Champions", "Regulars"], "customers": [12, 28], "revenue": [900.0, None]}
)


def published(out: Path, report: str, slug: str, day: str, facts=FACTS, **about) -> None:
    run = out / report / slug / "runs" / "1"
    (run / "tables").mkdir(parents=True)
    manifest = {
        "report": report, "slug": slug, "status": "done", "as_of": day, "message": "40 customers bought",
        "title": report.title(), "facts": facts, "actions": [], "data": {"label": "Tea", "hash": "x"},
        "parameters": {},
    } | about  # fmt: skip
    (run / "manifest.json").write_text(json.dumps(manifest))
    (run.parent.parent / "current.json").write_text(json.dumps({"run": "1"}))
    SEGMENTS.to_parquet(run / "tables" / "05_who_brings_the_money.parquet")
    PEOPLE.to_parquet(run / "tables" / "07_whom_to_contact.parquet")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    published(tmp_path, "segments", "2025-12-31", "2025-12-31", {**FACTS, "buyers": 35})
    published(tmp_path, "segments", "2026-01-31", "2026-01-31")
    published(tmp_path, "service", "2026-01-31", "2026-01-31", {"day": "2026-01-31", "tickets": 7})
    return tmp_path


def test_an_answer_has_the_number_its_interval_the_cases_the_day_and_the_method(out) -> None:
    found = Answers(out).figure("bought_again")
    assert (found["value"], found["lower"], found["upper"], found["n"]) == (0.6, 0.5, 0.7, 40)
    assert found["as_of"] == "2026-01-31"
    assert found["method"] == REGISTRY["bought_again"].__doc__
    assert found["page"] == "segments/2026-01-31/report.html"
    assert Answers(out).figure("buyers")["value"] == 40  # of the newest day


def test_an_answer_says_the_target_and_whether_it_is_met(tmp_path) -> None:
    share = Kpi("bought_again", SHARE, UP, 0.6, 40, 0.5, 0.7)
    for slug, target in (("a", Target(0.55)), ("b", Target(0.4, at_least=False)), ("c", None)):
        published(tmp_path / slug, "segments", slug, "2026-01-31", replace(share, target=target).facts())
    told = {slug: Answers(tmp_path / slug) for slug in "abc"}
    found = {slug: one.figure("bought_again") for slug, one in told.items()}
    assert (found["a"]["at_least"], found["a"]["met"]) == (0.55, "open")
    assert (found["b"]["at_most"], found["b"]["met"]) == (0.4, "missed")
    assert not {"at_least", "at_most", "met"} & set(found["c"])
    assert all(one.figures()["figures"] == {"segments": ["bought_again"]} for one in told.values())
    assert "no figure 'bought_again_at_least'" in told["a"].figure("bought_again_at_least")["refused"]


def test_a_new_night_is_read_without_a_restart(out) -> None:
    asked = Answers(out)
    assert asked.figure("buyers")["value"] == 40
    published(out, "segments", "2026-02-28", "2026-02-28", {**FACTS, "buyers": 44})
    assert asked.figure("buyers")["value"] == 44


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda a: a.figure("profit"), "no figure 'profit'"),
        (lambda a: a.figure("buyer"), "did you mean 'buyers'"),
        (lambda a: a.figure("value_to_come"), "the data or the forecast it needs are not there"),
        (lambda a: a.figure("buyers", "wages"), "no report 'wages'"),
        (lambda a: a.figure("tickets", "segments"), "no figure 'tickets'"),
        (lambda a: a.figure("buyers_n"), "no figure 'buyers_n'"),
        (lambda a: a.table("segments", "whom_to_contact"), "lists single customers"),
        (lambda a: a.table("segments", "../../x"), "has no table"),
        (lambda a: a.tables(".."), "no report '..'"),
        (lambda a: a.group("Ann Smith"), "there are Champions, Regulars"),
        (lambda a: a.explain("love"), "do not explain 'love'"),
        (lambda a: a.actions(), "no published page advises"),
    ],
)
def test_what_cannot_be_told_is_refused_with_its_reason(out, ask, why) -> None:
    found = ask(Answers(out))
    assert list(found) == ["refused"]
    assert why in found["refused"]


def test_a_run_that_shows_customers_is_not_read(tmp_path) -> None:
    published(tmp_path, "segments", "a", "2026-01-31", parameters={"show_customers": True})
    assert "no report is published" in Answers(tmp_path).figure("buyers")["refused"]


def test_groups_and_words_are_told_as_the_pages_say_them(out) -> None:
    assert Answers(out).group(" champions ")["customers"] == 12
    assert Answers(out).group("Regulars")["revenue"] is None
    asked = answers(out)
    assert "90 days" in asked.explain("at risk")["meaning"]
    assert asked.explain("lapsed")["meaning"].startswith("Silent for so long")


def test_a_hundred_figures_that_nobody_recorded_are_refused(out) -> None:
    asked = Answers(out)
    for name in REGISTRY:
        if name not in FACTS:
            assert "refused" in asked.figure(name), name
    assert all("refused" in asked.figure(f"{name}_of_today") for name in REGISTRY)
    assert 2 * len(REGISTRY) > 100


def test_the_server_speaks_over_standard_input_and_output(out) -> None:
    pytest.importorskip("mcp", reason="the mcp extra is not installed")
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    talk = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call",
         "params": {"name": "figure", "arguments": {"name": "buyers"}}},
    ]  # fmt: skip
    command = [sys.executable, "-m", "crm_analytics.cli", "mcp", "--out", str(out)]
    heard = {}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for one in talk:
            child.stdin.write(json.dumps(one) + "\n")
            child.stdin.flush()
            if "id" in one:
                heard[one["id"]] = json.loads(child.stdout.readline())
        child.stdin.close()
        assert child.wait(30) == 0
    tools = {tool["name"]: tool for tool in heard[2]["result"]["tools"]}
    assert set(tools) >= {"reports", "figures", "figure", "group", "table", "actions", "explain"}
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools.values())
    assert heard[3]["result"]["structuredContent"]["value"] == 40


def test_without_the_extra_it_says_what_to_install(out, monkeypatch) -> None:
    from crm_analytics.errors import ParameterError

    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    with pytest.raises(ParameterError, match=r"pip install 'crm-analytics\[mcp\]'"):
        server(Answers(out))


# --- a bank of questions ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop_pages(small_company: CustomerBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page on segments of the demo company: its record and tables, as the package publishes them."""
    out = tmp_path_factory.mktemp("bank")
    shown = [one.block for one in shown_by(REPORTS["segments"], small_company)]
    day = str(small_company.day)
    (record,) = (block for block in shown if block.kind == "record")
    published(out, "segments", day, day, json.loads(json.dumps(record.payload["facts"], default=str)))
    run = out / "segments" / day / "runs" / "1"
    shutil.rmtree(run / "tables")
    (run / "tables").mkdir()
    new = nbformat.v4
    cells = [
        new.new_code_cell(outputs=[new.new_output("display_data", {BLOCK: block.to_json()})])
        for block in shown
    ]
    for name, content in published_tables(new.new_notebook(cells=cells)).items():
        (run / name).write_bytes(content)
    (out / "segments" / day / "report.html").write_text(
        "".join(block_views.html(block.kind, block.payload) for block in shown), encoding="utf-8"
    )
    return out


@dataclass(frozen=True)
class Asked:
    """A question as an assistant puts it: the tool, its arguments, and what the page holds as the answer."""

    tool: str
    given: tuple[str, ...]
    part: tuple[Any, ...]
    answer: Any

    def of(self, tools: Answers) -> Any:
        """The part of the tool's answer that is asked for."""
        found: Any = getattr(tools, self.tool)(*self.given)
        for step in self.part:
            found = found[step]
        return found


def run_of(out: Path) -> tuple[dict[str, Any], Path]:
    """The record of the published page, and the folder of its run."""
    (manifest,) = out.glob("segments/*/runs/*/manifest.json")
    return json.loads(manifest.read_text(encoding="utf-8")), manifest.parent


def answerable(out: Path) -> list[Asked]:
    """What the page says, from its record and from the tables beside it, each number one question."""
    about, run = run_of(out)
    facts, bank = about["facts"], []
    numbers = {k: v for k, v in facts.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    beside = re.compile(r"(.+)_(lower|upper|error|n|previous|year_ago)")
    for name, value in numbers.items():
        if (found := beside.fullmatch(name)) and found[1] in numbers:
            bank.append(Asked("figure", (found[1],), (found[2],), value))
        elif name != "facts_version":
            bank.append(Asked("figure", (name,), ("value",), value))
            bank.append(Asked("figure", (name, "segments"), ("as_of",), about["as_of"]))
            bank.append(Asked("figure", (name, "segments"), ("of",), about["data"]["label"]))
    for file in sorted((run / "tables").glob("*.parquet")):
        frame, name = pd.read_parquet(file), file.stem.partition("_")[2]
        if "customer" in frame:
            continue
        for row, values in enumerate(frame.to_dict("records")):
            bank += [
                Asked("table", ("segments", name), ("rows", row, column), value)
                for column, value in values.items()
                if isinstance(value, int | float) and value == value
            ]
    for row in pd.read_parquet(next((run / "tables").glob("*who_brings_the_money*"))).to_dict("records"):
        bank += [Asked("group", (str(row["segment"]),), (k,), row[k]) for k in ("customers", "revenue_share")]
    return bank


def unanswerable(out: Path) -> list[tuple[str, tuple[str, ...]]]:
    """What no page told: figures nobody recorded, of other days and people, tables of persons, words."""
    about, run = run_of(out)
    facts = set(about["facts"])
    people = pd.read_parquet(next((run / "tables").glob("*whom_to_contact*")))["customer"].head(10)
    bank: list[tuple[str, tuple[str, ...]]] = [("figure", (n,)) for n in REGISTRY if n not in facts]
    bank += [
        ("figure", (f"{n}_{more}",)) for n in sorted(facts & set(REGISTRY)) for more in ("in_berlin", "2031")
    ]
    bank += [("figure", (n, "audit")) for n in sorted(facts & set(REGISTRY))]
    bank += [("group", (str(person),)) for person in people]
    bank += [("figure", (str(person),)) for person in people]
    bank += [("table", ("segments", "whom_to_contact")), ("tables", ("churn",)),
             ("table", ("../segments", "what_changed")), ("group", ("Everybody",)),
             ("explain", ("weather",)), ("explain", ("salary",)), ("explain", ("error",))]  # fmt: skip
    return bank


def test_three_hundred_questions_are_answered_as_the_page_says_to_the_last_digit(shop_pages: Path) -> None:
    bank, tools = answerable(shop_pages), answers(shop_pages)
    assert len(bank) >= 300
    assert len({(one.tool, one.given, one.part) for one in bank}) == len(bank)
    wrong = [one for one in bank if one.of(tools) != one.answer]
    assert wrong == []
    shown = shop_pages.glob("segments/*/report.html")
    page = html.unescape(next(shown).read_text(encoding="utf-8")).replace("\xa0", " ")
    for name, unit in (
        ("revenue", "money:EUR"),
        ("buyers", "count"),
        ("top_fifth_revenue_share", "percent:0"),
    ):
        said = words.say(tools.figure(name)["value"], unit).replace("\xa0", " ")
        assert re.search(rf">\s*{re.escape(said)}\s*<", page), (
            name,
            said,
        )  # the tile of the page, from the number of the answer


def test_a_hundred_questions_that_no_page_answers_are_refused_with_a_reason(shop_pages: Path) -> None:
    bank, tools = unanswerable(shop_pages), answers(shop_pages)
    assert len(set(bank)) >= 100
    told = {ask: getattr(tools, ask[0])(*ask[1]) for ask in bank}
    assert [
        ask for ask, found in told.items() if list(found) != ["refused"] or len(found["refused"]) < 10
    ] == []
