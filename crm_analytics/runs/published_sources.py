"""Where the source of a published page is, told by the name that its record has and by what `crm.toml` says.

A record names no path. The `crm.toml` files that publish into the folder of reports, and that of the project,
are looked through for a source of the recorded name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_analytics.errors import CrmError
from crm_analytics.runs import unchanged
from crm_analytics.runs.publishing import schedule_state
from crm_analytics.tables.named_sources import CONFIG, find_source, ref_of
from crm_analytics.tables.regular_files import MOST_SETTINGS, read_text
from crm_analytics.tables.source_ref import SourceRef


@dataclass(frozen=True)
class PublishedSource:
    """A source with what `crm.toml` says of it, see `RunRequest`."""

    ref: SourceRef
    mapping: Path | None = None
    version_query: str = ""
    max_rejected: float | None = None


def source_of(about: Mapping[str, Any], out: Path, root: Path, data: str = "") -> PublishedSource:
    """The source of a run, as far as its record and `crm.toml` tell; whether it is there is not asked.

    Parameters
    ----------
    about : the manifest
    out : the folder of reports
    root : the project's folder
    data : where it is, for a user who knows; empty to look

    Raises
    ------
    ParameterError : `crm.toml` says something of it that cannot be used.
    """
    if data:
        return _found(data, root)
    name = str(about["data"]["source"])
    candidates = [one for one in _scheduled(out, root) if one.ref.name == name]
    if not candidates:
        return _found(name, root)
    recorded = set(about["inputs"]["files"])
    like = [one for one in candidates if set(unchanged.watched(one.ref, one.mapping)) == recorded]
    there = [one for one in candidates if one.ref.path is None or one.ref.path.exists()]
    return (like or there or candidates)[0]


def _found(data: str, root: Path) -> PublishedSource:
    found = find_source(data, root)
    return PublishedSource(found.ref, found.mapping, *_rest(found.settings))


def _scheduled(out: Path, root: Path) -> Iterator[PublishedSource]:
    """Every `[source.NAME]` of the files that publish here."""
    configs = [config for state in schedule_state.states(out) if (config := state.path(out)) is not None]
    for config in dict.fromkeys([*configs, Path.cwd() / CONFIG, root / CONFIG]):
        tables: Any = {}
        with suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, CrmError, RecursionError):
            tables = tomllib.loads(read_text(config, MOST_SETTINGS)).get("source", {})
        for name, settings in tables.items() if isinstance(tables, dict) else ():
            with suppress(CrmError, TypeError, AttributeError):
                ref = ref_of(settings, name, config.parent, root)
                mapping = settings.get("mapping")
                place = config.parent / Path(mapping).expanduser() if mapping else None
                yield PublishedSource(ref, place, *_rest(settings))


def _rest(settings: Mapping[str, Any]) -> tuple[str, float | None]:
    share = settings.get("max_rejected")
    known = share if isinstance(share, (int, float)) and not isinstance(share, bool) else None
    return str(settings.get("version_query", "")), known
