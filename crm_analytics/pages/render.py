"""The templates of the page: rendered with everything escaped, the script allowed by its hash."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from crm_analytics.errors import PublishError
from crm_analytics.pages import words

_RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RIGHT_TO_LEFT = re.compile(f"[{_RTL}](?:[^A-Za-z]*[{_RTL}])?")
_PHONE, _LETTER, _GAP = 340, 8.2, 22  # px: what a phone of 390 has for a table, a letter, between columns
_TEXT = 127  # px: the least that style.css gives a column of texts
_FOLDER = Path(__file__).with_name("template")


class PageError(PublishError):
    """The notebook shows something that cannot stand on a page."""


@cache
def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters |= {
        "is_wide": _is_wide,
        "say": _tidy,
        "date": words.date,
        "count": words.count,
        "plural": words.plural,
        "spark": _spark,
    }
    script = (_FOLDER / "loader.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Both files are part of the package: the only text on a page that is not escaped.
    style = re.sub(r"\s*\n\s*", "\n", (_FOLDER / "style.css").read_text("utf-8"))
    env.globals |= {"style": Markup(style), "script": Markup(script), "script_hash": digest}  # noqa: S704
    return env


def render(name: str, **values: Any) -> str:
    """A template of the folder `template` with `values`, all of them escaped unless they are Markup."""
    return _environment().get_template(name).render(**values)


def _spark(trend: str) -> str:
    """The points of a small line, in a box of 100 by 24 whose foot is the least value.

    >>> _spark("1 3 2")
    '0,24 50,0 100,12'
    """
    values = [float(value) for value in trend.split()]
    low, room = min(values), max(values) - min(values) or 1.0
    return " ".join(
        f"{100 * place / (len(values) - 1):g},{24 - 24 * (value - low) / room:.4g}"
        for place, value in enumerate(values)
    )


def _is_wide(table: dict[str, Any]) -> bool:
    """Whether a table is cut on a phone: there each of its rows becomes a card."""
    widths = []
    for place, column in enumerate(table["columns"]):
        longest = max([len(column["label"]), *(len(row[place]) for row in table["rows"])], default=0)
        is_text = column["align"] == "text"
        widths.append(max(_TEXT, _LETTER * min(longest, 17)) if is_text else _LETTER * longest)
    return sum(width + _GAP for width in widths) > _PHONE


def _tidy(text: object) -> str:
    """Text cleaned once more at the door, numbers kept together with their unit."""
    kept = re.sub(r"(?<=\d) (?=points\b)|(?<=\d) ?(?=%)|(?<=\d) (?=[€$£¥])", "\u00a0", words.clean(text))
    kept = re.sub(r"\u2212(?=[€$£¥])", "\u2212\u2060", kept)  # no break between a minus and its currency
    # Names that run from right to left must not turn the order of the sentence around them.
    return _RIGHT_TO_LEFT.sub("\u2068\\g<0>\u2069", kept)


def island_json(value: Any) -> Markup:
    r"""JSON that no text in it can break out of.

    >>> island_json({"a": "</script>\u2028"})
    Markup('{"a":"\\u003c/script\\u003e\\u2028"}')
    """
    # Sorted, because a notebook that was saved in between comes back with sorted keys.
    made = json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=False, sort_keys=True
    )
    for mark in "<>&\u2028\u2029":
        made = made.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(made)  # noqa: S704 (escaped just now)


@cache
def library() -> Markup:
    """plotly.js of the installed wheel, gzipped without a time stamp, in base64.

    Level 6: the ninth would save 4 KB of 1.9 MB for half as much time again.
    """
    import plotly  # a second that the index need not wait

    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = packer.compress(source.read_bytes()) + packer.flush()
    return Markup(base64.b64encode(packed).decode())  # noqa: S704 (base64)
