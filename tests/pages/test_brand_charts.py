"""Figures under a shop's colour: they take it where it means one thing, else keep theirs."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_analytics.errors import ParameterError
from crm_analytics.pages import page, theme
from crm_analytics.pages.brand import READABLE, Brand, brand, contrast
from crm_analytics.pages.brand_charts import stands_apart, twins
from tests.pages.sample import context, fair
from tests.pages.test_page import Reader

PLUM = "#7a1f5c"


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_shades_of_any_brand_carry_readable_numbers_law(parts: tuple[int, int, int]) -> None:
    try:
        made = brand("#" + "".join(f"{part:02x}" for part in parts))
    except ParameterError:
        return
    light, dark = twins(made)
    for colours in (light, dark):
        for n, step in enumerate(theme.SCALE):
            ink = theme.ON_PALE if n < 4 else theme.ON_STRONG
            shade, text = colours.get(step, step), colours.get(ink, ink)
            assert contrast(shade, text) >= READABLE


@pytest.mark.parametrize("colour", ["#a8480a", "#b3261e", "#1a7f37", "#876c00"])
def test_colour_that_could_be_taken_for_attention_stays_out_of_charts(colour: str) -> None:
    assert not stands_apart(colour)
    assert twins(brand(colour)) == ({}, theme.DARK)


def test_charts_of_a_page_take_the_brand_by_day_and_by_night() -> None:
    light, dark = twins(brand(PLUM))
    assert light[theme.ACCENT] == PLUM
    assert dark[theme.ACCENT] == brand(PLUM).accent_dark
    assert {theme.ATTENTION, theme.CONTEXT, theme.INK}.isdisjoint(light)
    assert twins(None) == twins(Brand()) == ({}, theme.DARK)
    assert dark.keys() == theme.DARK.keys()
    made = Reader(page.build(copy.deepcopy(fair()), context(brand=brand(PLUM))))
    look = json.loads(made.scripts["look"])
    assert (look["light"], look["dark"]) == (light, dark)
