"""Text from data in charts, in lists for mail tools, on a terminal."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from crm_analytics.analyses.campaigns.lists.exporting import international
from crm_analytics.pages import drawing
from crm_analytics.tables.export import read_csv, write_csv
from tests.faults.attacks import Tries, attack, crm, project, wave

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "=cmd|' /C calc'!A0",
    " =1+1",
    "'=1+1",
    '"=1+1',
]
SPLITS = [";", "\t", ",", "|", "\n", "\r\n", "; ", ';"', ";'", ";;", "\t ", "\u2028"]


@attack("8 texts")
def no_cell_of_a_list_is_a_formula(folder: Path) -> Tries:
    texts = [*FORMULAS, *(f"x{split}{formula}" for split, formula in itertools.product(SPLITS, FORMULAS))]
    path = write_csv(pd.DataFrame({"t": texts, "u": texts[::-1]}, dtype="str"), folder / "list.csv")
    raw = path.read_bytes().decode("utf-8")
    for delimiter in (",", ";", "\t", "|"):
        plain = [cell for line in re.split(r"[\r\n\u2028]+", raw) for cell in line.split(delimiter)]
        quoted = [
            cell for row in csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter) for cell in row
        ]
        for what, cells in (("as it stands", plain), ("with quotes", quoted)):
            bad = [cell for cell in cells if re.match(r"[\s\"]*[=+\-@＝＋－＠]", cell)]
            yield f"split at {delimiter!r}, {what}: {bad[:2]}", not bad
    back = read_csv(path)
    yield "the texts come back", back["t"].tolist() == texts and back["u"].tolist() == texts[::-1]


@attack("8 texts")
def a_phone_keeps_its_plus(folder: Path) -> Tries:
    for said, wanted in (
        ("+49 (170) 123-45 67", "+491701234567"),
        ("+49 (0)170 1234567", "+491701234567"),
        ("+1-202-555-0123", "+12025550123"),
        ("0170 1234567", "0170 1234567"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("+1*2", "'+1*2"),
    ):
        path = write_csv(pd.DataFrame({"phone": [international(said)]}, dtype="str"), folder / "x.csv")
        cell = next(csv.reader(path.read_text(encoding="utf-8").splitlines()[1:]))[0]
        yield f"{said} is written {cell}", cell == wanted
    root = project(folder)
    wave(root, more="show_customers = true\n")
    text = (root / "reports" / "lists" / "weekly" / "2026-03-01" / "welcome.csv").read_text(encoding="utf-8")
    yield "in a list", "+4917055501" in text and "'+" not in text


PAGES = [
    'data:<a href="https://evil.example/e">visit</a>',
    "data:text/html,<script>alert(1)</script>",
    "data:image/png;base64,AAAA\"><a href='x'>",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "<b>bold</b>",
    "<a href='javascript:alert(1)'>x</a>",
    "<span style='background:url(//evil.example)'>x</span>",
    "<br popup='x' onclick='alert(1)'>",
]


@attack("8 texts")
def text_from_data_is_no_markup_in_a_chart(folder: Path) -> Tries:
    for text in PAGES:
        made = [
            go.Figure(go.Bar(x=[text], y=[1], name=text, customdata=[text], hovertext=[text])),
            go.Figure(go.Bar(x=[1], y=[1], marker={"color": "red"})).update_layout(
                title=text, xaxis={"title": text}
            ),
            go.Figure(
                go.Sankey(node={"label": [text, "b"]}, link={"source": [0], "target": [1], "value": [1]})
            ),
            go.Figure(go.Scatter(x=[1], y=[1])).update_layout(annotations=[{"text": text, "x": 1, "y": 1}]),
        ]
        for number, figure in enumerate(made):
            yield f"{text[:40]} in figure {number}", "<" not in json.dumps(drawing.to_json(figure))
    picture = {"source": "data:image/png;base64,iVBORw0KGgo=", "x": 0, "y": 0, "sizex": 1, "sizey": 1}
    kept = drawing.to_json(go.Figure(go.Scatter(x=[1], y=[1])).update_layout(images=[picture]))
    yield "a picture stays", kept["layout"]["images"][0]["source"] == picture["source"]


MARK = "zqxmark"
MARKUP = [
    f"<b id={MARK}>",
    f"<script>{MARK}()</script>",
    f"</td></table><img src={MARK}>",
    f'"><a href={MARK}>',
]


def hostile(root: Path) -> Path:
    """A shop whose every text is markup: names of columns, channels, states, products, cities, the label."""
    shop = root / "data" / "markup"
    shop.mkdir()
    days = pd.date_range(end="2026-03-01", periods=120).strftime("%Y-%m-%d")
    texts = [MARKUP[n % len(MARKUP)] for n in range(120)]
    lines = pd.DataFrame({"customer_id": [f"k{n % 40}" for n in range(120)], "transaction_date": days})
    lines = lines.assign(unit_spend="10.00", channel=texts, product_id=texts, store_id=texts)
    lines[f"status {MARKUP[0]}"] = [f"refunded {texts[n]}" if n % 9 == 0 else "paid" for n in range(120)]
    lines.to_csv(shop / "transactions.csv", index=False)
    people = pd.DataFrame({"customer_id": [f"k{n}" for n in range(40)], "created_at": "2025-01-01"})
    people.assign(city=texts[:40], acquisition_channel=texts[:40], loyalty_tier=texts[:40]).to_csv(
        shop / "customers.csv", index=False
    )
    pd.DataFrame({"product_id": MARKUP, "product_name": MARKUP, "category_0_name": MARKUP}).to_csv(
        shop / "products.csv", index=False
    )
    (shop / "mapping.toml").write_text(f"label = {json.dumps(MARKUP[0])}\n", encoding="utf-8")
    return shop


def marked_up(html: str) -> list[str]:
    """The tags and attributes of a page that come from `MARKUP`."""
    return re.findall(rf"<(?:b id=|img src=|a href=)\"?{MARK}|<script[^>]*>{MARK}", html)


@attack("8 texts")
def text_from_data_is_no_markup_on_the_page_of_a_check(folder: Path) -> Tries:
    root = project(folder)
    hostile(root)
    code, _, _ = crm(root, "check", "data/markup", "--page", "check.html")
    html = (root / "check.html").read_text(encoding="utf-8")
    yield "the page is made, and tells of the texts", code == 0 and MARK in html
    yield "it holds no markup of theirs", not marked_up(html)
    named = root / "data" / f"{MARKUP[0]}.csv"
    named.write_text((root / "data" / "shop" / "transactions.csv").read_text())
    crm(root, "check", str(named), "--page", "named.html")
    yield "nor of a file's name", not marked_up((root / "named.html").read_text(encoding="utf-8"))


@attack("8 texts", slow=True)
def text_from_data_is_no_markup_on_pages_in_german(folder: Path) -> Tries:
    root = project(folder)
    hostile(root)
    for name in ("audit", "channels"):
        code, _, _ = crm(root, "report", name, "--data", "data/markup", "-p", "language=de")
        pages = [path for path in (root / "reports").rglob("report.html") if f"/{name}/" in str(path)]
        yield f"{name} is made", code == 0 and bool(pages)
        html = "".join(path.read_text(encoding="utf-8") for path in pages)
        yield f"{name} is in German", 'lang="de"' in html
        yield f"{name} holds no markup of the data", not marked_up(html)


NAMES = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "prototype"]


@attack("8 texts")
def names_of_scripts_are_names(folder: Path) -> Tries:
    source = (Path(drawing.__file__).parent / "template" / "loader.js").read_text(encoding="utf-8")
    yield "twins are looked up as own properties", "Object.hasOwn(twins, value)" in source
    if shutil.which("node") is None:
        return
    start, end = source.index("const tinted"), source.index("const shown =")
    script = source[start:end] + (
        "const names = JSON.parse(process.argv[1]);"
        "const out = names.map((n) => JSON.stringify(tinted([n], {red: 'pink'})));"
        "const into = {a: {}};"
        'const odd = (n) => JSON.parse(`{"${n}": {"polluted": 1}, "a": {"b": 1}}`);'
        "for (const n of names) merged(into, odd(n));"
        "console.log(JSON.stringify([out, ({}).polluted ?? null, into.a.b, tinted('red', {red: 'pink'})]));"
    )
    done = subprocess.run(
        ["node", "-e", script, json.dumps(NAMES)], capture_output=True, text=True, check=False
    )
    names, polluted, merged, tinted = json.loads(done.stdout)
    for name, told in zip(NAMES, names, strict=True):
        yield f"{name} stays a name", told == json.dumps([name], separators=(",", ":"))
    yield "no prototype is changed", polluted is None and merged == 1 and tinted == "pink"


@attack("8 texts")
def control_characters_do_not_reach_the_terminal(folder: Path) -> Tries:
    for mark in ("\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\u202e", "\x08\x08", "\x7f", "\r"):
        (folder / "x.csv").write_text(f'customer_id,"date{mark}",price\na,2026-01-01,1\n', encoding="utf-8")
        _, out, err = crm(folder, "check", "x.csv")
        bad = [c for c in out + err if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e")]
        yield f"in a header: {mark!r}", not bad
        _, out, err = crm(folder, "check", f"no{mark}file.csv")
        bad = [c for c in out + err if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e")]
        yield f"in a name: {mark!r}", not bad
