"""The pages of social and referrals are short, in two languages, with their lists and nobody's words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_analytics import CustomerBase
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.pages import blocks
from crm_analytics.reports import referrals, social
from tests.reports.in_process import texts_of
from tests.style import faults

pytestmark = pytest.mark.usefixtures("somewhere")
Made = dict[str, Any]


@pytest.fixture(scope="module", params=["en", "de"])
def pages(
    request: pytest.FixtureRequest, small_company: CustomerBase, somewhere: Path
) -> tuple[str, dict[ModuleType, tuple[Made, Path]]]:
    found = {}
    for module in (social, referrals):
        desk = somewhere / f"{request.param}-{module.__name__.rsplit('.', 1)[-1]}"
        desk.mkdir()
        report = module.prepare(small_company, language=request.param, run=str(desk))
        names = [name for name in module.__all__ if name != "prepare" and not name.endswith("Report")]
        found[module] = ({name: getattr(module, name)(report) for name in names}, desk)
    return request.param, found


def test_managers_layer_is_short_and_its_links_lead_somewhere(pages):
    for found, _ in pages[1].values():
        items = found["findings"].payload["items"]
        assert 3 <= len(items) <= 5
        assert all(len(item["text"]) <= blocks.LONGEST_FINDING for item in items)
        anchors = {block.payload["anchor"] for block in found.values() if "anchor" in block.payload}
        assert {item["to"] for item in items} - {""} <= anchors
        assert len(found["kpis"].payload["items"]) == 4
        assert sum(b.kind == "chart" and "layer" not in b.payload for b in found.values()) == 1


def test_lists_hold_as_many_rows_as_the_page_says_and_name_nobody(pages):
    lists = set()
    for found, desk in pages[1].values():
        for item in found["actions"].payload["items"]:
            if not item.get("list", {}).get("count"):
                continue
            lists.add(item["list"]["name"])
            rows = pq.read_table(desk / "lists" / f"{item['list']['name']}.parquet").to_pandas()
            assert len(rows) == item["list"]["count"]
            assert re.search(rf"\b{len(rows)}\b", item["do"])
            assert rows.iloc[:, 0].str.fullmatch(r"c-[a-z2-7]{10}").all()
            assert (desk / "lists" / f"{item['list']['name']}.csv").stat().st_mode & 0o007 == 0
    assert {"mentions_waiting", "referral_ask"} <= lists


def test_no_text_handle_or_id_of_a_mention_is_on_a_page_or_a_list(pages, small_company):
    talk = small_company.collect(small_company.tables["mentions"])
    words = {str(w) for c in ("author_handle", "message", "mention_id") for w in talk[c].dropna().unique()}
    for found, desk in pages[1].values():
        texts = [text for block in found.values() for text in texts_of(block.payload)]
        texts += [str(x) for p in desk.glob("lists/*.parquet") for x in pd.read_parquet(p).to_numpy().ravel()]
        assert not [t for t in texts if t in words or re.search(r"@user|[KM]\d{7}", t)]


def test_figures_are_those_of_the_registry(pages):
    for found, _ in pages[1].values():
        facts = found["record"].payload["facts"]
        named = {name for name in REGISTRY if name in facts}
        assert len(named) >= 4
        assert all(f"{name}_n" in facts for name in named)


def test_german_page_is_german_and_english_keeps_the_style(pages):
    language, made = pages
    for found, _ in made.values():
        for name, block in found.items():
            text = repr(block)
            if language == "de":
                assert not re.search(r"\b(the|customers|mentions|of them|weeks)\b", text.lower()) or name in (
                    "record", "who_waits", "what_about"
                ), (name, text)  # fmt: skip
            elif block.kind not in ("record", "method", "glossary"):
                assert not [line for line in text.splitlines() if "  " not in line and faults(line)], name


@pytest.mark.parametrize(
    ("language", "money", "reward"),
    [
        ("en", "not shown to have brought", "times their cost came back"),
        ("de", "nicht belegt", "Zurück kam das"),
    ],
)
def test_what_referrals_brought_is_claimed_only_where_its_range_leaves_out_nothing(
    small_company, language, money, reward
):
    report = referrals.prepare(small_company, language=language)
    assert isinstance(report, referrals.ReferralReport)
    assert report.value is not None

    def said(low: float, high: float) -> tuple[str, str]:
        middle = (low + high) / 2
        back = replace(report.value.reward_return, value=middle, lower=low, upper=high)
        value = replace(report.value, total=middle, lower=low, upper=high, reward_return=back)
        changed = replace(report, value=value)
        made = (referrals.headline, referrals.what_referrals_bring, referrals.findings)
        return "\n".join(repr(one(changed)) for one in made[:2]), repr(made[2](changed))

    chance, gain, loss = said(-20.0, 100.0), said(20.0, 100.0), said(-100.0, -20.0)
    assert chance[0].count(money) == 2
    assert money not in gain[0] + loss[0]
    assert reward in chance[1]
    assert reward not in gain[1] + loss[1]
    told = ("61.0 times what they cost", "61,0-Fache ihrer Kosten")[language == "de"]
    assert told in gain[1]
