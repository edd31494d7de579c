"""Settings, looks, notebooks and forms that say what they may not."""

from __future__ import annotations

import json
import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from crm_analytics import CustomerBase
from crm_analytics.errors import CrmError, DataError, ParameterError
from crm_analytics.pages.brand import brand
from crm_analytics.runs.catalogue.catalogue import read_report, report_name
from crm_analytics.runs.publishing import index
from tests.faults.attacks import LIST, Tries, attack, crm, everything, project
from tests.faults.attacks.outsiders import FOLDERS, _page

TODAY = date(2026, 3, 4)

METADATA: list[Any] = [
    5,
    [],
    None,
    "x",
    {"crm": 5},
    {"crm": []},
    {"crm": {"neighbours": 5}},
    {"crm": {"neighbours": "segments"}},
    {"crm": {"neighbours": [5]}},
    {"crm": {"neighbours": [["x"]]}},
    {"crm": {"neighbours": {"a": 1}}},
    {"kernelspec": 5},
    {"kernelspec": "python3"},
    {"language_info": []},
    {"papermill": 5},
    {"papermill": "x"},
]


@attack("3 sources")
def metadata_of_a_notebook_are_what_they_should_be(folder: Path) -> Tries:
    path = folder / "n.ipynb"
    cell = {
        "cell_type": "code",
        "metadata": {"papermill": 5},
        "source": "",
        "outputs": [],
        "execution_count": None,
    }
    wrong = [{"metadata": one, "cells": []} for one in METADATA] + [{"metadata": {}, "cells": [cell]}]
    for content in wrong:
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, **content}))
        try:
            read_report(path)
            held = False
        except ParameterError:
            held = True
        yield f"refused: {json.dumps(content)[:70]}", held
    path.write_text(
        json.dumps(
            {
                "nbformat": 4,
                "nbformat_minor": 5,
                "cells": [],
                "metadata": {
                    "kernelspec": {"name": "../../evil", "display_name": "x"},
                    "crm": {"neighbours": ["*"]},
                },
            }
        )
    )
    yield "a kernel of another name is taken, and ours is started", read_report(path).name == "n"
    for name in (*FOLDERS, "lists", ".", "..", "CON", "nul", "_", "01_", "a" * 300):
        made = report_name(Path(f"{name}.ipynb"))
        yield (
            f"a report of {name[:20]!r} is called {made[:30]}",
            bool(re.fullmatch(r"[a-z0-9_-]{1,64}", made)) and made != "lists",
        )


SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'
LOGOS = [
    SVG.format("<script>alert(1)</script>"),
    SVG.format("<SCRIPT>alert(1)</SCRIPT>"),
    SVG.format('<path d="M0 0" ONLOAD="x()"/>'),
    SVG.format('<path style="fill:url(//e.example)"/>'),
    SVG.format('<path style="background:image-set(&quot;//e.example&quot; 1x)"/>'),
    SVG.format("<path style=\"mask:-webkit-image-set('https://e.example' 1x)\"/>"),
    SVG.format('<path style="fill:u\\72l(x)"/>'),
    SVG.format('<path fill="url( &quot;http://e.example&quot;)"/>'),
    SVG.format('<path fill="&#117;rl(http://e.example)"/>'),
    SVG.format('<use href="#a"/>'),
    SVG.format('<g xmlns:x="http://www.w3.org/1999/xlink" x:href="https://e.example"/>'),
    SVG.format("<set attributeName='onload'/>"),
    SVG.format("<handler>x</handler>"),
    SVG.format("<iframe/>"),
    SVG.format("<feImage href='x'/>"),
    SVG.format("<font-face-uri/>"),
    SVG.format("<metadata/>"),
    '<!DOCTYPE svg SYSTEM "file:///etc/passwd">' + SVG.format(""),
    "<?php x ?>" + SVG.format(""),
    SVG.format("<g>" * 20_000),
    SVG.format("<![CDATA[<script>]]>").replace("svg>", "sv>"),
]
CUT = [
    b"\x89PNG\r\n\x1a\n",
    b"\x89PNG\r\n\x1a\n....IHDR",
    b"\x89PNG\r\n\x1a\n....IHDR\0\0",
    b"\xff\xd8\xff",
    b"\xff\xd8\xff\xc0",
    b"\xff\xd8\xff\xc0\0\0\0\0\0\0\0\0",
    b"\0" * 99,
    b"<svg",
    b"GIF89a",
    b"%PDF-1.4",
]
COLOURS = [
    "red",
    "#12345",
    "#1234567",
    "#123456;}body{display:none}",
    "url(//e.example)",
    "#12345g",
    "#１２３４５６",
    "#123456\n",
    "expression(alert(1))",
    "</style><script>",
    "var(--x)",
    "#12 456",
    "\\23 123456",
    "rgb(0,0,0)",
]


