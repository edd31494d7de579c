"""A small project to break things in, and the question whether what it publishes is whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import nbformat

MARKER = "CRM_FAULT_RUN"  # in the environment of all processes of a run, so that none is overlooked
REPORT, SLUG = "tiny", "fixed"
MAY_STAY_OPEN = {"p", "li", "td", "th", "tr", "dt", "dd"}
VOID = {"meta", "link", "br", "img", "hr", "input", "wbr", "source", "path", "rect", "circle", "line"}

CELLS = [
    "# Tiny\n\nIs it whole?",
    'data: str = "shop"  # the source\nas_of: str = ""  # a day\n'
    'number: int = 0  # makes runs differ\nmode: str = "fine"  # one of fine, dead, slow, greedy, raises',
    "import os\nimport signal\nimport time\n\nfrom crm_analytics import CustomerBase\n"
    "from crm_analytics.pages import blocks\n\nbase = CustomerBase.open(data)",
    'if mode == "dead":\n    os.kill(os.getpid(), signal.SIGKILL)\nif mode == "slow":\n    time.sleep(600)\n'
    'if mode == "greedy":\n    hoard = [bytearray(64_000_000) for _ in range(1000)]\n'
    'if mode == "raises":\n    raise ValueError("told to")',
    "blocks.headline(f\"Run {number} of {base.counts['rows']} rows\")",
    "import pandas as pd\n\n"
    'blocks.table(pd.DataFrame({"number": [number] * 40}), finding="Forty equal lines")',
    "blocks.record(number=number)",
]


@dataclass
class Scene:
    """A project with one notebook and twenty purchases; reports go to `out`."""

    root: Path
    out: Path
    environment: dict[str, str] = field(default_factory=dict)
    reports: tuple[str, ...] = (REPORT,)
    scheduled: bool = False  # by `crm run` with two workers

    @classmethod
    def make(cls, root: Path, out: Path | None = None, reports: int = 1, *, scheduled: bool = False) -> Scene:
        """Write the project's files; more than one report in a command share warm kernels."""
        (root / "notebooks").mkdir(parents=True)
        (root / "data" / "shop").mkdir(parents=True)
        (root / "t").mkdir()
        lines = ["customer_id,transaction_date,unit_spend"]
        lines += [f"k{i % 7},2026-01-{1 + i:02},{i}.5" for i in range(20)]
        (root / "data" / "shop" / "transactions.csv").write_text("\n".join(lines) + "\n")
        new = nbformat.v4
        cells = [new.new_markdown_cell(CELLS[0]), new.new_code_cell(CELLS[1])]
        cells[1].metadata = {"tags": ["parameters"]}
        cells += [new.new_code_cell(source) for source in CELLS[2:]]
        for number, cell in enumerate(cells):
            cell["id"] = f"c{number}"
        notebook = new.new_notebook(cells=cells)
        names = (REPORT, *(f"tiny{n}" for n in range(2, reports + 1)))
        for name in names:
            (root / "notebooks" / f"{name}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
        told = {**os.environ, MARKER: str(root), "TMPDIR": str(root / "t"), "NO_COLOR": "1"}
        return cls(root, out or root / "reports", told, names, scheduled)

    def start(
        self, number: int, mode: str = "fine", limit: str = "", prefix: tuple[str, ...] = ()
    ) -> Started:
        """`crm report`, or `crm run` where it is scheduled, as a process group of its own."""
        command = [*prefix, sys.executable, "-m", "crm_analytics.cli"]
        if self.scheduled:
            command += ["run", self._schedule(number, mode, limit)]
        else:
            command += ["report", *self.reports, "--data", "shop", "--slug", SLUG, "--out", str(self.out)]
            command += ["-p", f"number={number}", "-p", f"mode={mode}"]
            command += ["--limit", limit] if limit else []
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return Started(process, time.perf_counter())

    def _schedule(self, number: int, mode: str, limit: str) -> str:
        """The name of a crm.toml for all reports."""
        lines = [f'out = "{self.out}"', "workers = 2", "[source.shop]", 'path = "data/shop"']
        for name in self.reports:
            lines += ["[[report]]", f'name = "{name}"', 'source = "shop"', f'slug = "{SLUG}"']
            lines += [f'parameters = {{ number = {number}, mode = "{mode}" }}']
            lines += [f"limit_seconds = {limit}"] if limit else []
        (self.root / "crm.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return "crm.toml"

    @property
    def place(self) -> Path:
        """The folder with the page."""
        return self.out / REPORT / SLUG

    def number_of_page(self, report: str = REPORT) -> int | None:
        """Which run the last good page is of."""
        with suppress(OSError):
            text = (self.out / report / SLUG / "report.html").read_text(encoding="utf-8")
            found = re.search(r"<h1[^>]*>\s*Run (\d+) of 20 rows", text)
            return int(found[1]) if found else -1
        return None

    def page_text(self) -> str:
        """The last good page."""
        return (self.place / "report.html").read_text(encoding="utf-8")


@dataclass
class Started:
    """A run under way."""

    process: subprocess.Popen[bytes]
    began: float

    def kill(self, *, alone: bool = False) -> None:
        """Kill −9 for the whole process group, or for the process that was started `alone`."""
        with suppress(ProcessLookupError):
            if alone:
                self.process.kill()
            else:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()  # processes that live on for a moment may hold the other end

    def finish(self, seconds: float = 120) -> dict[str, object]:
        """The JSON line, with the exit code the process really had and what it said on stderr."""
        out, err = self.process.communicate(timeout=seconds)
        lines = [line for line in out.decode().splitlines() if line.startswith("{")]
        line = json.loads(lines[0]) if lines else {}
        return {**line, "code": self.process.returncode, "stderr": err.decode(errors="replace")}


def left_processes(root: Path) -> list[int]:
    """Living processes that a run of this project started, by the marker in their environment."""
    wanted = f"{MARKER}={root}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if state != "Z" and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def problems(out: Path) -> list[str]:
    """What is not whole under a folder of reports; a folder where nothing was published yet is."""
    found = []
    index = out / "index.html"
    if index.exists():
        found += [f"index.html {p}" for p in problems_of_html(index.read_text(encoding="utf-8"), out)]
    for pointer in out.glob("*/*/*.json"):
        found += _problems_of_pointer(pointer)
    for page in out.glob("*/*/report.html"):
        found += _problems_of_page(page)
    for run in out.glob("*/*/runs/[!.]*"):
        found += _problems_of_run(run)
    return found


def _problems_of_pointer(pointer: Path) -> Iterator[str]:
    try:
        run = json.loads(pointer.read_text(encoding="utf-8"))["run"]
    except (ValueError, KeyError):
        yield f"{pointer} is not whole"
        return
    if not (pointer.parent / "runs" / run / "manifest.json").is_file():
        yield f"{pointer} names the run {run}, which is not there"


def _problems_of_page(page: Path) -> Iterator[str]:
    digest = hashlib.sha256(page.read_bytes()).hexdigest()
    recorded = {}
    for path in page.parent.glob("runs/[!.]*/manifest.json"):
        about = json.loads(path.read_text(encoding="utf-8"))
        recorded[about.get("page", {}).get("sha256")] = path
    if digest not in recorded:
        yield f"{page} is the page of no run: its sha256 is in no manifest"
    yield from (f"{page} {p}" for p in problems_of_html(page.read_text(encoding="utf-8"), None))


def _problems_of_run(run: Path) -> Iterator[str]:
    about = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    if about["status"] == "failed":
        if not (run / "failure.html").is_file():
            yield f"{run} failed and has no failure page"
        return
    content = (run / "page.html").read_bytes()
    if hashlib.sha256(content).hexdigest() != about["page"]["sha256"]:
        yield f"{run}/page.html is not what its manifest records"
    json.loads((run / "notebook.ipynb").read_text(encoding="utf-8"))
    for table in run.glob("tables/*.parquet"):
        if table.read_bytes()[-4:] != b"PAR1":
            yield f"{table} is half a file"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.wrong = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        while (
            self.open and self.open[-1] != tag and self.open[-1] in {"p", "li", "td", "th", "tr", "dt", "dd"}
        ):
            self.open.pop()  # may be left open
        if not self.open or self.open.pop() != tag:
            self.wrong = self.wrong or f"closes <{tag}> that is not open"


def problems_of_html(text: str, folder: Path | None) -> Iterator[str]:
    """Whether a page is whole: all tags closed, the end reached, its links into `folder` lead somewhere."""
    tags = _Tags()
    tags.feed(text)
    tags.close()
    if tags.wrong:
        yield tags.wrong
    if tags.open or not text.rstrip().endswith("</html>"):
        yield f"is not closed: {tags.open[:5]}"
    if folder is not None:
        for link in tags.links:
            if "://" not in link and not link.startswith(("#", "data:")) and not (folder / link).exists():
                yield f"links to {link}, which is not there"
