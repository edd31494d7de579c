"""The key of the pseudonyms: lost, of another project, and nowhere to be read."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from crm_analytics.tables.export import KEY_FILE, ensure_key, pseudonyms
from tests.privacy.canaries import found_in_text, texts_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "p" / "notebooks").mkdir(parents=True)
    (tmp_path / "p" / "data").mkdir()
    lines = "".join(f"vogel.{n}@kanari.example,2026-01-{n + 1:02},5\n" for n in range(9))
    (tmp_path / "p" / "shop.csv").write_text("customer_id,transaction_date,unit_spend\n" + lines)
    return tmp_path / "p"


def reveal(project: Path, *names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crm_analytics.cli", "reveal", *names, "--data", "shop.csv"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_reveal_gives_the_holder_of_the_key_the_id_back(project: Path) -> None:
    (name,) = pseudonyms(["vogel.3@kanari.example"], ensure_key(project))
    done = reveal(project, str(name))
    assert (done.returncode, done.stdout) == (0, f"{name}\tvogel.3@kanari.example\n")


def test_lost_key_says_so_and_makes_no_other(project: Path) -> None:
    (name,) = pseudonyms(["vogel.3@kanari.example"], ensure_key(project))
    (project / KEY_FILE).unlink()
    done = reveal(project, str(name))
    assert done.returncode == 2
    assert "there is no key" in done.stderr
    assert "your copy" in done.stderr
    assert found_in_text(done.stdout + done.stderr) == []
    assert not (project / KEY_FILE).exists()


def test_key_of_another_project_reveals_nobody(project: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (name,) = pseudonyms(["vogel.3@kanari.example"], ensure_key(tmp_path / "other"))
    ensure_key(project)
    done = reveal(project, str(name))
    assert done.returncode == 2
    assert "not pseudonyms of these data under this project's key" in done.stderr
    assert found_in_text(done.stdout + done.stderr) == []


def key_forms(project: Path) -> list[str]:
    """How the key could stand in a text."""
    text = (project / KEY_FILE).read_text().strip()
    raw = bytes.fromhex(text)
    return [text, text.upper(), base64.b64encode(raw).decode()[:-2], repr(raw)[2:30], raw.decode("latin-1")]


def keys_in(folder: Path, forms: list[str]) -> list[str]:
    """Files that hold the key in one of its forms."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            texts = [path.read_bytes().decode("latin-1"), *texts_of(path.read_bytes())]
            found += [str(path) for text in texts for form in forms if form in text]
    return found


def test_search_finds_the_key_in_each_form(project: Path) -> None:
    ensure_key(project)
    forms = key_forms(project)
    for number, form in enumerate(forms):
        folder = project / f"f{number}"
        folder.mkdir()
        (folder / "x").write_bytes(form.encode("latin-1"))
        assert keys_in(folder, forms), form
