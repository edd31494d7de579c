"""A page that was published, found by a name, a path or a copy of it, with the record of its run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_analytics.errors import ParameterError
from crm_analytics.pages.status import Status
from crm_analytics.runs.publishing import publish
from crm_analytics.tables.regular_files import read_record, sha256_of


@dataclass(frozen=True)
class PublishedPage:
    """A page and the record of its run.

    Parameters
    ----------
    path : the file that was asked about
    run : the folder of its run
    manifest : what the run recorded
    """

    path: Path
    run: Path
    manifest: Mapping[str, Any]

    @property
    def place(self) -> publish.Place:
        """Where it was published."""
        slug = self.run.parents[1]
        return publish.Place(slug.parents[1], slug.parent.name, slug.name)

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.place.name}/{self.place.slug} ({self.run.name})"

    @property
    def is_as_made(self) -> bool:
        """Whether the file still has the bytes that the run wrote."""
        return sha256_of(self.path) == self.manifest["page"]["sha256"]


def find_page(place: str, out: Path) -> PublishedPage:
    """The page that somebody means, with the record of its run.

    Parameters
    ----------
    place : a page (also a copy that lies elsewhere), the folder of a run or slug, "name/slug" or
        "name/slug/run"
    out : the folder of reports that names and copies are looked for in

    Raises
    ------
    ParameterError : there is none, no run made it, or its record is not there.
    """
    path = Path(place).expanduser()
    path = path if path.exists() else out / place
    if path.is_file():
        run = _run_beside(path.resolve()) or _run_of_copy(path, out)
        page = path.resolve()
    elif path.is_dir():
        run = _run_in(path.resolve())
        page = run / "page.html"
        if path.resolve() == run.parents[1]:
            page = run.parents[1] / "report.html"
    else:
        raise ParameterError(
            f"there is no page '{place[:120]}'. Give a page, or NAME/SLUG as it stands below {out}"
        )
    return _recorded(page, run)


def _recorded(page: Path, run: Path) -> PublishedPage:
    try:
        about = read_record(run / "manifest.json")
        if about["status"] == Status.FAILED:
            raise ParameterError(f"{run.name} failed: a page that says so has nothing to be made again from")
        _ = about["page"]["sha256"], about["inputs"]["parts"], about["data"]["hash"], about["parameters"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ParameterError(
            f"the record of {page.name} is not there, or is of a version that recorded too little: "
            f"{run.name}/manifest.json"
        ) from None
    if not page.is_file():
        raise ParameterError(f"the page of {run.name} is not there")
    return PublishedPage(page, run, about)


def _run_beside(page: Path) -> Path | None:
    """The run of a page that lies where it was published."""
    if page.parent.parent.name == "runs":
        return page.parent
    pointer = publish.pointer_of(page.parent, "current.json") if page.name == "report.html" else None
    return page.parent / "runs" / pointer["run"] if pointer else None


def _run_in(folder: Path) -> Path:
    if (folder / "manifest.json").is_file() and folder.parent.name == "runs":
        return folder
    pointer = publish.pointer_of(folder, "current.json")
    if pointer is None:
        raise ParameterError(f"{folder.name} is no folder of a run, and no page was published there")
    return folder / "runs" / str(pointer["run"])


def _run_of_copy(path: Path, out: Path) -> Path:
    """The run that wrote a file which was sent or copied elsewhere."""
    sha256 = sha256_of(path)
    for manifest in sorted(out.glob("*/*/runs/*/manifest.json")):
        try:
            if read_record(manifest)["page"]["sha256"] == sha256:
                return manifest.parent
        except (OSError, ValueError, KeyError, TypeError):
            continue
    raise ParameterError(
        f"no run in {out} wrote {path.name}: it was made elsewhere (say --out), it was changed, or its run "
        "is no longer kept"
    )
