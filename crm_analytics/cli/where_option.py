"""`--where COLUMN=VALUE`: a filter of the base, on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from crm_analytics.errors import ParameterError

where_option = click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only customers or purchases that fit, such as country=DE; several values of one column: repeat it.",
)


def conditions_given(pairs: Iterable[str]) -> dict[str, Any]:
    """The filter that the options come to.

    >>> conditions_given(["country=DE", "country=AT", "channel=web"])
    {'country': ['DE', 'AT'], 'channel': ['web']}

    Raises
    ------
    ParameterError : an option without a column or a value.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip() or not value.strip():
            raise ParameterError(
                f"--where expects COLUMN=VALUE, such as --where country=DE; got {pair[:40]!r}"
            )
        found.setdefault(name.strip(), []).append(value.strip())
    return found
