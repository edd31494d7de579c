"""The look of a shop on its pages: one colour and a logo, both checked before they are used.

The colour must be readable on the light page; its twin for the dark page is made from it. A logo is a PNG, a
JPEG or an SVG of at most 100 KB that goes into the page as a data URI; what can run or fetch is refused.
"""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass
from xml.etree import ElementTree

from crm_analytics.errors import ParameterError

LARGEST = 100_000  # bytes of a logo
WIDEST = 4_000  # px of its sides
READABLE = 4.5  # contrast of text, WCAG 2.2 success criterion 1.4.3 (level AA)
LIGHT = ("#ffffff", "#f1f5fa")  # what the colour stands on, see style.css
DARK = ("#12171c", "#181f26", "#1c242c")

_REACHES = re.compile(r"url\(\s*['\"]?(?!#)|@import|image-set|//|expression|javascript:|\\", re.IGNORECASE)
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
# Of SVG what draws; scripts, styles with addresses, animations, foreign content, links and copies of copies
# (`use`, which can grow without end) are not among it.
_DRAWS = frozenset(
    re.findall(
        r"\w+",
        "svg g defs title desc path rect circle ellipse line polyline polygon text tspan clipPath mask "
        "linearGradient radialGradient stop",
    )
)


@dataclass(frozen=True)
class Brand:
    """A look that was checked.

    Parameters
    ----------
    accent, accent_dark : of links and marks on the light and on the dark page, #rrggbb; empty for the usual
    logo : a data URI; empty for none
    name : said in the place of the logo where it cannot be seen
    """

    accent: str = ""
    accent_dark: str = ""
    logo: str = ""
    name: str = ""


def brand(colour: str = "", logo: bytes = b"", name: str = "") -> Brand:
    """A look from a colour and the bytes of a picture.

    Parameters
    ----------
    colour : "#rrggbb"; empty for the usual one
    logo : PNG, JPEG or SVG; empty for none

    Raises
    ------
    ParameterError : the colour is none or is not readable, or the picture cannot be used; says why.

    Examples
    --------
    >>> brand("#7a1f5c").accent
    '#7a1f5c'
    >>> brand("#ffcc00")
    Traceback (most recent call last):
    ...
    crm_analytics.errors.ParameterError: colour = "#ffcc00" is hard to read on white (contrast 1.4, at least \
4.5 is needed). A darker one of the same hue is "#876c00"
    """
    accent = _checked(colour) if colour else ""
    dark = _readable(accent, "#ffffff", DARK) if accent else ""
    return Brand(accent, dark, _data_uri(logo) if logo else "", name or "Logo")


# --- the colour ---------------------------------------------------------------------------------------------


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1..21.

    Source
    ------
    WCAG 2.2, definition of contrast ratio and of relative luminance.

    >>> round(contrast("#000000", "#ffffff"), 1), round(contrast("#777777", "#ffffff"), 2)
    (21.0, 4.48)
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [channel / 255 for channel in channels(colour)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of #rrggbb, 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _checked(colour: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ParameterError(f'colour = {colour[:40]!r} must be like "#0b5cad"')
    colour = colour.lower()
    worst = min(contrast(colour, ground) for ground in LIGHT)
    if worst < READABLE:
        raise ParameterError(
            f'colour = "{colour}" is hard to read on white (contrast {worst:.1f}, at least {READABLE} is '
            f'needed). A darker one of the same hue is "{_readable(colour, "#000000", LIGHT)}"'
        )
    return colour


def _readable(colour: str, towards: str, grounds: tuple[str, ...]) -> str:
    """The colour, with as much of another as makes it readable on all grounds."""
    for step in range(101):
        made = mixed(colour, towards, step / 100)
        if min(contrast(made, ground) for ground in grounds) >= READABLE:
            return made
    return towards


def mixed(colour: str, towards: str, share: float) -> str:
    """A colour with a share of another, each channel by itself.

    >>> mixed("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = zip(channels(colour), channels(towards), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


# --- the logo -----------------------------------------------------------------------------------------------


def _data_uri(logo: bytes) -> str:
    if len(logo) > LARGEST:
        raise ParameterError(f"logo: {len(logo) / 1e3:,.0f} KB, at most {LARGEST / 1e3:.0f} KB")
    kind, sides = _kind(logo)
    if sides and not 1 <= min(sides) <= max(sides) <= WIDEST:
        raise ParameterError(f"logo: {sides[0]:,} by {sides[1]:,} px, at least 1 and at most {WIDEST:,}")
    return f"data:image/{kind};base64,{base64.b64encode(logo).decode()}"


def _kind(logo: bytes) -> tuple[str, tuple[int, int] | None]:
    """What a picture is by its bytes, whatever its name, and its sides where it has any."""
    if logo.startswith(b"\x89PNG\r\n\x1a\n") and logo[12:16] == b"IHDR" and len(logo) > 24:
        return "png", struct.unpack(">II", logo[16:24])
    if logo.startswith(b"\xff\xd8\xff"):
        return "jpeg", _sides_of_jpeg(logo)
    if b"<svg" in logo[:2_000]:
        _check_svg(logo)
        return "svg+xml", None
    raise ParameterError("logo: it is no PNG, JPEG or SVG")


def _sides_of_jpeg(logo: bytes) -> tuple[int, int]:
    place = 2
    while place + 9 < len(logo) and logo[place] == 0xFF:
        marker, length = logo[place + 1], struct.unpack(">H", logo[place + 2 : place + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", logo[place + 5 : place + 9])
            return width, height
        place += 2 + length
    raise ParameterError("logo: the JPEG is not whole")


def _check_svg(logo: bytes) -> None:
    """Refuse whatever in an SVG can run, fetch or expand."""
    try:
        text = logo.decode("utf-8")
        if re.search(r"<!(?!--)|<\?(?!xml\s)", text):  # document types and entities can grow without end
            raise ParameterError("logo: the SVG has a document type or an instruction. Save it as plain SVG")
        root = ElementTree.fromstring(text)  # noqa: S314 - without a document type nothing in it expands
    except (UnicodeDecodeError, ElementTree.ParseError):
        raise ParameterError("logo: the SVG is not well-formed UTF-8") from None
    for element in root.iter():
        name = str(element.tag).removeprefix(_SVG)
        if not isinstance(element.tag, str) or (element.tag.startswith(_SVG) and name not in _DRAWS):
            raise ParameterError(
                f"logo: the SVG has a <{name[:30]}>, which a logo may not. Save it as plain SVG"
            )
        if not element.tag.startswith(_SVG):
            raise ParameterError("logo: the SVG has content of another kind. Save it as plain SVG")
        for key, value in element.attrib.items():
            _check_attribute(key, value)


def _check_attribute(key: str, value: str) -> None:
    name = key.rpartition("}")[2].lower()
    outside = _REACHES.search(value)
    link = key in ("href", _HREF) and not value.startswith("#")
    if name.startswith("on") or outside or link:
        raise ParameterError(
            f"logo: the SVG has {name[:30]} that runs or fetches something. Save it as plain SVG"
        )
