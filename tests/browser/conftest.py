"""Chromium by playwright-core, fetched from npm once, into the user's cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def tools() -> Path:
    """A folder with look.mjs and what it imports."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crm-analytics" / "browser"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "install.lock"):
        for name in ("package.json", "look.mjs"):
            shutil.copy(HERE / name, home / name)
        if not (home / "node_modules" / "playwright-core").exists():
            subprocess.run(["npm", "install", "--silent", "--no-package-lock"], cwd=home, check=True)
    return home


@pytest.fixture(scope="session")
def look(tools: Path) -> Callable[..., dict[str, Any]]:
    """What Chromium sees of a page, in every form; `--turned` is quicker, see look.mjs."""

    def seen(page: Path, *options: str) -> dict[str, Any]:
        out = os.environ.get("CRM_LOOK_OUT")
        command = ["node", "look.mjs", str(page), *options, *([out] if out else [])]
        done = subprocess.run(command, cwd=tools, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return seen
