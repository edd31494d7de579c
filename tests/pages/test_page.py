"""One HTML file from a notebook: complete, escaped, the same on each run, and nothing but blocks."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import gzip
import hashlib
import html.parser
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from crm_analytics.errors import PublishError
from crm_analytics.pages import blocks, page

HERE = Path(__file__)
UP = "../../index.html"
SAMPLE = runpy.run_path(str(HERE.with_name("sample.py")))
cell, context = SAMPLE["cell"], SAMPLE["context"]


class Reader(html.parser.HTMLParser):
    """What a browser would see: tags, attributes, and text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: dict[str, str] = {}
        self._inside = ""
        self._id = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._inside, self._id = tag, dict(attrs).get("id") or ""

    def handle_endtag(self, tag):
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[self._id] = self.scripts.get(self._id, "") + data
        elif not self._inside:
            self.words.append(data)

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words).replace("\u00a0", " "))


@pytest.fixture(scope="module")
def fair():
    return SAMPLE["fair"]()


@pytest.fixture(scope="module")
def made(fair):
    return page.build(fair, context())


@pytest.fixture(scope="module")
def hostile():
    return page.build(
        SAMPLE["hostile"](), context(label=SAMPLE["HOSTILE"][0], parameters={"x": SAMPLE["HOSTILE"][3]})
    )


def test_page_says_everything_without_a_script(made):
    seen = Reader(made).text
    for said in (
        "One customer in five brings 63 % of revenue",
        "CDNOW sample",
        "as of 30 September 1997",
        "$173,116",
        "▲ 18.5 %",
        "Win back 28 “cannot lose” customers by hand.",
        "spent $11,943 so far",
        "Champions are 9 % of customers and 31 % of revenue",
        "$54,248",
        "Where the money is",
        "How sure is this, and how was it made",
        "4,960 rows used, 0 rejected",
        "3f9ac21ec21e",
        "crm-analytics 0.1.0",
        "bins = 5",
        "data = CDNOW sample",
    ):
        assert said in seen, said


def test_page_shows_no_code_and_no_path(made):
    assert "secret_code" not in made
    assert "/tmp" not in made
    assert "bins: int" not in made


def test_page_has_landmarks_one_h1_and_a_language(made):
    seen = Reader(made)
    names = [name for name, _ in seen.tags]
    assert [names.count(n) for n in ("h1", "main", "header", "footer")] == [1, 1, 1, 1]
    assert seen.of("html")[0]["lang"] == "en"
    assert "method" in [a.get("id") for a in seen.of("section")]
    assert all("open" in a for a in seen.of("details") if a.get("class") != "menu")
    assert all(a.get("aria-label") for a in seen.of("div") if a.get("role") in {"img", "region"})
    ids = [a["id"] for _, a in seen.tags if a.get("id")]
    assert len(ids) == len(set(ids))


