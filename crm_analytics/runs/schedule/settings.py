"""A file of settings, `crm.toml`, read as TOML; what is wrong with it is said in words."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from crm_analytics.errors import ParameterError, nearest
from crm_analytics.tables.regular_files import MOST_SETTINGS, read_text


def read_settings(path: Path) -> dict[str, Any]:
    """The tables of a file.

    Raises
    ------
    ParameterError : there is no such file, or it cannot be read.
    """
    try:
        return tomllib.loads(read_text(path, MOST_SETTINGS))
    except FileNotFoundError:
        near = nearest(path.name, [p.name for p in path.parent.glob("*.toml")])
        raise ParameterError(f"there is no {path}{near}") from None
    except OSError as error:
        raise ParameterError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ParameterError(f"{path.name} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"{path.name} is not TOML: {error}") from None
    except RecursionError:
        raise ParameterError(f"{path.name} is nested too deeply to be read") from None
