"""What changed between two published runs, by the facts that their manifests record.

Whether a change means something is told where the facts allow it: by a fact's own interval (``value`` with
``value_lower`` and ``value_upper``), or, for a share with its number of cases (``x`` in 0..1 with ``x_n``),
by the 95 % interval of the difference (Newcombe 1998, method 10: two Wilson intervals), or, for a sum of
money with its standard error over customers (``x_error``), by that of the difference of two sums of
independent customers, or, for a whole number without any, as of two counts of independent events (Poisson).
Of the same customers counted twice a change is surer than these two say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_analytics.analyses.kpi import BESIDE
from crm_analytics.analyses.kpis import present_names
from crm_analytics.errors import ParameterError, nearest
from crm_analytics.pages.status import Status
from crm_analytics.runs.publishing import publish
from crm_analytics.tables.regular_files import read_record

READABLE = (1, 2)  # schemas of a manifest: the facts are alike in both
_Z = 1.959964


@dataclass(frozen=True)
class PublishedRun:
    """A run as its manifest tells it."""

    report: str
    slug: str
    run: str
    day: str
    data_hash: str
    parameters: Mapping[str, Any]
    versions: Mapping[str, Any]
    facts: Mapping[str, Any]

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.report}/{self.slug} ({self.run})"


@dataclass(frozen=True)
class Difference:
    """One fact in two runs.

    Parameters
    ----------
    before, after : None where the run does not record it
    change : after less before, of numbers
    percent : of the value before, in percent; None where that is 0 or not a number
    clear : whether the change is more than uncertainty; None where the facts do not tell
    told_by : "intervals", "share", "sum", "count", or "" where nothing tells
    lower, upper : 95 % interval of the change; None where nothing tells
    """

    name: str
    before: Any
    after: Any
    change: float | None
    percent: float | None
    clear: bool | None
    told_by: str
    lower: float | None = None
    upper: float | None = None

    @property
    def words(self) -> str:
        """What may be said of it."""
        if self.before is None or self.after is None:
            return "only in the second run" if self.before is None else "only in the first run"
        if self.change is None:
            return "the same" if self.before == self.after else "changed"
        if self.change == 0:
            return "the same"
        if self.told_by == "intervals":
            return (
                "clear: the 95 % intervals do not overlap"
                if self.clear
                else "within the uncertainty: the 95 % intervals overlap"
            )
        if self.told_by == "share":
            return (
                "clear: the 95 % interval of the difference leaves out 0"
                if self.clear
                else "may be chance: the 95 % interval of the difference holds 0"
            )
        if self.told_by == "sum":
            return (
                "clear: sums of so many customers seldom differ so much by chance"
                if self.clear
                else "may be chance: sums of so many customers often differ so much"
            )
        if self.told_by == "count":
            return (
                "clear: two counts seldom differ so much by chance"
                if self.clear
                else "may be chance: two counts often differ so much"
            )
        return "no interval is recorded"


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Every fact of two runs, in the order of the first; bounds and counts of a fact stand with it.

    >>> old = {"x": 10.0, "x_lower": 9.0, "x_upper": 11.0}
    >>> [d] = compare(old, {"x": 13.0, "x_lower": 12.0, "x_upper": 14.0})
    >>> d.change, d.percent, d.words
    (3.0, 30.0, 'clear: the 95 % intervals do not overlap')
    """
    names = list(dict.fromkeys([*before, *after]))
    return [_difference(name, before, after) for name in names if not _is_part(name, names)]


def _is_part(name: str, names: list[str]) -> bool:
    return any(name.removesuffix(f"_{part}") in names for part in BESIDE if name.endswith(f"_{part}"))


