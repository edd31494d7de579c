"""Whether a run would only repeat an earlier one; told without opening the data or importing what computes.

A run is a repetition when its notebook, the package's code, the parameters, the versions of the libraries
and the data are those of the run that is published. Files are compared by size and time, and by SHA-256 where
these differ; a connection by the answer to its `version_query`.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from crm_analytics.errors import DataError
from crm_analytics.pages.brand import Brand
from crm_analytics.runs import other_runs, version_query
from crm_analytics.runs.catalogue.parameters import INJECTED
from crm_analytics.runs.plan import Plan, check_age
from crm_analytics.runs.publishing import identity_store, publish
from crm_analytics.runs.publishing.manifest import code_digest, digest, package_digest, versions
from crm_analytics.tables.project_key import fingerprint, read_key
from crm_analytics.tables.regular_files import read_record, sha256_of
from crm_analytics.tables.source_ref import SourceRef

Stamp = list[Any]  # size, time of change, and SHA-256 where it was worked out

_REASONS = {
    "notebook": "the notebook changed",
    "code": "the package's code changed",
    "parameters": "the parameters changed",
    "rules": "segments, stages or targets in crm.toml changed",
    "versions": "a library's version changed",
    "key": "the key for pseudonyms changed",
    "source": "the source is another one",
    "brand": "the colour or the logo changed",
    "identities": "who is who was brought up to date",
    "version": "the data changed",
}


@dataclass(frozen=True)
class Inputs:
    """All that a run is made from.

    Parameters
    ----------
    asked : what was asked for, without what may change between two runs of it; finds the earlier run
    parts : digests by part
    files : size and time of each watched file, by a digest of its name
    never : why no run is a repetition, or empty
    """

    asked: str
    parts: dict[str, str]
    files: dict[str, Stamp] = field(default_factory=dict)
    never: str = ""


@dataclass(frozen=True)
class Former:
    """The published run that would be repeated."""

    place: publish.Place
    run_folder: Path
    pointer: dict[str, Any]
    day: str


def inputs_of(plan: Plan, *, ask: bool = True) -> Inputs:
    """What a run of this plan would be made from, as it is now.

    Parameters
    ----------
    ask : whether the source may be asked its `version_query`; without the answer no run is a repetition

    Raises
    ------
    DataError : the `version_query` has no answer.
    """
    request = plan.request
    varied = plan.varied if request.slug is None else {}
    asked = digest(request.slug, plan.as_of, plan.source_name, varied)
    query = request.version_query
    answer = version_query.answer(plan.source, query) if query and ask else ""
    values = {n: v for n, v in plan.values.items() if n not in INJECTED}
    parts = {
        "notebook": code_digest(plan.report.notebook),
        "code": package_digest(),
        "parameters": digest(values, *([plan.where_text] if plan.where_text else [])),
        "rules": digest(request.rules) if request.rules else "",
        "versions": digest(versions()),
        "key": key_digest(plan.root),
        "source": digest(plan.source_name, plan.source.identity if plan.source.is_connection else ""),
        "version": digest(query, answer) if answer else "",
        "brand": digest(astuple(plan.look.brand)) if plan.look.brand != Brand() else "",
        "identities": identity_store.stamp(plan.out, plan.source_name),
    }
    files = {name: stamp(path) for name, path in watched(plan.source, request.mapping).items()}
    asking = plan.source.is_connection and not query
    never = "a connection without version_query is never skipped" if asking else ""
    never = never or ("its version_query is not asked now" if query and not ask else "")
    return Inputs(asked, parts, files, never)


def find(plan: Plan, inputs: Inputs) -> Former | str:
    """The run that this one would repeat, or in words why it must be made.

    Raises
    ------
    DataError : nothing has changed, and so the data are now older than allowed.
    """
    if inputs.never:
        return inputs.never
    folder = _folder(plan, inputs)
    if folder is None:
        return "not made yet"
    place = publish.Place(plan.out, plan.report.name, folder.name)
    pointer = publish.pointer_of(folder, "current.json")
    if pointer is None:
        return "not made yet"
    run = folder / "runs" / pointer["run"]
    try:
        about = read_record(run / "manifest.json")
        recorded, sha256 = about["inputs"], about["page"]["sha256"]
        whole = sha256_of(place.page) == sha256
        why = "" if whole else "the page is not as it was made"
        why = why or _difference(recorded, inputs, plan) or _other_facts(about, plan)
        newest = date.fromisoformat(about["data"]["newest_day"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "there is no whole record of the last run"
    if not (plan.out / "index.html").is_file():
        return "the index is not there"
    if why:
        return why
    check_age(plan, newest)
    if any(failed.exists() for failed in publish.settled(place)):
        return "it failed last time"
    return Former(place, run, pointer, str(pointer.get("day") or ""))


def _other_facts(about: dict[str, Any], plan: Plan) -> str:
    """Whether other runs would now hand in other facts than they did then."""
    if not other_runs.wants_other_runs(plan):
        return ""
    facts = other_runs.handed_in(plan, str(about["as_of"]), about["data"]["hash"])
    same = (about["handed_in"] or {}).get("digest") == other_runs.fingerprint(facts)
    return "" if same else "the facts of other runs changed"


def _folder(plan: Plan, inputs: Inputs) -> Path | None:
    """The slug's folder; while the day is not known, that of the newest run that was asked for so."""
    if plan.slug:
        folder = plan.out / plan.report.name / plan.slug
        return folder if folder.is_dir() else None
    found = []
    for folder in (plan.out / plan.report.name).glob("*/"):
        pointer = publish.pointer_of(folder, "current.json")
        if pointer and pointer.get("asked") == inputs.asked:
            found.append((pointer["run"], folder))
    return max(found)[1] if found else None