@attack("8 texts")
def a_look_is_a_colour_and_a_picture(folder: Path) -> Tries:
    for logo in (*(one.encode() for one in LOGOS), *CUT):
        try:
            made = brand("", logo)
            held = made.logo == ""
        except ParameterError:
            held = True
        yield f"refused: {logo[-70:]!r}", held
    for colour in COLOURS:
        try:
            brand(colour)
            held = False
        except ParameterError as error:
            held = "\n" not in str(error)
        yield f"refused: {colour!r}", held
    named = brand("", SVG.format("<path d='M0 0'/>").encode(), '"><script>alert(1)</script>\x1b[2J')
    _page(folder, "segments")
    page = index.rebuild(folder, TODAY)
    from crm_analytics.pages import index_page

    html = index_page.index(index.entries(folder, TODAY), today=TODAY, brand=named)
    yield "a name of a logo is text", page.is_file() and "<script>alert" not in html and "\x1b" not in html


LISTED = LIST.replace("shop", "s")
HEAD = "[source.s]\npath = 'data/shop'\n"
REPORT = "[[report]]\nname = 'segments'\nsource = 's'\n"
SETTINGS = [
    f"out = '/proc/x'\n{HEAD}{REPORT}slug = '../../x'",
    f"{HEAD}{REPORT}slug = 'a/b'",
    f"{HEAD}{REPORT}slug = '.crm'",
    f"{HEAD}{REPORT}slug = ''",
    f"{HEAD}{REPORT}slug = 'con'",
    f"{HEAD}{REPORT}slug = 'x\\u202e'",
    f"{HEAD}{REPORT}limit_seconds = inf",
    f"{HEAD}{REPORT}limit_seconds = nan",
    f"{HEAD}{REPORT}limit_seconds = 1e300",
    f"{HEAD}{REPORT}limit_memory_mb = 1",
    f"{HEAD}max_rejected = nan\n{REPORT}",
    f"{HEAD}max_rejected = 7\n{REPORT}",
    f"workers = 1000000000\n{HEAD}{REPORT}",
    f"workers = 0\n{HEAD}{REPORT}",
    f"keep = -1\n{HEAD}{REPORT}",
    f"{HEAD}oldest_data = '999999999d'\n{REPORT}",
    f"{HEAD}{REPORT}as_of = '-9999y'",
    f"{HEAD}{REPORT}as_of = 9999-12-31",
    f"{HEAD}{REPORT}as_of = '٢٠٢٦-٠١-٠١x'",
    f"prometheus = '.crm-key'\n{HEAD}{REPORT}",
    f"prometheus = '/dev/full'\n{HEAD}{REPORT}",
    f"language = '../../de'\n{HEAD}{REPORT}",
    f"out = 'data/shop'\n{HEAD}{REPORT}",
    f"out = 'data/shop/reports'\n{HEAD}{REPORT}",
    f"{HEAD}{LISTED.replace('weekly', '../../x')}",
    f"{HEAD}{LISTED.replace('weekly', '.crm')}",
    f"{HEAD}{LISTED.replace('0.0', 'nan')}",
    f"{HEAD}{LISTED.replace('0.0', '7')}",
    f"{HEAD}{LISTED}cap = -1",
    f"{HEAD}{LISTED}every = '0x'",
    f"{HEAD}{LISTED}days = 99999999999999999999",
    f"{HEAD}{LISTED}where = {{ x = [] }}",
    f'{HEAD}{LISTED}response = {{ "../x" = 0.1 }}',
    f"{HEAD}{LISTED}contact_cost = inf",
    f"{HEAD}{REPORT}parameters = {{ data = '/etc/passwd' }}",
    f"{HEAD}{REPORT}parameters = {{ nothing = 1 }}",
    f"{HEAD}{REPORT}parameters = {{ bins = '__import__(\"os\")' }}",
    f'{HEAD}where = {{ "a b\'); DROP" = 1 }}\n{REPORT}x = 1',
    f"{HEAD}{REPORT}[[segment]]\nname = 'x'\nwhere = {{ nothing = 1 }}",
    f"{HEAD}{REPORT}[[target]]\nkpi = '__class__'\nat_least = 1.0",
    f"{HEAD}{REPORT}[[score]]\nwhat = 'value'\nsource = 's'\nto = '.crm-key'",
    f"{HEAD}{REPORT}[[score]]\nwhat = '../x'\nsource = 's'\nto = 'x.parquet'",
    f"{HEAD}{REPORT}[brand]\nlogo = '/dev/zero'",
    f"{HEAD}{REPORT}[brand]\nlogo = '.'",
    f"{HEAD}{REPORT}[brand]\nlogo = '/etc/hostname'",
    f"{HEAD}{REPORT}[brand]\ncolour = '#fff;}}'",
    f"{HEAD}{REPORT}[mail]\nto = ['a@b.example\\nBcc: x@y.example']\nfrom = 'c@d.example'",
    f"{HEAD}{REPORT}[notify]\nurl = 'file:///etc/passwd'",
    f"{HEAD}{REPORT}[notify]\nwebhook = 'http://169.254.169.254/'",
    f"{HEAD}path2 = 1\n{REPORT}",
    f"{HEAD}url = 'postgres://h/db'\n{REPORT}",
    "[source.'a\\u0000b']\npath = 'x'\n" + REPORT,
]