def _difference(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    old, new = before.get(name), after.get(name)
    if not (_is_number(old) and _is_number(new)):
        return Difference(name, old, new, None, None, None, "")
    assert old is not None
    assert new is not None
    change = new - old
    percent = 100 * change / abs(old) if old else None
    clear, told_by, lower, upper = _clear(name, before, after)
    return Difference(name, old, new, change, percent, clear, told_by, lower, upper)


_Told = tuple[bool | None, str, float | None, float | None]


def _clear(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> _Told:
    """Whether the change is more than uncertainty, what tells it, and its interval."""
    change = after[name] - before[name]
    ends = [facts.get(name + part) for facts in (before, after) for part in ("_lower", "_upper")]
    if all(_is_number(end) for end in ends):
        low_1, high_1, low_2, high_2 = ends
        down = math.hypot(after[name] - low_2, high_1 - before[name])
        up = math.hypot(high_2 - after[name], before[name] - low_1)
        apart = bool(high_1 < low_2 or high_2 < low_1)  # type: ignore[operator]
        return apart, "intervals", change - down, change + up
    n_1, n_2 = before.get(f"{name}_n"), after.get(f"{name}_n")
    if (
        _is_number(n_1)
        and _is_number(n_2)
        and n_1
        and n_2
        and 0 <= before[name] <= 1
        and 0 <= after[name] <= 1
    ):
        low, high = difference_of_shares(before[name], n_1, after[name], n_2)
        return not low <= 0 <= high, "share", low, high
    errors = [facts.get(f"{name}_error") for facts in (before, after)]
    if all(_is_number(error) for error in errors):
        half = _Z * math.hypot(*errors)  # type: ignore[arg-type]
        return abs(change) > half, "sum", change - half, change + half
    if all(isinstance(facts[name], int) and facts[name] >= 0 for facts in (before, after)):
        half = _Z * math.sqrt(before[name] + after[name])
        return abs(change) > half, "count", change - half, change + half
    return None, "", None, None


def difference_of_shares(share_1: float, n_1: float, share_2: float, n_2: float) -> tuple[float, float]:
    """The 95 % interval of share_2 less share_1, of independent cases.

    Source
    ------
    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10; his example (a), 56/70 and 48/80:

    >>> low, high = difference_of_shares(48 / 80, 80, 56 / 70, 70)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    low_1, high_1 = _wilson(share_1, n_1)
    low_2, high_2 = _wilson(share_2, n_2)
    change = share_2 - share_1
    down = math.hypot(share_2 - low_2, high_1 - share_1)
    up = math.hypot(high_2 - share_2, share_1 - low_1)
    return change - down, change + up


def _wilson(share: float, n: float) -> tuple[float, float]:
    middle = share + _Z**2 / (2 * n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    return (middle - half) / (1 + _Z**2 / n), (middle + half) / (1 + _Z**2 / n)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# --- finding runs -------------------------------------------------------------------------------------------


def find_run(out: Path, place: str) -> PublishedRun:
    """A published run by "name/slug" (its last good run), "name/slug/run", or a path.

    Parameters
    ----------
    out : the folder of reports
    place : as people give it; a path may lead to a slug's folder, a run's folder, or a file in one of them

    Raises
    ------
    ParameterError : there is none, or it failed and so records nothing.
    """
    given = Path(place).expanduser()
    folder = given if given.exists() else _in(out, place)
    if folder.is_file():
        folder = folder.parent
    pointer = publish.pointer_of(folder, "current.json")
    if pointer is not None:
        folder = folder / "runs" / pointer["run"]
    return _read(folder, place)


def _in(out: Path, place: str) -> Path:
    parts = [part for part in place.strip("/").split("/") if part]
    if not 2 <= len(parts) <= 3 or ".." in parts:
        raise ParameterError(f"there is no run {place[:80]!r}: give NAME/SLUG, NAME/SLUG/RUN, or a folder")
    levels, here = ("report", "slug", "run"), out
    for level, part in zip(levels, parts, strict=False):
        here = here / "runs" if level == "run" else here
        if not (here / part).is_dir():
            known = sorted((p.name for p in here.glob("[!.]*/")), reverse=True)
            some = ", ".join(known[:6]) + (", …" if len(known) > 6 else "") or "none"
            near = nearest(part, known) or "."
            raise ParameterError(f"{place}: there is no {level} {part[:64]!r}{near} Known: {some}")
        here = here / part
    return here


def _read(folder: Path, place: str) -> PublishedRun:
    try:
        about = read_record(folder / "manifest.json")
        if about.get("schema", 1) not in READABLE:
            newer = (
                f"{place}: its manifest has schema {about['schema']}, made by a later version of this package"
            )
            raise ParameterError(f"{newer}. Compare with that version")
        if about["status"] == Status.FAILED:
            raise ParameterError(f"{place}: this run failed and records no facts. Choose one that worked")
        return PublishedRun(
            report=about["report"],
            slug=about["slug"],
            run=folder.name,
            day=about["as_of"] or "",
            data_hash=about["data"]["hash"],
            parameters=about["parameters"],
            versions=about["versions"],
            facts=present_names(about["report"], about["facts"], about["facts"].get("facts_version", 1)),
        )
    except FileNotFoundError:
        raise ParameterError(f"{place}: {folder.name} is no published run: it has no manifest.json") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ParameterError(f"{place}: the manifest of {folder.name} is not whole") from None


def caveats(before: PublishedRun, after: PublishedRun) -> list[str]:
    """What a reader must know before comparing.

    Raises
    ------
    ParameterError : they are not of one report.
    """
    if before.report != after.report:
        raise ParameterError(
            f"{before.report} and {after.report} are two reports: compare two runs of the same one"
        )
    said = []
    if before.run == after.run and before.slug == after.slug:
        said.append("These are the same run.")
    elif before.data_hash == after.data_hash:
        said.append("Both are of the same data: what differs comes from parameters or versions.")
    for what, old, new in (
        ("parameters", before.parameters, after.parameters),
        ("versions", before.versions, after.versions),
    ):
        other = [
            f"{n} {old.get(n, '–')} → {new.get(n, '–')}" for n in {**old, **new} if old.get(n) != new.get(n)
        ]
        if other:
            said.append(f"Other {what}: {', '.join(other)}. Part of the change may come from that.")
    return said
