"""How the pages of a project look: `language` and `[brand]` of its `crm.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from crm_analytics.errors import ParameterError, nearest
from crm_analytics.pages import locales
from crm_analytics.pages.brand import LARGEST, Brand, brand
from crm_analytics.tables.named_sources import CONFIG
from crm_analytics.tables.regular_files import MOST_SETTINGS, check_regular, read_text

_KEYS = ("colour", "logo", "name")


class BrandTable(BaseModel):
    """A table `[brand]`: a colour as #rrggbb, a picture's file, what is said in its place."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    colour: str = ""
    logo: str = ""
    name: str = ""


@dataclass(frozen=True)
class Look:
    """What was read and checked.

    Parameters
    ----------
    language : of every report that has such a parameter; empty for each report's own
    brand : colour and logo
    """

    language: str = ""
    brand: Brand = Brand()  # noqa: RUF009 - frozen


def look_of(language: str, table: BrandTable | None, folder: Path, name: str) -> Look:
    """The look that a file asks for.

    Parameters
    ----------
    folder : that the logo's path is meant from
    name : of the file, for messages

    Raises
    ------
    ParameterError : there is no such language, the colour is hard to read, or the logo cannot be used.
    """
    if language and language not in locales.LANGUAGES:
        near = nearest(language, locales.LANGUAGES) or "."
        known = ", ".join(locales.LANGUAGES)
        raise ParameterError(f"{name}: there is no language {language[:20]!r}{near} Known: {known}")
    if table is None:
        return Look(language)
    try:
        picture = _read(folder / Path(table.logo).expanduser(), table.logo) if table.logo else b""
        return Look(language, brand(table.colour, picture, table.name))
    except ParameterError as error:
        raise ParameterError(f"{name}, [brand]: {error}") from None


def read_look(root: Path) -> Look:
    """The look of a project: of the `crm.toml` in the working folder, else of the project's.

    Raises
    ------
    ParameterError : see `look_of`; where the file is no TOML, `crm run` says so, and nothing is asked of it.
    """
    config = next((path for path in (Path.cwd() / CONFIG, root / CONFIG) if path.is_file()), None)
    return Look() if config is None else read_config(config)


def read_config(config: Path) -> Look:
    """The look that one file asks for; the usual one where it is no TOML."""
    try:
        content: dict[str, Any] = tomllib.loads(read_text(config, MOST_SETTINGS))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ParameterError, RecursionError):
        return Look()
    try:
        table = BrandTable.model_validate(content["brand"]) if "brand" in content else None
    except ValidationError as error:
        key = str((error.errors()[0]["loc"] or ("",))[0])
        near = nearest(key, _KEYS) or f". Known: {', '.join(_KEYS)}"
        raise ParameterError(f"{config.name}, [brand]: {key[:40]!r} cannot be used{near}") from None
    return look_of(str(content.get("language", "")), table, config.parent, config.name)


def _read(path: Path, given: str) -> bytes:
    try:
        check_regular(path)
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise ParameterError(f"logo = {given[:80]!r} cannot be read ({error.strerror})") from None
