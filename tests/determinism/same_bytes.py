"""Runs of the same input under different conditions, and what differs in the bytes they publish."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

STAMPED = {"created", "seconds", "inputs"}  # in the manifest


def publish(project: Path, out: str, *arguments: str, cores: str = "", **environment: str) -> dict[str, str]:
    """What `crm report` publishes in a process of its own, as `crm` says it."""
    return crm(project, out, "report", *arguments, "--out", out, cores=cores, **environment)


def publish_by_schedule(
    project: Path, out: str, data: str, reports: list[str], **environment: str
) -> dict[str, str]:
    """What `crm run` publishes with two workers, which fork their kernels, as `crm` says it."""
    lines = [f'out = "{out}"', "workers = 2", "[source.shop]", f'path = "{data}"']
    for name in reports:
        lines += ["[[report]]", f'name = "{name}"', 'source = "shop"']
    (project / "crm.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return crm(project, out, "run", "crm.toml", **environment)


def crm(project: Path, out: str, *arguments: str, cores: str = "", **environment: str) -> dict[str, str]:
    """Run the command; sha256 by report and file, of all under `out` that must not differ.

    The manifest says when the run was, how long it took and when its files were written; all else in it is
    compared as text.

    Parameters
    ----------
    cores : the processors it may use, such as "0": DuckDB and BLAS take as many threads
    environment : what else it is told
    """
    command = [
        *(["taskset", "-c", cores] if cores else []),
        sys.executable,
        "-m",
        "crm_analytics.cli",
        *arguments,
    ]
    told = {**os.environ, **environment}
    done = subprocess.run(
        command, cwd=project, env=told, capture_output=True, text=True, timeout=3_600, check=False
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for current in sorted((project / out).glob("*/*/current.json")):
        run = current.parent / "runs" / json.loads(current.read_text())["run"]
        report = current.parent.parent.name
        for path in sorted(p for p in run.rglob("*") if p.is_file()):
            content = path.read_bytes()
            if path.name == "manifest.json":
                about = json.loads(content)
                content = json.dumps({k: v for k, v in about.items() if k not in STAMPED}).encode()
            found[f"{report}/{path.relative_to(run)}"] = hashlib.sha256(content).hexdigest()
        page = current.parent / "report.html"
        found[f"{report}/report.html"] = hashlib.sha256(page.read_bytes()).hexdigest()
    return found


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Files that are not the same in both."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
