"""Frameworks as data: blocks, key figures with weight and target, questions for people."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables.regular_files import read_text

FOLDER = Path(__file__).with_name("frameworks")
UP, DOWN = "up", "down"
YEAR_AGO, BEFORE = "year ago", "previous"  # targets that the data give
RELATIVE_FLOOR = 0.2  # a fifth short of a relative target scores nothing
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Measure:
    """One key figure of a block.

    Attributes
    ----------
    kpi : its name in `kpis.REGISTRY`
    weight : share of its block
    direction : "up" or "down", which way is good
    floor, target : values that score nothing and everything; a relative target ("year ago", "previous") has
        no floor of its own
    needs : table that it is computed from, for what to bring
    owner : who answers for it; empty where nobody was named
    """

    kpi: str
    weight: float
    direction: str
    floor: float | None
    target: float | str
    needs: str = "transactions"
    owner: str = ""


@dataclass(frozen=True)
class FrameworkBlock:
    """One block of a framework.

    Attributes
    ----------
    id, title : its name, and what it is called in English
    measures : key figures; weights sum to one
    assessed_as : its name in the table `assessments`; empty where nobody is asked
    questions : what `crm assess` asks
    group : a part of the framework ("loop", "assessment"); empty where it has none
    """

    id: str
    title: str
    measures: tuple[Measure, ...]
    assessed_as: str = ""
    questions: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Framework:
    """A framework.

    Attributes
    ----------
    id, title, source : name, what it is called, publication
    assessed_as : its name in the table `assessments`
    answers : questions of a company that it answers, of `suitability.QUESTIONS`
    blocks : in their order
    benchmark : mean, best and worst published result of its assessment, shares; empty where none is known
    """

    id: str
    title: str
    source: str
    assessed_as: str
    answers: tuple[str, ...]
    blocks: tuple[FrameworkBlock, ...]
    benchmark: Mapping[str, float]

    @property
    def kpis(self) -> tuple[str, ...]:
        """Names of its key figures, each once, in their order."""
        return tuple(dict.fromkeys(m.kpi for b in self.blocks for m in b.measures))

    def measure(self, kpi: str) -> tuple[FrameworkBlock, Measure]:
        """A key figure and its block.

        Raises
        ------
        ParameterError : the framework has no such figure.
        """
        for block in self.blocks:
            for one in block.measures:
                if one.kpi == kpi:
                    return block, one
        raise ParameterError(f"{self.title} has no key figure '{kpi}'{nearest(kpi, list(self.kpis))}")


def names() -> list[str]:
    """The frameworks that come with the package.

    >>> names()
    ['balanced', 'gartner', 'idic', 'payne_frow', 'qci', 'value_chain']
    """
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str, known: Collection[str] | None = None) -> Framework:
    """A framework by name, or of a user's own TOML file.

    Parameters
    ----------
    name : one of `names`, or the path of a file
    known : names of key figures; a user's file that names another is refused

    Raises
    ------
    ParameterError : no such framework (the nearest is offered).
    DataError : the file is no framework; the message says where.
    """
    if name in names():
        return parse((FOLDER / f"{name}.toml").read_text(encoding="utf-8"), name)
    path = Path(name).expanduser()
    if path.suffix != ".toml":
        raise ParameterError(f"there is no framework '{name}'{nearest(name, names())} Or give a .toml file")
    if not path.is_file():
        raise ParameterError(f"there is no file {path.name}")
    try:
        return parse(read_text(path, MOST_BYTES), path.stem, known)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} cannot be read as text in UTF-8 ({type(error).__name__})") from None


def parse(text: str, name: str, known: Collection[str] | None = None) -> Framework:
    """A framework from the text of its file.

    Raises
    ------
    DataError : not TOML, no block, a field that is unknown, missing or of the wrong kind, weights that do not
        sum to one, or a key figure that is not `known`.

    >>> parse("title = 'Mine'", "mine")
    Traceback (most recent call last):
    crm_analytics.errors.DataError: mine: a framework needs at least one [[block]]
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{name} is not TOML: {error}") from None
    _fields(given, {"title", "source", "assessed_as", "answers", "block", "benchmark"}, name)
    blocks = tuple(_block(one, name, known) for one in _tables(given.get("block"), name))
    if not blocks:
        raise DataError(f"{name}: a framework needs at least one [[block]]")
    if len({b.id for b in blocks}) < len(blocks):
        raise DataError(f"{name}: two blocks have the same id")
    title = str(given.get("title", name))
    return Framework(
        name, title, str(given.get("source", "")), str(given.get("assessed_as", title)),
        tuple(str(x) for x in given.get("answers", ())), blocks,
        {str(k): float(v) for k, v in given.get("benchmark", {}).items()},
    )  # fmt: skip


