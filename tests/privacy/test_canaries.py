"""Nobody is told of: canaries in every text of every table, looked for in all that is published or said."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import nbformat
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_analytics.runs.answers import Answers
from crm_analytics.runs.report_run import RunRequest, run_report, run_reports
from crm_analytics.tables.contract import TABLES
from tests.all_reports import PATHS, REPORTS
from tests.notebooks.normalise import PSEUDONYM
from tests.privacy.canaries import canary, found_in_folder, found_in_text, texts_of, write_shop
from tests.privacy.test_key import key_forms, keys_in

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop") / "shop", id_kind="in turn")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "p" / "notebooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "p")
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return tmp_path / "p"


def request(report: str, shop: Path, project: Path, **more: object) -> RunRequest:
    return RunRequest(report, NOW, data=str(shop), out=project / "reports", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pack",
    [
        lambda t: t.encode(),
        lambda t: t.encode("utf-16-le"),
        lambda t: gzip.compress(t.encode()),
        lambda t: b'{"x": "' + base64.b64encode(gzip.compress(f"padding {t} padding".encode())) + b'"}',
        lambda t: t.replace("@", "&#64;").replace("-", "&#45;").encode(),
        lambda t: t.replace("@", "\\u0040").replace("K", "\\u004b").encode(),
    ],
)
@pytest.mark.parametrize("kind", ["name", "email", "phone", "id"])
def test_search_finds_canaries_however_packed(tmp_path: Path, kind: str, pack: object) -> None:
    (tmp_path / "file").write_bytes(pack(canary(kind, 7)))  # type: ignore[operator]
    assert found_in_folder(tmp_path)


def test_search_finds_canaries_in_parquet_cells_and_metadata(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array([canary("name", 1)])})
    pq.write_table(table, tmp_path / "cell.parquet", compression="zstd")
    pq.write_table(
        pa.table({"a": [1]}).replace_schema_metadata({"x": canary("id", 1)}), tmp_path / "meta.parquet"
    )
    assert {hit.split(":")[0] for hit in found_in_folder(tmp_path)} == {"cell.parquet", "meta.parquet"}


def test_canaries_stand_in_every_text_column_of_every_table(shop: Path) -> None:
    for name, table in TABLES.items():
        frame = pd.read_csv(shop / f"{name}.csv", dtype="str")
        for column in table.columns:
            if column.type == "text" and column.name != "currency":
                assert found_in_text(frame[column.name].dropna().iloc[0]), (name, column.name)


# --- a night of every report --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Night:
    """What a scheduled run of every report left, on a shop and on one that is too broken."""

    project: Path
    done: subprocess.CompletedProcess[str]

    @property
    def reports(self) -> Path:
        return self.project / "reports"


@pytest.fixture(scope="module")
def night(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Night:
    project = tmp_path_factory.mktemp("night")
    (project / "notebooks").mkdir()
    broken = write_shop(project / "broken", broken=200)
    lines = ["workers = 2"]
    for source, path in (("shop", shop), ("broken", broken)):
        lines += [f"[source.{source}]", f'path = "{path}"']
        for report in PATHS:
            lines += ["[[report]]", f'name = "{report}"', f'source = "{source}"', f'slug = "{source}"']
    (project / "crm.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "crm_analytics.cli", "run", "crm.toml"]
    clean = {name: value for name, value in os.environ.items() if name != "CRM_PROJECT"}
    done = subprocess.run(
        command, cwd=project, env=clean, capture_output=True, text=True, timeout=600, check=False
    )
    return Night(project, done)


def test_night_makes_every_report_of_the_shop_and_refuses_the_broken_one(night: Night) -> None:
    told = [json.loads(line) for line in night.done.stdout.splitlines()][:-1]
    codes = sorted((line["name"], line["exit_code"]) for line in told)
    assert codes == sorted((name, code) for name in REPORTS for code in (0, 3)), night.done.stderr
    assert night.done.returncode == 3


@pytest.mark.parametrize("report", REPORTS)
def test_report_tells_of_nobody(night: Night, report: str) -> None:
    assert (night.reports / report / "shop" / "report.html").is_file()
    assert found_in_folder(night.reports / report) == []


def test_night_tells_of_nobody_beside_its_reports(night: Night) -> None:
    for text in (night.done.stdout, night.done.stderr):
        assert found_in_text(text) == []
    files = [path for path in night.reports.rglob("*") if path.is_file()]
    beside = [path for path in files if path.relative_to(night.reports).parts[0] not in REPORTS]
    assert night.reports / "index.html" in beside
    for path in beside:
        assert [hit for text in texts_of(path.read_bytes()) for hit in found_in_text(text)] == [], path


def test_ten_thousand_questions_of_an_assistant_are_told_of_nobody(night: Night, shop: Path) -> None:
    """Names of figures, tables and words, true, torn and hostile, and the customers' own ids and names."""
    asked, draw = Answers(night.reports), Random(1)
    names = [name for figures in asked.figures()["figures"].values() for name in figures]
    tables = [(r, t) for r in REPORTS for t in asked.tables(r).get("tables", [])]
    people = pd.read_csv(shop / "customers.csv", dtype="str").stack().dropna().tolist()
    odd = [
        "",
        "..",
        "../../.crm-key",
        "%s" * 9,
        "\x00",
        "a" * 9_999,
        "'; drop table",
        "show_customers",
        *people[:60],
    ]
    words = [*names, *REPORTS, *(t for _, t in tables), *odd]
    said = set()
    for _ in range(10_000):
        one, two = draw.choice(words), draw.choice(words)
        torn = "".join(draw.sample(one, min(len(one), 12)))
        match draw.randrange(6):
            case 0:
                found = asked.figure(draw.choice((one, torn)), draw.choice(("", two)))
            case 1:
                found = asked.table(*draw.choice(((one, two), draw.choice(tables))))
            case 2:
                found = asked.group(draw.choice((one, torn)))
            case 3:
                found = asked.explain(draw.choice((one, torn)))
            case 4:
                found = asked.tables(draw.choice((one, torn)))
            case _:
                found = draw.choice((asked.reports, asked.figures, asked.actions))()
        answer = json.dumps(found, ensure_ascii=False, default=str)
        said.add(
            answer.replace(json.dumps(one, ensure_ascii=False)[1:-1], "").replace(two, "")
        )  # what was asked
    assert len(said) > 500
    assert [hit for text in said for hit in found_in_text(text)] == []


