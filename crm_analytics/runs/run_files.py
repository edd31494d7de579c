"""What a run leaves behind: the files of its folder and what the pointers say."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import crm_analytics
from crm_analytics.errors import CrmError, PublishError
from crm_analytics.pages.status import Status
from crm_analytics.runs.plan import OpenedData, Plan
from crm_analytics.runs.publishing import lists_on_page, manifest, publish
from crm_analytics.runs.unchanged import key_digest

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from crm_analytics.pages.page import PageContext
    from crm_analytics.runs.unchanged import Inputs

STEPS = (2, 3, 4, 5, 6)  # exit codes of which a failure page and a mail say what to do


def next_step(exit_code: int, language: str) -> str:
    """What the reader of a failure page, who has not run anything, can do.

    >>> next_step(4, "en")
    'Whoever keeps the report can find the cause by running its notebook in JupyterLab.'
    """
    from crm_analytics.pages.sentences import sentences

    return sentences(language)(f"failure.step_{exit_code if exit_code in STEPS else 4}")


@dataclass
class Record:
    """What is known of a run, filled as it goes on."""

    plan: Plan
    data: OpenedData | None = None
    executed: NotebookNode | None = None
    traceback: str = ""  # for the person who debugs; never published
    timings: dict[str, float] = field(default_factory=dict)
    inputs: Inputs | None = None
    handed_in: dict[str, list[dict[str, Any]]] | None = None  # of `other_runs`
    lists: dict[str, bytes] = field(default_factory=dict)  # by path: "lists/at_risk.csv"

    @property
    def day(self) -> str | None:
        """ISO day of the data, as far as it is known."""
        return self.data.day.isoformat() if self.data else self.plan.as_of or None


@dataclass(frozen=True)
class Outcome:
    """What is to be published of a run."""

    status: Status
    exit_code: int
    message: str
    run: str
    files: dict[str, bytes]
    pointer: dict[str, Any]


def success(record: Record, place: publish.Place) -> Outcome:
    """The page and all beside it.

    Raises
    ------
    PublishError : the notebook shows something that is not a block, or names a folder of this machine.
    """
    from crm_analytics.pages import page
    from crm_analytics.runs.publishing.published_tables import published_tables

    assert record.executed is not None
    began = time.perf_counter()
    shown = _shown(record.executed)
    text = page.build(shown, _context(record))
    html = text.encode("utf-8")
    record.timings["page"] = time.perf_counter() - began
    status = Status.THIN if page.is_thin(shown) else Status.DONE
    headline, title = page.headline(shown), page.title(shown)
    about = _manifest(record, place, status, 0, headline) | {
        "title": title,
        "facts": page.facts(shown),
        "actions": page.action_facts(shown),
        "handed_in": _handed_in(record),
        "warnings": _warnings(record.executed),
        "page": {"sha256": hashlib.sha256(html).hexdigest(), "bytes": len(html)},
        "inputs": _inputs(record),
    }
    files = {
        "page.html": html,
        "notebook.ipynb": _notebook(record),
        "manifest.json": publish.as_json(about),
        **published_tables(shown),
        **lists_on_page.checked(record.lists, page.named_lists(shown)),
    }
    _refuse_paths(record, files)
    run = publish.run_id(record.plan.request.now, hashlib.sha256(html).hexdigest())
    pointer = _pointer(record, place, status, headline, title)
    if record.inputs is not None:
        pointer["asked"] = record.inputs.asked
    return Outcome(status, 0, headline, run, files, pointer)


def _handed_in(record: Record) -> dict[str, Any] | None:
    """What other runs told this one: enough to know whether they would tell the same again."""
    if record.handed_in is None:
        return None
    from crm_analytics.runs.other_runs import fingerprint

    facts = {
        what: [
            {"report": one["report"], "slug": one["slug"], "day": one["day"]}
            for one in record.handed_in[what]
        ]
        for what in ("previous", "neighbours")
    }
    return {"digest": fingerprint(record.handed_in), **facts}


def _inputs(record: Record) -> dict[str, Any] | None:
    """What the next run compares itself with, see `unchanged`."""
    if record.inputs is None or record.data is None:
        return None
    today = record.plan.request.today.isoformat() if record.data.has_future else ""
    parts = record.inputs.parts | {"key": key_digest(record.plan.root)}  # the run may have made the first one
    return {"parts": parts, "files": record.data.files, "today": today}


def failure(record: Record, place: publish.Place, error: CrmError, last_good: str | None) -> Outcome:
    """The failure page and all beside it.

    Parameters
    ----------
    last_good : path of the last good page inside the folder of reports, or None
    """
    from crm_analytics.pages import locales, page

    message, code = manifest.published_words(str(error)), error.exit_code
    language = str(record.plan.values.get("language") or locales.ENGLISH)
    up = PurePosixPath("../../../..")  # from reports/<name>/<slug>/runs/<id>/
    html = page.failure(
        _context(record),
        what=message,
        next_step=next_step(code, language),
        last_good=(up / last_good).as_posix() if last_good else None,
        language=language,
    )
    files = {"failure.html": html.encode("utf-8")}
    if record.executed is not None:
        files["notebook.ipynb"] = _notebook(record)
    files["manifest.json"] = publish.as_json(_manifest(record, place, Status.FAILED, code, message))
    pointer = _pointer(record, place, Status.FAILED, "", record.plan.report.title)
    run = publish.run_id(record.plan.request.now, manifest.digest(message))
    return Outcome(
        Status.FAILED, code, message, run, files, pointer | {"exit_code": code, "message": message}
    )


def _shown(executed: NotebookNode) -> NotebookNode:
    """The author's cells without warnings on stderr; anything else that is not a block, the page refuses."""
    import nbformat

    from crm_analytics.runs.kernels.engine import own_cells

    cells = []
    for cell in own_cells(executed):
        made = nbformat.from_dict(cell)
        if cell.cell_type == "code":
            made.outputs = [o for o in cell.outputs if not _is_warning(o)]
        cells.append(made)
    return nbformat.from_dict({**executed, "cells": cells})


