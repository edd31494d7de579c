"""Language, colour and logo of a project reach every page, and a change of them makes the pages again."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from crm_analytics.errors import ParameterError
from crm_analytics.pages.brand import Brand
from crm_analytics.runs import run_files, unchanged
from crm_analytics.runs.look import Look, read_config
from crm_analytics.runs.plan import RunRequest, plan_run
from crm_analytics.runs.publishing import index, published_tree
from crm_analytics.runs.schedule.schedule_file import read_schedule
from tests.faults.scene import Scene

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
LOOK = 'language = "de"\n[brand]\ncolour = "#7a1f5c"\nlogo = "logo.svg"\nname = "Shop & Co"\n'
HEAD = '[source.shop]\npath = "data/shop"\n[[report]]\nname = "tiny"\nsource = "shop"\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "p"
    Scene.make(root)
    notebook = root / "notebooks" / "tiny.ipynb"
    text = notebook.read_text().replace("number: int = 0", 'language: str = \\"en\\"\\nnumber: int = 0')
    notebook.write_text(text)
    (root / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>')
    monkeypatch.chdir(root)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return root


def plan(project: Path, **more: object):
    return plan_run(RunRequest("tiny", NOW, data="shop", out=project / "reports", **more))


def test_language_of_the_project_is_a_default_and_names_no_slug(project: Path) -> None:
    assert plan(project).values["language"] == "en"
    (project / "crm.toml").write_text(LOOK + HEAD)
    made = plan(project)
    assert made.values["language"] == "de"
    assert made.default_slug("2026-01-20") == "2026-01-20"
    asked = plan(project, parameters={"language": "en"})
    assert asked.values["language"] == "en"
    assert asked.default_slug("2026-01-20") == "2026-01-20"
    (request,) = [one.request for one in read_schedule(project / "crm.toml", NOW).reports]
    assert plan_run(request).values["language"] == "de"


def test_language_of_the_mapping_is_that_of_the_pages_where_nobody_says_another(project: Path) -> None:
    """A shop whose months are German reads German pages; its slug, and so its links, stay."""
    mapping = project / "data" / "shop" / "mapping.toml"
    mapping.write_text('language = "de"\n' + (mapping.read_text() if mapping.exists() else ""))
    made = plan(project)
    assert made.values["language"] == "de"
    assert made.default_slug("2026-01-20") == "2026-01-20"
    assert plan(project, parameters={"language": "en"}).values["language"] == "en"
    (project / "crm.toml").write_text(LOOK.replace('"de"', '"en"') + HEAD)
    assert plan(project).values["language"] == "en"
    (project / "crm.toml").unlink()
    mapping.write_text('language = "fr"\n')
    assert plan(project).values["language"] == "en"  # months are read, pages are not written in French
    mapping.write_text("language = [")
    assert plan(project).values["language"] == "en"  # told when the data are opened


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, "<dd>all as preset</dd>"), ({"language": "de"}, "<dd>language = de</dd>")],
)
def test_footer_names_the_parameters_that_somebody_set(
    project: Path, given: dict[str, str], said: str
) -> None:
    made = plan(project, parameters=given)
    assert len(made.values) > 1
    outcome = run_files.failure(
        run_files.Record(made), made.place("2026-01-20"), ParameterError("x"), last_good=None
    )
    assert said in re.sub(r">\s+|\s+<", lambda m: m[0].strip(), outcome.files["failure.html"].decode())


def test_brand_is_on_the_failure_page_and_the_index_and_part_of_unchanged(project: Path) -> None:
    before = unchanged.inputs_of(plan(project)).parts
    assert before["brand"] == ""
    (project / "crm.toml").write_text(LOOK + HEAD)
    made = plan(project)
    assert unchanged.inputs_of(made).parts["brand"] != ""
    outcome = run_files.failure(
        run_files.Record(made), made.place("2026-01-20"), ParameterError("x"), last_good=None
    )
    published_tree.claim(project / "reports", project)
    pages = [
        outcome.files["failure.html"].decode(),
        index.rebuild(project / "reports", date(2026, 3, 4)).read_text(),
    ]
    for page in pages:
        assert ":root{--accent:#7a1f5c}" in page
        assert '<img src="data:image/svg+xml;base64,' in page
        assert 'alt="Shop &amp; Co"' in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('language = "fr"\n', "there is no language 'fr'. Known: en, de"),
        ('[brand]\ncolour = "#ffcc00"\n', r"\[brand\]: colour = \"#ffcc00\" is hard to read on white"),
        ('[brand]\nlogo = "none.png"\n', "cannot be read"),
        ('[brand]\ncolor = "#000000"\n', "did you mean 'colour'"),
        ("[brand]\ncolour = 7\n", "colour"),
    ],
)
def test_look_says_what_is_wrong(project: Path, text: str, words: str) -> None:
    path = project / "crm.toml"
    path.write_text(text + HEAD)
    with pytest.raises(ParameterError, match=words):
        read_config(path)
    with pytest.raises(ParameterError, match=words):
        read_schedule(path, NOW)


def test_file_that_is_no_toml_is_for_crm_run_to_tell(project: Path) -> None:
    (project / "crm.toml").write_text("x = [")
    assert read_config(project / "crm.toml") == Look("", Brand())