def _block(given: Mapping[str, Any], name: str, known: Collection[str] | None) -> FrameworkBlock:
    _fields(given, {"id", "title", "kpi", "assessed_as", "questions", "group"}, f"{name}, block")
    if "id" not in given:
        raise DataError(f"{name}: a block has no id")
    here = f"{name}, block '{given['id']}'"
    measures = tuple(_measure(one, here, known) for one in _tables(given.get("kpi"), here))
    total = sum(m.weight for m in measures)
    if measures and not math.isclose(total, 1.0, abs_tol=1e-6):
        raise DataError(f"{here}: the weights sum to {total:g}, and must sum to 1")
    if len({m.kpi for m in measures}) < len(measures):
        raise DataError(f"{here}: a key figure is named twice")
    if not measures and not given.get("assessed_as"):
        raise DataError(f"{here}: it has neither a [[block.kpi]] nor assessed_as")
    title = str(given.get("title", given["id"]))
    questions = tuple(str(q) for q in given.get("questions", ()))
    assessed = str(given.get("assessed_as", ""))
    return FrameworkBlock(str(given["id"]), title, measures, assessed, questions, str(given.get("group", "")))


def _measure(given: Mapping[str, Any], here: str, known: Collection[str] | None) -> Measure:
    _fields(given, {"id", "weight", "direction", "floor", "target", "needs", "owner"}, f"{here}, kpi")
    kpi = str(given.get("id", ""))
    if not kpi:
        raise DataError(f"{here}: a key figure has no id")
    here = f"{here}, kpi '{kpi}'"
    if known is not None and kpi not in known:
        raise DataError(f"{here}: there is no such key figure{nearest(kpi, list(known))}")
    direction: str = given.get("direction", UP)
    weight, target, floor = given.get("weight"), given.get("target"), given.get("floor")
    if direction not in (UP, DOWN):
        raise DataError(f"{here}: direction is '{UP}' or '{DOWN}'")
    if not _is_number(weight) or not 0 < weight <= 1:
        raise DataError(f"{here}: weight is a share above 0, at most 1")
    if not (_is_number(target) or target in (YEAR_AGO, BEFORE)):
        raise DataError(f"{here}: target is a number, '{YEAR_AGO}' or '{BEFORE}'")
    if _is_number(target):
        if not _is_number(floor):
            raise DataError(f"{here}: a target that is a number needs a floor, the value that scores nothing")
        if (target - floor) * (1 if direction == UP else -1) <= 0:
            raise DataError(f"{here}: the target must be better than the floor")
    return Measure(
        kpi, float(weight), direction, float(floor) if _is_number(floor) else None,
        float(target) if _is_number(target) else str(target),
        str(given.get("needs", "transactions")), str(given.get("owner", "")),
    )  # fmt: skip


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _fields(given: Mapping[str, Any], allowed: Collection[str], here: str) -> None:
    for field in given:
        if field not in allowed:
            raise DataError(f"{here}: unknown field '{field}'{nearest(field, list(allowed))}")


def _tables(given: Any, here: str) -> list[Mapping[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise DataError(f"{here}: blocks and key figures are written [[block]] and [[block.kpi]]")
    return given
