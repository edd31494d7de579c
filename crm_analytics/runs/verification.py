"""Whether a published page can be made again from its record, byte for byte, and if not what has changed.

The page is made in a private folder, on the day and with the parameters, the filter, the rules, the key and
the facts of other runs that its manifest names. Nothing is published, and no key is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.errors import CrmError, DataError, ParameterError
from crm_analytics.runs import manager_pdf, other_runs, unchanged
from crm_analytics.runs.catalogue.catalogue import find_report
from crm_analytics.runs.plan import Plan, RunRequest, plan_run
from crm_analytics.runs.published_page import PublishedPage
from crm_analytics.runs.published_sources import source_of
from crm_analytics.runs.publishing import publish, published_look, published_tree
from crm_analytics.runs.publishing.manifest import digest, versions, without_paths
from crm_analytics.runs.report_run import Workshop
from crm_analytics.tables.named_sources import check_exists
from crm_analytics.tables.project_key import KEY_FILE
from crm_analytics.tables.regular_files import read_bytes, sha256_of
from crm_analytics.tables.source_ref import MAPPING_FILE

if TYPE_CHECKING:
    from crm_analytics.runs.job import Progress
    from crm_analytics.runs.run_files import Outcome, Record

DIFFERS = 1  # the exit code of a page that cannot be made again as it is
_PARTS = {
    "notebook": "the notebook has changed",
    "code": "the code of the package has changed",
    "parameters": "the parameters are not those of the page",
    "rules": "segments, stages or targets are not those of the page",
    "source": "the source is another one",
    "identities": "who is who was brought up to date",
    "version": "the answer of the source to its version_query has changed",
    "brand": "the colour or the logo in crm.toml has changed",
}


@dataclass(frozen=True)
class Change:
    """An input that is not what it was when the page was made: its name for machines, and words."""

    what: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came of making a page again.

    Parameters
    ----------
    page : that was asked about
    same : whether every byte of the page and of the files beside it is the same
    altered : whether the file was changed after its run wrote it
    changes : inputs that are not what they were; there may be some although every byte is the same
    differing : files of the run that came out otherwise, by their place in its folder
    made : whether the page was made again; not where a changed input already rules out equal bytes
    files : what was made, by place in the run's folder
    """

    page: PublishedPage
    same: bool
    altered: bool = False
    changes: tuple[Change, ...] = ()
    differing: tuple[str, ...] = ()
    made: bool = True
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 where every byte is the same, else 1."""
        return 0 if self.same else DIFFERS

    @property
    def message(self) -> str:
        """The verdict, in one sentence."""
        if self.altered:
            return "the file is not the one that its run wrote: it was changed, or cut short, afterwards"
        if self.same:
            return "every byte is the same"
        if not self.made:
            return "it cannot be made again as it is: an input has changed"
        if self.changes:
            return "it comes out otherwise now, because an input has changed"
        return (
            "it comes out otherwise although no input has changed. That is a fault: keep what was made with "
            "--keep FOLDER, and report it"
        )

    def line(self) -> dict[str, Any]:
        """For machines."""
        return {
            "page": self.page.label,
            "same": self.same,
            "altered": self.altered,
            "made": self.made,
            "changed": [change.what for change in self.changes],
            "differing": list(self.differing),
            "exit_code": self.exit_code,
            "message": self.message,
        }


# --- made again ---------------------------------------------------------------------------------------------


def verify(
    page: PublishedPage,
    *,
    data: str = "",
    mapping: Path | None = None,
    parameters: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Make a page again and compare every byte.

    Parameters
    ----------
    page : of `find_page`
    data : where the source is now; empty for where `crm.toml` and the project say
    mapping : likewise
    parameters : those that are paths, which no record tells
    progress : called with (cells done, cells in all)

    Raises
    ------
    DataError : the source is gone, or cannot be opened.
    CrmError : the notebook fails, or time and memory run out.
    """
    if not page.is_as_made:
        return Verification(page=page, same=False, altered=True, made=False)
    root = published_tree.publisher(page.place.out) or published_tree.project_of(page.place.out)
    key = unchanged.key_digest(root)
    if key != page.manifest["key"]:
        return Verification(page=page, same=False, changes=(_of_the_key(key),), made=False)
    plan = _plan(page, root, data, mapping, parameters or {})
    inputs = unchanged.inputs_of(plan)
    changes = list(_changed_inputs(page, plan, inputs))
    with Workshop() as workshop:
        record = workshop.open_again(plan, inputs)
        changes += _changed_data(page, record)
        if any(change.what in ("data", "handed_in") for change in changes):
            return Verification(page=page, same=False, changes=tuple(changes), made=False)
        outcome = workshop.make_again(record, progress)
    differing = tuple(_differing(page, outcome))
    return Verification(
        page=page, same=not differing, changes=tuple(changes), differing=differing, files=outcome.files
    )


