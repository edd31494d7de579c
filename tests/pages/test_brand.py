"""Colour and logo of a shop: what is readable and harmless passes, everything else says why not."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_analytics.errors import ParameterError
from crm_analytics.pages.brand import DARK, LIGHT, READABLE, brand, contrast

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'
CIRCLE = '<circle cx="4" cy="4" r="4" fill="#123456"/>'


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("one", "other", "expected"), [("#ffffff", "#949494", 3.03), ("#000000", "#ff0000", 5.25)]
)
def test_contrast_matches_published_values(one: str, other: str, expected: float) -> None:
    """Values of the contrast checker of WebAIM."""
    assert contrast(one, other) == pytest.approx(expected, abs=0.005)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_colour_that_passes_is_readable_by_day_and_night_law(channels: tuple[int, int, int]) -> None:
    colour = "#" + "".join(f"{c:02x}" for c in channels)
    try:
        made = brand(colour)
    except ParameterError as error:
        assert min(contrast(colour, ground) for ground in LIGHT) < READABLE
        offered = str(error).rsplit('"', 2)[1]
        assert brand(offered).accent == offered  # what is offered instead passes
        return
    assert min(contrast(made.accent, ground) for ground in LIGHT) >= READABLE
    assert min(contrast(made.accent_dark, ground) for ground in DARK) >= READABLE


@pytest.mark.parametrize("colour", ["blue", "#0b5", "#0b5cad;}body{display:none", "rgb(1,2,3)", "#0b5cag"])
def test_text_that_is_no_colour_says_so(colour: str) -> None:
    with pytest.raises(ParameterError, match="must be like"):
        brand(colour)


@pytest.mark.parametrize(
    ("logo", "kind"), [(png(40, 20), "png"), (SVG.format(CIRCLE).encode(), "svg+xml")], ids=["png", "svg"]
)
def test_picture_becomes_a_data_uri(logo: bytes, kind: str) -> None:
    head, _, body = brand("", logo, "Shop").logo.partition(",")
    assert head == f"data:image/{kind};base64"
    assert base64.b64decode(body) == logo


@pytest.mark.parametrize(
    ("logo", "words"),
    [
        (SVG.format("<script>alert(1)</script>"), "has a <script>"),
        (SVG.format(CIRCLE.replace("/>", ' onload="x()"/>')), "onload that runs or fetches"),
        (SVG.format(CIRCLE.replace("#123456", "url(http://evil.example/x)")), "fill that runs or fetches"),
        (SVG.format('<g style="background:url( //evil.example)"/>'), "style that runs or fetches"),
        (SVG.format('<image href="http://evil.example/x.png"/>'), "has a <image>"),
        (SVG.format('<a href="javascript:x()"><path/></a>'), "has a <a>"),
        (SVG.format("<foreignObject/>"), "has a <foreignObject>"),
        (SVG.format('<animate attributeName="href"/>'), "has a <animate>"),
        (SVG.format("<style>@import url(//evil.example)</style>"), "has a <style>"),
        (SVG.format('<b xmlns="http://www.w3.org/1999/xhtml">x</b>'), "content of another kind"),
        ('<!DOCTYPE svg [<!ENTITY a "aa">]>' + SVG.format("&a;"), "document type"),
        ('<?xml-stylesheet href="//evil.example"?>' + SVG.format(""), "document type or an instruction"),
        (SVG.format("<g>"), "not well-formed"),
        ("GIF89a", "no PNG, JPEG or SVG"),
        ("<html><script>x</script>", "no PNG, JPEG or SVG"),
        (SVG.format("<desc>" + "x" * 100_000 + "</desc>"), "100 KB, at most 100 KB"),
        (png(40_000, 40_000), "40,000 by 40,000 px, at least 1 and at most 4,000"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG is not whole"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:30],
)
def test_picture_that_runs_fetches_or_grows_is_refused(logo: str | bytes, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        brand("", logo.encode() if isinstance(logo, str) else logo)