def _is_warning(output: Any) -> bool:
    return bool(output.output_type == "stream" and output.name == "stderr")


def _warnings(executed: NotebookNode) -> int:
    return sum(_is_warning(o) for c in executed.cells if c.cell_type == "code" for o in c.outputs)


def _notebook(record: Record) -> bytes:
    plan = record.plan
    only = record.data.filtered_by if record.data else ""
    assert record.executed is not None
    return manifest.published_notebook(record.executed, plan.values, plan.source_name, record.day or "", only)


def _context(record: Record) -> PageContext:
    from crm_analytics.pages.page import PageContext

    plan, data = record.plan, record.data
    blank = PageContext(
        report=plan.report.name,
        label=plan.source_name,
        as_of=date.fromisoformat(plan.as_of) if plan.as_of else None,
        version=crm_analytics.__version__,
        data_hash="",
        parameters=manifest.without_paths(plan.report.parameters.changed(plan.values)),
        rows=0,
        rejected=0,
        first_day=None,
        last_day=None,
        brand=plan.look.brand,
    )
    if data is None:
        return blank
    return replace(
        blank,
        label=data.label,
        as_of=data.day,
        data_hash=data.data_hash,
        rows=data.rows,
        rejected=data.rejected,
        first_day=data.first_day,
        last_day=data.last_day,
        timezone=data.timezone,
        filtered_by=data.filtered_by,
        cautions=data.cautions,
        neighbours=tuple(
            (one["title"], f"../../{one['report']}/{one['slug']}/report.html")
            for one in (record.handed_in or {}).get("neighbours", [])
        ),
    )


def _manifest(
    record: Record, place: publish.Place, status: Status, code: int, message: str
) -> dict[str, Any]:
    plan, data = record.plan, record.data
    return {
        "schema": manifest.SCHEMA,
        "report": place.name,
        "slug": place.slug,
        "status": status,
        "exit_code": code,
        "message": message,
        "created": plan.request.now.isoformat(timespec="seconds"),
        "as_of": record.day,
        "parameters": manifest.without_paths(plan.values),
        **({"where": plan.where_text} if plan.where_text else {}),
        **({"rules": plan.request.rules} if plan.request.rules else {}),
        "key": key_digest(plan.root),
        "data": {"source": plan.source_name} | (data.facts() if data else {}),
        "notebook": {"file": plan.report.path.name, "sha256": manifest.code_digest(plan.report.notebook)},
        "versions": manifest.versions(),
        "seconds": {name: round(seconds, 3) for name, seconds in record.timings.items()},
    }


def _pointer(
    record: Record, place: publish.Place, status: Status, headline: str, title: str
) -> dict[str, Any]:
    only = record.data.filtered_by if record.data else ""
    return {
        "report": place.name,
        "slug": place.slug,
        "title": f"{title} · {only}" if only else title,
        "status": status,
        "headline": headline,
        "label": record.data.label if record.data else "",
        "source": record.plan.source_name,
        "place": record.plan.report.path.name,
        "day": record.day,
        "published": f"{record.plan.request.now:%Y-%m-%d %H:%M %Z}".strip(),
    }


def _refuse_paths(record: Record, files: dict[str, bytes]) -> None:
    """The private folder and the source's place must not be told, whatever a notebook shows."""
    places = [record.data.folder.parent.as_posix()] if record.data else []
    source = record.plan.source.path
    if source is not None and len(source.parts) > 2:
        places.append(str(source))
    for name, content in files.items():
        if any(place.encode("utf-8") in content for place in places):
            raise PublishError(
                f"{name} would tell the folder the data lie in. Show base.label in the notebook, not the path"
            )