def _plan(
    page: PublishedPage, root: Path, data: str, mapping: Path | None, given: Mapping[str, object]
) -> Plan:
    about = page.manifest
    source = source_of(about, page.place.out, root, data)
    if source.ref.path is not None:
        try:
            check_exists(source.ref, root)
        except DataError as error:
            raise DataError(
                f"the source of the page is gone ({error}). Without it the page cannot be made again: bring "
                "it back, or say with --data where it is now"
            ) from None
    report = find_report(_notebook(page, root), root)
    declared = report.parameters
    known = {n: v for n, v in about["parameters"].items() if n in declared and n not in given}
    request = RunRequest(
        report=str(report.path),
        now=datetime.fromisoformat(about["created"]),
        data=source.ref,
        mapping=mapping or source.mapping,
        as_of=str(about["as_of"]),
        parameters={**known, **given},
        slug=page.place.slug,
        out=page.place.out,
        version_query=source.version_query,
        max_rejected=source.max_rejected,
        root=root,
        look=published_look.of_tree(page.place.out),
        rules=dict(about.get("rules") or {}),
        where=json.loads(about["where"]) if about.get("where") else {},
        force=True,  # nothing is published: whose folder it is need not be asked
    )
    return plan_run(request)


def _notebook(page: PublishedPage, root: Path) -> str:
    """The report by name, or its notebook where it lies beside others of the project."""
    name = page.place.name
    try:
        find_report(name, root)
    except ParameterError:
        file = str(page.manifest["notebook"]["file"])
        for place in (Path.cwd(), root, root / "notebooks"):
            if (place / file).is_file():
                return str(place / file)
        raise ParameterError(
            f"the notebook {file} of the page is gone: it is neither a report of the project nor in the "
            "working folder"
        ) from None
    return name


def _changed_inputs(page: PublishedPage, plan: Plan, inputs: unchanged.Inputs) -> Iterator[Change]:
    """Of what is known before the data are opened."""
    recorded = page.manifest["inputs"]
    for part, words in _PARTS.items():
        if recorded["parts"].get(part, "") != inputs.parts.get(part):
            yield Change(part, words + _more(part, page, plan))
    before, now = page.manifest["versions"], versions()
    moved = [
        f"{name} {before.get(name, '–')} then, {now.get(name, '–')} now"
        for name in sorted(before | now)
        if before.get(name) != now.get(name)
    ]
    if moved:
        yield Change("versions", f"versions have changed: {'; '.join(moved)}")
    yield from _changed_files(recorded["files"], plan)


def _more(part: str, page: PublishedPage, plan: Plan) -> str:
    if part != "parameters":
        return ""
    before, now = page.manifest["parameters"], without_paths(plan.values)
    names = [name for name in sorted(before | now) if before.get(name) != now.get(name)]
    if names:
        return f": {', '.join(names)}"
    return ". One of them is a path, which no record tells: give it with -p NAME=PATH"


