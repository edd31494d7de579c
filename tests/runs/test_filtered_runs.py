"""A filter on the command line and in crm.toml: a report of its own place, which says whom it is about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from crm_analytics import CustomerBase
from crm_analytics.cli.where_option import conditions_given
from crm_analytics.errors import ParameterError
from crm_analytics.runs.plan import RunRequest, plan_run
from crm_analytics.runs.publishing import erasure
from crm_analytics.runs.report_run import run_report
from crm_analytics.runs.schedule.schedule_file import read_schedule

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
PARAMETERS = 'data: str = "shop"  # the source\nas_of: str = ""  # a day\n'
SHOW = """\
from crm_analytics import CustomerBase
from crm_analytics.pages import blocks

base = CustomerBase.open(data).as_of(as_of)
blocks.headline(f"{base.counts['rows']} rows of {base.filtered_by}")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "notebooks").mkdir()
    folder = root / "data" / "shop"
    folder.mkdir(parents=True)
    new = nbformat.v4
    cells = [new.new_markdown_cell("# Small"), new.new_code_cell(PARAMETERS), new.new_code_cell(SHOW)]
    cells[1].metadata = {"tags": ["parameters"]}
    (root / "notebooks" / "small.ipynb").write_text(nbformat.writes(new.new_notebook(cells=cells)))
    lines = ["customer_id,transaction_date,unit_spend"]
    lines += [f"id-{i % 14},2026-01-{1 + i:02},{i}.5" for i in range(28)]
    (folder / "transactions.csv").write_text("\n".join(lines) + "\n")
    people = ["customer_id,country", *(f"id-{i},{'DE' if i % 2 else 'FR' if i else 'PL'}" for i in range(14))]
    (folder / "customers.csv").write_text("\n".join(people) + "\n")
    return root


@pytest.fixture(autouse=True)
def _here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    for name in ("CRM_DISPLAY", "CRM_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def test_a_filtered_report_says_whom_it_is_about_and_stands_apart(project: Path, tmp_path: Path) -> None:
    asked = RunRequest("small", NOW, data="shop", out=tmp_path / "reports", where={"country": ["DE"]})
    done = run_report(asked)
    assert (done.status, done.message) == ("done", "14 rows of country DE"), done
    assert done.page is not None
    assert done.run_folder is not None
    page = done.page.read_text()
    assert "only country DE" in page
    assert "Small · shop · 28 January 2026 · country DE" in page  # its title
    assert (
        "# The parameters of this run (only country DE)" in (done.run_folder / "notebook.ipynb").read_text()
    )
    about = json.loads((done.run_folder / "manifest.json").read_text())
    assert about["data"]["where"] == [["customers", "country", ["DE"], False]]
    assert run_report(asked).status == "unchanged"
    others = replace(asked, where={"country": ["DE", "FR"]})
    assert plan_run(others).default_slug("2026-01-28") != done.slug
    base = CustomerBase.open("shop", today="2026-03-01")
    known = erasure.find(asked.out, project, base, "id-2", "shop")
    assert not known.runs  # of France: this run never saw it
    assert [run.certain for run in erasure.find(asked.out, project, base, "id-3", "shop").runs] == [True]


@pytest.mark.parametrize(
    ("where", "code", "words"),
    [
        ({"country": "GERMANY"}, 2, "nobody has country GERMANY. There is DE, FR, PL"),
        ({"contry": "DE"}, 2, "did you mean 'country'?"),
        ({"country": "PL"}, 3, "fewer than 5 customers fit the filter (country PL)"),
    ],
)
def test_a_wrong_filter_of_a_run_says_what_and_ends_with_its_code(where, code, words, tmp_path) -> None:
    told = run_report(RunRequest("small", NOW, data="shop", out=tmp_path / "reports", where=where))
    assert told.exit_code == code
    assert words in told.message


def test_a_schedule_filters_its_reports(project: Path) -> None:
    config = project / "crm.toml"
    text = '[source.shop]\npath = "data/shop"\n[[report]]\nname = "small"\nsource = "shop"\n'
    try:
        config.write_text(f'{text}where = {{ country = ["DE", "FR"] }}\n')
        (one,) = read_schedule(config, NOW).reports
        assert one.request.where == {"country": ["DE", "FR"]}
        config.write_text(f"{text}where = 5\n")
        with pytest.raises(ParameterError, match=r"where = 5: it must be a table such as"):
            read_schedule(config, NOW)
    finally:
        config.unlink()


def test_a_filter_option_without_a_value_says_what_is_expected() -> None:
    with pytest.raises(ParameterError, match="--where expects COLUMN=VALUE"):
        conditions_given(["country"])
