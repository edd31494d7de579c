"""Doors to other programs and people: chats, mails, monitors, assistants, warehouses, drafts, archives."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import tomllib
import zipfile
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.policy import SMTP
from functools import partial
from pathlib import Path

import nbformat

from crm_analytics import CustomerBase
from crm_analytics.analyses.btyd import FrozenModels
from crm_analytics.analyses.partners import partner_secret
from crm_analytics.errors import CrmError, DataError, ParameterError
from crm_analytics.pages.letter import LetterContext, failure_letter
from crm_analytics.runs import answers
from crm_analytics.runs.look import read_look
from crm_analytics.runs.telling import letters, monitor_file
from crm_analytics.runs.telling.notices import Event, Notice, body_of
from crm_analytics.runs.telling.settings import MailTable, check_mail
from crm_analytics.runs.time_limit import time_limit
from crm_analytics.tables.named_sources import find_source
from crm_analytics.tables.warehouse_target import target_of
from tests.faults.attacks import Tries, attack, crm, project, working_in

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}} {% raw %} ${7*7} #{7*7}",
    "[x](javascript:alert(1)) *b* `c`",
    "<!channel> <https://evil.example|x> @everyone <at>all</at>",
    "x\r\nBcc: evil@x.example\r\n\r\nbody",
    "x\nsecond line",
    "\x1b]0;title\x07\x1b[2J\u202e\u2066",
    'a="b",c\\',
    "</textarea></style><style>*{display:none}</style>",
]


@attack("8 texts")
def a_name_adds_nothing_to_a_message(folder: Path) -> Tries:
    for text in HOSTILE:
        notice = Notice(text, 4, datetime(2026, 1, 1, tzinfo=UTC), [Event("failure", text, text, text)])
        for form in ("slack", "teams"):
            body = body_of(notice, form)
            said = [body["text"]] if form == "slack" else [
                block["text"] for block in body["attachments"][0]["content"]["body"]
            ]  # fmt: skip
            whole = "\n".join(said)
            lines = whole.count("\n") == (1 if form == "slack" else len(said) - 1)
            yield (
                f"{form}: {text!r}",
                lines and not re.search(r"[<>*_`~\[\]@\x00-\x09\x0b-\x1f\u202e]", whole),
            )
        told = json.dumps(notice.json(), ensure_ascii=False)
        yield f"command: {text!r}", not re.search(r"\\[nru]|[\x00-\x1f\u202e\u2066]", told)


@attack("8 texts")
def a_name_adds_nothing_to_a_mail(folder: Path) -> Tries:
    mail = MailTable(to=["a@b.example"], sender="c@d.example")
    for language in ("en", "de"):
        for text in HOSTILE:
            context = LetterContext(label=text, day=date(2026, 1, 1), place=text, link="")
            made = failure_letter(
                heading=text, what=text, context=context, language=language, next_step=text, good=True
            )
            raw = letters._message(made, mail, datetime(2026, 1, 1, tzinfo=UTC), "x").as_bytes()
            back = message_from_bytes(raw, policy=SMTP)
            yield f"{language}, headers: {text!r}", back["Bcc"] is None and len(back.keys()) == 8
            html = made.html.lower()
            live = re.search(r"<script|<img|onerror=[^&]*>|<https|javascript:alert\(1\)\"|<textarea", html)
            yield f"{language}, page: {text!r}", live is None and "\x1b" not in made.html + made.text


@attack("8 texts")
def a_name_adds_nothing_for_a_monitor(folder: Path) -> Tries:
    sample = re.compile(r'\w+\{(\w+="([^"\\\n]|\\[\\"n])*",?)*\}')
    for text in HOSTILE:
        line = f"crm_x{monitor_file._labels({'report': text, 'slug': text})}"
        yield repr(text), sample.fullmatch(line) is not None


@attack("8 texts")
def an_assistant_is_told_what_pages_say(folder: Path) -> Tries:
    run = folder / "reports" / "segments" / "2026-01-01" / "runs" / "20260101T020000Z-aaaaaaaa"
    (run / "tables").mkdir(parents=True)
    about = {
        "report": "segments", "slug": "2026-01-01", "status": "done", "as_of": "2026-01-01",
        "title": "Segments", "message": "Headline", "facts": {"revenue": 5.0}, "parameters": {},
        "data": {"source": "shop"},
    }  # fmt: skip
    (run / "manifest.json").write_text(json.dumps(about))
    (folder / "secret.parquet").write_bytes(b"PAR1")
    found = answers.Answers(folder / "reports")
    for name in ("../../../secret", "/etc/passwd", "secret\x00", "*", "..", HOSTILE[0], HOSTILE[7]):
        for number, ask in enumerate(
            (found.tables, partial(found.table, "segments"), found.figure, found.group, found.explain)
        ):
            told = json.dumps(ask(name))
            yield (
                f"{number} {name!r}",
                "refused" in told and "\\u001b" not in told and "PAR1" not in told,
            )
    (run / "manifest.json").write_text(json.dumps({**about, "parameters": {"show_customers": True}}))
    told = json.dumps(answers.Answers(folder / "reports").reports())
    yield "a run that shows customers is not told", "Headline" not in told


@attack("8 texts")
def a_draft_of_a_mapping_is_a_draft(folder: Path) -> Tries:
    root = project(folder)
    names = ['customer_id"]\n[evil]\nx = "1', "date\x1b[2J", "amount = 1 # x"]
    names += ['"""', "'''", "\u202eabc", "a\\u0000b"]
    with (root / "odd.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        for n in range(40):
            rows.writerow(
                [f"Zqxkanari{n}", f"2026-01-{1 + n % 28:02}", f"{n}.50", "free text", "x", "y", "z"]
            )
    code, out, err = crm(root, "map", "odd.csv")
    draft = (root / "mapping.toml").read_text(encoding="utf-8")
    yield "it is made", code == 0
    yield "it is TOML without a table of the header's", "evil" not in tomllib.loads(draft)
    yield "it holds no row", "Zqxkanari" not in draft + out + err
    odd = [c for c in out + err + draft if c != "\n" and (ord(c) < 32 or c in "\u202e\x9b")]
    yield "no control character reaches the terminal or the file", not odd


TARGETS = [
    'shop.duckdb::x"; DROP TABLE y; --', "shop.duckdb::a.b.c", "shop.sqlite::x y", "shop.duckdb::'x'",
    "shop.duckdb::../x", "/dev/null", "/dev/full", "/proc/self/mem", "pipe.parquet", "pipe.duckdb::t",
    "pipe.sqlite::t", "link.parquet", "crm.toml", ".crm-key", "shop.parquet/x.parquet", "no/such/x.parquet",
    "::t",
]  # fmt: skip


@attack("8 texts")
def rows_leave_to_tables_and_nowhere_else(folder: Path) -> Tries:
    for name in ("pipe.parquet", "pipe.duckdb", "pipe.sqlite"):
        os.mkfifo(folder / name)
    (folder / "link.parquet").symlink_to("/dev/zero")
    for text in TARGETS:
        try:
            target = target_of(text, folder=folder)
            held = target.table in ("", "crm_scores") and ".." not in str(target.path)
            held = held and target.path is not None and target.path.parent == folder
        except ParameterError:
            held = True
        yield text, held


@attack("4 secrets")
def a_password_is_in_no_mail(folder: Path) -> Tries:
    for link in ("https://ann:S3cretPW@h/reports", "https://h/reports?token=S3cretPW", "https://S3cretPW@h/"):
        try:
            check_mail(MailTable(to=["a@b.example"], sender="c@d.example", link=link), "[mail]")
            yield link, False
        except ParameterError as error:
            yield link, "S3cretPW" not in str(error)


@attack("9 limits")
def what_unpacks_without_end_is_refused(folder: Path) -> Tries:
    zeros, line = b"0" * (1 << 20), b"customer_id,transaction_date,unit_spend\n"
    for name, kind in (
        ("d.zip", zipfile.ZIP_DEFLATED),
        ("b.zip", zipfile.ZIP_BZIP2),
        ("l.zip", zipfile.ZIP_LZMA),
    ):
        with zipfile.ZipFile(folder / name, "w", kind) as made, made.open("x.csv", "w") as part:
            part.write(line)
            for _ in range(60):
                part.write(zeros)
    with gzip.open(folder / "g.csv.gz", "wb") as packed:
        packed.write(line)
        for _ in range(60):
            packed.write(zeros)
    _sheet(folder / "big.xlsx", "<row><c t='inlineStr'><is><t>" + "A" * (60 << 20) + "</t></is></c></row>")
    _sheet(
        folder / "far.xlsx",
        "<row r='1'><c r='A1' t='inlineStr'><is><t>customer_id</t></is></c></row>"
        "<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>",
        "<dimension ref='A1:XFD1048576'/>",
    )
    names = "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    _sheet(
        folder / "laughs.xlsx",
        "<row r='1'><c r='A1' t='inlineStr'><is><t>&i;</t></is></c></row>",
        head=f"<!DOCTYPE l [<!ENTITY a 'aaaaaaaaaa'>{names}]>",
    )
    _sheet(
        folder / "reach.xlsx",
        "<row r='1'><c r='A1' t='inlineStr'><is><t>&a;</t></is></c></row>",
        head="<!DOCTYPE l [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>",
    )
    (folder / "deep.json").write_text("[" * 200_000)
    (folder / "nested.json").write_text('[{"a":' * 3000 + "1" + "}]" * 3000)
    (folder / "wide.csv").write_text(",".join(f"c{i}" for i in range(60_000)) + "\n" + "1," * 59_999 + "1\n")
    (folder / "pickle.parquet").write_bytes(b"\x80\x04\x95cposix\nsystem\n")
    (folder / "pickle.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    for path in sorted(folder.iterdir()):
        try:
            with time_limit(60, "it hangs"):
                CustomerBase.open(path, today="2026-03-01")
            held = False
        except (DataError, ParameterError):
            held = not Path("ran").exists()
        except CrmError:
            held = False
        yield path.name, held


def _sheet(path: Path, rows: str, size: str = "", head: str = "") -> None:
    """A workbook of one sheet, written by hand."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    rels, types = f"{package}/relationships", f"{package}/content-types"
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f"<Types xmlns='{types}'><Override PartName='/xl/workbook.xml' "
        f"ContentType='{sheet}.sheet.main+xml'/><Override PartName='/xl/worksheets/sheet1.xml' "
        f"ContentType='{sheet}.worksheet+xml'/></Types>",
        "_rels/.rels": f"<Relationships xmlns='{rels}'><Relationship Id='rId1' "
        f"Type='{office}/officeDocument' Target='xl/workbook.xml'/></Relationships>",
        "xl/workbook.xml": f"<workbook xmlns='{main}' xmlns:r='{office}'><sheets><sheet name='a' sheetId='1' "
        "r:id='rId1'/></sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships xmlns='{rels}'><Relationship Id='rId1' "
        f"Type='{office}/worksheet' Target='worksheets/sheet1.xml'/></Relationships>",
        "xl/worksheets/sheet1.xml": f"{head}<worksheet xmlns='{main}'>{size}<sheetData>{rows}</sheetData>"
        "</worksheet>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in parts.items():
            made.writestr(name, f"<?xml version='1.0'?>{text}")


@attack("9 limits")
def a_name_in_an_archive_leads_nowhere(folder: Path) -> Tries:
    (folder / "in").mkdir()
    for number, name in enumerate(
        (
            "../../../x.csv",
            "/etc/x.csv",
            "..\\..\\x.csv",
            "x\x1b[2J.csv",
            "a" * 250 + ".csv",
            "..csv",
            "C:\\x.csv",
        )
    ):
        path = folder / "in" / f"t{number}.zip"
        with zipfile.ZipFile(path, "w") as made:
            made.writestr(name, "customer_id,transaction_date,unit_spend\na,2026-01-01,1\n")
        try:
            base = CustomerBase.open(path, today="2026-03-01")
            held = base.counts["rows"] == 1 and "\x1b" not in base.label
        except DataError as error:
            held = "\x1b" not in str(error)
        yield repr(name), held and {p.name for p in folder.iterdir()} == {"in"}


@attack("9 limits")
def a_pipe_is_refused_wherever_a_file_is_named(folder: Path) -> Tries:
    root = project(folder)
    os.mkfifo(root / "pipe")
    for what, use in (
        ("a mapping", lambda: CustomerBase.open(root / "data" / "shop", mapping=root / "pipe")),
        ("models", lambda: FrozenModels.load(root / "pipe")),
        ("a partner's secret", lambda: partner_secret({"CRM_PARTNER_SECRET_FILE": str(root / "pipe")})),
        ("a partner's secret without end", lambda: partner_secret({"CRM_PARTNER_SECRET_FILE": "/dev/zero"})),
    ):
        try:
            with time_limit(30, "it hangs"):
                use()
            held = False
        except (DataError, ParameterError):
            held = True
        yield what, held
    os.mkfifo(root / "crm.toml")
    with working_in(root), time_limit(30, "it hangs"):
        yield "the settings of named sources", find_source("shop", root).ref.path is not None
        yield "the settings of the look", read_look(root).brand.logo == ""


@attack("9 limits")
def a_notebook_of_odd_names_makes_no_path(folder: Path) -> Tries:
    root = project(folder)
    book = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# x")]))
    for name in (
        "..ipynb",
        "<b>.ipynb",
        "a b.ipynb",
        "\u202ex.ipynb",
        "con\x1b[2J.ipynb",
        "lists.ipynb",
        ".crm.ipynb",
    ):
        (root / name).write_text(book, encoding="utf-8")
        code, out, err = crm(root, "report", f"./{name}", "--data", "shop")
        made = {p.name for p in (root / "reports").glob("*")} if (root / "reports").is_dir() else set()
        fine = all(re.fullmatch(r"[\w.-]+", one) and ".." not in one for one in made)
        yield repr(name), code in (2, 3, 4) and fine and "\x1b" not in out + err and "lists" not in made