def _changed_files(recorded: Mapping[str, list[Any]], plan: Plan) -> Iterator[Change]:
    """The mapping among the files of the source; what rows changed is told by the data themselves."""
    mapping = plan.request.mapping
    paths = plan.source.watched(mapping)
    digests = {name: digest(name)[:16] for name in (*paths, MAPPING_FILE, "the mapping")}
    for name in (MAPPING_FILE, "the mapping"):
        before, path = recorded.get(digests[name]), paths.get(name)
        now = sha256_of(path) if path is not None and path.is_file() else None
        if (before[2] if before else None) != now:
            what = "has changed" if before and now else "is new" if now else "is gone"
            yield Change("mapping", f"the mapping {what}")
    others = {d: paths.get(n) for n, d in digests.items() if n not in (MAPPING_FILE, "the mapping")}
    moved = recorded.keys() - set(digests.values())
    changed = [
        d for d, path in others.items() if path is not None and not _is_recorded(path, recorded.get(d))
    ]
    if moved or changed:
        yield Change("files", "files of the source came, went or changed")


def _is_recorded(path: Path, stamp: list[Any] | None) -> bool:
    return stamp is not None and sha256_of(path) == stamp[2]


def _changed_data(page: PublishedPage, record: Record) -> Iterator[Change]:
    """Of what the source holds at the day of the page, and of what other runs tell."""
    about, data = page.manifest["data"], record.data
    assert data is not None
    if about["hash"] != data.data_hash:
        rows = f"{about['rows']:,} rows then, {data.rows:,} now"
        yield Change(
            "data", f"the data at the day {data.day} have changed ({rows}): {data.data_hash[:12]} now, "
            f"{about['hash'][:12]} then",
        )  # fmt: skip
    elif (about["label"], about["rejected"]) != (data.label, data.rejected):
        yield Change("data", "the name of the data, or what was rejected of them, has changed")
    if other_runs.wants_other_runs(record.plan) and about["hash"] == data.data_hash:
        facts = other_runs.handed_in(record.plan, record.day or "", data.data_hash)
        told = page.manifest["handed_in"] or {}
        if told.get("digest") != other_runs.fingerprint(facts):
            yield Change("handed_in", _neighbours_in_words(told, facts))


def _neighbours_in_words(told: Mapping[str, Any], facts: Mapping[str, list[dict[str, Any]]]) -> str:
    names = []
    for what, words in (("previous", "earlier runs"), ("neighbours", "neighbours")):
        before = [(one["report"], one["day"]) for one in told.get(what, [])]
        if before != [(one["report"], one["day"]) for one in facts[what]]:
            names.append(words)
    which = " and ".join(names) if names else "facts of the same runs"
    return f"what other runs tell has changed: {which}"


def _of_the_key(key: str) -> Change:
    if key:
        return Change("key", f"the key for pseudonyms ({KEY_FILE}) is another one than that of the page")
    return Change("key", f"the key for pseudonyms ({KEY_FILE}) is gone. Bring it back: crm key --import FILE")


def _differing(page: PublishedPage, outcome: Outcome) -> Iterator[str]:
    """Files of the run that are not the same now; its record, which has times in it, and what was
    made from the page later are not compared.
    """
    recorded = {p.relative_to(page.run).as_posix(): p for p in page.run.rglob("*") if p.is_file()}
    later = {name for name in recorded if name.startswith("mail/")} | {"manifest.json", manager_pdf.NAME}
    for name in sorted((recorded.keys() | outcome.files.keys()) - later):
        before = read_bytes(recorded[name]) if name in recorded else None
        if before != outcome.files.get(name):
            yield name


def keep(files: Mapping[str, bytes], folder: Path) -> None:
    """Put what was made into a private folder, to be compared by hand.

    Raises
    ------
    PublishError : it cannot be written.
    """
    with publish.in_words(folder):
        for name, content in files.items():
            publish.make_folder((folder / name).parent)
            publish.replace_file(folder / name, content)


def with_words(error: CrmError, page: PublishedPage) -> CrmError:
    """An error of the new run, with what was to be verified."""
    said = type(error)(f"{page.label} could not be made again: {error}")
    said.exit_code = error.exit_code
    return said
