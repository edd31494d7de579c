"""Asking people: the questions of a framework, and their answers as rows of the table `assessments`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from crm_analytics.analyses.scorecards.assessments import SCALE
from crm_analytics.errors import DataError, ParameterError
from crm_analytics.tables.contract import TABLES
from crm_analytics.tables.regular_files import open_regular, replace_whole

if TYPE_CHECKING:
    from crm_analytics.analyses.scorecards.framework import Framework

HEADER = TABLES["assessments"].names
USUAL = ("it is written down", "somebody owns it", "it is measured")  # where a block has no questions


@dataclass(frozen=True)
class Question:
    """One practice to judge."""

    block: str
    practice: str


def questions(framework: Framework) -> list[Question]:
    """What to ask, block by block.

    Raises
    ------
    ParameterError : no block of the framework is judged by people.
    """
    found = [
        Question(b.assessed_as, practice) for b in framework.blocks if b.assessed_as
        for practice in (b.questions or USUAL)
    ]  # fmt: skip
    if not found:
        raise ParameterError(f"{framework.title} asks nothing: no block has assessed_as")
    return found


def ask(
    framework: Framework, answer: Callable[[str], str], say: Callable[[str], None], day: date, who: str = ""
) -> list[dict[str, object]]:
    """Ask every question in turn; an empty answer leaves it open.

    Parameters
    ----------
    answer : shows a prompt and gives what was typed
    say : shows a sentence
    day, who : of the assessment
    """
    rows: list[dict[str, object]] = []
    block = ""
    for number, question in enumerate(questions(framework), start=1):
        if question.block != block:
            block = question.block
            say(f"\n{block}")
        say(f"  {question.practice}")
        intention = _score(answer, say, "    decided, 0 to 5 (empty: not known): ")
        reality = _score(answer, say, "    done,    0 to 5 (empty: not known): ")
        if intention is None and reality is None:
            continue
        evidence = answer("    evidence, if any: ").strip() if reality else ""
        rows.append(
            {
                "assessment_id": f"{framework.id}-{day.isoformat()}-{number:03d}",
                "framework": framework.assessed_as, "block": question.block, "practice": question.practice,
                "question": f"In {question.block}: {question.practice}", "intention_score": intention,
                "reality_score": reality, "weight": 1, "evidence": evidence, "assessed_at": day.isoformat(),
                "assessor": who,
            }
        )  # fmt: skip
    return rows


def _score(answer: Callable[[str], str], say: Callable[[str], None], prompt: str) -> float | None:
    while True:
        text = answer(prompt).strip().replace(",", ".")
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if 0 <= value <= SCALE:
            return value
        say(f"    a number from 0 to {SCALE:g}, please")


def write(rows: Iterable[dict[str, object]], path: Path) -> int:
    """Add rows to a CSV of assessments; rows of the same id are replaced. How many the file then has.

    Raises
    ------
    DataError : the file is there and holds something else.
    """
    kept: dict[str, dict[str, object]] = {}
    if path.exists():
        with io.TextIOWrapper(open_regular(path), encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            if tuple(reader.fieldnames or ()) != HEADER:
                raise DataError(f"{path.name} is there, and is no table of assessments; give another name")
            kept = {str(row["assessment_id"]): dict(row) for row in reader}
    kept |= {str(row["assessment_id"]): row for row in rows}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept.values())
    replace_whole(path, text.getvalue().encode("utf-8"), 0o666)
    return len(kept)