def test_page_allows_one_script_by_its_hash_and_no_request(made):
    seen = Reader(made)
    policy = next(a["content"] for a in seen.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(seen.scripts[""].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digest}' 'strict-dynamic'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    assert not [a for _, a in seen.tags if a.get("src")]
    led = {a["href"] for _, a in seen.tags if a.get("href")}
    assert {"data:,", "#main", "#method", UP} <= led
    ids = {a["id"] for _, a in seen.tags if a.get("id")}
    assert {href[1:] for href in led if href.startswith("#")} <= ids
    assert {href.partition("#")[0] for href in led if not href.startswith("#")} == {"data:,", UP}
    assert not [name for _, attrs in seen.tags for name in attrs if name.startswith("on")]


def test_page_carries_the_installed_plotly_and_stays_small(made):
    packed = base64.b64decode(Reader(made).scripts["library"])
    assert packed[4:8] == b"\0\0\0\0"  # no time stamp
    assert gzip.decompress(packed).startswith(b"/**\n* plotly.js v")
    assert len(made.encode()) < 2_100_000


def test_page_on_few_data_folds_all_but_its_first_two_parts():
    notes = [v4.new_markdown_cell(f"## Part {n}") for n in range(4)]
    cells = [v4.new_markdown_cell("# Small"), cell(blocks.headline("Forty customers", thin=True))]
    for n, heading in enumerate(notes):
        cells += [heading, cell(blocks.note(f"Said {n}", "Why."))]
    made = page.build(v4.new_notebook(cells=cells), context())
    manager, _, appendix = made.partition('id="appendix"')
    assert [n for n in range(4) if f'<h2 id="s{n + 1}">Said {n}' in manager.partition("<main")[2]] == [0, 1]
    assert [n for n in range(4) if f'<h2 id="s{n + 1}">Said {n}' in appendix] == [2, 3]
    whole = page.build(
        v4.new_notebook(cells=[cells[0], cell(blocks.headline("Many")), *cells[2:]]), context()
    )
    assert 'id="appendix"' not in whole


def test_page_without_a_figure_carries_no_plotly():
    notebook = v4.new_notebook(
        cells=[v4.new_markdown_cell("# Small"), cell(blocks.headline("Forty customers"))]
    )
    made = page.build(notebook, context())
    assert 'id="library"' not in made
    assert len(made) < 30_000  # the style and the script; the library would be 2 MB


def test_same_input_gives_the_same_bytes(fair, made):
    assert page.build(copy.deepcopy(fair), context()) == made
    code = (
        "import hashlib, runpy; s = runpy.run_path('sample.py'); from crm_analytics.pages import page;"
        "print(hashlib.sha256(page.build(s['fair'](), s['context']()).encode()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        cwd=HERE.parent,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert other.stdout.strip() == hashlib.sha256(made.encode()).hexdigest(), other.stderr


def test_page_is_the_same_from_a_saved_notebook(fair, made):
    assert page.build(nbformat.reads(nbformat.writes(fair), as_version=4), context()) == made


def test_figures_carry_no_template_and_the_theme_stands_once(made):
    seen = Reader(made)
    figures = [json.loads(text) for name, text in seen.scripts.items() if name.endswith("-json")]
    assert len(figures) == 6
    assert not any("template" in f["layout"] for f in figures)
    assert json.loads(seen.scripts["look"])["template"]["layout"]["font"]


def test_facts_are_read_from_the_page_and_the_notebook(fair, made):
    said = {"customers": 2349, "revenue": 173116.04, "top_share": 0.632}
    assert page.facts(fair) == said
    island = json.loads(Reader(made).scripts["facts"])
    assert island == {"report": "segments", "as_of": "1997-09-30", "facts": said}
    assert page.title(fair) == "Segments"
    assert page.headline(fair).startswith("One customer in five")
    assert not page.is_thin(fair)
    assert page.is_thin(SAMPLE["hostile"]())


def test_hostile_text_stays_text(hostile):
    seen = Reader(hostile)
    assert not seen.of("img")
    assert [a.get("id", "") for a in seen.of("script")].count("") == 1
    ids = {a["id"] for _, a in seen.tags if a.get("id")}
    led = {a["href"] for a in seen.of("a")}
    assert {href.lstrip("#") for href in led if not href.startswith(UP)} <= ids
    assert all(re.fullmatch(r"[a-z_#-]*[0-9a-f]*", href.removeprefix(UP)) for href in led)
    assert "<img src=x onerror=alert(1)>" in seen.text
    assert "{{ 7 * 7 }}" in seen.text
    assert not re.search("[\u202e\u200b\u2066]", hostile)
    assert "x" * 200 not in re.sub(r"[A-Za-z0-9+/=]{5000,}", "", hostile)
    for name, script in seen.scripts.items():
        if name:
            assert "<" not in script


@pytest.mark.parametrize(
    ("output", "what"),
    [
        (
            v4.new_output("stream", name="stderr", text="x"),
            r"cell 2 prints text \(stderr\).*remove the print",
        ),
        (
            v4.new_output("display_data", data={"text/html": "<b>", "text/plain": "b"}),
            "cell 2 shows text/html, text/plain",
        ),
        (v4.new_output("execute_result", data={"text/plain": "[kpis]"}), "CRM_DISPLAY=text"),
        (
            v4.new_output("error", ename="ValueError", evalue="Ann Lee", traceback=[]),
            "cell 2 failed with ValueError",
        ),
        (
            v4.new_output("display_data", data={blocks.MIME: {"kind": "chart", "version": 99}}),
            "another version",
        ),
        (
            v4.new_output("display_data", data={blocks.MIME: {"kind": "html", "version": 1}}),
            "another version",
        ),
    ],
)
def test_anything_but_a_block_says_the_cell_and_the_cure(output, what):
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# T"), v4.new_code_cell("x", outputs=[output])])
    with pytest.raises(page.PageError, match=what) as caught:
        page.build(notebook, context())
    assert isinstance(caught.value, PublishError)
    assert "Ann Lee" not in str(caught.value)


def test_missing_title_and_headline_say_so():
    headline = cell(blocks.headline("A"))
    again = cell(blocks.headline("A"))
    with pytest.raises(page.PageError, match="first cell must be markdown"):
        page.build(v4.new_notebook(cells=[headline]), context())
    with pytest.raises(page.PageError, match="one headline"):
        page.build(v4.new_notebook(cells=[v4.new_markdown_cell("# T")]), context())
    with pytest.raises(page.PageError, match="shows 2"):
        page.build(v4.new_notebook(cells=[v4.new_markdown_cell("# T"), headline, again]), context())


def test_too_large_a_page_says_what_to_do(monkeypatch, fair):
    monkeypatch.setattr(page, "LARGEST", 1_000_000)
    with pytest.raises(page.PageError, match=r"at most 1\.0"):
        page.build(fair, context())


def test_headings_label_the_next_finding_and_prose_stays_prose():
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# T\n\nWhy?\n\n## First\n\nBefore."),
            cell(blocks.headline("A"), blocks.note("Finding one", "x")),
            v4.new_markdown_cell(
                "## Alone\n\nA *word*: <b>raw</b>, [link](https://example.org).\n\n```\n# no heading\n```"
            ),
            v4.new_markdown_cell("## Last"),
            cell(blocks.note("Finding two", "y")),
        ]
    )
    made = page.build(notebook, context())
    assert '<p class="eyebrow">Last</p>' in made
    assert ">Alone</h2>" in made
    assert "<em>word</em>" in made
    assert "&lt;b&gt;raw&lt;/b&gt;" in made
    assert "example.org" not in made
    assert "# no heading" in made
    assert made.index("Before.") < made.index("Finding one") or made.index("Finding one") < made.index(
        "Before."
    )