@attack("10 words")
def no_setting_leads_elsewhere(folder: Path) -> Tries:
    root = project(folder)
    crm(root, "key")
    before = everything(folder)
    for text in SETTINGS:
        (root / "crm.toml").write_text(text)
        code, out, err = crm(root, "run", "crm.toml", "--dry-run")
        (root / "crm.toml").unlink()
        same = everything(folder) == before
        yield (
            f"{text[-70:]!r}: {code} {err[-80:]!r}",
            code in (2, 3) and "should not" not in out + err and same,
        )
    for flag, number in (
        ("--max-rejected", "nan"),
        ("--limit", "nan"),
        ("--limit", "inf"),
        ("--wait", "inf"),
        ("--keep", "0"),
        ("--limit-memory", "-5"),
        ("--slug", "../x"),
        ("--as-of", "2026-02-31"),
        ("--where", "=x"),
        ("-p", "="),
    ):
        code, out, err = crm(root, "report", "segments", "--data", "shop", flag, number)
        yield (
            f"{flag} {number}: {code}",
            code == 2 and "should not" not in out + err and everything(folder) == before,
        )
    broken = pd.DataFrame(
        {
            "customer_id": ["a"] * 9 + [None],
            "transaction_date": ["x"] * 9 + ["2026-01-01"],
            "unit_spend": [1.0] * 10,
        }
    )
    try:
        CustomerBase.open(broken, today="2026-03-01", max_rejected=float("nan"))
        held = False
    except CrmError:
        held = True
    yield "a limit that is no number lets nothing through", held


@attack("10 words")
def a_list_of_answers_is_looked_at(folder: Path) -> Tries:
    from crm_analytics.analyses.scorecards import framework

    texts = [
        "",
        "[",
        "title = 5",
        "[[block]]\n",
        "x" * (2 << 20),
        "title = '\x00'",
        "[[block]]\nid = '../x'\n",
        "\ufeff",
    ]
    for text in texts:
        (folder / "mine.toml").write_text(text)
        yield f"a framework of {text[:20]!r}", _refused_by(framework.read, folder / "mine.toml")
    (folder / "mine.toml").write_bytes(b"title = '\xff'")
    yield "a framework that is no UTF-8", _refused_by(framework.read, folder / "mine.toml")
    (folder / "mine.toml").unlink()
    os.mkfifo(folder / "mine.toml")
    yield "a framework that is a pipe", _refused_by(framework.read, folder / "mine.toml")


def _refused_by(read: Any, path: Path) -> bool:
    try:
        read(str(path))
    except (DataError, ParameterError):
        return True
    return False
