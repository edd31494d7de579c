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
        'const into = {a: {}}; for (const n of names) merged(into, JSON.parse(`{"${n}": {"polluted": 1}, "a": {"b": 1}}`));'
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