def test_what_the_headline_says_is_no_finding_again():
    cells = [v4.new_markdown_cell("# T"), cell(blocks.headline("38 % came by fair (33 % to 43 %)"))]
    both = blocks.findings(blocks.finding("38 % came by fair"), blocks.finding("A stand costs $900"))
    said = Reader(page.build(v4.new_notebook(cells=[*cells, cell(both)]), context())).text
    assert said.count("38 % came by fair") == said.count("38 % came by fair (")
    assert "A stand costs $900" in said
    alone = blocks.findings(blocks.finding("38 % came by fair"))
    assert (
        "What we found"
        not in Reader(page.build(v4.new_notebook(cells=[*cells, cell(alone)]), context())).text
    )


def test_parameters_never_show_a_path():
    paths = {
        "a": "/srv/x",
        "b": "C:\\data\\x",
        "c": "duckdb:///crm.duckdb",
        "d": "../x",
        "e": "~/x",
        "f": "data/a/b.csv",
    }
    made = page.build(
        v4.new_notebook(cells=[v4.new_markdown_cell("# T"), cell(blocks.headline("A"))]),
        context(parameters=paths | {"cut": "90/180", "n": 5, "flag": False}),
    )
    seen = Reader(made).text
    for name in paths:
        assert f"{name} = (a path)" in seen
    assert "cut = 90/180" in seen
    assert "flag = False" in seen
    assert "crm.duckdb" not in made


