"""What a run hands to a report: the facts of earlier days and of other reports of the same day.

The run writes them into a private folder and tells the notebook where. In JupyterLab nobody hands in
anything, and a report says that there is no earlier run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_analytics.analyses.actions import contradictions
from crm_analytics.pages import words
from crm_analytics.tables.regular_files import read_record

if TYPE_CHECKING:
    from crm_analytics.analyses.actions import Action
    from crm_analytics.pages.sentences import Sentences

FILE = "handed_in.json"


@dataclass(frozen=True)
class HandedIn:
    """Frozen facts of other runs.

    Attributes
    ----------
    previous : of this report at earlier days, the newest first: report, day, headline, facts, actions
    neighbours : of other reports of the same data and day, in the same form
    """

    previous: tuple[Mapping[str, Any], ...] = ()
    neighbours: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def actions(self) -> list[Mapping[str, Any]]:
        """Every action of the neighbours, its report before its name."""
        return [
            {**action, "id": f"{one['report']}.{action['id']}"}
            for one in self.neighbours
            for action in one.get("actions", [])
        ]


def handed_in(folder: str) -> HandedIn:
    """What the run that started this notebook handed in; nothing where there was none."""
    path = Path(folder) / FILE
    if not folder or not path.is_file():
        return HandedIn()
    found = read_record(path)
    return HandedIn(tuple(found["previous"]), tuple(found["neighbours"]))


def earlier_run(t: Sentences, handed: HandedIn) -> str:
    """What the last run of the report said, or that there is none."""
    for last in handed.previous[:1]:
        return t("method.previous_text", day=last["day"], headline=words.clean(last["headline"], 200))
    return t("no_earlier_run")


def disagreement(t: Sentences, handed: HandedIn, report: str, actions: Iterable[Action]) -> dict[str, str]:
    """An item of the method: an action of another report of this day that cannot stand beside one of this."""
    mine = [action.facts() | {"id": f"{report}.{action.id}"} for action in actions]
    for found in contradictions([*mine, *handed.actions])[:1]:
        return {"contradiction": t("method.contradiction_text", one=found.contact, other=found.spare)}
    return {}
