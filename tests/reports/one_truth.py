"""What the pages of one base must agree on: each check takes all of them and says where they do not.

A page is the list of its blocks. The checks know no report: they read labels, tables, records and sentences,
as a manager does who holds two pages side by side.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from crm_analytics.analyses.actions import contradictions
from crm_analytics.analyses.definitions import STANDINGS
from crm_analytics.analyses.kpis import REGISTRY
from crm_analytics.pages.blocks import Block

Pages = Mapping[str, Sequence[Block]]  # report -> its blocks
PARTS = ("", "_lower", "_upper", "_error", "_n", "_previous", "_year_ago")
TOTAL = re.compile(r"(in )?total|all|sum|gesamt|summe|insgesamt", re.IGNORECASE)
ADD_UP = ("customers", "revenue", "orders", "purchases", "spend", "lines", "tickets", "cost", "margin")
GROUPINGS = ("segment", "standing", "stage")  # columns whose rows are groups of the whole base
SHARES = ("customer_share", "revenue_share")
NUMBER = r"(?<![\d.,€$£])(\d{1,3}(?:,\d{3})+|\d+)"
MONTH = r"(?<!January )(?<!February )(?<!March )(?<!April )(?<!May )(?<!June )(?<!July )(?<!August )"
MONTH += r"(?<!September )(?<!October )(?<!November )(?<!December )"
OF = re.compile(MONTH + NUMBER + r" of (?:the |all )?" + NUMBER + r"(?![\d,]*\.?\d* ?%|[\d,.]*\d)")
SHARE_AFTER = re.compile(r"[^().;]{0,40}\((\d+(?:\.\d+)?) ?%\)")
GERMAN_NUMBER = r"(?<![\d.,€$£])(\d{1,3}(?:\.\d{3})+|\d+)"
GERMAN_OF = re.compile(
    GERMAN_NUMBER + r" von (?:den |allen |denen )?" + GERMAN_NUMBER + r"(?![\d.]*,?\d* ?%|[\d,.]*\d)"
)


def facts_of(blocks: Sequence[Block]) -> dict[str, Any]:
    """What a page records for machines."""
    return {name: v for b in blocks if b.kind == "record" for name, v in b.payload["facts"].items()}


def items_of(blocks: Sequence[Block], kind: str) -> list[Any]:
    """The items of all blocks of a kind."""
    return [item for block in blocks if block.kind == kind for item in block.payload["items"]]


def tables_of(pages: Pages) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every table and the table of every chart, with where it stands."""
    for report, blocks in pages.items():
        for block in blocks:
            if "table" in block.payload:
                yield f"{report}: {block.payload['finding'][:60]}", block.payload["table"]


def sentences_of(pages: Pages) -> Iterator[tuple[str, str]]:
    """Every sentence that is no cell of a table, with its report."""
    for report, blocks in pages.items():
        for block in blocks:
            shown = block.payload
            texts = [shown.get(name, "") for name in ("sentence", "lede", "finding", "caption")]
            texts += shown.get("paragraphs", [])
            if block.kind in ("method", "glossary"):
                texts += [said for _, said in shown["items"]]
            elif block.kind in ("actions", "findings", "links"):
                texts += [item.get(name, "") for item in shown["items"] for name in ("do", "why", "text")]
            yield from ((report, str(text)) for text in texts if text)


def without(blocks: Sequence[Block], names: Sequence[str]) -> list[Block]:
    """A page without some facts and tiles, by their names and labels."""
    kept = []
    for block in blocks:
        shown = dict(block.payload)
        if block.kind == "record":
            facts = shown["facts"].items()
            shown["facts"] = {n: v for n, v in facts if not any(n in _parts(x) for x in names)}
        elif block.kind == "kpis":
            shown["items"] = [item for item in shown["items"] if item["label"] not in names]
        kept.append(replace(block, payload=shown))
    return kept


def _parts(name: str) -> list[str]:
    return [name + part for part in PARTS]


# --- one label, one group -----------------------------------------------------------------------------------


