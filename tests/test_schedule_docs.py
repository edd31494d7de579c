"""The recipes of docs/schedule.md, each tried as far as a test can, and the committed crm.toml."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_analytics.runs.schedule.night import prepare
from crm_analytics.runs.schedule.schedule_file import read_schedule
from tests.docs_blocks import ROOT, blocks, text_of
from tests.faults.scene import Scene

TEXT = text_of("docs/schedule.md")
CONFIG = '[source.shop]\npath = "data/shop"\n[[report]]\nname = "tiny"\nsource = "shop"\n'


SHELLS = re.findall(r"_CRM_COMPLETE=(\w+)_source crm", TEXT)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_is_offered_commands_and_options(shell: str) -> None:
    if shell == "bash" and not (shutil.which("bash")):
        pytest.skip("no bash here")

    def asked(words: str, mode: str, place: str) -> str:
        program = "from crm_analytics.cli import main; main()"
        told = {"_CRM_COMPLETE": f"{shell}_{mode}", "COMP_WORDS": words, "COMP_CWORD": place}
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.argv[0] = 'crm'; {program}"],
            env={**os.environ, **told}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout

    assert SHELLS == ["bash", "zsh", "fish"]
    assert "_CRM_COMPLETE" in asked("", "source", "0")
    last = "re" if shell == "fish" else "1"
    assert "report" in asked("crm re", "complete", last)


def test_the_box_is_built_from_wheels_alone_and_runs_as_nobody_special() -> None:
    """No daemon is asked: the text is held against what it copies, installs and runs."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    steps = [one.split(maxsplit=1) for one in text.splitlines() if one[:1].isupper()]
    by = {word: [rest for step, rest in steps if step == word] for word in dict(steps)}
    made = {one.split()[-2] for one in re.findall(r"wheel .*-w (\S+ \S+)", text)}
    for copied in by["COPY"]:
        source = copied.split()[0]
        assert (ROOT / source).exists() or source in made, source  # in the project, or made by the line above
    installs = [one for one in by["RUN"] if "pip" in one]
    assert installs
    assert all("--no-index" in one and "--find-links /wheels" in one for one in installs)
    extras = re.findall(r"crm-analytics\[(\w+)\]", installs[0])
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras) <= set(known)
    words = [step for step, _ in steps]
    assert by["USER"] == ["crm"]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert not [one for one, (step, _) in enumerate(steps) if step == "RUN" and one > words.index("USER")]
    assert by["ENTRYPOINT"] == ['["crm"]']
    assert not re.search(r"ADD|curl|wget|apt-get", text)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project where the recipes expect /srv/crm, with `crm` where they expect it."""
    scene = Scene.make(tmp_path / "crm")
    (scene.root / "crm.toml").write_text(CONFIG)
    program = scene.root / ".venv" / "bin" / "crm"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m crm_analytics.cli "$@"\n')
    program.chmod(0o755)
    return scene.root


def test_committed_schedule_names_reports_that_exist(tmp_path: Path) -> None:
    path = tmp_path / "crm.toml"
    shutil.copy(ROOT / "crm.toml", path)
    (tmp_path / "notebooks").mkdir()
    items = prepare(read_schedule(path, datetime(2026, 3, 4, tzinfo=UTC)))
    assert [item.name for item in items] == ["segments", "lifetime_value", "lists"]


def test_documented_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://crm@db.example/shop")
    path = tmp_path / "crm.toml"
    path.write_text(blocks(TEXT, "toml")[0])
    (tmp_path / "shop.toml").write_text("")
    schedule = read_schedule(path, datetime(2026, 3, 4, tzinfo=UTC))
    assert [one.request.as_of for one in schedule.reports] == ["2026-02-28", ""]


def test_cron_line_runs_with_hardly_any_environment(home: Path) -> None:
    line = blocks(TEXT, "cron")[0].strip()
    minute, hour, *rest = line.split(None, 5)
    assert (minute, hour, rest[:3]) == ("15", "2", ["*", "*", "*"])
    assert "%" not in rest[3]  # cron would end the command there
    command = ["/bin/sh", "-c", rest[3].replace("/srv/crm", str(home))]
    cron = {"HOME": str(home), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "crm"}
    done = subprocess.run(
        command, env=cron, cwd="/", capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = [json.loads(text) for text in (home / "run.jsonl").read_text().splitlines()]
    assert [one.get("status", one.get("summary")) for one in lines] == ["done", "crm.toml"]
    assert (home / "reports" / "index.html").is_file()
    (home / "crm.toml").write_text(CONFIG + "parameters = { numbr = 1 }\n")
    done = subprocess.run(
        command, env=cron, cwd="/", capture_output=True, text=True, check=False, timeout=120
    )
    assert "did you mean 'number'" in done.stdout  # this is what cron mails


def test_airflow_command_runs_in_bash(home: Path) -> None:
    call = next(n for n in ast.walk(ast.parse(blocks(TEXT, "python")[0])) if isinstance(n, ast.Call))
    told = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}
    command = told["bash_command"].replace("/srv/crm", str(home)) + " --dry-run"
    done = subprocess.run(["bash", "-c", command], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout.splitlines()[-1])["status"]) == (0, "would run")
    assert told["skip_on_exit_code"] == 75


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(home: Path, tmp_path: Path) -> None:
    units = []
    for name, text in zip(("crm-run.service", "crm-run.timer"), blocks(TEXT, "ini"), strict=True):
        units.append(tmp_path / name)
        units[-1].write_text(text.replace("/srv/crm", str(home)).replace("User=crm", "User=root"))
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True, check=False
    )
    assert "crm-run" not in done.stderr + done.stdout
    when = re.search(r"OnCalendar=(.+)", blocks(TEXT, "ini")[1])
    assert when is not None
    calendar = ["systemd-analyze", "calendar", when[1]]
    assert subprocess.run(calendar, capture_output=True, check=False).returncode == 0


def test_documented_lists_are_those_there_are(tmp_path: Path) -> None:
    from crm_analytics.analyses.campaigns import RULES, Terms

    section = TEXT.split("## Contact lists")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [rule.name for rule in RULES]
    path = tmp_path / "crm.toml"
    block = blocks(section, "toml")[0]
    path.write_text('[source.shop]\npath = "data/shop"\n' + block)
    (one,) = read_schedule(path, datetime(2026, 3, 4, tzinfo=UTC)).lists
    assert one.request.terms.response == {"birthday": 0.06, "win_back": 0.02}
    assert one.request.terms.days == Terms().days == one.request.every
