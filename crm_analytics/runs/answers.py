"""What the published pages say, as answers for a program: a number with its interval, or a reason for none.

Only good runs count, and of each report the newest day. Nothing is computed: an answer is what its page says.
Runs that show customers are not read, so no name or id of a customer is in any answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from crm_analytics.analyses.kpi import BESIDE
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.errors import nearest
from crm_analytics.runs.other_runs import good_runs
from crm_analytics.tables.regular_files import open_regular

_PERSONAL = ("customer", "customer_id", "partner_id", "referrer", "referred")  # columns of single customers
_ROWS = 200

Answer = dict[str, Any]


@dataclass(frozen=True)
class _Run:
    folder: Path
    about: Mapping[str, Any]

    @property
    def facts(self) -> Mapping[str, Any]:
        return dict(self.about["facts"])

    @property
    def day(self) -> str:
        return str(self.about["as_of"])

    @property
    def source(self) -> Answer:
        """Where an answer comes from."""
        report, slug = self.about["report"], self.about["slug"]
        return {"report": report, "as_of": self.day, "page": f"{report}/{slug}/report.html"}


@dataclass(frozen=True)
class Answers:
    """What a folder of published reports answers.

    Parameters
    ----------
    out : the folder of reports
    meanings : words of the pages with their sentence, for `explain`

    Examples
    --------
    >>> Answers(Path("nowhere")).figure("revenue")
    {'refused': 'no report is published in nowhere'}
    """

    out: Path
    meanings: Mapping[str, str] = field(default_factory=dict)
    _read: dict[tuple[tuple[str, int], ...], dict[str, _Run]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def reports(self) -> Answer:
        """Published reports: what each says, of which day, and how old its data are."""
        found = [
            {"title": run.about.get("title", ""), "headline": run.about["message"], **run.source}
            for run in self._runs().values()
        ]
        return {"reports": found} if found else self._nothing()

    def figures(self) -> Answer:
        """Names of all figures that can be asked, by report."""
        found = {name: sorted(_values(run.facts)) for name, run in self._runs().items()}
        return {"figures": found} if found else self._nothing()

    def figure(self, name: str, report: str = "") -> Answer:
        """One figure as its page says it.

        Parameters
        ----------
        name : as in `figures`
        report : that is asked; by default the newest that records the figure
        """
        runs = self._runs()
        if not runs:
            return self._nothing()
        if report and report not in runs:
            return _refused(f"no report '{_safe(report)}' is published{nearest(report, list(runs))}")
        asked = {report: runs[report]} if report else runs
        having = [run for run in asked.values() if name in _values(run.facts)]
        if not having:
            return _refused(self._unknown(name, asked))
        run = max(having, key=lambda one: one.day)
        facts = run.facts
        beside = {what: facts[f"{name}_{what}"] for what in BESIDE if facts.get(f"{name}_{what}") is not None}
        about = run.about.get("data") or {}
        return {
            "figure": name,
            "value": facts[name],
            **beside,
            "of": about.get("label", ""),
            "method": _method(name) or f"Recorded by the report '{run.about['report']}'; its page says how.",
            **run.source,
        }

    def tables(self, report: str) -> Answer:
        """Names of the published tables of a report."""
        run = self._runs().get(report)
        if run is None:
            return self._no_report(report)
        return {"tables": sorted(_tables(run)), **run.source}

    def table(self, report: str, name: str) -> Answer:
        """Rows of a published table: segments, stages, channels; never of single customers."""
        run = self._runs().get(report)
        if run is None:
            return self._no_report(report)
        places = _tables(run)
        if name not in places:
            return _refused(f"'{report}' has no table '{_safe(name)}'{nearest(name, list(places))}")
        with open_regular(places[name]) as file:
            frame = pd.read_parquet(file)
        if any(column in _PERSONAL for column in frame.columns):
            return _refused("the table lists single customers; they are in the lists beside the page")
        rows = frame.head(_ROWS).astype(object).where(frame.head(_ROWS).notna(), None).to_dict("records")
        plain = [{str(k): _plain(v) for k, v in row.items()} for row in rows]
        return {"rows": plain, "left_out": max(0, len(frame) - _ROWS), **run.source}

    def group(self, name: str) -> Answer:
        """What the newest report on segments says of one of them."""
        found = self.table("segments", "who_brings_the_money")
        if "rows" not in found:
            return found
        names = [str(row.get("segment")) for row in found["rows"]]
        by_name = {n.lower(): row for n, row in zip(names, found["rows"], strict=True)}
        row = by_name.get(name.strip().lower())
        if row is None:
            return _refused(f"no segment '{_safe(name)}'{nearest(name, names)}; there are {', '.join(names)}")
        return {**row, **{k: found[k] for k in ("report", "as_of", "page")}}

    def actions(self) -> Answer:
        """What the pages advise: whom to contact, what it is expected to bring and how that is known."""
        found = [
            {k: v for k, v in action.items() if not isinstance(v, dict | list)} | run.source
            for run in self._runs().values()
            for action in run.about.get("actions") or []
        ]
        return {"actions": found} if found else _refused("no published page advises an action")

    def explain(self, word: str) -> Answer:
        """What a word or a figure of the pages means."""
        asked = word.strip().lower().replace(" ", "_")
        meaning = self.meanings.get(asked) or _method(asked)
        if meaning is None:
            known = [*self.meanings, *REGISTRY]
            return _refused(f"the pages do not explain '{_safe(word)}'{nearest(asked, known)}")
        return {"word": asked, "meaning": meaning}

    def _runs(self) -> dict[str, _Run]:
        """The newest good run of each report that shows no customer; read again when one is published."""
        pointers = sorted(self.out.glob("[!.]*/*/current.json"))
        seen = tuple((str(path), path.stat().st_mtime_ns) for path in pointers)
        if seen not in self._read:
            self._read.clear()
            self._read[seen] = _newest({path.parent.parent for path in pointers})
        return self._read[seen]

    def _nothing(self) -> Answer:
        return _refused(f"no report is published in {self.out.name}")

    def _no_report(self, name: str) -> Answer:
        runs = self._runs()
        return (
            _refused(f"no report '{_safe(name)}' is published{nearest(name, list(runs))}")
            if runs
            else self._nothing()
        )

    def _unknown(self, name: str, asked: Mapping[str, _Run]) -> str:
        if name in REGISTRY:
            return f"no published page could tell '{name}': the data or the forecast it needs are not there"
        known = sorted({one for run in asked.values() for one in _values(run.facts)})
        return f"there is no figure '{_safe(name)}'{nearest(name, known)}"


def _newest(reports: set[Path]) -> dict[str, _Run]:
    found: dict[str, _Run] = {}
    for folder in sorted(reports):
        for place, about in good_runs(folder):
            run = _Run(place, about)
            shows = bool((about.get("parameters") or {}).get("show_customers"))
            if not shows and (folder.name not in found or run.day >= found[folder.name].day):
                found[folder.name] = run
    return found


def _values(facts: Mapping[str, Any]) -> dict[str, float]:
    """Facts that are figures: numbers that stand beside no other."""
    numbers = {k: v for k, v in facts.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    beside = {f"{name}_{what}" for name in numbers for what in BESIDE}
    return {k: v for k, v in numbers.items() if k not in beside and k != "facts_version"}


def _tables(run: _Run) -> dict[str, Path]:
    """Published tables by name, their place on the page left out."""
    return {p.stem.partition("_")[2]: p for p in sorted((run.folder / "tables").glob("*.parquet"))}


def _method(name: str) -> str | None:
    make = REGISTRY.get(name)
    return (make.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ") if make is not None else None


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _refused(why: str) -> Answer:
    return {"refused": why}


def _safe(text: str) -> str:
    """What was asked, short enough to be said again."""
    return "".join(c for c in text if c.isprintable())[:40]