def labels_of_two_groups(pages: Pages) -> list[str]:
    """Words that two glossaries explain differently, and standings that are not equally many everywhere."""
    meanings: dict[str, dict[str, str]] = defaultdict(dict)
    for report, blocks in pages.items():
        for word, meaning in items_of(blocks, "glossary"):
            meanings[word.casefold()].setdefault(meaning, report)
    found = [f"'{word}' means two things: {said}" for word, said in meanings.items() if len(said) > 1]
    found += titles_of_two_pages(pages)
    counts: dict[str, dict[float, str]] = defaultdict(dict)
    for where, table in tables_of(pages):
        for label, n in _groups(table):
            counts[label].setdefault(n, where)
    return found + [f"'{label}' is two groups: {said}" for label, said in counts.items() if len(said) > 1]


def titles_of_two_pages(pages: Pages) -> list[str]:
    """Titles that two reports bear."""
    titles: dict[str, list[str]] = defaultdict(list)
    for report, blocks in pages.items():
        for block in blocks:
            if block.kind == "headline" and block.payload.get("title"):
                titles[block.payload["title"].casefold()].append(report)
    return [f"'{title}' is the title of {said}" for title, said in titles.items() if len(said) > 1]


def _groups(table: dict[str, Any]) -> list[tuple[str, float]]:
    """Standing and customers of a table with one row per standing."""
    columns = table["columns"]
    texts = [n for n, c in enumerate(columns) if c["align"] == "text"]
    counted = next((c for c in columns if c["name"] == "customers"), None)
    if counted is None or texts != [0]:
        return []
    labels = [row[0].casefold() for row in table["rows"]]
    if len(set(labels)) < len(labels):
        return []
    rows = zip(labels, counted["values"], strict=True)
    kind = columns[0]["name"]
    named = kind in GROUPINGS
    return [(label, float(n)) for label, n in rows if (named or label in STANDINGS) and n is not None]


# --- one figure, one value ----------------------------------------------------------------------------------


def figures_of_two_values(pages: Pages) -> list[str]:
    """Key figures that are recorded, or shown under one label, with two values."""
    known = {name + part for name in REGISTRY for part in PARTS}
    recorded: dict[str, dict[str, Any]] = defaultdict(dict)
    shown: dict[str, dict[str, str]] = defaultdict(dict)
    for report, blocks in pages.items():
        for name, value in facts_of(blocks).items():
            if name in known and value is not None:
                recorded[name][report] = value
        for item in items_of(blocks, "kpis"):
            shown[item["label"]].setdefault(item["value"], report)
    found = [f"{name} has two values: {said}" for name, said in recorded.items() if not _alike(said.values())]
    return found + [f"'{label}' shows two values: {v}" for label, v in shown.items() if len(v) > 1]


def _alike(values: Any) -> bool:
    first, *others = list(values)
    if isinstance(first, str):
        return all(other == first for other in others)
    return all(math.isclose(first, other, rel_tol=1e-9, abs_tol=1e-9) for other in others)


# --- one advice ---------------------------------------------------------------------------------------------


def actions_that_disagree(pages: Pages) -> list[str]:
    """Actions that forbid each other, one action with two numbers, lists of another length than is said."""
    facts, lists, found = [], defaultdict(dict), []
    for report, blocks in pages.items():
        for item in items_of(blocks, "actions"):
            if "fact" in item:
                facts.append({**item["fact"], "id": f"{report}.{item['fact']['id']}"})
            if "list" in item and item["list"]["count"]:
                n = item["list"]["count"]
                lists[item["list"]["name"]].setdefault(n, report)
                if n not in _numbers(item["do"]):
                    found.append(f"{report}: a list of {n} under '{item['do']}'")
                if "fact" in item and item["fact"].get("customers") not in (None, n):
                    found.append(f"{report}: a list of {n} for {item['fact']['customers']} customers")
    found += [f"contradict: {pair.contact} and {pair.spare}" for pair in contradictions(facts)]
    found += [f"the list '{name}' has two lengths: {said}" for name, said in lists.items() if len(said) > 1]
    same: dict[tuple[str, str], dict[tuple[Any, ...], str]] = defaultdict(dict)
    for fact in facts:
        numbers = (fact.get("customers"), fact.get("expected"), fact.get("cost"))
        if fact.get("whom"):
            same[fact["verb"], fact["whom"]].setdefault(numbers, fact["id"])
    return found + [f"one action, two numbers: {said}" for said in same.values() if len(said) > 1]


def _numbers(text: str) -> set[int]:
    return {int(re.sub(r"[.,\s]", "", found)) for found in re.findall(r"\d{1,3}(?:[.,]\d{3})+|\d+", text)}


