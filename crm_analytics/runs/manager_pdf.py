"""The manager's layer of a page as a tagged PDF, printed by a Chromium that is installed.

The browser opens a copy of the page in a private folder, with a profile of its own that goes with it. It can
look up no name, so that it reaches nothing, whatever it would like to fetch.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from crm_analytics.errors import LimitError, ParameterError, PublishError
from crm_analytics.runs.kernels.kernel import private_folder
from crm_analytics.runs.publishing import publish
from crm_analytics.tables.regular_files import read_bytes

NAME = "page.pdf"  # beside page.html in the folder of a run
SECONDS = 90.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_DRAWN = 15_000  # ms of the page's own time in which its charts are drawn
# What is folded for a manager, and what only a screen can use, stays out of print.
_STYLE = b"<style>@media print{.appendix,.menus,.lede a{display:none!important}}</style>\n</head>"
_FLAGS = """
    --headless --disable-gpu --no-first-run --no-default-browser-check --disable-sync --disable-extensions
    --disable-background-networking --disable-component-update --disable-default-apps --mute-audio
    --no-pdf-header-footer --export-tagged-pdf --generate-pdf-document-outline
"""


def find_browser() -> str:
    """The program that prints.

    Raises
    ------
    ParameterError : none is installed.
    """
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise ParameterError(
        "--pdf needs Chromium or Chrome, and none is installed here. On Debian: apt-get install chromium. "
        "Or open the page in any browser and print it from there"
    )


def print_page(page: bytes, limit: float = SECONDS) -> bytes:
    """A page's manager's layer as a tagged PDF.

    Parameters
    ----------
    page : HTML of a published page
    limit : seconds that it may take

    Raises
    ------
    ParameterError : no browser is installed.
    LimitError : it took too long, and was ended.
    PublishError : the browser made no PDF.
    """
    program = find_browser()
    folder = private_folder()
    try:
        (folder / "page.html").write_bytes(page.replace(b"</head>", _STYLE, 1))
        made = folder / "made.pdf"
        _run(
            [program, *browser_flags(folder), f"--print-to-pdf={made}", (folder / "page.html").as_uri()],
            limit,
        )
        if not made.is_file() or not (content := read_bytes(made)).startswith(b"%PDF-"):
            raise PublishError(
                f"{Path(program).name} made no PDF of the page. Print it from a browser instead"
            )
        return content
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_pdf(run: Path) -> Path:
    """The PDF of a published run, beside its page; it is pruned and erased with it.

    Raises
    ------
    ParameterError, LimitError, PublishError : see `print_page`.
    """
    content = print_page(read_bytes(run / "page.html"))
    with publish.in_words(run):
        publish.replace_file(run / NAME, content)
    return run / NAME


def browser_flags(folder: Path) -> list[str]:
    """Options for a browser that reaches no address; its profile lies in `folder`."""
    own = [
        f"--user-data-dir={folder / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--virtual-time-budget={_DRAWN}",
    ]
    # Chromium refuses its sandbox to root; the page is ours, and nothing else is opened.
    return [
        *_FLAGS.split(),
        *own,
        *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]


def _run(command: list[str], limit: float) -> None:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        raise LimitError(
            f"the PDF was not made within {limit:g} seconds, and the browser was ended"
        ) from None
    finally:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # a browser has children
        process.wait()
