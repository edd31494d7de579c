"""`crm verify`: a page is made again from its record, or it is said what has changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from crm_analytics import cli
from crm_analytics.tables.project_key import ensure_key
from tests.faults.scene import REPORT, SLUG, Scene

CONFIG = """\
[source.nightly]
path = "data/shop"
[[report]]
name = "tiny"
source = "nightly"
slug = "fixed"
as_of = 2026-01-15
parameters = { number = 7 }
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one page, made by a schedule whose source has another name than its folder."""
    root = tmp_path_factory.mktemp("made") / "p"
    Scene.make(root)
    (root / "crm.toml").write_text(CONFIG)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", str(root / "crm.toml")])
    assert stopped.value.code == 0
    return root


@pytest.fixture
def project(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the working folder."""
    root = tmp_path / "p"
    shutil.copytree(published, root)
    monkeypatch.chdir(root)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    return root


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict, str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["verify", *arguments])
    out, err = capfd.readouterr()
    return int(stopped.value.code or 0), json.loads(out) if out else {}, err


def state(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


PAGE = f"reports/{REPORT}/{SLUG}/report.html"


def test_page_and_a_copy_of_it_are_made_again_byte_for_byte(
    project: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with (project / "data" / "shop" / "transactions.csv").open("a") as file:
        file.write("k1,2026-01-25,3.5\n")  # after the day of the page: it is made from what was known then
    shutil.copy(project / PAGE, tmp_path / "mailed.html")
    before = state(project / "reports")
    code, line, said = call(capfd, str(tmp_path / "mailed.html"), "--keep", str(tmp_path / "again"))
    assert (code, line["same"], line["differing"]) == (0, True, [])
    assert "every byte is the same" in said
    assert line["changed"] == ["files"]
    assert (tmp_path / "again" / "page.html").read_bytes() == (project / PAGE).read_bytes()
    assert state(project / "reports") == before
    assert not (project / ".crm-key").exists()


@pytest.mark.parametrize("where", ["", 'where = { country = ["DE"] }\n'])
def test_filtered_page_by_rules_of_the_file_is_made_again_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], where: str
) -> None:
    root = tmp_path / "p"
    Scene.make(root)
    people = "".join(f"k{n},{'FR' if n == 3 else 'DE'}\n" for n in range(7))
    (root / "data" / "shop" / "customers.csv").write_text(f"customer_id,country\n{people}")
    rule = '[[segment]]\nname = "Loud"\nwhere = { revenue = "20.." }\n[[segment]]\nname = "Rest"\n'
    (root / "crm.toml").write_text(CONFIG.replace("[[report]]", f"{rule}[[report]]") + where)
    monkeypatch.chdir(root)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "crm.toml"])
    assert stopped.value.code == 0
    capfd.readouterr()
    assert call(capfd, PAGE)[1] | {"page": ""} == {
        "page": "", "same": True, "altered": False, "made": True, "changed": [], "differing": [],
        "exit_code": 0, "message": "every byte is the same",
    }  # fmt: skip
    (root / "crm.toml").write_text(
        CONFIG
    )  # the record knows whom the page is about, whatever stands there now
    assert call(capfd, PAGE)[1]["changed"] == []


def test_changed_notebook_says_notebook(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    notebook = project / "notebooks" / "tiny.ipynb"
    notebook.write_text(notebook.read_text().replace("Forty equal lines", "Forty lines"))
    code, line, said = call(capfd, f"{REPORT}/{SLUG}")
    assert (code, line["same"], line["changed"]) == (1, False, ["notebook"])
    assert "page.html" in line["differing"]
    assert "the notebook has changed" in said


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [("k1,2026-01-02,1.5", "k1,2026-01-02,9.5", "data"), ("k1,2026-01-02,1.5\n", "", "data")],
)
def test_changed_rows_say_data(
    project: Path, capfd: pytest.CaptureFixture[str], old: str, new: str, what: str
) -> None:
    rows = project / "data" / "shop" / "transactions.csv"
    text = rows.read_text()
    assert old in text
    rows.write_text(text.replace(old, new))
    code, line, said = call(capfd, PAGE)
    assert (code, line["made"], line["changed"]) == (1, False, ["files", what])
    assert "the data at the day 2026-01-15 have changed" in said


def test_new_mapping_says_mapping(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "data" / "shop" / "mapping.toml").write_text('label = "Another name"\n')
    code, line, said = call(capfd, PAGE)
    assert (code, line["changed"][0]) == (1, "mapping")
    assert "the mapping is new" in said


def test_altered_page_says_that_it_was_changed(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = project / PAGE
    page.write_text(page.read_text().replace("Run 7", "Run 8"))
    code, line, said = call(capfd, PAGE)
    assert (code, line["altered"], line["made"]) == (1, True, False)
    assert "changed, or cut short, afterwards" in said


def test_another_key_and_a_record_of_other_versions_are_named(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    manifest = next((project / "reports").glob("*/*/runs/*/manifest.json"))
    about = json.loads(manifest.read_text())
    about["versions"]["pandas"] = "2.9.9"
    about["parameters"]["number"] = 8
    manifest.write_text(json.dumps(about))
    code, line, said = call(capfd, PAGE)
    assert (code, line["changed"]) == (1, ["parameters", "versions"])
    assert "pandas 2.9.9 then" in said
    ensure_key(project)
    code, line, said = call(capfd, PAGE)
    assert (code, line["changed"], line["made"]) == (1, ["key"], False)


def test_source_that_is_gone_says_so(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "data" / "shop").rename(project / "data" / "elsewhere")
    code, _, said = call(capfd, PAGE)
    assert code == 3
    assert "the source of the page is gone" in said
    assert "--data" in said
    (project / "crm.toml").unlink()
    assert call(capfd, PAGE)[0] == 3
    code, line, _ = call(capfd, PAGE, "--data", "elsewhere")
    assert (code, line["changed"][0]) == (1, "source")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nothing/here", "there is no page 'nothing/here'"),
        ("crm.toml", "no run in"),
        ("reports", "no folder of a run"),
    ],
)
def test_what_is_no_page_says_so(
    project: Path, capfd: pytest.CaptureFixture[str], place: str, words: str
) -> None:
    code, _, said = call(capfd, place)
    assert code == 2
    assert words in said