def test_every_figure_is_answered_as_its_page_has_it(night: Night) -> None:
    asked, held = Answers(night.reports), 0
    for report in REPORTS:
        pointer = json.loads((night.reports / report / "shop" / "current.json").read_text())
        run = night.reports / report / "shop" / "runs" / pointer["run"]
        about = json.loads((run / "manifest.json").read_text())
        for name in asked.figures()["figures"].get(report, []):
            answer = asked.figure(name, report)
            assert answer["value"] == about["facts"][name]
            assert answer["as_of"] == about["as_of"]
            assert answer["method"]
            for side in ("lower", "upper", "n"):
                assert answer.get(side) == about["facts"].get(f"{name}_{side}")
            held += 1
    assert held > 100


def test_night_keeps_its_key_and_calls_customers_by_pseudonym(night: Night) -> None:
    forms = key_forms(night.project)
    assert keys_in(night.reports, forms) == []
    assert not [form for form in forms if form in night.done.stdout + night.done.stderr]
    shown = {name: [*(night.reports / name / "shop").glob("report.html"),
                    *(night.reports / name / "shop").glob("lists/*.csv")] for name in REPORTS}  # fmt: skip
    called = {
        name for name, files in shown.items() if any(PSEUDONYM.search(path.read_text()) for path in files)
    }
    assert called >= {"segments", "lifetime_value", "profiles"}


