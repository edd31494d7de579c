"""What `verdicts` finds: one planted overclaim of each kind, and nothing where words follow the numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from crm_analytics.pages import blocks
from crm_analytics.pages.blocks import Block
from tests.reports.verdicts import overclaims


def table(word: str, low: float, high: float, fmt: str = "number:1") -> Block:
    frame = pd.DataFrame({"campaign": ["Spring"], "verdict": [word],
        "interval": blocks.together(pd.Series([low]), pd.Series([high]))})  # fmt: skip
    return blocks.table(frame, finding="What campaigns did", formats={"interval": f"interval:{fmt}"})


RIGHT = {
    "a change that is shown": blocks.note("Buyers are 5 % more than a year ago (2–8 %)."),
    "a loss that is shown": blocks.note("They order 12 % less (−19 to −4 %, 800 customers)."),
    "chance, called so": blocks.note("A letter brought 2.0 more orders (−1.0 to 5.0), which may be chance."),
    "chance in a sentence of its own": blocks.note("A contact adds 6 % (−3 % to 14 %). That may be chance."),
    "nothing shown": blocks.note("A deal is not shown to change the margin (−3 to 2 %)."),
    "no gain shown": blocks.note("The rest is not shown to gain: €13,493 (−€127 to €30,871)."),
    "a ratio": blocks.note("After a complaint customers leave 1.6 times as fast (1.2–2.2)."),
    "a forecast": blocks.note("The next weeks will bring €5,000 (€4,000–€6,000)."),
    "a row that adds": table("adds orders", 0.4, 2.0),
    "a row without": table("no effect shown", -0.4, 2.0),
    "a ratio without": table("no effect shown", 0.8, 1.3, "number:2"),
    "a row of which too little is known": table("too little to tell", 3.0, 4.0),
    "two sentences": blocks.note("1.2 more orders (0.2 to 2.1). Whether it pays cannot be told."),
}
WRONG = {
    "more, of a range with nothing in it": blocks.note("Buyers are 5 % more than a year ago (−2 to 12 %)."),
    "faster, of a range that holds 1": blocks.note("Customers leave 1.4 times as fast (0.9–2.1)."),
    "chance, of a range without it": blocks.note("2.0 more orders (1.0 to 5.0), which may be chance."),
    "not shown, of a range without it": blocks.note("A deal is not shown to change margins (−9 to −2 %)."),
    "money with a sign": blocks.note("Categories brought €500 more revenue (−€200 to €1,200)."),
    "a gain": blocks.note("Of €127, €0 is better left unspent; the rest gains €13,493 (−€127 to €30,871)."),
    "what something brought": blocks.note("Referrals have brought €500 of margin to date (−€20 to €990)."),
    "what a step would bring": blocks.note("A tenth of a point better service would bring €40 (−€9 to €90)."),
    "a row": table("adds orders", -0.1, 2.0),
    "a row that says less": table("no effect shown", 0.1, 2.0),
    "a ratio": table("more", 0.9, 1.3, "number:2"),
    "a headline without a range": blocks.headline("Buyers are 12 % more than a year ago"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_words_that_follow_the_numbers_are_left_alone(name: str) -> None:
    assert overclaims([RIGHT[name]]) == []


@pytest.mark.parametrize("name", WRONG)
def test_an_overclaim_of_each_kind_is_seen(name: str) -> None:
    assert len(overclaims([WRONG[name]])) == 1
