"""The command line: light to start, words on stderr, one JSON line a report on stdout, true exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from crm_analytics import cli
from crm_analytics.errors import DataError
from crm_analytics.tables.export import ensure_key, pseudonyms

HEAVY = (
    "pandas",
    "numpy",
    "ibis",
    "plotly",
    "papermill",
    "nbformat",
    "jupyter_client",
    "pydantic",
    "rich",
    "duckdb",
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data" / "shop").mkdir(parents=True)
    lines = ["customer_id,transaction_date,unit_spend"]
    lines += [f"id-{i % 7},2026-0{1 + i % 4}-{1 + i:02},{i}.5" for i in range(20)]
    (tmp_path / "data" / "shop" / "transactions.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["report", "--help"], ["nonsense"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom crm_analytics import cli\n"
        f"try:\n    cli.main({arguments})\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--version")[:2] == (0, "crm, version 0.2.0\n")
    code, out, _ = call(capsys, "--help")
    assert code == 0
    assert all(name in out for name in ("report", "new", "index", "reveal"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["repot"], "there is no command 'repot'; did you mean 'report'?"),
        (["xyz"], "Known: "),
        (["report", "--dta", "x"], "--data"),
        (["report"], "name one or more reports, or give --all"),
        (["report", "segments", "--all"], "name one or more reports, or give --all"),
        (["report", "segments", "--keep", "0"], "--keep"),
        (["new"], "NAME"),
        (["reveal", "c-x"], "--data"),
    ],
)
def test_wrong_command_line_says_what_is_near(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert "--help" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["segmets", "--data", "shop"], "did you mean 'segments'?"),
        (["segments", "--data", "shop", "-p", "bin=4"], "did you mean 'bins'?"),
        (["segments", "--data", "shop", "-p", "bins=99"], "bins = 99: it must be a whole number 2..20"),
        (["segments", "--data", "shop", "--slug", "../x"], "the slug '../x' must be"),
        (["segments", "--data", "shop", "--as-of", "today"], "a day like 2026-01-31"),
    ],
)
def test_refused_report_says_why_in_words_and_as_json(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    code, out, err = call(capsys, "report", *arguments)
    line = json.loads(out)
    assert code == line["exit_code"] == 2
    assert line["status"] == "refused"
    assert says in err
    assert says in line["message"]
    assert not (project / "reports").exists()


def test_pairs_say_their_form(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "-p expects KEY=VALUE" in call(capsys, "report", "segments", "-p", "bins")[2]
    assert "gives 'bins' twice" in call(capsys, "report", "segments", "-p", "bins=4", "-p", "bins=5")[2]


def test_parameters_are_listed_without_running(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "report", "segments", "--help-parameters")
    assert code == 0
    assert "-p bins=" in out
    assert "2..20" in out


def test_new_report_becomes_a_page_at_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "new", "my_months")
    assert (code, out.strip()) == (0, str(project / "my_months.ipynb"))
    code, out, err = call(
        capsys, "report", "./my_months.ipynb", "no_such", "--data", "shop", "-p", "months=3"
    )
    told = {line["name"]: line for line in map(json.loads, out.splitlines())}
    done, refused = told["my_months"], told["no_such"]
    assert code == 2
    assert (done["status"], done["exit_code"], done["name"]) == ("done", 0, "my_months"), err
    assert set(done) == {"name", "slug", "status", "exit_code", "page", "day", "seconds", "message"}
    assert refused["status"] == "refused"
    assert "\x1b" not in out + err
    page = Path(done["page"]).read_text(encoding="utf-8")
    assert "<h1" in page
    assert "My months" in page
    code, out, _ = call(capsys, "index")
    assert code == 0
    assert "My months" in Path(out.strip()).read_text(encoding="utf-8")


def test_new_overwrites_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "mine.ipynb").write_text("precious")
    code, _, err = call(capsys, "new", "mine")
    assert code == 2
    assert "is there already" in err
    assert (project / "mine.ipynb").read_text() == "precious"
    assert "must begin with a letter" in call(capsys, "new", "../mine")[2]


def test_reveal_turns_pseudonyms_back_for_the_holder_of_the_key(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(capsys, "key")[1].strip() == str(project / ".crm-key")
    first, second = pseudonyms(["id-3", "id-5"], ensure_key(project))
    code, out, _ = call(capsys, "reveal", str(first), str(second), "--data", "shop")
    assert (code, out) == (0, f"{first}\tid-3\n{second}\tid-5\n")
    (project / ".crm-key").write_text("ab" * 32)  # another one
    code, out, err = call(capsys, "reveal", str(first), "--data", "shop")
    assert code == 2
    assert "id-3" not in out
    assert "1 of 1 are not pseudonyms of these data" in err


def test_unexpected_error_is_one_line_and_a_trace_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(cli.crm, "main", broken)
    code, _, err = call(capsys, "index")
    assert code == 4
    assert err.startswith("something went wrong that should not (KeyError)")
    assert "secret" not in err
    assert "Traceback" in call(capsys, "--debug", "index")[2]


def test_expected_error_is_words_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DataError("the file is empty")

    monkeypatch.setattr(cli.crm, "main", refuse)
    assert call(capsys, "index") == (3, "", "the file is empty\n")
