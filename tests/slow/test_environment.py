"""The pip block of environment.yml makes a working environment, from which a report can be run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pip_block() -> list[str]:
    """The arguments for pip in environment.yml, read without a YAML parser: it is our own file."""
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip() == "- pip:")
    return [word for line in lines[start + 1 :] for word in line.strip().removeprefix("- ").split()]


@pytest.mark.weekly
def test_fresh_environment_from_environment_yml_makes_a_report(tmp_path):
    assert pip_block() == ["-c", "constraints.txt", "-e", ".[dev]"]
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "CRM_", "PYTEST"))
    }
    copy = tmp_path / "checkout"
    kept = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, kept.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "fresh"], check=True, env=clean)
    python = tmp_path / "fresh" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *pip_block()], cwd=copy, check=True, env=clean)
    crm = tmp_path / "fresh" / "bin" / "crm"
    subprocess.run([crm, "demo", "cdnow"], cwd=copy, check=True, env=clean)
    made = subprocess.run(
        [crm, "report", "segments", "--data", "cdnow"],
        cwd=copy,
        check=True,
        env=clean,
        capture_output=True,
        text=True,
    )
    line = json.loads(made.stdout)
    assert line["status"] == "done"
    assert Path(line["page"]).is_file()
    assert made.stderr.strip()


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_wheel_alone_makes_the_reports(tmp_path):
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "CRM_", "PYTEST"))
    }
    wheels = tmp_path / "wheels"
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", wheels, ROOT]
    subprocess.run(build, check=True, env=clean)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "fresh"], check=True, env=clean)
    python = tmp_path / "fresh" / "bin" / "python"
    install = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "-c",
        ROOT / "constraints.txt",
        *wheels.glob("*.whl"),
    ]
    subprocess.run(install, check=True, env=clean)
    work = tmp_path / "anywhere"
    work.mkdir()
    crm = tmp_path / "fresh" / "bin" / "crm"
    subprocess.run([crm, "demo", "lemonade"], cwd=work, check=True, env=clean)
    made = subprocess.run(
        [crm, "report", "segments", "--data", "lemonade"],
        cwd=work, check=True, env=clean, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(made.stdout)["status"] == "thin"
