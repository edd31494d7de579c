"""`[[segment]]`, `[[stage]]` and `[[target]]` of a `crm.toml`: rules of one's own, at night and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from crm_analytics.errors import ParameterError
from crm_analytics.runs.schedule.settings import read_settings
from crm_analytics.tables.named_sources import named_sources
from crm_analytics.tables.project import project_folder

Rules = dict[str, list[dict[str, Any]]]
Where = str | int | float | bool | list[str] | list[int] | list[float]


class RuleTable(BaseModel):
    """A table `[[segment]]` or `[[stage]]`: the first rule that fits names the customer's."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    name: str
    where: dict[str, Where] = {}
    play: str = ""


class TargetTable(BaseModel):
    """A table `[[target]]`: what a key figure should reach."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    kpi: str
    at_least: float | None = None
    at_most: float | None = None
    since: str | None = None


def checked_rules(
    segments: Sequence[RuleTable], stages: Sequence[RuleTable], targets: Sequence[TargetTable], name: str
) -> Rules:
    """Rules held against what rules may ask, as `CustomerBase.with_rules` takes them.

    Raises
    ------
    ParameterError : a rule asks for what there is not; says in which file.
    """
    given = {"segments": segments, "stages": stages, "targets": targets}
    found = {k: [one.model_dump(exclude_none=True) for one in v] for k, v in given.items() if v}
    if found:
        from crm_analytics.analyses import kpis, lifecycle, rfm

        try:
            rfm.read_rules(found.get("segments", ()))
            lifecycle.read_rules(found.get("stages", ()))
            kpis.read_targets(found.get("targets", ()))
        except ParameterError as error:
            raise ParameterError(f"{name}: {error}") from None
    return found


def rules_of_source(source: str, root: Path | None = None) -> Rules:
    """The rules for a source by hand: those of the `crm.toml` that names it; none for a path or a URL.

    Raises
    ------
    ParameterError : they cannot be read.
    """
    config, sources = named_sources(project_folder() if root is None else root)
    if config is None or source not in sources or Path(source).exists():
        return {}
    table = read_settings(config)
    try:
        several = TypeAdapter(list[RuleTable])
        segments, stages = (several.validate_python(table.get(one, [])) for one in ("segment", "stage"))
        targets = TypeAdapter(list[TargetTable]).validate_python(table.get("target", []))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ParameterError(
            f"{config.name}: [[segment]], [[stage]], [[target]]: {place}: {first['msg']}"
        ) from None
    return checked_rules(segments, stages, targets, config.name)
