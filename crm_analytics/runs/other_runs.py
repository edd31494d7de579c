"""What a report is told of other runs: its own at earlier days, and other reports of the same data and day.

Only what was published counts, and only good runs. Nothing in it changes when a report is made again from the
same data: a run that hands in the same facts is a repetition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from crm_analytics.pages.status import Status
from crm_analytics.runs.plan import Plan
from crm_analytics.runs.publishing import publish
from crm_analytics.runs.publishing.manifest import digest, without_paths
from crm_analytics.tables.regular_files import read_record

KEPT = 12  # earlier days
FILE = "handed_in.json"
PARAMETER = "run"  # that a notebook declares to be told, and to write lists
ALL = "*"  # as a neighbour: every other report of the same data and day


def wants_other_runs(plan: Plan) -> bool:
    """Whether the notebook asks for facts of other runs."""
    return PARAMETER in plan.report.parameters


def neighbours_of(plan: Plan) -> tuple[str, ...]:
    """The reports that the notebook names as its neighbours; they are made before it.

    A notebook that names `ALL` is told of every report and is made last of all.
    """
    about = plan.report.notebook.get("metadata", {}).get("crm", {})
    return tuple(str(name) for name in about.get("neighbours", ()))


def handed_in(plan: Plan, day: str, data_hash: str) -> dict[str, list[dict[str, Any]]]:
    """The facts of other runs, as the notebook gets them.

    Parameters
    ----------
    day : ISO, of this run
    data_hash : of its data

    Returns
    -------
    previous : this report with the same parameters on the same source at up to 12 earlier days, newest first
    neighbours : the reports that the notebook names, of the same data and day; of several runs of one report
        the one in the language of this
    """
    values, where = without_paths(plan.values), plan.where_text
    told = {
        name: [about for _, about in good_runs(plan.out / name) if _is_whole(about)]
        for name in {plan.report.name, *_told_of(plan)}
    }
    earlier: dict[str, dict[str, Any]] = {}
    for about in told[plan.report.name]:
        same = about["data"].get("source") == plan.source_name and about["parameters"] == values
        same = same and about.get("where", "") == where
        if same and str(about["as_of"]) < day:
            earlier[str(about["as_of"])] = _facts_of(about)
    neighbours = []
    for name in sorted(_told_of(plan) - {plan.report.name}):
        mine = [
            about for about in told[name] if about["as_of"] == day and about["data"].get("hash") == data_hash
        ]
        mine.sort(key=lambda about: (_language(about["parameters"]) != _language(values), str(about["slug"])))
        neighbours += [_facts_of(about) for about in mine[:1]]
    return {"previous": [earlier[d] for d in sorted(earlier, reverse=True)[:KEPT]], "neighbours": neighbours}


def fingerprint(facts: dict[str, list[dict[str, Any]]]) -> str:
    """Digest of what was handed in: part of what makes a run a repetition."""
    return digest(facts)


def _told_of(plan: Plan) -> set[str]:
    names = set(neighbours_of(plan))
    if ALL not in names:
        return names
    return {place.name for place in plan.out.glob("*/") if not place.name.startswith(".")}


def _language(values: Mapping[str, Any]) -> str:
    return str(values.get("language", ""))


def good_runs(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Manifests of the runs that stable pages show, in the order of their slugs."""
    for slug in sorted(folder.glob("*/")):
        pointer = publish.pointer_of(slug, "current.json")
        if pointer is None:
            continue
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            run = slug / "runs" / pointer["run"]
            about = read_record(run / "manifest.json")
            if about["status"] != Status.FAILED and about["data"] and about["facts"] is not None:
                yield run, about


def _is_whole(about: dict[str, Any]) -> bool:
    """Whether a record says of each thing what is handed on; records of other hands may not."""
    texts = (about.get(name) for name in ("report", "slug", "as_of", "message"))
    tables = (about.get(name) for name in ("data", "parameters", "facts", "notebook"))
    return (
        all(isinstance(one, str) for one in texts)
        and all(isinstance(one, dict) for one in tables)
        and isinstance(about["notebook"].get("file"), str)
        and isinstance(about.get("actions", []), list)
    )


def _facts_of(about: dict[str, Any]) -> dict[str, Any]:
    return {
        "report": about["report"],
        "slug": about["slug"],
        "file": about["notebook"]["file"],
        "title": about.get("title", about["report"]),
        "day": about["as_of"],
        "headline": about["message"],
        "facts": about["facts"],
        "actions": about.get("actions", []),
    }