# --- one sentence -------------------------------------------------------------------------------------------


def counts_that_disagree(pages: Pages) -> list[str]:
    """Sentences that name more of something than there are, or a share that is not that of its counts."""
    found = []
    for report, text in sentences_of(pages):
        for match in (*OF.finditer(text), *GERMAN_OF.finditer(text)):
            n, of = (int(re.sub(r"[.,]", "", number)) for number in match.groups())
            share = SHARE_AFTER.match(text, match.end())
            if n > of:
                found.append(f"{report}: {n} of {of} in '{text[:120]}'")
            elif share and of and abs(100 * n / of - float(share[1])) > (0.06 if "." in share[1] else 0.51):
                found.append(f"{report}: {n} of {of} is not {share[1]} % in '{text[:120]}'")
    return found


# --- sums ---------------------------------------------------------------------------------------------------


def totals_that_do_not_add_up(pages: Pages) -> list[str]:
    """Rows called total that are no sum of the others, shares over 1, standings that are not all buyers."""
    found = []
    for where, table in tables_of(pages):
        found += [f"{where}: {problem}" for problem in _sums(table)]
    for report, blocks in pages.items():
        facts = facts_of(blocks)
        parts = [facts.get(f"customers_{name}") for name in ("active", "at_risk", "lapsed")]
        everybody = facts.get("customers_bought")
        if None not in (*parts, everybody) and sum(parts) != everybody:
            found.append(f"{report}: active, at risk, lapsed are {sum(parts)}, and {everybody} have bought")
        whole, known = facts.get("revenue_to_date"), facts.get("revenue_of_known_customers")
        if whole is not None and known is not None and known > whole * (1 + 1e-9) > 0:
            found.append(f"{report}: known customers brought {known}, all brought {whole}")
    return found


def shares_of_another_whole(pages: Pages) -> list[str]:
    """Standings whose share in a table is not that of the customers who have bought."""
    found = []
    for report, blocks in pages.items():
        everybody = facts_of(blocks).get("customers_bought")
        for where, table in tables_of({report: blocks}) if everybody else ():
            named = {column["name"]: column["values"] for column in table["columns"]}
            share = named.get("customer_share", named.get("share"))
            for (label, n), part in zip(_groups(table), share or (), strict=False):
                if label in STANDINGS and part is not None and abs(n / everybody - part) > 0.005:
                    found.append(f"{where}: {label}, {n:g} of {everybody:g}, is shown as {part:.3f}")
    return found


def _sums(table: dict[str, Any]) -> list[str]:
    columns, rows, found = table["columns"], table["rows"], []
    if table["more"] or not rows:
        return []
    last = bool(TOTAL.fullmatch(rows[-1][0].strip())) and columns[0]["align"] == "text" and len(rows) > 2
    for column in columns:
        values = column["values"]
        if not values or not all(isinstance(v, int | float) for v in values):
            continue
        if last and column["name"] in ADD_UP and not math.isclose(sum(values[:-1]), values[-1], rel_tol=1e-6):
            found.append(f"{column['label']} add up to {sum(values[:-1]):g}, the total says {values[-1]:g}")
        shares = values[:-1] if last else values
        is_running = len(shares) > 1 and shares == sorted(shares) and math.isclose(shares[-1], 1)
        if column["name"] not in SHARES or is_running:
            continue
        wholes: dict[str, float] = {}  # a table of several wholes names them in its first column, row by row
        named = columns[0]["align"] == "text" and len({row[0] for row in rows}) < len(rows)
        for row, share in zip(rows, shares, strict=False):
            whole = row[0] if named else ""
            wholes[whole] = wholes.get(whole, 0.0) + share
        if max(wholes.values()) > 1 + 1e-6:
            found.append(f"{column['label']} are {max(wholes.values()):.3f} in total")
    return found


CHECKS: tuple[Callable[[Pages], list[str]], ...] = (
    labels_of_two_groups,
    figures_of_two_values,
    actions_that_disagree,
    counts_that_disagree,
    totals_that_do_not_add_up,
    shares_of_another_whole,
)


def disagreements(pages: Pages) -> list[str]:
    """All that the pages of a base do not agree on."""
    return [f"{check.__name__}: {found}" for check in CHECKS for found in check(pages)]
