"""`--pdf` where no browser is, and where one misbehaves; what a real one prints is in tests/browser."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from crm_analytics import cli
from crm_analytics.errors import LimitError, ParameterError, PublishError
from crm_analytics.runs.manager_pdf import print_page, write_pdf

PAGE = b"<html><head></head><body>x</body></html>"


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only program on the path, called chromium; a test says what it does."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "chromium"


def program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_no_browser_says_what_to_install_before_anything_is_made(
    browser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["report", "segments", "--pdf"])
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "--pdf needs Chromium or Chrome" in said
    assert "apt-get install chromium" in said
    assert not (tmp_path / "reports").exists()
    with pytest.raises(ParameterError):
        print_page(PAGE)


def test_pdf_lies_beside_its_page_and_comes_from_a_private_copy(browser: Path, tmp_path: Path) -> None:
    copy = tmp_path / "seen"
    program(
        browser,
        'for a in "$@"; do case "$a" in --print-to-pdf=*) out="${a#--print-to-pdf=}";; '
        'file://*) in="${a#file://}";; esac; done\n'
        f'while IFS= read -r line; do echo "$line"; done < "$in" > {copy}\n'
        f'echo "$@" > {copy}.args\necho %PDF-1.7 > "$out"',
    )
    run = tmp_path / "run"
    run.mkdir()
    (run / "page.html").write_bytes(PAGE + b"\n")
    made = write_pdf(run)
    assert made == run / "page.pdf"
    assert made.read_bytes() == b"%PDF-1.7\n"
    assert ".appendix" in copy.read_text()
    arguments = (tmp_path / "seen.args").read_text()
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in arguments
    private = Path(arguments.split("--user-data-dir=")[1].split()[0]).parent
    assert not private.exists()


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("exit 1", PublishError, "made no PDF"),
        ('for a in "$@"; do case "$a" in --print-to-pdf=*) echo no > "${a#--print-to-pdf=}";; esac; done',
         PublishError, "made no PDF"),
        ("/bin/sleep 60", LimitError, "not made within 1 seconds"),
    ],
)  # fmt: skip
def test_browser_that_fails_or_hangs_says_so(
    browser: Path, body: str, kind: type[Exception], words: str
) -> None:
    program(browser, body)
    began = time.monotonic()
    with pytest.raises(kind, match=words):
        print_page(PAGE, limit=1)
    assert time.monotonic() - began < 20