def test_result_of_a_run_tells_of_nobody(
    shop: Path, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = run_report(request(str(REPORTS["segments"].path), shop, project))
    assert (result.status, result.exit_code) == ("done", 0)
    assert found_in_folder(project / "reports") == []
    said = capfd.readouterr()
    for text in (said.out, said.err, repr(result), str(result.line())):
        assert found_in_text(text) == []
    assert keys_in(project / "reports", key_forms(project)) == []


@pytest.mark.slow
def test_names_stand_there_where_they_may(shop: Path, project: Path) -> None:
    """On the page that has a table of customers, and in the lists beside the one that leads to them."""
    asked = [path for name, path in zip(REPORTS, PATHS, strict=True) if name in {"segments", "profiles"}]
    may = {"show_customers": True}
    results = list(run_reports([request(path, shop, project, parameters=may) for path in asked]))
    assert [result.exit_code for result in results] == [0, 0], results
    hits = found_in_folder(project / "reports")
    assert {Path(h.split(":")[0]).suffix for h in hits} >= {".html", ".parquet", ".ipynb", ".csv"}


@pytest.mark.slow
def test_small_form_tells_of_nobody_but_of_products(tmp_path: Path, project: Path) -> None:
    shop = write_shop(tmp_path / "shop", customers=12, broken=0, product_names=True)
    results = list(run_reports([request(report, shop, project) for report in PATHS]))
    assert [(r.status, r.exit_code) for r in results] == [("thin", 0)] * len(REPORTS), results
    assert any("Product " in r.page.read_text() for r in results if r.page)
    assert found_in_folder(project / "reports") == []


# --- when a run fails ---------------------------------------------------------------------------------------


def test_source_that_is_too_broken_tells_of_nobody(tmp_path: Path, project: Path) -> None:
    broken = write_shop(tmp_path / "broken", broken=200)
    headless = tmp_path / "headless.csv"
    lines = (broken / "transactions.csv").read_text().splitlines(keepends=True)
    headless.write_text("".join(lines[1:]))
    results = list(run_reports([request(PATHS[0], source, project) for source in (broken, headless)]))
    assert [(r.status, r.exit_code) for r in results] == [("failed", 3)] * 2
    assert "rows are broken" in results[0].message
    assert "line with the column names missing" in results[1].message
    assert len(list((project / "reports").rglob("failure.html"))) == 2
    assert found_in_folder(project / "reports") == []
    assert found_in_text(repr([r.line() for r in results])) == []


TROUBLE = {
    "error": "raise ValueError(who)",
    "key": "{}[who]",
    "chained": "try:\n    raise KeyError(who)\nexcept KeyError as e:\n    raise RuntimeError(who) from e",
    "note": "e = ValueError('x')\ne.add_note(who)\nraise e",
    "ours": "from crm_analytics.errors import DataError\nraise DataError(who)",
    "parameter": "from crm_analytics.errors import ParameterError\nraise ParameterError(f'no {who}')",
    "thin": "from crm_analytics.errors import NotEnoughData\nraise NotEnoughData(who, 3, 50)",
    "print": "print(who)",
    "shown": "base.collect(base.customers)",
    "warned": "import warnings\nwarnings.warn(who)",
    "logged": "import logging\nlogging.warning(who)",
    "written": "import os\nos.write(2, who.encode())\nos.write(1, who.encode())\nos._exit(3)",
    "exit": "raise SystemExit(who)",
    "class": "raise type('E', (Exception,), {'__str__': lambda self: who})()",
    "file": "open('left.txt', 'w').write(who)\n1 / 0",
}


def write_notebook(folder: Path, trouble: str) -> Path:
    new = nbformat.v4
    cells = [new.new_markdown_cell("# Trouble\n\nWho?"), new.new_code_cell('data: str = ""\nas_of: str = ""')]
    cells[1].metadata = {"tags": ["parameters"]}
    body = (
        "from crm_analytics import CustomerBase\nfrom crm_analytics.pages import blocks\n\n"
        "base = CustomerBase.open(data)\n"
        "row = base.collect(base.customers.order_by('customer_id').limit(1)).iloc[0]\n"
        "who = ' '.join(str(v) for v in row)"
    )
    cells += [new.new_code_cell(source) for source in (body, TROUBLE[trouble], 'blocks.headline("Fine")')]
    path = folder / f"{trouble}.ipynb"
    path.write_text(nbformat.writes(new.new_notebook(cells=cells)), encoding="utf-8")
    return path


def test_runs_in_trouble_tell_of_nobody(shop: Path, project: Path) -> None:
    notebooks = [str(write_notebook(project, trouble)) for trouble in TROUBLE]
    command = [sys.executable, "-m", "crm_analytics.cli", "report", *notebooks, "--data", str(shop)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=900, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    well = {line["name"] for line in lines if line["exit_code"] == 0}
    assert {line["name"] for line in lines} == set(TROUBLE), done.stderr
    assert well == {"warned", "logged"}
    assert found_in_text(done.stdout) == []
    assert found_in_text(done.stderr) == []
    # a wrong parameter is told to whoever asked, and to nobody else
    told = {path.relative_to(project / "reports").parts[0] for path in project.rglob("manifest.json")}
    assert told >= set(TROUBLE) - {"parameter"}
    assert found_in_folder(project / "reports") == []
    assert not list(project.rglob("left.txt"))
