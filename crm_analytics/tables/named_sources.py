"""The sources that a `crm.toml` names: ``[source.NAME]`` is what ``--data NAME`` means."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_analytics.errors import DataError, ParameterError, nearest
from crm_analytics.tables.project import project_folder
from crm_analytics.tables.regular_files import MOST_SETTINGS, read_text
from crm_analytics.tables.source_ref import DEMOS, SourceRef, read_source

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

    A file or folder of that name goes first, then `crm.toml`, then `data/`. Whether anything is there is not
    asked: `check_exists` does.

    Parameters
    ----------
    root : the project's folder; default that of the working folder

    Raises
    ------
    ParameterError : `crm.toml` names it and what it says cannot be used, or a variable is not set.
    """
    if isinstance(source, SourceRef):
        return FoundSource(source, None, {})
    root = project_folder() if root is None else root
    text = str(source)
    if isinstance(source, str) and _is_name(text) and not Path(text).exists():
        config, sources = named_sources(root)
        if config is not None and text in sources:
            return _named(sources[text], text, config, root)
    return FoundSource(read_source(text, root=root), None, {})


def filter_of(found: FoundSource) -> dict[str, Any]:
    """The filter that `crm.toml` sets for a source, as `CustomerBase.filter` takes it.

    Raises
    ------
    ParameterError : it is no table.
    """
    where = found.settings.get("where", {})
    if not isinstance(where, dict):
        raise ParameterError(
            f'[source.{found.ref.name}]: where must be a table such as {{ country = ["DE", "AT"] }}'
        )
    return dict(where)


def named_sources(root: Path) -> tuple[Path | None, dict[str, Any]]:
    """The `crm.toml` of the working folder, else of the project, and its ``[source.NAME]`` tables."""
    config = next((p for p in (Path.cwd() / CONFIG, root / CONFIG) if p.is_file()), None)
    if config is None:
        return None, {}
    try:
        found = tomllib.loads(read_text(config, MOST_SETTINGS)).get("source", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ParameterError, RecursionError):
        return None, {}  # `crm run` says what is wrong with it; a path or a demo needs no crm.toml
    return config, found if isinstance(found, dict) else {}


def check_exists(ref: SourceRef, root: Path | None = None) -> None:
    """Refuse a path where nothing is.

    Raises
    ------
    DataError : nothing is there; offers the nearest name, and says which demo data can be made.
    """
    if ref.path is None or ref.path.exists():
        return
    if ref.name in DEMOS:
        raise DataError(f"there is no data/{ref.name} yet: make it with `crm demo {ref.name}`")
    root = project_folder() if root is None else root
    folders = [f for f in (ref.path.parent, root / "data") if f.is_dir()]
    names = [*(p.name for f in folders for p in f.iterdir()), *named_sources(root)[1], *DEMOS]
    raise DataError(f"there is no file or folder '{ref.name}'{nearest(ref.name, names)}")


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
    mapping = settings.get("mapping")
    return FoundSource(ref, config.parent / Path(mapping).expanduser() if mapping else None, settings)


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and not any(mark in text for mark in "/\\:$~")
