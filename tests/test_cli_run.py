"""`crm run` from end to end, with as few kernels as show it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crm_analytics import cli
from tests.faults.scene import Scene

CONFIG = """
[source.shop]
path = "data/shop"
oldest_data = "36500d"

[[report]]
name = "tiny"
source = "shop"
slug = "one"

[[report]]
name = "tiny"
source = "shop"
slug = "two"
parameters = { mode = "MODE" }
"""


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene.make(tmp_path / "p")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRM_PROJECT", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    return made


def configure(scene: Scene, mode: str = "fine") -> str:
    path = scene.root / "crm.toml"
    path.write_text(CONFIG.replace("MODE", mode))
    return str(path)


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict], str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    out, err = capfd.readouterr()
    return int(stopped.value.code or 0), [json.loads(line) for line in out.splitlines()], err


def state(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in [folder, *folder.rglob("*")]}


def test_a_night_and_the_next_one(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    config = configure(scene, "raises")
    code, lines, said = call(capfd, "run", config, "--dry-run")
    assert code == 0
    assert [(line["status"], line["why"]) for line in lines] == [("would run", "not made yet")] * 2
    assert not scene.out.exists()

    code, lines, said = call(capfd, "run", config)
    by_slug = {line["slug"]: line for line in lines[:-1]}
    assert (by_slug["one"]["status"], by_slug["two"]["exit_code"]) == ("done", 4)
    assert code == lines[-1]["exit_code"] == 4
    assert (lines[-1]["reports"], lines[-1]["done"], lines[-1]["failed"]) == (2, 1, 1)
    assert "tiny one: begins" in said
    assert "crm.toml: 1 done, 1 failed" in said
    assert "1 of 2 reports could not be made" in (scene.out / "index.html").read_text()

    configure(scene)  # the next night resumes: what is made is skipped
    code, lines, said = call(capfd, "run", config)
    assert code == 0
    assert {line["slug"]: line["status"] for line in lines[:-1]} == {"one": "unchanged", "two": "done"}
    index = (scene.out / "index.html").read_text()
    assert "unchanged" in index
    assert "without a problem" in index

    before = state(scene.out)
    code, lines, said = call(capfd, "run", config)
    assert (code, lines[-1]["unchanged"]) == (0, 2)
    assert "begins" not in said
    assert state(scene.out) == before
    _, lines, said = call(capfd, "run", config, "--dry-run", "--force", "--only", "tiny/one")
    assert [(line["slug"], line["why"]) for line in lines] == [("one", "forced")]
    assert state(scene.out) == before


def test_old_data_fail_in_words_and_keep_the_page(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    path = Path(configure(scene))
    path.write_text(path.read_text().replace("36500d", "3d"))
    code, lines, _ = call(capfd, "run", str(path), "--only", "tiny/one")
    assert code == 3
    assert "at most 3 are allowed (oldest_data)" in lines[0]["message"]
    assert (scene.out / "tiny" / "one" / "failed.json").is_file()


def test_wrong_parameter_runs_nothing(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    code, lines, said = call(capfd, "run", configure(scene, "loud"))
    assert (code, lines) == (2, [])
    assert "[[report]] 2 (tiny): mode = 'loud': it must be one of" in said
    assert not scene.out.exists()
    code, lines, said = call(capfd, "run", "nowhere.toml")
    assert (code, lines) == (2, [])
    assert "there is no " in said


def test_stop_is_told_and_leaves_no_process(scene: Scene) -> None:
    command = [sys.executable, "-m", "crm_analytics.cli", "run", configure(scene, "slow")]
    with subprocess.Popen(
        command, env=scene.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        first = json.loads(run.stdout.readline())
        assert (first["slug"], first["status"]) == ("one", "done")
        time.sleep(1)
        run.send_signal(signal.SIGTERM)
        lines = [json.loads(line) for line in run.stdout.read().splitlines()]
        assert run.wait(30) == 5
    assert "stopped from outside" in lines[0]["message"]
    assert lines[-1]["exit_code"] == 5
    assert (scene.out / "tiny" / "two" / "failed.json").is_file()
    time.sleep(0.5)
    marker = str(scene.root).encode()
    left = [p for p in Path("/proc").glob("[0-9]*/environ") if _holds(p, marker)]
    assert left == []
    assert list((scene.root / "t").iterdir()) == []


def _holds(path: Path, marker: bytes) -> bool:
    try:
        return int(path.parent.name) != os.getpid() and marker in path.read_bytes()
    except OSError:
        return False