def test_failure_page_says_what_and_what_next():
    bad = SAMPLE["HOSTILE"][0]
    made = page.failure(
        context(), what=f"No file. {bad}", next_step="Put it back.", last_good="1997-08-31/report.html"
    )
    seen = Reader(made)
    assert "This report could not be made" in seen.text
    assert bad in seen.text
    assert "1997-08-31/report.html" in [a.get("href") for a in seen.of("a")]
    assert not seen.of("img")
    assert (
        "There is no earlier report"
        in Reader(page.failure(context(), what="x", next_step="y", last_good=None)).text
    )


def test_failure_page_speaks_german_and_shows_lines_to_copy():
    what = 'Say in mapping.toml which it is:\n  [transactions]\n  rate = "<your column>"   # or none'
    made = page.failure(
        context(), what=what, next_step="Tun Sie das.", last_good="a/report.html", language="de"
    )
    seen = Reader(made)
    assert '<html lang="de">' in made
    assert (
        "[transactions]\nrate = &#34;&lt;your column&gt;&#34;"
        in made.partition("<pre")[2].partition("</pre>")[0]
    )
    for english in ("could not be made", "What to do", "What happened", "Who can help", "used", "as of"):
        assert english not in seen.text, english
    for german in (
        "Dieser Bericht konnte nicht erstellt werden",
        "Was zu tun ist",
        "Wer helfen kann",
        "genutzt",
    ):
        assert german in seen.text, german


def test_index_says_status_in_words_and_counts_days_from_today():
    entry = page.IndexEntry(
        "segments", "Segments", "s", "segments/s/report.html", "done", "A finding", dt.date(2025, 8, 1), ""
    )
    thin = page.IndexEntry(
        "lemonade", "<b>Stand", "s", "l/s/report.html", "thin", SAMPLE["HOSTILE"][0], None, ""
    )
    seen = Reader(page.index([entry, thin], today=dt.date(2025, 8, 3)))
    for said in (
        "2 days old",
        "1 August 2025",
        "complete",
        "few data",
        "no data day",
        "<b>Stand",
        "A finding",
    ):
        assert said in seen.text
    assert "segments/s/report.html" in [a.get("href") for a in seen.of("a")]
    assert not seen.of("img")
    assert not seen.of("script")


def test_empty_index_says_how_to_begin():
    assert "make report" in Reader(page.index([], today=dt.date(2025, 8, 3))).text


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "https://evil.example", "//evil.example", "/etc/passwd"]
)
def test_links_between_pages_are_relative(href):
    with pytest.raises(page.PageError, match="relative"):
        page.failure(context(), what="x", next_step="y", last_good=href)


def test_a_blocks_own_label_stands_in_place_of_the_notebooks():
    notebook = nbformat.v4.new_notebook()
    shown = [blocks.headline("One"), blocks.note("Monday is the busiest day").under("Busiest day")]
    cells = [
        nbformat.v4.new_markdown_cell("# Mine\n\nWhat?"),
        nbformat.v4.new_markdown_cell("## Did it hold"),
    ]
    for block in shown:
        output = nbformat.v4.new_output("execute_result", {blocks.MIME: block.to_json()}, execution_count=1)
        cells.append(nbformat.v4.new_code_cell("x", outputs=[output]))
    notebook.cells = [cells[0], cells[2], cells[1], cells[3]]
    html = page.build(notebook, context())
    assert "Busiest day" in html
    assert "Did it hold" not in html
