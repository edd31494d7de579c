"""The sources that a `crm.toml` names: ``[source.NAME]`` is what ``--data NAME`` means."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_analytics.errors import ParameterError
from crm_analytics.tables.project import project_folder
from crm_analytics.tables.source_ref import SourceRef, check_exists, read_source

CONFIG = "crm.toml"


@dataclass(frozen=True)
class FoundSource:
    """A source, and what `crm.toml` says of it.

    Attributes
    ----------
    mapping : the mapping the source names; None for the one beside the data
    settings : the rest of its table (``oldest_data``, ``version_query``), as it stands there
    """

    ref: SourceRef
    mapping: Path | None
    settings: dict[str, Any]


def find_source(source: str | Path | SourceRef, root: Path | None = None) -> FoundSource:
    """A source by path, URL, variable, the name `crm.toml` gives it, or the name of a folder in `data/`.

    A file or folder of that name goes first, then `crm.toml`, then `data/`.

    Parameters
    ----------
    root : the project's folder; default that of the working folder

    Raises
    ------
    ParameterError : `crm.toml` names it and cannot be read, or a variable is not set.
    DataError : nothing of that name is there; the nearest name is offered.
    """
    if isinstance(source, SourceRef):
        return FoundSource(source, None, {})
    root = project_folder() if root is None else root
    said = str(source)
    known: tuple[str, ...] = ()
    if isinstance(source, str) and _is_name(said) and not Path(said).exists():
        config = config_of(root)
        if config is not None:
            sources = _sources(config)
            known = tuple(sources)
            if said in sources:
                return _named(sources[said], said, config, root)
    ref = read_source(said, root=root)
    check_exists(ref, said, root, known)
    return FoundSource(ref, None, {})


def config_of(root: Path) -> Path | None:
    """The `crm.toml` of the working folder, else of the project."""
    return next((p for p in (Path.cwd() / CONFIG, root / CONFIG) if p.is_file()), None)


def ref_of(settings: dict[str, Any], name: str, folder: Path, root: Path) -> SourceRef:
    """What a table ``[source.NAME]`` points to: its `path` or its `url`.

    Raises
    ------
    ParameterError : both or none is given, or one stands in the other's place.
    """
    where = f"[source.{name}]"
    path, url = str(settings.get("path", "")), str(settings.get("url", ""))
    if bool(path) == bool(url):
        raise ParameterError(f'{where}: give path = "..." or url = "...", one of them')
    if "://" in path:
        raise ParameterError(f"{where}: path is a URL: write url = instead")
    if url and "://" not in url and not url.startswith("$"):
        raise ParameterError(
            f'{where}: url must be like "duckdb:///crm.duckdb" or "$DATABASE_URL"; a file is a path'
        )
    return read_source(path or url, folder=folder, root=root, network=settings.get("network") is True)


def _named(settings: Any, name: str, config: Path, root: Path) -> FoundSource:
    if not isinstance(settings, dict):
        raise ParameterError(f"{config.name}: [source.{name}] must be a table")
    ref = ref_of(settings, name, config.parent, root)
    check_exists(ref, str(settings.get("path") or ref.name), root)
    mapping = settings.get("mapping")
    return FoundSource(ref, config.parent / Path(mapping).expanduser() if mapping else None, settings)


def _sources(config: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(config.read_text(encoding="utf-8")).get("source", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # `crm run` says what is wrong with it; a path or a demo needs no crm.toml
    return found if isinstance(found, dict) else {}


def _is_name(said: str) -> bool:
    return said not in ("", ".", "..") and not any(mark in said for mark in "/\\:$~")