def _difference(recorded: dict[str, Any], inputs: Inputs, plan: Plan) -> str:
    """The first thing that differs from the recorded run, in words; empty where nothing does."""
    for part, reason in _REASONS.items():
        if recorded["parts"].get(part, "") != inputs.parts[part]:
            return reason
    if recorded["today"] and recorded["today"] != plan.request.today.isoformat():
        return "rows after the day of the last run were left out then"
    files = recorded["files"]
    if files.keys() != inputs.files.keys():
        return "a file of the data came or went"
    paths = watched(plan.source, plan.request.mapping)
    for name, stamp in inputs.files.items():
        same = files[name][:2] == stamp[:2]
        if not same and (files[name][0] != stamp[0] or files[name][2] != _sha256(paths[name])):
            return "the data changed"
    if not files and not inputs.parts["version"]:
        return "the data were not there"
    return ""


def watched(source: SourceRef, mapping: Path | None) -> dict[str, Path]:
    """The files a run is made from, by a digest of their name (which might tell of somebody)."""
    return {digest(name)[:16]: path for name, path in source.watched(mapping).items()}


def read_stamps(source: SourceRef, mapping: Path | None) -> dict[str, Stamp]:
    """Size, time and SHA-256 of every watched file."""
    return {name: [*stamp(path), _sha256(path)] for name, path in watched(source, mapping).items()}


def check_at_rest(before: dict[str, Stamp], after: dict[str, Stamp], name: str) -> None:
    """Refuse a source that was written to while it was read.

    Raises
    ------
    DataError : a file came, went or changed in between.
    """
    if {n: s[:2] for n, s in before.items()} != {n: s[:2] for n, s in after.items()}:
        raise DataError(
            f"{name} was being written while it was read. Run again when it is complete; best put new files "
            "beside it and rename them into place"
        )


def stamp(path: Path) -> Stamp:
    """Size and time of change of a file; [-1, 0] where there is none."""
    try:
        found = path.stat()
    except OSError:
        return [-1, 0]
    return [found.st_size, found.st_mtime_ns]


def key_digest(root: Path) -> str:
    """Tells one key of a project from another, wherever its file was copied; empty where there is none."""
    key = read_key(root)
    return "" if key is None else fingerprint(key)


def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:
        return ""
